//! The start-up lines: where the server listens, what to dial to park and to retrieve.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::Server;
use crate::config::{Config, OnTerminate, OrbitRange, Store};
use crate::sip::transport::{Listener, Transport};

/// A few lines for whoever started the server; `media` describes the workers.
#[must_use]
pub fn banner(config: &Config, server: &Server, media: &str) -> String {
    let listeners = server.listeners();
    let mut text = format!(
        "orbit {} · node {}\n",
        env!("CARGO_PKG_VERSION"),
        config.node.id
    );
    for listener in listeners {
        line(&mut text, "listening on", &listening(listener));
    }
    if let Some(first) = listeners.first() {
        let at = authority(first);
        let ranges: Vec<String> = config.orbit_ranges.iter().map(range).collect();
        let park = format!("sip:{}@{at}", config.park.user);
        line(&mut text, "to park", &format!("call or transfer to {park}"));
        let orbits = ranges.join(", ");
        line(
            &mut text,
            "to retrieve",
            &format!("call the orbit, sip:ORBIT@{at} ({orbits})"),
        );
    }
    line(&mut text, "media", media);
    line(&mut text, "store", &store(&config.store));
    let api = server.api();
    let none = || "none: write [api] to have one".to_owned();
    line(&mut text, "api", &api.unwrap_or_else(none));
    line(&mut text, "to stop", stop(&config.store));
    text
}

fn store(store: &Store) -> String {
    store.path.as_ref().map_or_else(
        || "none: calls do not outlive the server; see [store] path".to_owned(),
        |path| path.display().to_string(),
    )
}

fn stop(store: &Store) -> &'static str {
    if store.path.is_some() && store.on_terminate == OnTerminate::Keep {
        "Ctrl-C ends every call with BYE; SIGTERM leaves them to the next start"
    } else {
        "Ctrl-C or SIGTERM: every call is ended with BYE"
    }
}

fn line(text: &mut String, label: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {label:<13} {value}");
}

fn listening(listener: &Listener) -> String {
    let transport = match listener.transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
    };
    format!("{transport}:{}", listener.local)
}

/// Host and port as they stand in a URI.
fn authority(listener: &Listener) -> String {
    let port = listener.local.port();
    let host = match listener.advertise.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => listener.advertise.clone(),
    };
    if port == 5060 {
        host
    } else {
        format!("{host}:{port}")
    }
}

fn range(range: &OrbitRange) -> String {
    let prefix = range.prefix.map(String::from).unwrap_or_default();
    format!("{prefix}{}-{prefix}{}", range.start, range.end)
}
