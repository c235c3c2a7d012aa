//! The session descriptions of a phone: it speaks PCMU at one port, and reads of the other side's
//! where the audio is and which way it goes (RFC 8866, RFC 3264 §6.1).

use std::net::{IpAddr, SocketAddr};

/// What a phone says of its media.
#[derive(Clone, Copy, Debug)]
pub(super) struct Media {
    pub(super) rtp: SocketAddr,
    direction: &'static str,
    version: u32,
    is_hushed: bool,
}

impl Media {
    pub(super) fn new(rtp: SocketAddr) -> Self {
        Self {
            rtp,
            direction: "sendrecv",
            version: 1,
            is_hushed: false,
        }
    }

    /// Neither speaks nor listens, whatever it is offered.
    pub(super) fn hush(&mut self) {
        (self.direction, self.is_hushed) = ("inactive", true);
    }

    /// From now on at another address.
    pub(super) fn moved(&mut self, rtp: SocketAddr) {
        self.rtp = rtp;
        self.version += 1;
    }

    /// What answers an offer of this direction.
    pub(super) fn answer(&mut self, offered: Option<&str>) {
        self.version += 1;
        self.direction = match offered {
            _ if self.is_hushed => "inactive",
            Some("sendonly") => "recvonly",
            Some("recvonly") => "sendonly",
            Some("inactive") => "inactive",
            _ => "sendrecv",
        };
    }

    pub(super) fn describe(&self, number: usize) -> String {
        let (host, port) = (self.rtp.ip(), self.rtp.port());
        let family = if host.is_ipv6() { 6 } else { 4 };
        let (version, direction) = (self.version, self.direction);
        format!(
            "v=0\r\no=caller {number} {version} IN IP{family} {host}\r\ns=-\r\n\
             c=IN IP{family} {host}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n\
             a=ptime:20\r\na=rtcp-mux\r\na={direction}\r\n"
        )
    }
}

/// Where the first audio stream of a description is to be sent to; `None` when it is nowhere.
pub(super) fn audio_at(body: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(body).ok()?;
    let (mut host, mut port) = (None, None);
    for line in text.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            if port.is_some() {
                break;
            }
            let number = media.strip_prefix("audio ")?.split_whitespace().next()?;
            port = Some(number.parse::<u16>().ok()?);
        } else if let Some(connection) = line.strip_prefix("c=") {
            host = connection.split_whitespace().nth(2).map(str::to_owned);
        }
    }
    let host: IpAddr = host?.split('/').next()?.parse().ok()?;
    let port = port.filter(|port| *port != 0)?;
    (!host.is_unspecified()).then_some(SocketAddr::new(host, port))
}

/// The last direction that a description names.
pub(super) fn direction(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let directions = ["sendrecv", "sendonly", "recvonly", "inactive"];
    let mut named = text.lines().filter_map(|line| line.strip_prefix("a="));
    named.rfind(|name| directions.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_hushed_stays_so_whatever_it_is_offered() {
        let mut media = Media::new("192.0.2.7:4000".parse().unwrap());
        media.hush();
        for offered in [Some("sendonly"), Some("sendrecv"), None] {
            media.answer(offered);
            assert!(media.describe(1).ends_with("a=inactive\r\n"));
        }
    }

    #[test]
    fn the_address_of_the_media_wins_over_that_of_the_session() {
        let body = b"v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 10.0.0.2\r\n\
            m=video 5000 RTP/AVP 31\r\nc=IN IP4 10.0.0.3\r\n";
        assert_eq!(audio_at(body), "10.0.0.2:4000".parse().ok());
    }

    #[test]
    fn a_refused_stream_and_an_old_hold_are_nowhere() {
        assert_eq!(
            audio_at(b"c=IN IP4 10.0.0.1\r\nm=audio 0 RTP/AVP 0\r\n"),
            None
        );
        assert_eq!(
            audio_at(b"c=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n"),
            None
        );
        assert_eq!(audio_at(b"\xff"), None);
    }

    #[test]
    fn an_answer_mirrors_the_direction() {
        let mut media = Media::new("[::1]:9".parse().unwrap());
        media.answer(direction(b"m=audio 4 RTP/AVP 0\r\na=sendonly\r\n"));
        let text = media.describe(3);
        assert!(
            text.contains("a=recvonly") && text.contains("c=IN IP6 ::1"),
            "{text}"
        );
        assert!(text.contains("o=caller 3 2 "), "{text}");
    }
}
