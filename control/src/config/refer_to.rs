//! `refer_to` of `[park]`: where a REFER may lead, so that nobody makes us call the whole world.

use std::net::IpAddr;

use ipnet::IpNet;

use super::limits::REFER_TO_MAX;
use super::sip::{is_host_name, network};
use super::table::Table;
use super::{ConfigError, Sip};
use crate::sip::uri::{Host, Uri};

/// The hosts that we call because somebody asks us to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReferTo {
    /// By address.
    pub networks: Vec<IpNet>,
    /// By name, in lower case.
    pub names: Vec<String>,
}

impl ReferTo {
    /// Those of the file, or else whom we trust and what we serve.
    pub(super) fn read(root: &Table<'_>, sip: &Sip) -> Result<Self, ConfigError> {
        let Some(table) = root.table("park")? else {
            return Ok(Self::of(sip));
        };
        let Some(texts) = table.texts("refer_to", RULE)? else {
            return Ok(Self::of(sip));
        };
        if texts.len() > REFER_TO_MAX {
            let what = format!("more than {REFER_TO_MAX}; write wider networks");
            return Err(table.wrong("refer_to", &what));
        }
        let mut refer_to = Self::default();
        for (number, text) in texts.into_iter().enumerate() {
            if let Some(network) = network(text) {
                refer_to.networks.push(network);
            } else if is_host_name(text) {
                refer_to.names.push(text.to_ascii_lowercase());
            } else {
                let what = format!("neither a network nor a host; {RULE}");
                return Err(table.wrong_element("refer_to", number, &what));
            }
        }
        Ok(refer_to)
    }

    /// Where no `refer_to` is written.
    pub(super) fn of(sip: &Sip) -> Self {
        let (addresses, names) = sip
            .domains
            .iter()
            .cloned()
            .partition::<Vec<_>, _>(|domain| domain.parse::<IpAddr>().is_ok());
        let addresses = addresses.iter().filter_map(|text| network(text));
        Self {
            networks: sip.trusted.iter().copied().chain(addresses).collect(),
            names,
        }
    }

    /// Whether a URI leads to one of them.
    pub(crate) fn allows(&self, uri: &Uri<'_>) -> bool {
        // What `maddr` says is where a request goes, whatever the host is.
        let host = match uri.parameter("maddr").map(str::parse) {
            Some(Ok(address)) => Host::Address(address),
            Some(Err(_)) => return false,
            None => uri.host,
        };
        match host {
            Host::Address(address) => {
                let address = address.to_canonical();
                self.networks
                    .iter()
                    .any(|network| network.contains(&address))
            }
            Host::Name(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                self.names
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(name))
            }
        }
    }
}

const RULE: &str = "write networks such as \"10.0.0.0/8\" and hosts such as \"sbc.example.com\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refer_leads_to_hosts_that_are_named_and_nowhere_else() {
        let refer_to = ReferTo {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            names: vec!["sbc.example.com".to_owned()],
        };
        for (uri, allowed) in [
            ("sip:a@10.1.2.3", true),
            ("sip:a@[::ffff:10.1.2.3]:5070", true),
            ("sip:a@11.1.2.3", false),
            ("sip:a@SBC.example.com.", true),
            ("sip:a@example.com", false),
            ("sip:a@evil.sbc.example.com", false),
            ("sip:a@10.1.2.3;maddr=11.1.2.3", false),
            ("sip:a@11.1.2.3;maddr=10.1.2.3", true),
            ("sip:a@10.1.2.3;maddr=[2001:db8::1]", false),
            ("sip:a@10.1.2.3;maddr=sbc.example.com", false),
        ] {
            assert_eq!(refer_to.allows(&Uri::parse(uri).unwrap()), allowed, "{uri}");
        }
    }

    #[test]
    fn by_default_a_refer_leads_to_whom_we_trust_and_what_we_serve() {
        let sip = Sip {
            domains: vec!["example.com".to_owned(), "192.0.2.9".to_owned()],
            ..Sip::default()
        };
        let refer_to = ReferTo::of(&sip);
        for (uri, allowed) in [
            ("sip:a@127.0.0.1", true),
            ("sip:a@example.com", true),
            ("sip:a@192.0.2.9", true),
            ("sip:a@192.0.2.8", false),
        ] {
            assert_eq!(refer_to.allows(&Uri::parse(uri).unwrap()), allowed, "{uri}");
        }
    }
}
