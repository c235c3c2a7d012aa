//! Whose certificates are believed: those of a file, or those that this host trusts. There is no
//! way to believe any.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::Failure;

/// Where distributions keep the certificates that a host trusts.
const USUAL: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What is believed of a server; `is_needed` where it is spoken to by TLS.
///
/// # Errors
/// [`Failure::Address`] for a file that is none, or has no certificate.
pub(super) fn config(ca: Option<&Path>, is_needed: bool) -> Result<TlsConfig, Failure> {
    let usual = || USUAL.iter().map(Path::new).find(|path| path.exists());
    let roots = match ca {
        Some(path) => roots(path)?,
        None if !is_needed => Vec::new(),
        None => match usual() {
            Some(path) => roots(path)?,
            None => {
                let what = "this host has no certificates of CAs (package ca-certificates); --ca \
                            FILE names one";
                return Err(Failure::Address(what.to_owned()));
            }
        },
    };
    let config = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&roots))
        .build();
    Ok(config)
}

fn roots(path: &Path) -> Result<Vec<ureq::tls::Certificate<'static>>, Failure> {
    let wrong = |what: &str| Failure::Address(format!("--ca {}: {what}", path.display()));
    let text = fs::read(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    let mut roots = Vec::new();
    for item in parse_pem(&text) {
        match item {
            Ok(PemItem::Certificate(certificate)) => roots.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(wrong(&format!("is not PEM: {error}"))),
        }
    }
    if roots.is_empty() {
        return Err(wrong(
            "no certificate in it; write the file of the CA, in PEM",
        ));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let failure = config(Some(&path), true).unwrap_err();
        assert!(failure.to_string().contains("ca.pem"), "{failure}");
        fs::write(&path, "no PEM at all").unwrap();
        let failure = config(Some(&path), true).unwrap_err();
        assert!(failure.to_string().contains("no certificate"), "{failure}");
        assert_eq!(failure.exit_code(), 2);
    }
}
