//! One capture: messages and packets go in, the bytes of a pcapng file come out, in the order of
//! their times.
//!
//! Absent on purpose: the file and the clock (`files`), what belongs to a call (control), and what
//! of a packet is kept (`tap`).

mod conversation;
mod pcapng;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use shared::limits::CAPTURE_BYTES_MAX;
use shared::{
    CaptureEnd, CaptureOrder, CaptureStatus, CapturedMessage, CapturedPacket, Carrier, Course,
    Ends, Time,
};

use conversation::Conversations;
use wire::{Numbers, Route, SEGMENT_BYTES_MAX};

/// A capture that goes on, or has ended.
#[derive(Debug)]
pub(crate) struct Capture {
    status: CaptureStatus,
    /// Time since 1970 at the origin of the clock.
    epoch: Duration,
    /// What is not in the file yet.
    waiting: Vec<Record>,
    conversations: Conversations,
}

#[derive(Debug)]
enum Record {
    Packet(CapturedPacket),
    Message(CapturedMessage),
}

impl Capture {
    /// `epoch`: time since 1970 at the origin of the clock.
    pub(crate) fn new(order: CaptureOrder, epoch: Duration) -> Self {
        Self {
            status: CaptureStatus {
                order,
                messages: 0,
                packets: 0,
                lost: 0,
                bytes: 0,
                end: None,
            },
            epoch,
            waiting: Vec::new(),
            conversations: Conversations::default(),
        }
    }

    pub(crate) const fn status(&self) -> &CaptureStatus {
        &self.status
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.status.end.is_none()
    }

    /// The beginning of the file.
    pub(crate) fn head(&self) -> Vec<u8> {
        let order = &self.status.order;
        let orbit = order
            .orbit
            .as_deref()
            .map(|orbit| format!(", orbit {orbit}"));
        let comment = format!(
            "call {}{}. Of RTP the headers only; of SIP everything but credentials, keys, park \
             tokens and the bodies of INFO, which are overwritten with x. TCP: the segments are \
             made up, one for each message.",
            order.call,
            orbit.unwrap_or_default()
        );
        let mut out = Vec::new();
        pcapng::section(&mut out, APPLICATION, &comment);
        pcapng::interface(&mut out, "sip", "SIP, as orbit has sent and read it");
        pcapng::interface(
            &mut out,
            "rtp",
            "RTP and RTCP, as the media worker has sent and read it",
        );
        out
    }

    /// Takes a packet; the local address is known.
    pub(crate) fn packet(&mut self, packet: CapturedPacket) {
        self.status.lost += u64::from(packet.lost);
        if self.is_running() {
            self.waiting.push(Record::Packet(packet));
        }
    }

    /// Takes a message; the local address is known.
    pub(crate) fn message(&mut self, message: CapturedMessage) {
        if self.is_running() {
            self.waiting.push(Record::Message(message));
        }
    }

    /// So many messages were lost, of this capture or another.
    pub(crate) const fn lost(&mut self, count: u64) {
        self.status.lost += count;
    }

    /// What goes into the file next: all from before a time. Ends the capture where that is more
    /// than a file may have, and takes nothing of it.
    pub(crate) fn blocks(&mut self, before: Time) -> Vec<u8> {
        self.waiting.sort_by_key(Record::at);
        let end = self.waiting.partition_point(|record| record.at() < before);
        let mut out = Vec::new();
        let due: Vec<Record> = self.waiting.drain(..end).collect();
        for record in due {
            let length = out.len();
            self.block(&mut out, &record);
            if self.status.bytes + (out.len() + TAIL_BYTES_MAX) as u64 > CAPTURE_BYTES_MAX {
                out.truncate(length);
                self.waiting.clear();
                self.status.end.get_or_insert(CaptureEnd::Full);
                break;
            }
            match record {
                Record::Packet(_) => self.status.packets += 1,
                Record::Message(_) => self.status.messages += 1,
            }
        }
        out
    }

    /// The end of the file: all that waits, and the counts.
    pub(crate) fn tail(&mut self, at: Time, end: CaptureEnd) -> Vec<u8> {
        let mut out = self.blocks(Time::from_nanos(u64::MAX));
        self.status.end.get_or_insert(end);
        let at = self.wall(at);
        pcapng::statistics(&mut out, SIP, at, (self.status.messages, 0));
        let packets = (self.status.packets + self.status.lost, self.status.lost);
        pcapng::statistics(&mut out, RTP, at, packets);
        out
    }

    /// So many bytes are in the file now.
    pub(crate) const fn written(&mut self, bytes: u64) {
        self.status.bytes = bytes;
    }

    /// The file cannot be written any more.
    pub(crate) fn unwritable(&mut self, why: String) {
        self.waiting.clear();
        self.status.end = Some(CaptureEnd::Unwritable(why));
    }

    fn block(&mut self, out: &mut Vec<u8>, record: &Record) {
        match record {
            Record::Packet(packet) => {
                let head = &packet.head[..usize::from(packet.kept)];
                let mut bytes = Vec::new();
                let route = route(&packet.ends, packet.course);
                let length = usize::from(packet.length);
                wire::udp(&mut bytes, &route, head, length);
                let missing = length.saturating_sub(head.len());
                let block = pcapng::Packet {
                    interface: RTP,
                    at: self.wall(packet.at),
                    length: bytes.len() + missing,
                    bytes: &bytes,
                    is_sent: packet.course == Course::Sent,
                    comment: None,
                };
                pcapng::packet(out, &block);
            }
            Record::Message(message) => match message.carrier {
                Carrier::Udp => {
                    let mut bytes = Vec::new();
                    let route = route(&message.ends, message.course);
                    wire::udp(&mut bytes, &route, &message.bytes, message.bytes.len());
                    self.message_block(out, message, &bytes);
                }
                Carrier::Tcp => self.segments(out, message),
            },
        }
    }

    fn segments(&mut self, out: &mut Vec<u8>, message: &CapturedMessage) {
        let route = route(&message.ends, message.course);
        for part in message.bytes.chunks(SEGMENT_BYTES_MAX) {
            let numbers: Numbers =
                self.conversations
                    .segment(message.ends, message.course, part.len());
            let mut bytes = Vec::new();
            wire::tcp(&mut bytes, &route, numbers, part);
            self.message_block(out, message, &bytes);
        }
    }

    fn message_block(&self, out: &mut Vec<u8>, message: &CapturedMessage, bytes: &[u8]) {
        let block = pcapng::Packet {
            interface: SIP,
            at: self.wall(message.at),
            length: bytes.len(),
            bytes,
            is_sent: message.course == Course::Sent,
            comment: message.comment,
        };
        pcapng::packet(out, &block);
    }

    fn wall(&self, at: Time) -> Duration {
        self.epoch + (at - Time::ZERO)
    }
}

impl Record {
    const fn at(&self) -> Time {
        match self {
            Self::Packet(packet) => packet.at,
            Self::Message(message) => message.at,
        }
    }
}

fn route(ends: &Ends, course: Course) -> Route {
    match course {
        Course::Arrived => Route::new(ends.remote, ends.local),
        Course::Sent => Route::new(ends.local, ends.remote),
    }
}

const APPLICATION: &str = concat!("orbit ", env!("CARGO_PKG_VERSION"));

/// The interfaces, by their places.
const SIP: u32 = 0;
const RTP: u32 = 1;

/// Room that is kept for the counts at the end.
const TAIL_BYTES_MAX: usize = 256;
