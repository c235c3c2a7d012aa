//! `[sip]`: where we listen, what we are called, whom we trust.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use super::ConfigError;
use super::limits::{HOST_BYTES_MAX, LISTENERS_MAX, SESSION_EXPIRES, TRUSTED_MAX};
use super::table::Table;
use crate::sip;
use crate::sip::transport::Transport;

/// `[sip]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sip {
    /// `["udp:127.0.0.1:5060", …]`; at least one, none twice.
    pub listen: Vec<(Transport, SocketAddr)>,
    /// Host in Via and Contact, an IPv6 address without brackets; `None`: each listener's own
    /// address, and none of them is unspecified.
    pub advertise: Option<String>,
    /// Served besides our own addresses; in lower case.
    pub domains: Vec<String>,
    /// Peers that may send requests.
    pub trusted: Vec<IpNet>,
    /// 90 s to 24 h: how long a session lasts that nobody refreshes.
    pub session_expires: Duration,
}

impl Sip {
    pub(super) fn read(root: &Table<'_>) -> Result<Self, ConfigError> {
        let mut sip = Self::default();
        let Some(table) = root.table("sip")? else {
            return Ok(sip);
        };
        table.knows(&[
            "listen",
            "advertise",
            "domains",
            "trusted",
            "session_expires",
        ])?;
        if let Some(listen) = listen(&table)? {
            sip.listen = listen;
        }
        sip.advertise = advertise(&table)?;
        sip.check_reachable(&table)?;
        sip.domains = domains(&table)?;
        if let Some(trusted) = trusted(&table)? {
            sip.trusted = trusted;
        }
        if let Some(after) = table.duration("session_expires", &SESSION_EXPIRES)? {
            sip.session_expires = after;
        }
        Ok(sip)
    }

    /// Peers must be told an address that leads to us.
    fn check_reachable(&self, table: &Table<'_>) -> Result<(), ConfigError> {
        let wildcard = |(_, address): &(Transport, SocketAddr)| address.ip().is_unspecified();
        match self.listen.iter().position(wildcard) {
            Some(number) if self.advertise.is_none() => {
                let what = "peers cannot be told this address; write advertise = \"…\" with the \
                            host they reach us at";
                Err(table.wrong_element("listen", number, what))
            }
            _ => Ok(()),
        }
    }
}

impl Default for Sip {
    fn default() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 5060));
        Self {
            listen: vec![(Transport::Udp, address), (Transport::Tcp, address)],
            advertise: None,
            domains: Vec::new(),
            trusted: ["127.0.0.0/8", "::1/128"]
                .iter()
                .filter_map(|net| net.parse().ok())
                .collect(),
            session_expires: sip::limits::SESSION_EXPIRES,
        }
    }
}

const LISTEN_RULE: &str = "write PROTOCOL:ADDRESS:PORT such as \"udp:192.0.2.1:5060\" or \
                           \"tcp:[2001:db8::1]:5060\"";

fn listen(table: &Table<'_>) -> Result<Option<Vec<(Transport, SocketAddr)>>, ConfigError> {
    let Some(texts) = table.texts("listen", LISTEN_RULE)? else {
        return Ok(None);
    };
    if texts.is_empty() {
        return Err(table.wrong("listen", "nobody could reach us; write at least one"));
    }
    let mut listen = Vec::with_capacity(texts.len());
    for (number, text) in texts.into_iter().enumerate() {
        let wrong = |what: &str| table.wrong_element("listen", number, what);
        let listener = listener(text).map_err(|what| wrong(&what))?;
        if listen.contains(&listener) {
            return Err(wrong("written twice; strike one of the two"));
        }
        listen.push(listener);
        if listen.len() > LISTENERS_MAX {
            return Err(wrong(&format!(
                "one too many; write at most {LISTENERS_MAX}"
            )));
        }
    }
    Ok(Some(listen))
}

fn listener(text: &str) -> Result<(Transport, SocketAddr), String> {
    let Some((protocol, address)) = text.split_once(':') else {
        return Err(format!("not a listener; {LISTEN_RULE}"));
    };
    let transport = match protocol.to_ascii_lowercase().as_str() {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        unbuilt @ ("tls" | "ws" | "wss") => {
            return Err(format!(
                "{unbuilt} is not built in this version; write udp or tcp"
            ));
        }
        _ => return Err(format!("unknown protocol; {LISTEN_RULE}")),
    };
    if let Ok(address) = address.parse::<SocketAddr>() {
        return Ok((transport, address));
    }
    let what = match address.parse::<IpAddr>() {
        Ok(_) => "no port",
        Err(_) => "not an address of this host and a port",
    };
    Err(format!("{what}; {LISTEN_RULE}"))
}

fn advertise(table: &Table<'_>) -> Result<Option<String>, ConfigError> {
    let rule = "write the host that peers reach us at, without a port";
    let Some(text) = table.text("advertise", rule)? else {
        return Ok(None);
    };
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        if address.is_unspecified() || address.is_multicast() {
            return Err(table.wrong("advertise", &format!("leads to no host; {rule}")));
        }
        return Ok(Some(address.to_string()));
    }
    if !is_host_name(text) {
        return Err(table.wrong("advertise", &format!("not a host; {rule}")));
    }
    Ok(Some(text.to_owned()))
}

fn domains(table: &Table<'_>) -> Result<Vec<String>, ConfigError> {
    let rule = "write domains such as \"example.com\", or addresses";
    let texts = table.texts("domains", rule)?.unwrap_or_default();
    for (number, text) in texts.iter().enumerate() {
        if !is_host_name(text) && text.parse::<IpAddr>().is_err() {
            let what = format!("not a domain; {rule}");
            return Err(table.wrong_element("domains", number, &what));
        }
    }
    Ok(texts.into_iter().map(str::to_ascii_lowercase).collect())
}

const TRUSTED_RULE: &str = "write networks such as \"10.0.0.0/8\" or addresses such as \"::1\"";

fn trusted(table: &Table<'_>) -> Result<Option<Vec<IpNet>>, ConfigError> {
    let trusted = networks(table, "trusted")?;
    if trusted.as_ref().is_some_and(Vec::is_empty) {
        return Err(table.wrong("trusted", &format!("nobody could call us; {TRUSTED_RULE}")));
    }
    Ok(trusted)
}

/// A list of networks and addresses.
pub(super) fn networks(table: &Table<'_>, key: &str) -> Result<Option<Vec<IpNet>>, ConfigError> {
    let Some(texts) = table.texts(key, TRUSTED_RULE)? else {
        return Ok(None);
    };
    if texts.len() > TRUSTED_MAX {
        let what = format!("more than {TRUSTED_MAX} networks; write wider ones");
        return Err(table.wrong(key, &what));
    }
    let read = |(number, text): (usize, &str)| {
        let what = || format!("not a network; {TRUSTED_RULE}");
        network(text).ok_or_else(|| table.wrong_element(key, number, &what()))
    };
    texts
        .into_iter()
        .enumerate()
        .map(read)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// `10.1.2.3/8` is `10.0.0.0/8`; an address is a network of its own.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>()
        .ok()
        .map(|net| net.trunc())
        .or_else(address)
}

/// RFC 1123 §2.1, with `_`, which names of services have.
pub(super) fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        let edge = label.starts_with('-') || label.ends_with('-');
        let letters = label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        (1..=63).contains(&label.len()) && !edge && letters
    };
    let numeric = text
        .rsplit('.')
        .next()
        .is_some_and(|last| last.parse::<u64>().is_ok());
    text.len() <= HOST_BYTES_MAX && text.split('.').all(label) && !numeric
}
