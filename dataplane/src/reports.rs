//! RTCP of the streams: reports at their times, goodbyes, what the peers report. And what else is
//! looked after now and then: silence of a peer, digits whose end was lost.

use std::net::SocketAddr;
use std::time::Duration;

use rand_chacha::rand_core::RngCore;
use shared::{DropReason, Event, Latch, Media, Time};

use crate::address::{Address, same_host};
use crate::digit::Digit;
use crate::engine::Engine;
use crate::port::{Owner, Port, Sockets};
use crate::receive::Outcome;
use crate::rtcp::interval::interval;
use crate::rtcp::receiver_report::Block;
use crate::rtcp::sdes::Cname;
use crate::rtcp::sender_report::{SenderReport, middle, ntp};
use crate::rtcp::{self, Packet, Report};
use crate::stream::Stream;

/// What a stream knows of its reports.
#[derive(Debug)]
pub struct Reports {
    /// Our name.
    pub cname: Cname,
    /// When the next one leaves; `None` until the stream is described.
    next: Option<Time>,
    /// Payload bytes sent.
    pub octets: u32,
    /// Packets sent, at the last report and at the one before: who sent since then is a sender (RFC
    /// 3550 §6.4).
    sent_before: [u64; 2],
    /// The peer's last sender report: its SSRC, the middle of its NTP timestamp, and when it came.
    heard: Option<(u32, u32, Time)>,
    /// An SSRC we gave up and must say goodbye for.
    given_up: Option<u32>,
    /// The peer's goodbye was reported.
    bye: bool,
}

/// How often a stream is looked at that has no reports to send.
const LOOK: Duration = Duration::from_secs(1);

/// While a digit is held.
const LOOK_DIGIT: Duration = Duration::from_millis(100);

impl Reports {
    /// Before anything was sent.
    #[must_use]
    pub const fn new(cname: Cname) -> Self {
        Self {
            cname,
            next: None,
            octets: 0,
            sent_before: [0; 2],
            heard: None,
            given_up: None,
            bye: false,
        }
    }

    /// Another peer, or the same at another place.
    pub const fn restart(&mut self) {
        self.heard = None;
        self.bye = false;
    }

    const fn is_sender(&self, sent: u64) -> bool {
        sent > self.sent_before[1]
    }
}

impl Engine {
    /// Looks after every stream whose time has come.
    pub(crate) fn attend(&mut self, now: Time, port: &mut impl Port) {
        let Some(part) = self.agenda.walk(now, self.table.high_water()) else {
            return;
        };
        for index in part {
            if self.agenda.take(now, index)
                && let Some(stream) = self.table.at(index)
            {
                let owner = stream.owner;
                self.attend_stream(now, owner, port);
            }
        }
    }

    fn attend_stream(&mut self, now: Time, owner: Owner, port: &mut impl Port) {
        self.report_when_due(now, owner, port);
        self.supervise(now, owner);
        let timeout = self.media_timeout;
        let Some(stream) = self.table.get(owner) else {
            return;
        };
        let digit = stream.digits.expire(now);
        let held = stream.digits.is_held();
        let supervised = stream.media.is_some_and(|media| media.supervise);
        let mut next = stream.reports.next.unwrap_or(now + LOOK);
        if supervised {
            next = next.min((stream.heard + timeout).max(now + LOOK));
        }
        if held {
            next = next.min(now + LOOK_DIGIT);
        }
        self.agenda.set(owner.index, next);
        if let Some(digit) = digit {
            self.tell_digit(owner, digit);
        }
    }

    fn report_when_due(&mut self, now: Time, owner: Owner, port: &mut impl Port) {
        let random = self.random.next_u32();
        let Some(stream) = self.table.get(owner) else {
            return;
        };
        if stream.media.is_none() {
            return;
        }
        let given_up = stream.reports.given_up.take();
        let due = match stream.reports.next {
            Some(next) => next <= now,
            None => {
                stream.reports.next = Some(now + interval(true, random));
                false
            }
        };
        if let Some(ssrc) = given_up {
            self.report(now, owner, Some(ssrc), port);
        }
        if due {
            self.report(now, owner, None, port);
            if let Some(stream) = self.table.get(owner) {
                if stream.screened {
                    port.tally(owner);
                }
                stream.reports.next = Some(now + interval(false, random));
            }
        }
    }

    /// Says goodbye for a stream that is about to close.
    pub(crate) fn say_goodbye(&mut self, now: Time, owner: Owner, port: &mut impl Port) {
        let ssrc = self.table.get(owner).map(|stream| stream.output.ssrc);
        self.report(now, owner, ssrc, port);
    }

    /// Sends a report, with a goodbye for `bye`.
    fn report(&mut self, now: Time, owner: Owner, bye: Option<u32>, port: &mut impl Port) {
        let wall = self.wall(now);
        let live = self.live(owner);
        let Some(stream) = self.table.get(owner) else {
            return;
        };
        let Some((sockets, to)) = stream.rtcp_destination() else {
            return;
        };
        let sent = stream.stats.sent + u64::from(live.packets);
        let mut output = stream.output;
        if let Some((timestamp, due)) = live.next {
            output.advance(output.sequence, timestamp, due);
        }
        let ssrc = bye.unwrap_or(stream.output.ssrc);
        let sender = stream.reports.is_sender(sent).then(|| SenderReport {
            ssrc,
            ntp: ntp(wall),
            timestamp: output.timestamp_at(now),
            packets: low_half(sent),
            octets: stream.reports.octets.wrapping_add(live.octets),
        });
        stream.reports.sent_before = [sent, stream.reports.sent_before[0]];
        let mut block = stream.reception.report();
        if let (Some(block), Some(heard)) = (&mut block, stream.reports.heard) {
            answer(block, heard, now);
        }
        let cname = stream.reports.cname;
        let report = Report {
            ssrc,
            cname: &cname,
            sender,
            block,
            bye: bye.is_some(),
        };
        match port.send(sockets.rtcp, &to, owner, |out| rtcp::write(out, &report)) {
            Ok(()) => self.stats.rtcp_sent.add(1),
            Err(reason) => self.dropped(owner, reason),
        }
    }

    /// Reports a peer that was not heard for too long, once.
    fn supervise(&mut self, now: Time, owner: Owner) {
        let timeout = self.media_timeout;
        let id = self.id(owner);
        let Some(stream) = self.table.get(owner) else {
            return;
        };
        let supervised = stream.media.is_some_and(|media| media.supervise);
        let reported = stream.silent_since == Some(stream.heard);
        if supervised && !reported && now - stream.heard >= timeout {
            stream.silent_since = Some(stream.heard);
            self.tell(Event::MediaTimeout { stream: id });
        }
    }

    pub(crate) fn receive_rtcp(
        &mut self,
        now: Time,
        owner: Owner,
        source: SocketAddr,
        datagram: &[u8],
    ) -> Result<Outcome, DropReason> {
        let ntp_now = middle(ntp(self.wall(now)));
        let id = self.id(owner);
        let stream = self.table.get(owner).ok_or(DropReason::StaleStream)?;
        let media = stream.media.ok_or(DropReason::NotWanted)?;
        if !stream.believes_rtcp(&media, source) {
            return Err(DropReason::WrongSource);
        }
        let compound = rtcp::parse(datagram).map_err(|_| DropReason::Malformed)?;
        stream.heard = now;
        let mut bye = false;
        for packet in compound {
            match packet {
                Packet::SenderReport {
                    ssrc,
                    ntp_middle,
                    blocks,
                } => {
                    stream.reports.heard = Some((ssrc, ntp_middle, now));
                    stream.take_blocks(blocks, ntp_now);
                }
                Packet::ReceiverReport { blocks, .. } => stream.take_blocks(blocks, ntp_now),
                Packet::Bye(mut sources) => bye |= stream.is_gone(&mut sources),
                Packet::Other => {}
            }
        }
        let told = stream.reports.bye;
        stream.reports.bye |= bye;
        self.stats.rtcp_received.add(1);
        if bye && !told {
            self.tell(Event::PeerBye { stream: id });
        }
        Ok(Outcome::Done)
    }

    /// Takes another SSRC, since the peer has ours (RFC 3550 §8.2), and says goodbye for the old
    /// one soon.
    pub(crate) fn change_ssrc(&mut self, owner: Owner) {
        let ssrc = self.random.next_u32();
        let Some(stream) = self.table.get(owner) else {
            return;
        };
        stream.reports.given_up = Some(stream.output.ssrc);
        stream.output.ssrc = ssrc;
        if let Some(place) = stream.place {
            self.wheel.line(place).header.ssrc = crate::rtp::Be32::new(ssrc);
        }
        self.agenda.hurry(owner.index);
    }

    /// Reports a digit, unless control is behind: then it is counted and lost.
    pub(crate) fn tell_digit(&mut self, owner: Owner, digit: Digit) {
        if self.events_are_behind() {
            return self.dropped(owner, DropReason::EventQueueFull);
        }
        self.tell(Event::Digit {
            stream: self.id(owner),
            code: digit.code,
            duration_ms: digit.duration_ms,
        });
    }
}

impl Stream {
    /// From where and where to RTCP goes: the signalled address, or, on a shared port, the learned
    /// one.
    fn rtcp_destination(&self) -> Option<(Sockets, Address)> {
        let sockets = self.sockets()?;
        let media = self.media?;
        let signalled = media.remote_rtcp?;
        let shared = sockets.rtp == sockets.rtcp && media.remote == Some(signalled);
        let to = if shared {
            self.lock.destination(&media)?
        } else {
            signalled
        };
        Some((sockets, to.into()))
    }

    /// RTCP is believed from the host that RTP is believed from, and from where the peer said its
    /// RTCP is.
    fn believes_rtcp(&self, media: &Media, source: SocketAddr) -> bool {
        let host = |address: Option<SocketAddr>| {
            address.is_some_and(|address| same_host(source, address.ip()))
        };
        let learnable = matches!(media.latch, Latch::From(ip) if same_host(source, ip));
        host(self.lock.destination(media)) || host(media.remote_rtcp) || learnable
    }

    /// What the peer says of what we sent.
    fn take_blocks(&mut self, blocks: rtcp::Blocks<'_>, ntp_now: u32) {
        for block in blocks.filter(|block| block.ssrc == self.output.ssrc) {
            self.stats.lost_by_peer = u32::try_from(block.lost).unwrap_or(0);
            if block.last_report != 0 {
                let trip = ntp_now
                    .wrapping_sub(block.last_report)
                    .wrapping_sub(block.delay);
                // Negative when clocks tick unevenly: no time at all.
                let trip = u64::from(trip.cast_signed().max(0).unsigned_abs());
                let micros = (trip * 1_000_000) >> 16;
                self.stats.round_trip_us = u32::try_from(micros).unwrap_or(u32::MAX);
            }
        }
    }

    /// Whether a goodbye is the peer's: for the SSRC heard, or for any while none was.
    fn is_gone(&self, sources: &mut rtcp::Sources<'_>) -> bool {
        match self.reception.ssrc() {
            Some(ssrc) => sources.any(|source| source == ssrc),
            None => sources.next().is_some(),
        }
    }
}

/// Lets the peer measure the round trip (RFC 3550 §6.4.1, LSR and DLSR).
fn answer(block: &mut Block, (ssrc, ntp_middle, at): (u32, u32, Time), now: Time) {
    if block.ssrc == ssrc {
        block.last_report = ntp_middle;
        let delay = ((now - at).as_nanos() << 16) / 1_000_000_000;
        block.delay = u32::try_from(delay).unwrap_or(u32::MAX);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the counter of §6.4.1 wraps"
)]
const fn low_half(count: u64) -> u32 {
    count as u32
}
