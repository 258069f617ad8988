//! What each failure means, in one function.

use std::error::Error as StdError;

use dsync::{Error, ErrorKind};
use hyper_util::client::legacy::Error as ClientError;
use kube::client::AuthError;

use crate::answer::{Failure, Refusal};
use crate::requests::Call;

/// Turns a failure into an error that says whether the write may have been applied.
///
/// Definite is only what is proven so:
///
/// - by the type of the error: there was no connection, or no credentials to send;
/// - by a Kubernetes `Status` below 500: the API server refused the request before it wrote.
///
/// All else is ambiguous, an answer without a `Status` (of a proxy) too, except for reads, which
/// write nothing.
pub(crate) fn classify(call: &Call, server: &str, failure: Failure) -> Error {
    use ErrorKind::{Denied, Invalid, Throttled, Unauthenticated, Unavailable, Unsupported};
    let refusal = match failure {
        Failure::Credentials(error) => return error,
        Failure::Malformed(error) => {
            return Error::definite(Invalid, format!("cannot ask {server}: {error}"))
                .with_source(error);
        }
        Failure::Transport(error) => return transport(call, server, error),
        Failure::Garbage(error) => {
            let message = format!("{server} answered with something other than JSON: {error}");
            return judge(!call.verb.writes(), Unavailable, message).with_source(error);
        }
        Failure::Refused(refusal) => refusal,
    };
    let Call { verb, namespace, .. } = call;
    let what = describe(call);
    let said = said(&refusal);
    let terminating = refusal.causes.iter().any(|cause| cause == "NamespaceTerminating");
    let (kind, message) = match refusal.code {
        400 | 413 | 422 => (Invalid, format!("the API server refuses to {what}: {said}")),
        401 => (Unauthenticated, format!("{server} does not accept the credentials: {said}")),
        403 if terminating => (
            Unavailable,
            format!("namespace \"{namespace}\" is being deleted, so nothing can be created in it"),
        ),
        403 => (
            Denied,
            format!(
                "may not {what}; grant verb \"{verb}\" on leases.coordination.k8s.io in \
                 namespace \"{namespace}\" to this service account (a Role is in the README of \
                 dsync-kube): {said}"
            ),
        ),
        404 if refusal.kind == "namespaces" => (
            Unavailable,
            format!("namespace \"{namespace}\" does not exist; create it, or set another: {said}"),
        ),
        404 if refusal.is_status => {
            (Unavailable, format!("{server} knows nothing of it, to {what}: {said}"))
        }
        405 | 406 | 415 => (Unsupported, format!("{server} cannot {what}: {said}")),
        429 => (Throttled, format!("{server} asks for fewer requests: {said}")),
        code => (Unavailable, format!("{server} answered {code} to {what}: {said}")),
    };
    let proven = refusal.is_status && (400..500).contains(&refusal.code);
    let error = judge(proven || !verb.writes(), kind, message);
    match refusal.retry_after {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

fn transport(call: &Call, server: &str, error: kube::Error) -> Error {
    let reads = !call.verb.writes();
    let causes = causes(&error);
    if in_chain::<AuthError>(&error).is_some() {
        let message = format!("cannot get the credentials for {server}: {causes}");
        return Error::definite(ErrorKind::Unauthenticated, message).with_source(error);
    }
    if in_chain::<ClientError>(&error).is_some_and(ClientError::is_connect) {
        let hint = if causes.contains("certificate") {
            "is the certificate authority in the kubeconfig the one that signed its certificate?"
        } else {
            "is the API server up, and is this its address?"
        };
        let message = format!("cannot connect to {server}: {causes}; {hint}");
        return Error::definite(ErrorKind::Unavailable, message).with_source(error);
    }
    let message = format!("no answer from {server} to {}: {causes}", describe(call));
    judge(reads, ErrorKind::Unavailable, message).with_source(error)
}

fn judge(definite: bool, kind: ErrorKind, message: String) -> Error {
    if definite { Error::definite(kind, message) } else { Error::ambiguous(kind, message) }
}

/// `update lease "default/billing"`, `list the leases of namespace "default"`.
fn describe(call: &Call) -> String {
    let Call { verb, namespace, .. } = call;
    match &call.name {
        Some(name) => format!("{verb} lease \"{namespace}/{name}\""),
        None => format!("{verb} the leases of namespace \"{namespace}\""),
    }
}

fn said(refusal: &Refusal) -> &str {
    if refusal.message.is_empty() { "no reason given" } else { &refusal.message }
}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn in_chain<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref::<T>())
}

/// The whole chain in one line, for loggers that print no sources. A layer that only repeats the
/// one below it is left out.
pub(crate) fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut line = String::new();
    for cause in chain(error) {
        let text = cause.to_string();
        if line.contains(&text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    line
}

#[cfg(test)]
mod tests;
