//! What peers write: the lines that matter are tidied and given to `sdp-types`; then one m-line at
//! a time is understood.
//!
//! Peers are forgiven everything that has one meaning all the same: bare LF or CR, blank lines,
//! trailing blanks and lines that are no SDP, a missing o=, s= or t=, text that is not UTF-8 in
//! lines nobody asks for, brackets around an IPv6 address.
//!
//! Absent on purpose: whether we like what the peer says.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sdp_types::{Attribute, Bandwidth, Connection, Media};
use shared::{Codec, Ptime};

use super::format::Formats;
use super::limits::{MEDIA_LINES_MAX, TOKEN_BYTES_MAX};
use super::{Direction, SdpError};

/// A description of the peer, parsed once for all that is asked of it.
#[derive(Debug)]
pub struct Description {
    /// Its m-lines, in order.
    pub(super) lines: Vec<Line>,
    parsed: sdp_types::Session,
}

/// What must be said of an m-line to repeat it in its place (RFC 3264 §6, §8).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// `audio`, `video` …
    pub(super) kind: Word,
    /// `RTP/AVP` …
    pub(super) proto: Word,
    /// One of its formats.
    pub(super) format: Word,
}

/// A token, which costs nothing where it is a usual one.
pub(super) type Word = Cow<'static, str>;

pub(super) fn word(token: &str) -> Word {
    let usual = USUAL.iter().find(|usual| **usual == token);
    usual.map_or_else(
        || Word::Owned(token.to_owned()),
        |usual| Word::Borrowed(usual),
    )
}

const USUAL: [&str; 10] = [
    "audio", "video", "RTP/AVP", "RTP/AVPF", "0", "3", "8", "9", "18", "96",
];

/// An m-line with sound that we could take part in.
#[derive(Debug)]
pub(super) struct Audio {
    /// `None` for a placeholder.
    pub(super) remote: Option<SocketAddr>,
    pub(super) formats: Formats,
    /// As the peer sees it.
    pub(super) direction: Direction,
    pub(super) ptime: Ptime,
    pub(super) rtcp_mux: bool,
    /// Where RTCP is without rtcp-mux.
    rtcp: Option<SocketAddr>,
    rtcp_off: bool,
}

impl Description {
    /// # Errors
    /// [`SdpError::Syntax`].
    pub fn parse(text: &[u8]) -> Result<Self, SdpError> {
        let parsed = sdp_types::Session::parse(&tidy(text)).map_err(|_| SdpError::Syntax)?;
        if parsed.medias.len() > MEDIA_LINES_MAX {
            return Err(SdpError::Syntax);
        }
        let mut lines: Vec<_> = parsed
            .medias
            .iter()
            .map(Line::read)
            .collect::<Result<_, _>>()?;
        // They are kept as long as the dialog.
        lines.shrink_to_fit();
        Ok(Self { lines, parsed })
    }

    /// The audio codecs of ours that it names, in its order: to choose before answering. Empty
    /// when it has audio, but in no codec of ours.
    ///
    /// # Errors
    /// [`SdpError`] when it has no audio.
    pub fn codecs(&self) -> Result<Vec<Codec>, SdpError> {
        let mut first = None;
        for place in 0..self.lines.len() {
            let Some(audio) = self.audio(place) else {
                continue;
            };
            let codecs = audio?.formats.codecs();
            if !codecs.is_empty() {
                return Ok(codecs);
            }
            first = first.or(Some(codecs));
        }
        first.ok_or(SdpError::NoAudio)
    }

    /// The audio of m-line `place`. `None` when it is something else, disabled, or over a transport
    /// we do not speak.
    ///
    /// # Errors
    /// [`SdpError::Address`], or [`SdpError::Syntax`] when no address applies to it.
    pub(super) fn audio(&self, place: usize) -> Option<Result<Audio, SdpError>> {
        let media = self.parsed.medias.get(place)?;
        let disabled = media.port == 0 || media.num_ports.is_some_and(|count| count != 1);
        let ours = self.lines[place].is_audio() && !disabled;
        ours.then(|| Audio::read(&self.parsed, media))
    }
}

impl Line {
    /// The m-line of a description that begins with us.
    pub(super) fn audio() -> Self {
        Self {
            kind: word("audio"),
            proto: word("RTP/AVP"),
            format: word("0"),
        }
    }

    /// Sound over plain RTP, with or without the early feedback of RFC 4585, whose use is
    /// voluntary.
    pub(super) fn is_audio(&self) -> bool {
        let plain = ["RTP/AVP", "RTP/AVPF"];
        self.kind.eq_ignore_ascii_case("audio")
            && plain
                .iter()
                .any(|proto| self.proto.eq_ignore_ascii_case(proto))
    }

    fn read(media: &Media) -> Result<Self, SdpError> {
        let format = media.fmt.split_ascii_whitespace().next().unwrap_or("0");
        let tokens = [&media.media, &media.proto, format];
        if tokens
            .iter()
            .any(|token| token.is_empty() || token.len() > TOKEN_BYTES_MAX)
        {
            return Err(SdpError::Syntax);
        }
        Ok(Self {
            kind: word(&media.media),
            proto: word(&media.proto),
            format: word(format),
        })
    }
}

impl Audio {
    /// Where the peer wants RTCP, once it is settled whether it shares the port.
    pub(super) fn remote_rtcp(&self, rtcp_mux: bool) -> Option<SocketAddr> {
        if self.rtcp_off {
            return None;
        }
        if rtcp_mux { self.remote } else { self.rtcp }
    }

    fn read(session: &sdp_types::Session, media: &Media) -> Result<Self, SdpError> {
        let connection = media.connections.first().or(session.connection.as_ref());
        let address = address(connection.ok_or(SdpError::Syntax)?)?;
        let reachable = !super::is_hold_address(address) && media.port != DISCARD_PORT;
        let remote = reachable.then(|| SocketAddr::new(address, media.port));
        Ok(Self {
            remote,
            formats: Formats::read(media),
            direction: direction(&media.attributes)
                .or_else(|| direction(&session.attributes))
                .unwrap_or(Direction::SendRecv),
            ptime: ptime(&media.attributes),
            rtcp_mux: media.attributes.iter().any(|a| a.attribute == "rtcp-mux"),
            rtcp: remote.and_then(|remote| rtcp(&media.attributes, remote)),
            rtcp_off: rtcp_off(&session.bandwidths, &media.bandwidths),
        })
    }
}

/// RFC 863; what descriptions carry for "no port yet".
const DISCARD_PORT: u16 = 9;

/// Leaves the lines that offer and answer look at, in the shape that the grammar wants. Lines that
/// are no SDP are dropped.
fn tidy(text: &[u8]) -> Vec<u8> {
    let mut tidied = Vec::with_capacity(text.len() + 2);
    // Asked once of the whole: only where it is not is each line asked.
    let is_clean = is_text(text);
    for line in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = line.trim_ascii();
        let [key, b'=', value @ ..] = line else {
            continue;
        };
        match key {
            b'v' => tidied.extend_from_slice(line),
            b'm' | b'c' => squeeze(*key, value, &mut tidied),
            b'a' | b'b' if !is_clean && !is_text(value) => continue,
            b'a' if is_asked_for(value) => tidied.extend_from_slice(line),
            b'b' if is_rate(value) => tidied.extend_from_slice(line),
            _ => continue,
        }
        tidied.push(b'\n');
    }
    tidied
}

/// One blank between fields. An m-line without a format, which only disabled ones can do without,
/// gets one.
fn squeeze(key: u8, value: &[u8], tidied: &mut Vec<u8>) {
    tidied.extend_from_slice(&[key, b'=']);
    let mut fields = 0;
    for field in value
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|field| !field.is_empty())
    {
        if fields > 0 {
            tidied.push(b' ');
        }
        tidied.extend_from_slice(field);
        fields += 1;
    }
    if key == b'm' && fields == M_LINE_FIELDS - 1 {
        tidied.extend_from_slice(b" 0");
    }
}

/// Media, port, protocol and at least one format.
const M_LINE_FIELDS: usize = 4;

/// What can be read. A line of an attribute or a bandwidth that cannot is one we do not know: both
/// are to be ignored.
fn is_text(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok() && !text.contains(&0)
}

/// Whether anybody here looks at an attribute: many phones write twice as many as we know (ICE,
/// keys, feedback), each of which would be copied.
fn is_asked_for(attribute: &[u8]) -> bool {
    let end = attribute.iter().position(|byte| *byte == b':');
    match &attribute[..end.unwrap_or(attribute.len())] {
        b"rtpmap" | b"fmtp" | b"ptime" | b"maxptime" | b"rtcp" | b"rtcp-mux" => true,
        name => str::from_utf8(name).is_ok_and(|name| Direction::from_attribute(name).is_some()),
    }
}

fn is_rate(bandwidth: &[u8]) -> bool {
    str::from_utf8(bandwidth)
        .ok()
        .and_then(|text| text.split_once(':'))
        .is_some_and(|(_, rate)| rate.parse::<u64>().is_ok())
}

/// A unicast address or the placeholder.
fn address(connection: &Connection) -> Result<IpAddr, SdpError> {
    let is_ip = connection.nettype.as_str().eq_ignore_ascii_case("IN")
        && ["IP4", "IP6"]
            .iter()
            .any(|ip| connection.addrtype.as_str().eq_ignore_ascii_case(ip));
    if !is_ip {
        return Err(SdpError::Address);
    }
    usable(&connection.connection_address).ok_or(SdpError::Address)
}

/// Names are not looked up: RFC 8866 §5.7 allows them, no phone writes them, and a lookup per call
/// is a weapon.
fn usable(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok()?.to_canonical();
    let unicast = !address.is_multicast() && address != IpAddr::V4(Ipv4Addr::BROADCAST);
    unicast.then_some(address)
}

fn direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes
        .iter()
        .find_map(|attribute| Direction::from_attribute(&attribute.attribute))
}

/// What the peer wants in each packet (RFC 8866 §6.4), no longer than `maxptime`.
fn ptime(attributes: &[Attribute]) -> Ptime {
    let millis = |name| {
        let found = attributes
            .iter()
            .find(|attribute| attribute.attribute == name)?;
        found.value.as_deref()?.trim().parse::<u8>().ok()
    };
    let wanted = millis("ptime").and_then(Ptime::new).unwrap_or_default();
    let longest = millis("maxptime").unwrap_or(u8::MAX);
    if wanted.as_millis() <= longest {
        return wanted;
    }
    let shorter = Ptime::ALL
        .into_iter()
        .rev()
        .find(|ptime| ptime.as_millis() <= longest);
    shorter.unwrap_or_default()
}

/// `a=rtcp:4001` or `a=rtcp:4001 IN IP4 192.0.2.7` (RFC 3605), else the port above.
fn rtcp(attributes: &[Attribute], remote: SocketAddr) -> Option<SocketAddr> {
    let stated = attributes
        .iter()
        .find(|attribute| attribute.attribute == "rtcp");
    let above = remote
        .port()
        .checked_add(1)
        .map(|port| SocketAddr::new(remote.ip(), port));
    let mut fields = stated
        .and_then(|attribute| attribute.value.as_deref())
        .unwrap_or_default()
        .split_ascii_whitespace();
    let port = fields
        .next()
        .and_then(|port| port.parse::<u16>().ok())
        .filter(|port| *port != 0);
    let Some(port) = port else { return above };
    let address = fields
        .nth(2)
        .and_then(usable)
        .unwrap_or_else(|| remote.ip());
    let same_family = address.is_ipv4() == remote.is_ipv4() && !super::is_hold_address(address);
    same_family
        .then(|| SocketAddr::new(address, port))
        .or(above)
}

/// RFC 3556: no bandwidth for senders' and receivers' reports.
fn rtcp_off(session: &[Bandwidth], media: &[Bandwidth]) -> bool {
    ["RS", "RR"].iter().all(|kind| {
        let mut stated = media.iter().chain(session);
        stated
            .find(|bandwidth| bandwidth.bwtype == *kind)
            .is_some_and(|rate| rate.bandwidth == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audio(text: &str) -> Result<Audio, SdpError> {
        Description::parse(text.as_bytes())?
            .audio(0)
            .unwrap_or(Err(SdpError::NoAudio))
    }

    fn with(lines: &str) -> Audio {
        audio(&format!(
            "v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 4000 RTP/AVP 0\r\n{lines}"
        ))
        .unwrap()
    }

    fn at(address: &str) -> Option<SocketAddr> {
        Some(address.parse().unwrap())
    }

    #[test]
    fn what_the_field_sends_is_read_all_the_same() {
        let usual = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\n\
                     c=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
        let untidy = [
            usual.replace("\r\n", "\n"),
            usual.replace("\r\n", "\r"),
            usual.replace("\r\n", "\r\n\r\n"),
            usual.replace("\r\n", " \t\r\n"),
            usual.replace("s=-\r\n", ""),
            usual.replace("t=0 0\r\n", ""),
            usual.replace("o=- 1 1 IN IP4 192.0.2.7\r\n", "o=my phone -7 x\r\n"),
            usual.replace(
                "t=0 0",
                "t=now until then\r\nb=AS:much\r\nr=x\r\nz=y\r\nk=z",
            ),
            usual.replace("audio 4000 RTP/AVP 0", "audio  4000\tRTP/AVP   0"),
            format!("{usual}--boundary--\r\n\0\0\0"),
            usual.trim_end().to_owned(),
        ];
        for text in untidy {
            assert_eq!(
                audio(&text).unwrap().remote,
                at("192.0.2.7:4000"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn text_in_another_alphabet_is_passed_over() {
        let text = b"v=0\r\ns=T\xe9l\xe9phone\r\nc=IN IP4 192.0.2.7\r\na=tool:\xff\r\n\
                     m=audio 4000 RTP/AVP 0\r\na=\xff\r\n";
        assert!(Description::parse(text).unwrap().audio(0).unwrap().is_ok());
    }

    #[test]
    fn what_is_not_a_description_is_refused() {
        let texts = [
            "",
            "hello",
            "v=1\r\nm=audio 4000 RTP/AVP 0",
            "c=IN IP4 192.0.2.7\r\nm=audio 4000 RTP/AVP 0",
            "v=0\r\nm=audio 65536 RTP/AVP 0",
            "v=0\r\nm=audio -1 RTP/AVP 0",
            "v=0\r\nm=audio 4000",
            "v=0\r\nm=",
            "v=0\r\nc=IN IP4\r\nm=audio 4000 RTP/AVP 0",
            "v=0\r\nm=audio 4000 RTP/AVP 0",
        ];
        for text in texts {
            assert_eq!(audio(text).unwrap_err(), SdpError::Syntax, "{text:?}");
        }
    }

    #[test]
    fn more_m_lines_than_the_limit_are_refused() {
        let lines = |count| format!("v=0\r\n{}", "m=video 0 RTP/AVP 31\r\n".repeat(count));
        assert!(Description::parse(lines(MEDIA_LINES_MAX).as_bytes()).is_ok());
        let refused = Description::parse(lines(MEDIA_LINES_MAX + 1).as_bytes());
        assert_eq!(refused.unwrap_err(), SdpError::Syntax);
    }

    #[test]
    fn a_name_that_would_be_echoed_has_a_limit() {
        let text = format!("v=0\r\nm=video 0 {} 31", "x".repeat(TOKEN_BYTES_MAX + 1));
        assert_eq!(
            Description::parse(text.as_bytes()).unwrap_err(),
            SdpError::Syntax
        );
    }

    #[test]
    fn only_enabled_plain_rtp_audio_is_audio() {
        let others = [
            "audio 0 RTP/AVP 0",
            "audio 0 RTP/AVP",
            "audio 4000/2 RTP/AVP 0",
            "audio 4000 RTP/SAVP 0",
            "audio 4000 UDP/TLS/RTP/SAVPF 0",
            "audio 4000 udp 0",
            "video 4000 RTP/AVP 31",
            "application 4000 TCP/BFCP *",
        ];
        for line in others {
            let refused = audio(&format!("v=0\r\nc=IN IP4 192.0.2.7\r\nm={line}"));
            assert_eq!(refused.unwrap_err(), SdpError::NoAudio, "{line}");
        }
        for line in [
            "audio 4000/1 RTP/AVP 0",
            "AUDIO 4000 rtp/avp 0",
            "audio 4000 RTP/AVPF 0",
        ] {
            assert!(
                audio(&format!("v=0\r\nc=IN IP4 192.0.2.7\r\nm={line}")).is_ok(),
                "{line}"
            );
        }
    }

    #[test]
    fn the_address_of_the_m_line_counts_before_the_sessions() {
        assert_eq!(with("").remote, at("192.0.2.7:4000"));
        assert_eq!(with("c=IN IP4 192.0.2.8").remote, at("192.0.2.8:4000"));
    }

    #[test]
    fn ipv6_is_read_with_and_without_brackets_and_mapped_ipv4_as_ipv4() {
        assert_eq!(
            with("c=IN IP6 2001:db8::7").remote,
            at("[2001:db8::7]:4000")
        );
        assert_eq!(
            with("c=IN IP6 [2001:db8::7]").remote,
            at("[2001:db8::7]:4000")
        );
        assert_eq!(
            with("c=IN IP6 ::ffff:192.0.2.9").remote,
            at("192.0.2.9:4000")
        );
    }

    #[test]
    fn addresses_that_lead_nowhere_are_refused() {
        let addresses = [
            "IN IP4 phone.example.com",
            "IN IP4 224.2.1.1/127",
            "IN IP4 224.2.1.1",
            "IN IP6 ff15::1",
            "IN IP6 fe80::1%eth0",
            "IN IP4 255.255.255.255",
            "IN IP5 192.0.2.7",
            "ATM NSAP 47",
        ];
        for address in addresses {
            let refused = audio(&format!("v=0\r\nc={address}\r\nm=audio 4000 RTP/AVP 0"));
            assert_eq!(refused.unwrap_err(), SdpError::Address, "{address}");
        }
    }

    #[test]
    fn a_placeholder_is_no_address() {
        assert_eq!(with("c=IN IP4 0.0.0.0").remote, None);
        assert_eq!(with("c=IN IP6 ::").remote, None);
        let discard = audio("v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 9 RTP/AVP 0").unwrap();
        assert_eq!((discard.remote, discard.remote_rtcp(false)), (None, None));
    }

    #[test]
    fn the_direction_of_the_m_line_counts_before_the_sessions() {
        let text = "v=0\r\nc=IN IP4 192.0.2.7\r\na=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n";
        assert_eq!(audio(text).unwrap().direction, Direction::SendOnly);
        let media = audio(&format!("{text}a=inactive\r\n")).unwrap();
        assert_eq!(media.direction, Direction::Inactive);
        assert_eq!(with("").direction, Direction::SendRecv);
    }

    #[test]
    fn the_packet_time_is_the_peers_when_we_have_it() {
        let cases = [
            ("", 20),
            ("a=ptime:30", 30),
            ("a=ptime: 10 ", 10),
            ("a=ptime:25", 20),
            ("a=ptime:900", 20),
            ("a=ptime", 20),
            ("a=ptime:60\r\na=maxptime:40", 40),
            ("a=maxptime:10", 10),
            ("a=maxptime:5", 20),
        ];
        for (lines, millis) in cases {
            assert_eq!(with(lines).ptime.as_millis(), millis, "{lines:?}");
        }
    }

    #[test]
    fn rtcp_goes_where_the_peer_says() {
        let cases = [
            ("", "192.0.2.7:4001"),
            ("a=rtcp:5001", "192.0.2.7:5001"),
            ("a=rtcp:5001 IN IP4 192.0.2.9", "192.0.2.9:5001"),
            ("a=rtcp:5001 IN IP6 2001:db8::1", "192.0.2.7:4001"),
            ("a=rtcp:what", "192.0.2.7:4001"),
            ("a=rtcp:0", "192.0.2.7:4001"),
            ("b=RS:0\r\nb=RR:800", "192.0.2.7:4001"),
        ];
        for (lines, address) in cases {
            assert_eq!(with(lines).remote_rtcp(false), at(address), "{lines:?}");
        }
        assert_eq!(
            with("a=rtcp:5001\r\na=rtcp-mux").remote_rtcp(true),
            at("192.0.2.7:4000")
        );
        assert_eq!(with("b=RS:0\r\nb=RR:0").remote_rtcp(true), None);
        let last = audio("v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 65535 RTP/AVP 0").unwrap();
        assert_eq!(
            last.remote_rtcp(false),
            None,
            "there is no port above 65535"
        );
    }
}
