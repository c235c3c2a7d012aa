//! What becomes of calls that nobody came for, and whether who is called then can answer at all.

use std::net::IpAddr;

use super::table::Table;
use super::{ConfigError, Sip};
use crate::sip::uri::{Host, Scheme, Uri};

/// What becomes of a call when its parker and the fallback were called in vain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WhenAllFail {
    /// It ends, with BYE and a Reason.
    #[default]
    End,
    /// It stays parked, as if it had just been parked, and an alarm is raised.
    Repark,
}

impl WhenAllFail {
    pub(super) const KEY: &str = "when_all_fail";

    /// As it is written.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Repark => "repark",
        }
    }

    pub(super) fn read(table: &Table<'_>) -> Result<Option<Self>, ConfigError> {
        let rule = "write \"end\" or \"repark\"";
        match table.text(Self::KEY, rule)? {
            None => Ok(None),
            Some("end") => Ok(Some(Self::End)),
            Some("repark") => Ok(Some(Self::Repark)),
            Some(_) => Err(table.wrong(Self::KEY, &format!("neither; {rule}"))),
        }
    }
}

const FALLBACK: &str = "on_timeout_uri";

/// Whom to call after the parker: not by a way that is not there.
pub(super) fn fallback(table: &Table<'_>) -> Result<Option<String>, ConfigError> {
    let uri = table.sip_uri(FALLBACK)?;
    let scheme = uri
        .as_deref()
        .and_then(|uri| Some(Uri::parse(uri).ok()?.scheme));
    if scheme == Some(Scheme::Sips) {
        let what = "there is no TLS in this version, so that it could not be called; write sip: \
                    with the proxy that has it";
        return Err(table.wrong(FALLBACK, what));
    }
    Ok(uri)
}

/// Each fallback whose answers would be dropped.
pub(super) fn warn_of_fallbacks(
    sip: &Sip,
    root: &Table<'_>,
    warnings: &mut Vec<String>,
) -> Result<(), ConfigError> {
    let park = root.table("park")?;
    let sites = match &park {
        Some(park) => park.table("site")?,
        None => None,
    };
    let mut scopes = root.tables("orbit_range")?;
    if let Some(sites) = sites {
        for name in sites.keys() {
            scopes.extend(sites.table(name)?);
        }
    }
    scopes.extend(park);
    for scope in &scopes {
        if let Some(address) = untrusted(sip, scope)? {
            let what = format!(
                "{address} is in no network of [sip] trusted, so that its answers are dropped; \
                 write its network there, or a proxy of ours here"
            );
            warnings.push(scope.wrong(FALLBACK, &what).message);
        }
    }
    Ok(())
}

/// The address of a scope's fallback, where it is written as one and is not trusted. What a name
/// leads to is seen when it is called.
fn untrusted(sip: &Sip, scope: &Table<'_>) -> Result<Option<IpAddr>, ConfigError> {
    let uri = scope.sip_uri(FALLBACK)?;
    let host = uri
        .as_deref()
        .and_then(|uri| Some(Uri::parse(uri).ok()?.host));
    Ok(match host {
        Some(Host::Address(address)) => {
            let is_trusted = sip.trusted.iter().any(|net| net.contains(&address));
            (!is_trusted).then_some(address)
        }
        Some(Host::Name(_)) | None => None,
    })
}
