//! One leg's media: what control said of it, and what the core remembers between packets.

use shared::sync_source::CNAME_BYTES;
use shared::{Repeat, Source, StreamStats, Time};

use crate::digit::Digits;
use crate::hush::Hush;
use crate::latch::Lock;
use crate::line::Line;
use crate::output::Output;
use crate::port::{Owner, Sockets};
use crate::relay::Relay;
use crate::reports::Reports;
use crate::rtcp::reception::Reception;

use crate::slot::Place;
use crate::terms::Terms;

/// One occupant of a place in the table.
#[derive(Debug)]
pub struct Stream {
    /// Which one.
    pub owner: Owner,
    /// How far it is in its life.
    pub phase: Phase,
    /// What offer and answer settled, once they did.
    pub terms: Option<Terms>,
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
    /// How long nothing was heard of a peer that holds the call; counts while
    /// [`Source::Held`] is sent.
    pub hush: Hush,
    /// We took another SSRC because this remote had ours.
    pub gave_way: bool,
    /// The kernel keeps the peer's speech away.
    pub screened: bool,
    /// What is missing before the next packet was kept away.
    pub excused: bool,
    /// Its packets are copied for a capture ([`crate::tap`]).
    pub captured: bool,
    /// When the peer was heard last.
    pub heard: Time,
    /// That it was not heard since then was reported.
    pub told_of_silence: bool,
    /// What it did.
    pub counts: Counts,
}

/// What a stream did, as [`StreamStats`] tells it in the end. Packets of a single stream fit into
/// 32 bits for two years and a half.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Packets sent, modulo 2^32 as in sender reports (RFC 3550 §6.4.1).
    pub sent: u32,
    /// Packets accepted.
    pub received: u32,
    /// Packets dropped, for any reason.
    pub dropped: u32,
    /// Packets the peer did not get.
    pub lost_by_peer: u32,
    /// In microseconds.
    pub round_trip_us: u32,
    /// Where its prompt was left.
    pub prompt_position_ms: u32,
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
    /// How often it is still to be played, this time included.
    pub left: Repeat,
}

impl Stream {
    /// A stream that sends and believes nothing yet.
    #[must_use]
    pub fn new(owner: Owner, output: Output, cname: [u8; CNAME_BYTES], now: Time) -> Self {
        Self {
            owner,
            phase: Phase::Opening,
            terms: None,
            source: Source::Silent,
            place: None,
            paused: None,
            output,
            lock: Lock::OPEN,
            listener: None,
            relay: Relay::default(),
            reception: Reception::default(),
            digits: Digits::default(),
            reports: Reports::new(cname),
            hush: Hush::default(),
            gave_way: false,
            screened: false,
            excused: false,
            captured: false,
            heard: now,
            told_of_silence: false,
            counts: Counts::default(),
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

    /// Takes note that the peer is there.
    pub const fn hear(&mut self, now: Time) {
        self.heard = now;
        self.told_of_silence = false;
    }

    /// What it did in its life.
    #[must_use]
    pub fn stats(&self) -> StreamStats {
        let counts = &self.counts;
        StreamStats {
            sent: counts.sent.into(),
            received: counts.received.into(),
            dropped: counts.dropped.into(),
            lost_by_peer: counts.lost_by_peer,
            jitter: self.reception.jitter(),
            round_trip_us: counts.round_trip_us,
            prompt_position_ms: counts.prompt_position_ms,
        }
    }

    /// Takes note of packets that were sent, of `bytes` of payload each.
    pub fn count_sent(&mut self, packets: u32, bytes: usize) {
        self.counts.sent = self.counts.sent.wrapping_add(packets);
        let bytes = u32::try_from(bytes).unwrap_or(0);
        self.reports.octets = self
            .reports
            .octets
            .wrapping_add(packets.wrapping_mul(bytes));
    }
}

/// What the core keeps of a stream: itself, its line, and its row in the agenda.
pub const STREAM_BYTES: usize = size_of::<Option<Stream>>() + size_of::<Line>() + size_of::<Time>();
