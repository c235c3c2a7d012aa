//! Via (RFC 3261 §20.42, RFC 3581).

use super::parameter::Parameters;
use crate::sip::token::{is_space, is_token, number, split_at, trim, trim_start};
use crate::sip::transport::Transport;
use crate::sip::uri::Host;

/// One Via value (RFC 3261 §20.42, RFC 3581).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Via<'a> {
    /// The whole value as written.
    pub text: &'a str,
    /// `None` for a transport we do not speak.
    pub transport: Option<Transport>,
    /// sent-by host.
    pub host: Host<'a>,
    /// sent-by port.
    pub port: Option<u16>,
    /// The branch parameter.
    pub branch: Option<&'a str>,
    /// The received parameter.
    pub received: Option<&'a str>,
    /// The rport parameter: `Some(None)` when it has no value.
    pub rport: Option<Option<u16>>,
    /// All parameters as written, without the first semicolon.
    pub parameters: &'a str,
    /// Whether there is more than one branch.
    pub(crate) has_branches: bool,
}

impl<'a> Via<'a> {
    /// `None` when it is not a Via value. The protocol's version is not looked at: that of the
    /// start line counts, and a request of another version must still be answered along its Via.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let text = trim(text);
        let (front, parameters) = match split_at(text, b';') {
            Some((front, parameters)) => (trim(front), trim(parameters)),
            None => (text, ""),
        };
        if parameters.is_empty() && text.ends_with(';') {
            return None;
        }
        let (transport, sent_by) = split_protocol(front)?;
        let (host, port) = Host::parse_with_port(sent_by)?;
        let mut via = Self {
            text,
            transport,
            host,
            port,
            branch: None,
            received: None,
            rport: None,
            parameters,
            has_branches: false,
        };
        via.read_parameters()?;
        Some(via)
    }

    /// Reads those that are asked for; the first of a name counts. `None` where one is wrong.
    fn read_parameters(&mut self) -> Option<()> {
        let (mut branches, mut received, mut rport) = (0, None, None);
        let mut branch = None;
        Parameters(self.parameters).read(|name, value| {
            let value = value.unwrap_or("");
            if name.eq_ignore_ascii_case("branch") {
                branches += 1;
                branch.get_or_insert(value);
            } else if name.eq_ignore_ascii_case("rport") {
                rport.get_or_insert(value);
            } else if name.eq_ignore_ascii_case("received") {
                received.get_or_insert(value);
            }
        })?;
        self.branch = branch.filter(|value| !value.is_empty());
        self.received = received.filter(|value| !value.is_empty());
        self.rport = rport.map(|port| u16::try_from(number(port)?).ok());
        self.has_branches = branches > 1;
        Some(())
    }

    /// A parameter, `Some("")` without value.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        Parameters(self.parameters).find(name)
    }

    /// What stands before the parameters, as written.
    pub(crate) fn front(&self) -> &'a str {
        let end = self.text.find(';').unwrap_or(self.text.len());
        trim(&self.text[..end])
    }
}

/// The transport, and the sent-by that follows it. White space may stand around each slash.
fn split_protocol(front: &str) -> Option<(Option<Transport>, &str)> {
    let (name, rest) = split_at(front, b'/')?;
    let (version, rest) = split_at(rest, b'/')?;
    let rest = trim_start(rest);
    let end = rest.bytes().position(is_space)?;
    let (transport, sent_by) = (&rest[..end], trim_start(&rest[end..]));
    if !is_token(trim(name)) || !is_token(trim(version)) || !is_token(transport) {
        return None;
    }
    let known = [Transport::Udp, Transport::Tcp]
        .into_iter()
        .find(|known| known.name().eq_ignore_ascii_case(transport));
    Some((known, sent_by))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn every_part_is_read() {
        let via = Via::parse("SIP/2.0/TCP a.test:5080;branch=z9hG4bKx;received=192.0.2.7;rport=9")
            .unwrap();
        assert_eq!(via.transport, Some(Transport::Tcp));
        assert_eq!(via.host, Host::Name("a.test"));
        assert_eq!(via.port, Some(5080));
        assert_eq!(via.branch, Some("z9hG4bKx"));
        assert_eq!(via.received, Some("192.0.2.7"));
        assert_eq!(via.rport, Some(Some(9)));
        assert_eq!(via.front(), "SIP/2.0/TCP a.test:5080");
    }

    #[test]
    fn white_space_may_stand_between_all_parts() {
        let via =
            Via::parse("SIP /\t2.0\r\n / udp  a.test : 5080 ; branch = b1 ;\r\n rport").unwrap();
        assert_eq!(via.transport, Some(Transport::Udp));
        assert_eq!(via.port, Some(5080));
        assert_eq!(via.branch, Some("b1"));
        assert_eq!(via.rport, Some(None));
    }

    #[test]
    fn an_ipv6_reference_with_port_is_an_address() {
        let via = Via::parse("SIP/2.0/UDP [2001:db8::4:5060];received=[2001:db8::9]").unwrap();
        let address: IpAddr = "2001:db8::4:5060".parse().unwrap();
        assert_eq!(via.host, Host::Address(address));
        assert_eq!(via.port, None);
        assert_eq!(via.received, Some("[2001:db8::9]"));
    }

    #[test]
    fn an_unknown_transport_is_a_via_nevertheless() {
        let via = Via::parse("SIP/7.3/PIGEON loft.test").unwrap();
        assert_eq!(via.transport, None);
        assert_eq!(via.host, Host::Name("loft.test"));
    }

    #[test]
    fn an_unusable_rport_counts_as_one_without_value() {
        let via = Via::parse("SIP/2.0/UDP a.test;rport=99999").unwrap();
        assert_eq!(via.rport, Some(None));
    }

    #[test]
    fn what_is_not_a_via_is_refused() {
        for wrong in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0 a.test",
            "SIP/2.0/UDP/x a.test",
            "SIP/2.0/UDP a.test b.test",
            "SIP/2.0/UDP 2001:db8::1",
            "SIP/2.0/UDP a.test:",
            "SIP/2.0/UDP a.test:70000",
            "SIP/2.0/UDP a.test;;branch=1",
            "SIP/2.0/UDP a.test;",
            "SIP/2.0/UDP ;branch=1",
            "SIP/2.0/UDP a.test;branch=\"1",
        ] {
            assert_eq!(Via::parse(wrong), None, "{wrong:?}");
        }
    }
}
