//! 3.03: tokens go on growing after the record was deleted.

use std::sync::Arc;

use dsync::FencingToken;
use dsync::driver::KeyKind;

use crate::context::{Case, Outcome, Peer};

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let declared = case.capabilities.token_survives_delete;
    let Some(operator) = case.operator() else {
        let why = "this harness cannot delete records (Harness::operator)";
        if declared {
            case.missing(why);
            return Ok(());
        }
        return Err(Case::skip(format!("the driver does not declare it, and {why}")));
    };
    let mut broken = None;
    for kind in [KeyKind::Election, KeyKind::Lock] {
        let lasting: Peer = case.peer().await?;
        let key = case.key(kind);
        let mut highest = FencingToken::ZERO;
        for round in 0..case.rounds(9) {
            case.count();
            let new = case.peer().await?;
            let peer = if round % 2 == 0 { &lasting } else { &new };
            let won = peer.win(&key, &case.claim("owner"), "the record was deleted").await?;
            let granted = won.lease.fencing_token;
            if granted <= highest {
                broken.get_or_insert((granted, highest));
            }
            highest = highest.max(granted);
            let deleted = operator.delete(&key).await;
            deleted.map_err(|error| case.fail(format!("the operator: {error}")))?;
        }
    }
    match broken {
        None if declared => Ok(()),
        None => Err(Case::skip(
            "the driver does not declare it, but tokens did go on growing after the record was \
             deleted: if that is so for good, declare Capabilities::token_survives_delete",
        )),
        Some(_) if !declared => Err(Case::skip("the driver does not declare it")),
        Some((granted, highest)) => Err(case.fail(format!(
            "after the record was deleted an acquisition was granted token {granted}, but an \
             earlier one had {highest}. The driver declares that tokens survive a deletion \
             (Capabilities::token_survives_delete): keep the counter outside the record"
        ))),
    }
}
