//! One leg's media: what control said of it, and what the core remembers between packets.

use shared::{Media, Source, StreamStats, Time};

use crate::digit::Digits;
use crate::latch::Lock;
use crate::output::Output;
use crate::port::{Owner, Sockets};
use crate::relay::Relay;
use crate::reports::Reports;
use crate::rtcp::reception::Reception;
use crate::rtcp::sdes::Cname;
use crate::slot::Place;

/// One occupant of a place in the table.
#[derive(Debug)]
pub struct Stream {
    /// Which one.
    pub owner: Owner,
    /// How far it is in its life.
    pub phase: Phase,
    /// What offer and answer settled, once they did.
    pub media: Option<Media>,
    /// What it shall send.
    pub source: Source,
    /// Where its line is while a prompt is sent.
    pub place: Option<Place>,
    /// Where a prompt with a position of its own goes on after an interruption.
    pub paused: Option<Paused>,
    /// The numbers of its next packet while no line has them.
    pub output: Output,
    /// Whom it believes.
    pub lock: Lock,
    /// The stream that sends what arrives here. One at most: a later one takes the place of an
    /// earlier one.
    pub listener: Option<Owner>,
    /// How packets of another stream become ours.
    pub relay: Relay,
    /// What arrived.
    pub reception: Reception,
    /// What was dialled.
    pub digits: Digits,
    /// What is reported.
    pub reports: Reports,
    /// We took another SSRC because this remote had ours.
    pub gave_way: bool,
    /// The kernel keeps the peer's speech away.
    pub screened: bool,
    /// What is missing before the next packet was kept away.
    pub excused: bool,
    /// When the peer was heard last.
    pub heard: Time,
    /// The value of `heard` that a silence was reported with.
    pub silent_since: Option<Time>,
    /// What it did.
    pub stats: StreamStats,
}

/// The life of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Its sockets are being bound.
    Opening,
    /// Its sockets are bound.
    Open(Sockets),
    /// Its sockets are being closed.
    Closing,
}

/// Where a prompt was interrupted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Paused {
    /// The next sample.
    pub cursor: u32,
    /// As [`crate::line::Line::repeats`].
    pub repeats: u16,
}

impl Stream {
    /// A stream that sends and believes nothing yet.
    #[must_use]
    pub fn new(owner: Owner, output: Output, cname: Cname, now: Time) -> Self {
        Self {
            owner,
            phase: Phase::Opening,
            media: None,
            source: Source::Silent,
            place: None,
            paused: None,
            output,
            lock: Lock::default(),
            listener: None,
            relay: Relay::default(),
            reception: Reception::default(),
            digits: Digits::default(),
            reports: Reports::new(cname),
            gave_way: false,
            screened: false,
            excused: false,
            heard: now,
            silent_since: None,
            stats: StreamStats::default(),
        }
    }

    /// Its sockets, while they are bound and not about to be closed.
    #[must_use]
    pub const fn sockets(&self) -> Option<Sockets> {
        match self.phase {
            Phase::Open(sockets) => Some(sockets),
            Phase::Opening | Phase::Closing => None,
        }
    }

    /// Takes note of packets that were sent, of `bytes` of payload each.
    pub fn count_sent(&mut self, packets: u32, bytes: usize) {
        self.stats.sent += u64::from(packets);
        let bytes = u32::try_from(bytes).unwrap_or(0);
        self.reports.octets = self
            .reports
            .octets
            .wrapping_add(packets.wrapping_mul(bytes));
    }
}

// With its line, its row in the agenda and its sockets' book, a stream shall stay about half a
// kilobyte.
const _: () = assert!(size_of::<Option<Stream>>() <= 480);
