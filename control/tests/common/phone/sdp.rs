//! As much SDP as a plain desk phone knows: one audio stream, its address, payload types and
//! direction.

use std::net::{IpAddr, SocketAddr};

/// Who sends, as the phone sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    const ALL: [Self; 4] = [
        Self::SendRecv,
        Self::SendOnly,
        Self::RecvOnly,
        Self::Inactive,
    ];

    pub(crate) const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    pub(crate) const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    pub(crate) const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// What the other side calls it.
    pub(crate) const fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// What both want.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self::new(
            self.sends() && other.sends(),
            self.receives() && other.receives(),
        )
    }

    const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

/// One description, the phone's or the server's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Description {
    pub(crate) address: SocketAddr,
    /// Audio payload types in order, telephone-event left out.
    pub(crate) payloads: Vec<u8>,
    pub(crate) event_payload: Option<u8>,
    pub(crate) direction: Direction,
    /// `o=` without the version.
    pub(crate) origin: String,
    /// The version in `o=`.
    pub(crate) version: u64,
    /// Media that are no audio, as their m-lines were written.
    pub(crate) others: Vec<String>,
}

impl Description {
    /// # Panics
    /// When another description than `before` does not follow it (RFC 3264 §8): the same `o=`, and
    /// a greater version.
    pub(crate) fn must_follow(&self, before: &Self) {
        assert_eq!(self.origin, before.origin, "o= is another");
        let is_same = *self == *before;
        assert!(
            self.version > before.version || is_same,
            "{self:?} has the version of {before:?}"
        );
    }

    /// # Panics
    /// When the server wrote something that is not SDP with one audio stream.
    pub(crate) fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text.split("\r\n").collect();
        let value = |key: &str| lines.iter().find_map(|line| line.strip_prefix(key));
        assert_eq!(value("v="), Some("0"), "SDP: {text}");
        let origin: Vec<&str> = value("o=").expect("o=").split(' ').collect();
        let media = value("m=audio ").expect("m=audio");
        let connection = value("c=IN ")
            .expect("c=IN")
            .split(' ')
            .nth(1)
            .expect("an address");
        let address: IpAddr = connection.parse().expect("an address");
        let mut words = media.split(' ');
        let port = words
            .next()
            .and_then(|port| port.parse().ok())
            .expect("a port");
        assert_eq!(words.next(), Some("RTP/AVP"));
        let numbers: Vec<u8> = words
            .map(|word| word.parse().expect("a payload type"))
            .collect();
        let event_payload = lines.iter().find_map(|line| {
            let (number, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
            name.to_ascii_lowercase()
                .starts_with("telephone-event/")
                .then(|| number.parse().ok())?
        });
        let direction = Direction::ALL
            .into_iter()
            .find(|direction| lines.contains(&format!("a={}", direction.name()).as_str()));
        Self {
            address: SocketAddr::new(address, port),
            payloads: numbers
                .into_iter()
                .filter(|n| Some(*n) != event_payload)
                .collect(),
            event_payload,
            direction: direction.unwrap_or(Direction::SendRecv),
            origin: [&origin[..2], &origin[3..]].concat().join(" "),
            version: origin[2].parse().expect("a version"),
            others: lines
                .iter()
                .filter(|line| line.starts_with("m=") && !line.starts_with("m=audio "))
                .map(|&line| line.to_owned())
                .collect(),
        }
    }

    pub(crate) fn write(&self) -> String {
        use std::fmt::Write as _;
        let family = if self.address.is_ipv6() { "IP6" } else { "IP4" };
        let host = self.address.ip();
        let mut text = format!(
            "v=0\r\no=phone 7001 {} IN {family} {host}\r\ns=call\r\n\
             c=IN {family} {host}\r\nt=0 0\r\n",
            self.version
        );
        write!(text, "m=audio {} RTP/AVP", self.address.port()).unwrap();
        for payload in self.payloads.iter().copied().chain(self.event_payload) {
            write!(text, " {payload}").unwrap();
        }
        text.push_str("\r\n");
        for payload in &self.payloads {
            let name = match payload {
                0 => "PCMU/8000",
                8 => "PCMA/8000",
                9 => "G722/8000",
                _ => "unknown/8000",
            };
            write!(text, "a=rtpmap:{payload} {name}\r\n").unwrap();
        }
        if let Some(event) = self.event_payload {
            write!(
                text,
                "a=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-15\r\n"
            )
            .unwrap();
        }
        write!(text, "a={}\r\n", self.direction.name()).unwrap();
        for line in &self.others {
            write!(text, "{line}\r\n").unwrap();
        }
        text
    }
}
