//! What was found wrong, counted.

use std::ops::AddAssign;

use serde::Serialize;

/// What was found in one stream, or in many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Findings {
    /// RTP packets that arrived, each counted once.
    pub received: u64,
    /// Sequence numbers between the first and the last that never arrived.
    pub lost: u64,
    /// Packets that arrived a second time.
    pub repeated: u64,
    /// Packets that arrived after a later one.
    pub overtaken: u64,
    /// Timestamps that do not go on from the one before.
    pub timestamp_jumps: u64,
    /// Packets of another synchronisation source than the first.
    pub foreign: u64,
    /// Packets of a payload type or length that was not agreed.
    pub wrong_format: u64,
    /// Packets whose audio is not what was to come: the music, or what the other side sent.
    pub wrong_music: u64,
    /// Datagrams that are neither RTP nor RTCP.
    pub malformed: u64,
    /// RTCP packets, on the same port.
    pub rtcp: u64,
}

impl Findings {
    /// Whether a listener would have nothing to complain of (RTCP is no complaint, and being
    /// overtaken is not heard).
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.complaints().iter().all(|(_, count)| *count == 0)
    }

    /// What there is to complain of, in words.
    #[must_use]
    pub fn complaints(&self) -> [(&'static str, u64); 7] {
        [
            ("lost", self.lost),
            ("repeated", self.repeated),
            ("timestamp jumps", self.timestamp_jumps),
            ("of a foreign source", self.foreign),
            ("of a wrong format", self.wrong_format),
            ("with other audio than was to come", self.wrong_music),
            ("malformed", self.malformed),
        ]
    }
}

impl AddAssign for Findings {
    fn add_assign(&mut self, other: Self) {
        self.received += other.received;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.overtaken += other.overtaken;
        self.timestamp_jumps += other.timestamp_jumps;
        self.foreign += other.foreign;
        self.wrong_format += other.wrong_format;
        self.wrong_music += other.wrong_music;
        self.malformed += other.malformed;
        self.rtcp += other.rtcp;
    }
}
