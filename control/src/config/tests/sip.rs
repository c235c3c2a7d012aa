//! The rules of `[node]` and `[sip]`.

use super::*;

#[test]
fn the_node_has_a_name_that_fits_everywhere() {
    refused(
        r##"
[node]
id = ""
=> 2: [node] id = "": not a name; write letters, digits, ".", "_" or "-", at most 64

[node]
id = "front desk"
=> 2: [node] id = "front desk": not a name; write letters, digits, ".", "_" or "-", at most 64

[node]
id = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
=> 2: [node] id = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: not a name;
   write letters, digits, ".", "_" or "-", at most 64
"##,
    );
}

#[test]
fn listeners_have_a_protocol_an_address_and_a_port() {
    refused(
        r##"
[sip]
listen = []
=> 2: [sip] listen = []: nobody could reach us; write at least one

[sip]
listen = ["udp"]
=> 2: [sip] listen = "udp": not a listener; write PROTOCOL:ADDRESS:PORT such as
   "udp:192.0.2.1:5060" or "tcp:[2001:db8::1]:5060"

[sip]
listen = [
  "udp:127.0.0.1:5060",
  "tls:127.0.0.1:5061",
]
=> 4: [sip] listen = "tls:127.0.0.1:5061": tls is not built in this version; write udp or tcp

[sip]
listen = ["ws:127.0.0.1:80"]
=> 2: [sip] listen = "ws:127.0.0.1:80": ws is not built in this version; write udp or tcp

[sip]
listen = ["sctp:127.0.0.1:5060"]
=> 2: [sip] listen = "sctp:127.0.0.1:5060": unknown protocol; write PROTOCOL:ADDRESS:PORT such
   as "udp:192.0.2.1:5060" or "tcp:[2001:db8::1]:5060"

[sip]
listen = ["udp:127.0.0.1"]
=> 2: [sip] listen = "udp:127.0.0.1": no port; write PROTOCOL:ADDRESS:PORT such as
   "udp:192.0.2.1:5060" or "tcp:[2001:db8::1]:5060"

[sip]
listen = ["udp:::1"]
=> 2: [sip] listen = "udp:::1": no port; write PROTOCOL:ADDRESS:PORT such as
   "udp:192.0.2.1:5060" or "tcp:[2001:db8::1]:5060"

[sip]
listen = ["udp:edge.example.com:5060"]
=> 2: [sip] listen = "udp:edge.example.com:5060": not an address of this host and a port;
   write PROTOCOL:ADDRESS:PORT such as "udp:192.0.2.1:5060" or "tcp:[2001:db8::1]:5060"

[sip]
listen = ["udp:127.0.0.1:65536"]
=> 2: [sip] listen = "udp:127.0.0.1:65536": not an address of this host and a port; write
   PROTOCOL:ADDRESS:PORT such as "udp:192.0.2.1:5060" or "tcp:[2001:db8::1]:5060"

[sip]
listen = ["udp:127.0.0.1:5060", "UDP:127.0.0.1:5060"]
=> 2: [sip] listen = "UDP:127.0.0.1:5060": written twice; strike one of the two

[sip]
listen = ["udp:0.0.0.0:5060"]
=> 2: [sip] listen = "udp:0.0.0.0:5060": peers cannot be told this address; write advertise =
   "…" with the host they reach us at
"##,
    );
}

#[test]
fn the_host_that_peers_are_told_leads_somewhere() {
    refused(
        r##"
[sip]
advertise = ""
=> 2: [sip] advertise = "": not a host; write the host that peers reach us at, without a port

[sip]
advertise = "0.0.0.0"
=> 2: [sip] advertise = "0.0.0.0": leads to no host; write the host that peers reach us at,
   without a port

[sip]
advertise = "[::]"
=> 2: [sip] advertise = "[::]": leads to no host; write the host that peers reach us at,
   without a port

[sip]
advertise = "192.0.2.1:5060"
=> 2: [sip] advertise = "192.0.2.1:5060": not a host; write the host that peers reach us at,
   without a port

[sip]
advertise = "two words"
=> 2: [sip] advertise = "two words": not a host; write the host that peers reach us at,
   without a port

[sip]
advertise = "10.0.0.256"
=> 2: [sip] advertise = "10.0.0.256": not a host; write the host that peers reach us at,
   without a port

[sip]
domains = ["example.com", "-x-"]
=> 2: [sip] domains = "-x-": not a domain; write domains such as "example.com", or addresses
"##,
    );
}

#[test]
fn trusted_networks_are_networks() {
    refused(
        r##"
[sip]
trusted = []
=> 2: [sip] trusted = []: nobody could call us; write networks such as "10.0.0.0/8" or
   addresses such as "::1"

[sip]
trusted = ["10.0.0.0/33"]
=> 2: [sip] trusted = "10.0.0.0/33": not a network; write networks such as "10.0.0.0/8" or
   addresses such as "::1"

[sip]
trusted = ["::1/128", "office"]
=> 2: [sip] trusted = "office": not a network; write networks such as "10.0.0.0/8" or
   addresses such as "::1"
"##,
    );
}

#[test]
fn more_listeners_than_the_limit_are_refused() {
    let listeners: Vec<_> = (0..=limits::LISTENERS_MAX)
        .map(|number| format!("\"udp:127.0.0.1:{}\"", 5_000 + number))
        .collect();
    let text = format!("[sip]\nlisten = [{}]", listeners.join(","));
    let expected =
        "site.toml:2: [sip] listen = \"udp:127.0.0.1:5016\": one too many; write at most 16";
    assert_eq!(message(&text), expected);
}

#[test]
fn a_session_lasts_from_90_seconds_to_a_day() {
    assert_eq!(
        parse("").unwrap().sip.session_expires,
        Duration::from_mins(30)
    );
    let short = parse("[sip]\nsession_expires = \"90s\"\n").unwrap();
    assert_eq!(short.sip.session_expires, Duration::from_secs(90));
    refused(
        r##"
[sip]
session_expires = "89s"
=> 2: [sip] session_expires = "89s": shorter than 90s; write a duration from 90s to 24h

[sip]
session_expires = "25h"
=> 2: [sip] session_expires = "25h": longer than 24h; write a duration from 90s to 24h

[sip]
session_expires = 1800
=> 2: [sip] session_expires = 1800: not a text; write a duration from 90s to 24h such as "90s", in
   quotes
"##,
    );
}
