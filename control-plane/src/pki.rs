//! Certificates, created at the start: both ends of each connection authenticate each other, and a test
//! can act as any user.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use p256::ecdsa::{DerSignature, SigningKey};
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{Any, Ia5String, SetOfVec, Utf8StringRef};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::{rfc4519, rfc5280};
use x509_cert::der::{Decode as _, Encode as _, EncodePem as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension as _};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

/// A private key and its certificate, both as PEM.
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key must not end up in a log.
        f.debug_struct("Identity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl Identity {
    /// Writes `NAME.crt` and `NAME.key` into `dir` and returns their paths.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub fn write(&self, dir: &Path, name: &str) -> Result<IdentityFiles> {
        let files = IdentityFiles {
            certificate: dir.join(format!("{name}.crt")),
            key: dir.join(format!("{name}.key")),
        };
        write(&files.certificate, &self.certificate)?;
        write(&files.key, &self.key)?;
        Ok(files)
    }
}

/// The paths of a certificate, or of a public key, and of its private key.
#[derive(Debug)]
pub struct IdentityFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A certificate authority.
pub struct Authority {
    key: SigningKey,
    name: Name,
    certificate: String,
    lifetime: Duration,
}

impl Authority {
    /// Creates an authority with a self-signed certificate. `lifetime` is the validity of all of its
    /// certificates.
    ///
    /// # Errors
    ///
    /// If the key or the certificate cannot be created.
    pub fn new(name: &str, lifetime: Duration) -> Result<Self> {
        let key = new_key()?;
        let name = distinguished_name(name, &[])?;
        let profile = Profile { issuer: name.clone(), subject: name.clone(), use_: Use::Authority };
        let certificate = sign(profile, &key, &key, lifetime)?;
        Ok(Self { key, name, certificate, lifetime })
    }

    /// Returns the certificate of the authority itself, as PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Creates an identity for a server on loopback. It is also valid for a client, because the gateway of
    /// etcd calls etcd with the certificate of the server.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn server(&self, name: &str) -> Result<Identity> {
        self.sign_for(distinguished_name(name, &[])?, Use::Server)
    }

    /// Creates an identity for a client. An API server reads the user and the groups from it.
    ///
    /// # Errors
    ///
    /// If a name cannot be part of a certificate.
    pub fn client(&self, user: &str, groups: &[&str]) -> Result<Identity> {
        self.sign_for(distinguished_name(user, groups)?, Use::Client)
    }

    fn sign_for(&self, subject: Name, use_: Use) -> Result<Identity> {
        let key = new_key()?;
        let profile = Profile { issuer: self.name.clone(), subject, use_ };
        let certificate = sign(profile, &key, &self.key, self.lifetime)?;
        Ok(Identity { certificate, key: private_pem(&key)? })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("name", &self.name.to_string()).finish_non_exhaustive()
    }
}

/// Creates a key pair without a certificate and returns the private and the public key as PEM. Tokens of
/// service accounts are signed and verified with it.
pub(crate) fn key_pair() -> Result<(String, String)> {
    let key = new_key()?;
    let public = key
        .verifying_key()
        .to_public_key_pem(LineEnding::LF)
        .context("could not encode a public key")?;
    Ok((private_pem(&key)?, public))
}

/// Writes a file.
///
/// # Errors
///
/// If it cannot be written. The error names the file.
pub fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("could not write {}", path.display()))
}

enum Use {
    Authority,
    Server,
    Client,
}

struct Profile {
    issuer: Name,
    subject: Name,
    use_: Use,
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let mut all: Vec<Extension> = Vec::new();
        let subject = tbs.subject();
        let is_authority = matches!(self.use_, Use::Authority);
        let constraints = BasicConstraints { ca: is_authority, path_len_constraint: None };
        all.push(constraints.to_extension(subject, &all)?);
        all.push(SubjectKeyIdentifier::try_from(key)?.to_extension(subject, &all)?);
        let usages = if is_authority {
            KeyUsages::KeyCertSign | KeyUsages::CRLSign
        } else {
            KeyUsages::DigitalSignature.into()
        };
        all.push(KeyUsage(usages).to_extension(subject, &all)?);
        if !is_authority {
            let issuer = AuthorityKeyIdentifier::try_from(issuer_key)?;
            all.push(issuer.to_extension(subject, &all)?);
        }
        let purposes = match self.use_ {
            Use::Authority => return Ok(all),
            Use::Server => vec![rfc5280::ID_KP_SERVER_AUTH, rfc5280::ID_KP_CLIENT_AUTH],
            Use::Client => vec![rfc5280::ID_KP_CLIENT_AUTH],
        };
        all.push(ExtendedKeyUsage(purposes).to_extension(subject, &all)?);
        if matches!(self.use_, Use::Server) {
            let names = vec![
                GeneralName::DnsName(Ia5String::new("localhost")?),
                GeneralName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST)),
            ];
            all.push(SubjectAltName(names).to_extension(subject, &all)?);
        }
        Ok(all)
    }
}

fn sign(
    profile: Profile,
    subject: &SigningKey,
    issuer: &SigningKey,
    lifetime: Duration,
) -> Result<String> {
    // The validity starts a little in the past, in case the clock is stepped back later.
    const SKEW: Duration = Duration::from_secs(300);
    let now = SystemTime::now();
    let pem = || -> Result<String> {
        let serial: [u8; 16] = <[u8; 16]>::try_generate()?;
        let validity = Validity::new(Time::try_from(now - SKEW)?, Time::try_from(now + lifetime)?);
        let key = SubjectPublicKeyInfo::from_key(subject.verifying_key())?;
        let builder = CertificateBuilder::new(profile, SerialNumber::new(&serial)?, validity, key)?;
        let certificate: Certificate = builder.build::<_, DerSignature>(issuer)?;
        Ok(certificate.to_pem(LineEnding::LF)?)
    };
    pem().context("could not create a certificate")
}

fn new_key() -> Result<SigningKey> {
    SigningKey::try_generate().context("could not create a private key")
}

fn private_pem(key: &SigningKey) -> Result<String> {
    let pem = key.to_pkcs8_pem(LineEnding::LF).context("could not encode a private key")?;
    Ok(pem.as_str().to_owned())
}

/// Returns `O=GROUP, …, CN=NAME`, the form in which Kubernetes expects groups and users.
fn distinguished_name(name: &str, groups: &[&str]) -> Result<Name> {
    let one = |oid: ObjectIdentifier, value: &str| {
        let value = Any::from(Utf8StringRef::new(value)?);
        SetOfVec::try_from([AttributeTypeAndValue { oid, value }])
    };
    // Built from its encoding, because the text form of a name would need escapes.
    let encode = || {
        let mut parts = Vec::new();
        for group in groups {
            parts.push(one(rfc4519::ORGANIZATION_NAME, group)?);
        }
        parts.push(one(rfc4519::COMMON_NAME, name)?);
        Name::from_der(&parts.to_der()?)
    };
    encode().with_context(|| format!("{name:?} cannot be a name in a certificate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_survive() {
        let name = distinguished_name("a,b+c/d=e \"f\"", &["system:x", "y"]).unwrap();
        let parts: Vec<_> = name.iter().map(|part| part.value.value().to_vec()).collect();
        assert_eq!(parts, [b"system:x".to_vec(), b"y".to_vec(), b"a,b+c/d=e \"f\"".to_vec()]);
    }
}
