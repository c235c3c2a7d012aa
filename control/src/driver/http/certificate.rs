//! The certificate and the key of the API: read, looked at, and what is wrong with them said so
//! that it can be put right.
//!
//! Absent on purpose: connections (`tls`), and who trusts the certificate, which is its peers'
//! business.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::sign::SingleCertAndKey;
use x509_cert::der::Decode as _;

use crate::config::Certificate;

/// A certificate that connections can be taken with.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    /// When peers stop to believe it.
    pub(super) expires: Timestamp,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("[api] {key} = {path:?}: cannot be read: {error}; {remedy}")]
    Unreadable {
        /// `certificate` or `key`.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's.
        error: io::Error,
        /// What would help.
        remedy: &'static str,
    },
    /// A file has not what it should have.
    #[error("[api] {key} = {path:?}: {what}")]
    Unusable {
        /// `certificate` or `key`.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        what: String,
    },
}

impl Loaded {
    /// Reads both files. `now` is the wall's.
    pub(super) fn read(files: &Certificate, now: Timestamp) -> Result<Self, CertificateError> {
        let chain = chain(&files.chain)?;
        let (since, expires) = validity(&files.chain, &chain)?;
        let wrong = |what: String| Err(unusable("certificate", &files.chain, what));
        if now >= expires {
            return wrong(format!("has expired on {expires}; renew it"));
        }
        if now < since {
            return wrong(format!(
                "is valid from {since} on; is the clock of this host right?"
            ));
        }
        let key = private_key(&files.key)?;
        let config = server_config(chain, key).map_err(|error| {
            let what = match error {
                rustls::Error::InconsistentKeys(_) => {
                    format!(
                        "is not the key of {:?}; write the two that belong together",
                        files.chain
                    )
                }
                other => format!("cannot be used: {other}; write an RSA, ECDSA or Ed25519 key"),
            };
            unusable("key", &files.key, what)
        })?;
        Ok(Self {
            config: Arc::new(config),
            expires,
        })
    }

    /// How long it is good yet.
    pub(super) fn left(&self, now: Timestamp) -> Duration {
        Duration::try_from(self.expires.duration_since(now)).unwrap_or_default()
    }
}

/// What tells a file that was written anew from the one of before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stamp([Option<(u64, i64, i64, u64)>; 2]);

impl Stamp {
    pub(super) fn of(files: &Certificate) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self([&files.chain, &files.key].map(|path| {
            let data = fs::metadata(path).ok()?;
            Some((data.ino(), data.mtime(), data.mtime_nsec(), data.len()))
        }))
    }
}

/// Certificate first, then those between it and its CA.
fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let text = read("certificate", path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let rule = "write a PEM file with the server's certificate first, then those between it and \
                its CA";
    let chain = chain.map_err(|error| {
        unusable(
            "certificate",
            path,
            format!("is not PEM: {error:?}; {rule}"),
        )
    })?;
    if chain.is_empty() {
        let what = format!("no certificate in it; {rule}");
        return Err(unusable("certificate", path, what));
    }
    Ok(chain)
}

fn validity(
    path: &Path,
    chain: &[CertificateDer<'static>],
) -> Result<(Timestamp, Timestamp), CertificateError> {
    let parsed = x509_cert::Certificate::from_der(&chain[0]);
    let parsed = parsed.map_err(|error| {
        unusable(
            "certificate",
            path,
            format!("is no X.509 certificate: {error}"),
        )
    })?;
    let validity = parsed.tbs_certificate.validity;
    let moment = |time: x509_cert::time::Time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
    };
    Ok((moment(validity.not_before), moment(validity.not_after)))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let text = read("key", path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let is_encrypted = text.windows(9).any(|part| part == b"ENCRYPTED");
        let what = match error {
            _ if is_encrypted => {
                "is encrypted, and nobody is there to ask for its password; write it without: \
                 openssl pkey -in OLD -out NEW"
                    .to_owned()
            }
            pem::Error::NoItemsFound => {
                "no private key in it; write a PEM file with one".to_owned()
            }
            other => format!("is not PEM: {other:?}; write a PEM file with a private key"),
        };
        unusable("key", path, what)
    })
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let certified = CertifiedKey::from_der(chain, key, &provider)?;
    let resolver = Arc::new(SingleCertAndKey::from(certified));
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The longest file that is read: a chain is some kilobytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, CertificateError> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut text));
    match read {
        Ok(_) => Ok(text),
        Err(error) => Err(CertificateError::Unreadable {
            key,
            path: path.to_owned(),
            remedy: match error.kind() {
                io::ErrorKind::NotFound => "write the path of a PEM file that is there",
                io::ErrorKind::PermissionDenied => {
                    "let the user that orbitd runs as read it (chgrp orbit, chmod 640)"
                }
                _ => "see the file",
            },
            error,
        }),
    }
}

fn unusable(key: &'static str, path: &Path, what: String) -> CertificateError {
    let path = path.to_owned();
    CertificateError::Unusable { key, path, what }
}
