//! RTCP of the streams: reports at their times, goodbyes, what the peers report. And what else is
//! looked after now and then: silence of a peer, digits whose end was lost.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use rand_chacha::rand_core::RngCore;
use shared::sync_source::CNAME_BYTES;
use shared::{DropReason, Event, Latch, Source, Time};

use crate::address::Address;
use crate::agenda::NEVER;
use crate::digit::Digit;
use crate::engine::Engine;
use crate::port::{Owner, Port, Sockets};
use crate::receive::Outcome;
use crate::rtcp::interval::interval;
use crate::rtcp::receiver_report::Block;
use crate::rtcp::sdes;
use crate::rtcp::sender_report::{SenderReport, middle, ntp};
use crate::rtcp::{self, Packet, Report};
use crate::stream::Stream;
use crate::tap::Sight;
use crate::terms::Terms;

/// What a stream knows of its reports.
#[derive(Debug)]
pub struct Reports {
    /// The random part of our name.
    cname: [u8; CNAME_BYTES],
    /// When the next one leaves; [`NEVER`] until the stream is described.
    next: Time,
    /// Payload bytes sent.
    pub octets: u32,
    /// Packets sent, at the last report and at the one before: who sent since then is a sender (RFC
    /// 3550 §6.4).
    sent_before: [u32; 2],
    /// The peer's last sender report.
    heard: Heard,
    /// An SSRC we gave up and must say goodbye for.
    given_up: Option<NonZeroU32>,
    /// The peer's goodbye was reported.
    bye: bool,
}

/// A sender report of the peer.
#[derive(Clone, Copy, Debug)]
struct Heard {
    ssrc: u32,
    /// The middle of its NTP timestamp; 0 when there was no report (RFC 3550 §6.4.1, LSR).
    ntp_middle: u32,
    /// When it came.
    at: Time,
}

impl Heard {
    const NOTHING: Self = Self {
        ssrc: 0,
        ntp_middle: 0,
        at: Time::ZERO,
    };
}

/// How often a stream is looked at that has no reports to send.
const LOOK: Duration = Duration::from_secs(1);

/// While a digit is held, or a call.
const LOOK_OFTEN: Duration = Duration::from_millis(100);

impl Reports {
    /// Before anything was sent.
    #[must_use]
    pub const fn new(cname: [u8; CNAME_BYTES]) -> Self {
        Self {
            cname,
            next: NEVER,
            octets: 0,
            sent_before: [0; 2],
            heard: Heard::NOTHING,
            given_up: None,
            bye: false,
        }
    }

    /// Another peer, or the same at another place.
    pub const fn restart(&mut self) {
        self.heard = Heard::NOTHING;
        self.bye = false;
    }

    const fn is_sender(&self, sent: u32) -> bool {
        sent != self.sent_before[1]
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
        let holds = matches!(stream.source, Source::Held { .. });
        let hushed = holds && stream.hush.look();
        let digit = stream.digits.expire(now);
        let held = stream.digits.is_held();
        let supervised = stream.terms.is_some_and(|terms| terms.supervise);
        let mut next = match stream.reports.next {
            NEVER => now + LOOK,
            next => next,
        };
        if supervised {
            next = next.min((stream.heard + timeout).max(now + LOOK));
        }
        if held || holds {
            next = next.min(now + LOOK_OFTEN);
        }
        self.agenda.set(owner.index, next);
        if hushed {
            self.drive(now, owner);
        }
        if let Some(digit) = digit {
            self.tell_digit(owner, digit);
        }
    }

    fn report_when_due(&mut self, now: Time, owner: Owner, port: &mut impl Port) {
        let random = self.random.next_u32();
        let Some(stream) = self.table.get(owner) else {
            return;
        };
        if stream.terms.is_none() {
            return;
        }
        let given_up = stream.reports.given_up.take();
        let due = match stream.reports.next {
            NEVER => {
                stream.reports.next = now + interval(true, random);
                false
            }
            next => next <= now,
        };
        if let Some(ssrc) = given_up {
            self.report(now, owner, Some(ssrc.get()), port);
        }
        if due {
            self.report(now, owner, None, port);
            if let Some(stream) = self.table.get(owner) {
                if stream.screened {
                    port.tally(owner);
                }
                stream.reports.next = now + interval(false, random);
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
        let sent = stream.counts.sent.wrapping_add(live.packets);
        let mut output = stream.output;
        if let Some((timestamp, due)) = live.next {
            output.advance(output.sequence, timestamp, due);
        }
        let ssrc = bye.unwrap_or(stream.output.ssrc);
        let sender = stream.reports.is_sender(sent).then(|| SenderReport {
            ssrc,
            ntp: ntp(wall),
            timestamp: output.timestamp_at(now),
            packets: sent,
            octets: stream.reports.octets.wrapping_add(live.octets),
        });
        stream.reports.sent_before = [sent, stream.reports.sent_before[0]];
        let mut block = stream.reception.report();
        if let Some(block) = &mut block {
            answer(block, stream.reports.heard, now);
        }
        let cname = sdes::cname(stream.reports.cname);
        let report = Report {
            ssrc,
            cname: &cname,
            sender,
            block,
            bye: bye.is_some(),
        };
        let (captured, tap, stats) = (stream.captured, &mut self.tap, &self.stats);
        let written = port.send(sockets.rtcp, &to, owner, |out| {
            let length = rtcp::write(out, &report);
            if captured {
                tap.see(
                    owner,
                    Sight::sent(now, to, &out[..length]).of_rtcp(stream),
                    stats,
                );
            }
            length
        });
        match written {
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
        let supervised = stream.terms.is_some_and(|terms| terms.supervise);
        let told = stream.told_of_silence;
        if supervised && !told && now - stream.heard >= timeout {
            stream.told_of_silence = true;
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
        let source = Address::from(source);
        if stream.captured {
            let sight = Sight::arrived(now, source, datagram).of_rtcp(stream);
            self.tap.see(owner, sight, &self.stats);
        }
        let terms = stream.terms.as_ref().ok_or(DropReason::NotWanted)?;
        if !stream.believes_rtcp(terms, &source) {
            return Err(DropReason::WrongSource);
        }
        let compound = rtcp::parse(datagram).map_err(|_| DropReason::Malformed)?;
        stream.lock.learn_rtcp(terms, &source);
        stream.hear(now);
        let mut bye = false;
        for packet in compound {
            match packet {
                Packet::SenderReport {
                    ssrc,
                    ntp_middle,
                    blocks,
                } => {
                    stream.reports.heard = Heard {
                        ssrc,
                        ntp_middle,
                        at: now,
                    };
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
        stream.reports.given_up = NonZeroU32::new(stream.output.ssrc);
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
    /// From where and where to RTCP goes: where it was learned to come from, or the signalled
    /// address, or, on a shared port, where RTP goes.
    fn rtcp_destination(&self) -> Option<(Sockets, Address)> {
        let sockets = self.sockets()?;
        let terms = self.terms.as_ref()?;
        if !terms.remote_rtcp.is_known() {
            return None;
        }
        let shared = sockets.rtp == sockets.rtcp && terms.remote == terms.remote_rtcp;
        let to = if shared {
            self.lock.destination(terms)?
        } else {
            self.lock.rtcp_destination().unwrap_or(terms.remote_rtcp)
        };
        Some((sockets, to))
    }

    /// RTCP is believed from the host that RTP is believed from, and from where the peer said its
    /// RTCP is.
    fn believes_rtcp(&self, terms: &Terms, source: &Address) -> bool {
        let learnable = matches!(terms.latch, Latch::From(ip) if source.is_at(&ip.into()));
        let heard = self.lock.destination(terms);
        learnable || terms.remote_rtcp.is_at(source) || heard.is_some_and(|host| host.is_at(source))
    }

    /// What the peer says of what we sent.
    fn take_blocks(&mut self, blocks: rtcp::Blocks<'_>, ntp_now: u32) {
        for block in blocks.filter(|block| block.ssrc == self.output.ssrc) {
            self.counts.lost_by_peer = u32::try_from(block.lost).unwrap_or(0);
            if block.last_report != 0 {
                let trip = ntp_now
                    .wrapping_sub(block.last_report)
                    .wrapping_sub(block.delay);
                // Negative when clocks tick unevenly: no time at all.
                let trip = u64::from(trip.cast_signed().max(0).unsigned_abs());
                let micros = (trip * 1_000_000) >> 16;
                self.counts.round_trip_us = u32::try_from(micros).unwrap_or(u32::MAX);
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
fn answer(block: &mut Block, heard: Heard, now: Time) {
    if block.ssrc == heard.ssrc && heard.ntp_middle != 0 {
        block.last_report = heard.ntp_middle;
        let delay = ((now - heard.at).as_nanos() << 16) / 1_000_000_000;
        block.delay = u32::try_from(delay).unwrap_or(u32::MAX);
    }
}
