//! The copies that a worker makes of the packets of captured streams: of RTP the header, so that no
//! word and no key that was pressed leaves the worker; of RTCP as much as there is room for.
//!
//! A stream that nobody captures pays for one look at a flag. A copy that finds no room in the
//! queue is counted: a worker waits for nobody. Absent on purpose: who captures what (control), and
//! what becomes of the copies (`capture`).

use std::sync::Arc;

use shared::limits::{CAPTURED_BYTES_MAX, CAPTURES_MAX};
use shared::{
    CaptureId, CapturedPacket, Command, Course, DropReason, Ends, Sender, StreamId, Time, Wake,
    WorkerStats,
};

use crate::address::Address;
use crate::engine::{Engine, owner};
use crate::port::{Owner, SEND_BYTES_MAX};
use crate::rtp::{self, HEADER_BYTES, Header};
use crate::stream::Stream;

/// The captured streams of a worker.
#[derive(Debug, Default)]
pub struct Tap {
    streams: Vec<Tapped>,
    /// None where nobody writes captures.
    queue: Option<Sender<CapturedPacket>>,
}

#[derive(Debug)]
struct Tapped {
    owner: Owner,
    capture: CaptureId,
    /// Of RTP.
    local: Address,
    /// Copies that found no room since the last one that did.
    lost: u32,
}

/// A datagram to be copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight<'a> {
    pub(crate) at: Time,
    pub(crate) course: Course,
    pub(crate) remote: Address,
    /// Ours is the port above that of RTP.
    pub(crate) is_beside: bool,
    pub(crate) datagram: &'a [u8],
}

impl<'a> Sight<'a> {
    pub(crate) const fn arrived(at: Time, remote: Address, datagram: &'a [u8]) -> Self {
        let course = Course::Arrived;
        Self {
            at,
            course,
            remote,
            is_beside: false,
            datagram,
        }
    }

    pub(crate) const fn sent(at: Time, remote: Address, datagram: &'a [u8]) -> Self {
        let course = Course::Sent;
        Self {
            at,
            course,
            remote,
            is_beside: false,
            datagram,
        }
    }
}

impl Sight<'_> {
    /// Of RTCP, at the port that a stream has for it.
    pub(crate) fn of_rtcp(self, stream: &Stream) -> Self {
        let sockets = stream.sockets();
        let is_beside = sockets.is_some_and(|sockets| sockets.rtp != sockets.rtcp);
        Self { is_beside, ..self }
    }
}

impl Tap {
    /// Copies go into a queue.
    #[must_use]
    pub fn into_queue(queue: Sender<CapturedPacket>) -> Self {
        Self {
            streams: Vec::with_capacity(STREAMS_MAX),
            queue: Some(queue),
        }
    }

    /// Copies a packet of music that has been sent: its header, and that so many samples of a byte
    /// followed. Afterwards, since a look at the packet where it is written would make writing one
    /// that nobody captures a third longer.
    #[cold]
    pub(crate) fn see_played(
        &mut self,
        owner: Owner,
        at: Time,
        remote: Address,
        (header, samples): (Header, u16),
        stats: &WorkerStats,
    ) {
        let mut packet = [0; SEND_BYTES_MAX];
        packet[..HEADER_BYTES].copy_from_slice(header.as_bytes());
        let packet = &packet[..HEADER_BYTES + usize::from(samples)];
        self.see(owner, Sight::sent(at, remote, packet), stats);
    }

    /// Copies a datagram of a captured stream.
    #[cold]
    pub(crate) fn see(&mut self, owner: Owner, sight: Sight<'_>, stats: &WorkerStats) {
        let tapped = self.streams.iter_mut().find(|one| one.owner == owner);
        let (Some(tapped), Some(queue)) = (tapped, &self.queue) else {
            return;
        };
        let bytes = sight.datagram;
        let kept = kept(bytes);
        let mut head = [0; CAPTURED_BYTES_MAX];
        head[..kept].copy_from_slice(&bytes[..kept]);
        let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
        let packet = CapturedPacket {
            capture: tapped.capture,
            at: sight.at,
            course: sight.course,
            ends: Ends {
                local: tapped.beside(sight.is_beside).into(),
                remote: sight.remote.into(),
            },
            length: count(bytes.len()),
            kept: count(kept),
            lost: tapped.lost,
            head,
        };
        if queue.push(packet).is_ok() {
            tapped.lost = 0;
        } else {
            tapped.lost = tapped.lost.saturating_add(1);
            stats.captured_lost.add(1);
        }
    }

    fn set(&mut self, owner: Owner, capture: Option<CaptureId>, local: Address) {
        self.streams.retain(|one| one.owner != owner);
        if self.streams.len() >= STREAMS_MAX {
            return;
        }
        self.streams.extend(capture.map(|capture| Tapped {
            owner,
            capture,
            local,
            lost: 0,
        }));
    }
}

impl Engine {
    /// Copies are made from now on, as a tap wants them.
    #[must_use]
    pub fn tapped(mut self, tap: Tap) -> Self {
        self.tap = tap;
        self
    }

    /// Obeys [`Command::Capture`].
    pub(crate) fn capture(&mut self, command: Command) {
        let Command::Capture {
            stream,
            capture,
            local,
        } = command
        else {
            unreachable!("no other command is given to it")
        };
        let id: StreamId = stream;
        let Some(stream) = self.table.get(owner(id)) else {
            return self.stats.count_drop(DropReason::StaleStream, 1);
        };
        stream.captured = capture.is_some();
        if let Some(place) = stream.place {
            self.wheel.line(place).captured = capture.is_some();
        }
        self.tap.set(owner(id), capture, local.into());
        // What is kept away from the socket is not seen.
        self.unsettle(owner(id));
    }

    /// Nothing more is copied of a stream that is gone.
    pub(crate) fn untap(&mut self, owner: Owner) {
        self.tap.set(owner, None, Address::NONE);
    }
}

/// Captured streams of one worker: a call has two, and more for a moment while one leg takes the
/// place of another.
const STREAMS_MAX: usize = 4 * CAPTURES_MAX;

impl Tapped {
    fn beside(&self, is_beside: bool) -> Address {
        let port = self.local.port().saturating_add(is_beside.into());
        self.local.with_port(port)
    }
}

/// How much of a datagram is copied.
fn kept(datagram: &[u8]) -> usize {
    let head = match rtp::parse(datagram) {
        _ if rtp::is_rtcp(datagram) => datagram.len(),
        Ok(packet) => packet.payload.start,
        Err(_) => HEADER_BYTES,
    };
    head.min(datagram.len()).min(CAPTURED_BYTES_MAX)
}

/// Whoever writes comes by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unrung;

impl Wake for Unrung {
    fn wake(&self) {}
}

impl Unrung {
    pub(crate) fn wake() -> Arc<dyn Wake> {
        Arc::new(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_payload_of_rtp_is_copied() {
        let mut packet = vec![0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
        packet.extend([0x55; 160]);
        assert_eq!(kept(&packet), 12);
        packet[0] = 0x82;
        assert_eq!(kept(&packet), 20, "two CSRCs");
        packet[0] = 0x90;
        packet[12..16].copy_from_slice(&[0xbe, 0xde, 0, 1]);
        assert_eq!(kept(&packet), 20, "an extension of four bytes");
        packet[0] = 0x90;
        packet[12..16].copy_from_slice(&[0xbe, 0xde, 0, 200]);
        assert_eq!(kept(&packet), 12, "an extension that is not there");
        packet[0] = 0x00;
        assert_eq!(kept(&packet), 12, "no RTP");
        assert_eq!(kept(&packet[..5]), 5);
    }

    #[test]
    fn reports_are_copied_as_far_as_there_is_room() {
        let mut report = vec![0x80, 200];
        report.resize(80, 0);
        assert_eq!(kept(&report), 80);
        report.resize(400, 0);
        assert_eq!(kept(&report), CAPTURED_BYTES_MAX);
    }
}
