//! What we write: one audio m-line of ours among the disabled ones of the peer.

use std::net::{IpAddr, SocketAddr};

use sdp_types::{Attribute, Connection, Media, Origin, Time};
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
        let address = self.address.ip().to_canonical();
        let origin = Origin::with_ip_addr(id, version, self.origin.to_canonical());
        let mut session = sdp_types::Session::new(origin, "-");
        session.set_connection(Connection::from_ip_addr(address));
        session.add_time(Time::new(0, 0));
        for (place, line) in self.lines.iter().enumerate() {
            session.add_media(if place == self.place {
                self.audio(line)
            } else {
                refused(line)
            });
        }
        let mut text = Vec::with_capacity(TEXT_BYTES_USUAL);
        session
            .write(&mut text)
            .expect("a Vec takes what is written to it");
        text
    }

    fn audio(&self, line: &Line) -> Media {
        let numbers: Vec<String> = self.formats.iter().map(|(_, n)| n.to_string()).collect();
        let mut media = refused(line);
        media.port = self.address.port();
        media.fmt = numbers.join(" ");
        for (format, number) in self.formats {
            let (name, clock_hz) = format.encoding();
            add(&mut media, "rtpmap", format!("{number} {name}/{clock_hz}"));
            if *format == Format::Event {
                add(&mut media, "fmtp", format!("{number} {EVENTS}"));
            }
        }
        add(&mut media, "ptime", self.ptime.as_millis().to_string());
        media.attributes.push(Attribute::new(self.direction.name()));
        if self.rtcp_mux {
            media.attributes.push(Attribute::new("rtcp-mux"));
        }
        media
    }
}

/// The digits, and the flash hook (16): what a phone dials is passed on.
const EVENTS: &str = "0-16";

/// What a description of ours usually needs.
const TEXT_BYTES_USUAL: usize = 320;

/// RFC 3264 §6: the same media and protocol, port 0, and a format because the grammar wants one.
fn refused(line: &Line) -> Media {
    Media {
        media: line.kind.clone().into_owned(),
        port: 0,
        num_ports: None,
        proto: line.proto.clone().into_owned(),
        fmt: line.format.clone().into_owned(),
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

fn add(media: &mut Media, name: &str, value: String) {
    media.attributes.push(Attribute::with_value(name, value));
}

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
