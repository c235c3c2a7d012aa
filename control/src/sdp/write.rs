//! What we write: one audio m-line of ours among the disabled ones of the peer.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, SocketAddr};

use shared::{PayloadType, Ptime};

use super::Direction;
use super::description::Line;
use super::format::Format;

/// A description of ours, before it has a version.
#[derive(Debug)]
pub(super) struct Ours<'a> {
    /// Our own address, whoever listens (RFC 3264 §8: `o=` stays).
    pub(super) origin: IpAddr,
    /// Where RTP is to go.
    pub(super) address: SocketAddr,
    /// All m-lines, in the order they first appeared.
    pub(super) lines: &'a [Line],
    /// Which of them is ours; the others are refused.
    pub(super) place: usize,
    /// In preference.
    pub(super) formats: &'a [(Format, PayloadType)],
    pub(super) direction: Direction,
    pub(super) ptime: Ptime,
    pub(super) rtcp_mux: bool,
}

impl Ours<'_> {
    /// The text, with the id and version of the `o=` line.
    pub(super) fn text(&self, id: u64, version: u64) -> Vec<u8> {
        let mut text = String::with_capacity(TEXT_BYTES_USUAL);
        self.write(&mut text, id, version)
            .expect("a String takes what is written to it");
        text.into_bytes()
    }

    fn write(&self, text: &mut String, id: u64, version: u64) -> fmt::Result {
        let (origin, address) = (In(self.origin), In(self.address.ip()));
        write!(
            text,
            "v=0\r\no=- {id} {version} {origin}\r\ns=-\r\nc={address}\r\nt=0 0\r\n"
        )?;
        for (place, line) in self.lines.iter().enumerate() {
            let Line {
                kind,
                proto,
                format,
            } = line;
            if place == self.place {
                write!(text, "m={kind} {} {proto}", self.address.port())?;
                self.write_audio(text)?;
            } else {
                // RFC 3264 §6: the same media and protocol, port 0, and a format because the
                // grammar wants one.
                write!(text, "m={kind} 0 {proto} {format}\r\n")?;
            }
        }
        Ok(())
    }

    /// The formats of the m-line that was begun, and its attributes.
    fn write_audio(&self, text: &mut String) -> fmt::Result {
        for (_, number) in self.formats {
            write!(text, " {number}")?;
        }
        text.push_str("\r\n");
        for (format, number) in self.formats {
            let (name, clock_hz) = format.encoding();
            write!(text, "a=rtpmap:{number} {name}/{clock_hz}\r\n")?;
            if *format == Format::Event {
                write!(text, "a=fmtp:{number} {EVENTS}\r\n")?;
            }
        }
        let (ptime, direction) = (self.ptime.as_millis(), self.direction.name());
        write!(text, "a=ptime:{ptime}\r\na={direction}\r\n")?;
        if self.rtcp_mux {
            text.push_str("a=rtcp-mux\r\n");
        }
        Ok(())
    }
}

/// Network type, address type and address (RFC 8866 §5.2, §5.7).
struct In(IpAddr);

impl fmt::Display for In {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.to_canonical() {
            IpAddr::V4(address) => write!(f, "IN IP4 {address}"),
            IpAddr::V6(address) => write!(f, "IN IP6 {address}"),
        }
    }
}

/// The digits, and the flash hook (16): what a phone dials is passed on.
const EVENTS: &str = "0-16";

/// What a description of ours usually needs.
const TEXT_BYTES_USUAL: usize = 320;

#[cfg(test)]
mod tests {
    use shared::Codec;

    use super::*;

    fn n(number: u8) -> PayloadType {
        PayloadType::new(number).unwrap()
    }

    fn text(address: &str) -> String {
        let video = Line {
            kind: "video".into(),
            proto: "RTP/SAVPF".into(),
            format: "99".into(),
        };
        let ours = Ours {
            origin: address.parse::<SocketAddr>().unwrap().ip(),
            address: address.parse().unwrap(),
            lines: &[video, Line::audio()],
            place: 1,
            formats: &[(Format::Audio(Codec::Pcma), n(8)), (Format::Event, n(101))],
            direction: Direction::SendOnly,
            ptime: Ptime::DEFAULT,
            rtcp_mux: true,
        };
        String::from_utf8(ours.text(77, 3)).unwrap()
    }

    #[test]
    fn a_description_says_all_that_the_peer_needs() {
        let lines = [
            "v=0",
            "o=- 77 3 IN IP4 192.0.2.1",
            "s=-",
            "c=IN IP4 192.0.2.1",
            "t=0 0",
            "m=video 0 RTP/SAVPF 99",
            "m=audio 20000 RTP/AVP 8 101",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-16",
            "a=ptime:20",
            "a=sendonly",
            "a=rtcp-mux",
            "",
        ];
        assert_eq!(text("192.0.2.1:20000"), lines.join("\r\n"));
    }

    #[test]
    fn an_ipv6_address_is_written_bare() {
        let text = text("[2001:db8::1]:20000");
        assert!(text.contains("o=- 77 3 IN IP6 2001:db8::1\r\n"), "{text}");
        assert!(text.contains("c=IN IP6 2001:db8::1\r\n"), "{text}");
    }
}
