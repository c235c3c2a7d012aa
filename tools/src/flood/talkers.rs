//! Threads that speak for phones: each a packet every 20 ms, stamped, spread evenly over that time,
//! in batches.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::ops::AddAssign;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec};
use shared::Time;

use super::limits::BATCH;
use super::ports::Port;
use crate::clock;
use crate::judge::stamp::{BYTES, Stamp};

/// The speaking threads. Dropping them silences all.
#[derive(Debug)]
pub(super) struct Talkers {
    threads: Vec<Talker>,
}

/// One voice: from where, to where, and as whom.
#[derive(Clone, Debug)]
pub(super) struct Voice {
    pub(super) port: Port,
    pub(super) to: SocketAddr,
    pub(super) pair: u32,
    pub(super) side: u8,
    /// To ourselves: not counted.
    pub(super) is_direct: bool,
}

/// What was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Spoken {
    pub(super) sent: u64,
    /// More than [`LATE`] behind their time.
    pub(super) late: u64,
    /// That our own kernel refused.
    pub(super) failed: u64,
    /// How far the slowest thread was behind when it ended.
    pub(super) behind: Duration,
}

/// A packet this much behind its time is late.
const LATE: Duration = Duration::from_millis(5);

/// Slots of a millisecond in a packet's time.
const SLOTS: usize = 20;
const SLOT: Duration = Duration::from_millis(1);

impl AddAssign for Spoken {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.late += other.late;
        self.failed += other.failed;
        self.behind = self.behind.max(other.behind);
    }
}

impl Talkers {
    /// Lets the voices speak until [`Talkers::hush`].
    ///
    /// # Errors
    /// When the kernel refuses a thread.
    pub(super) fn start(voices: Vec<Voice>, threads: usize) -> std::io::Result<Self> {
        let threads = threads.clamp(1, voices.len().max(1));
        let mut shares: Vec<Vec<Voice>> = vec![Vec::new(); threads];
        for (place, voice) in voices.into_iter().enumerate() {
            shares[place % threads].push(voice);
        }
        let shares = shares.into_iter();
        let threads = shares.map(Talker::start).collect::<std::io::Result<_>>()?;
        Ok(Self { threads })
    }

    /// Silences all; what they sent.
    pub(super) fn hush(self) -> Spoken {
        let mut all = Spoken::default();
        for mut talker in self.threads {
            talker.hush = None;
            if let Some(Ok(spoken)) = talker.thread.take().map(JoinHandle::join) {
                all += spoken;
            }
        }
        all
    }
}

#[derive(Debug)]
struct Talker {
    hush: Option<Sender<()>>,
    thread: Option<JoinHandle<Spoken>>,
}

impl Talker {
    fn start(mut voices: Vec<Voice>) -> std::io::Result<Self> {
        // A batch goes out through one socket.
        voices.sort_by_key(|voice| voice.port.as_raw_fd());
        let mut slots: Vec<Vec<Line>> = vec![Vec::new(); SLOTS];
        let each = voices.len().div_ceil(SLOTS).max(1);
        for (place, voice) in voices.into_iter().enumerate() {
            slots[place / each].push(Line::new(voice));
        }
        let (hush, hushed) = channel();
        let thread = std::thread::Builder::new()
            .name("flood-mouth".to_owned())
            .spawn(move || talk(slots, &hushed))?;
        Ok(Self {
            hush: Some(hush),
            thread: Some(thread),
        })
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        self.hush = None;
        // A panic of the thread was printed when it happened.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// One voice and its next packet.
#[derive(Clone, Debug)]
struct Line {
    voice: Voice,
    to: SocketAddrAny,
    ssrc: u32,
    number: u64,
}

impl Line {
    fn new(voice: Voice) -> Self {
        Self {
            to: voice.to.into(),
            ssrc: ssrc(voice.pair, voice.side),
            voice,
            number: 0,
        }
    }

    fn write(&mut self, sent: Time, packet: &mut [u8; 12 + BYTES]) {
        let number = self.number;
        let [.., s0, s1] = number.to_be_bytes();
        let [.., t0, t1, t2, t3] = (number * BYTES as u64).to_be_bytes();
        let marker = if number == 0 { 0x80 } else { 0 };
        packet[..8].copy_from_slice(&[0x80, marker, s0, s1, t0, t1, t2, t3]);
        packet[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        let stamp = Stamp {
            pair: self.voice.pair,
            side: self.voice.side,
            number,
            sent,
        };
        if let Some(audio) = packet[12..].first_chunk_mut() {
            stamp.write(audio);
        }
        self.number += 1;
    }
}

/// The source that a voice names.
pub(super) fn ssrc(pair: u32, side: u8) -> u32 {
    0x5000_0000 | pair << 1 | u32::from(side)
}

fn talk(mut slots: Vec<Vec<Line>>, hushed: &Receiver<()>) -> Spoken {
    let mut spoken = Spoken::default();
    let mut packets = vec![[0; 12 + BYTES]; BATCH];
    let mut due = clock::now();
    for turn in (0..SLOTS).cycle() {
        due += SLOT;
        sleep_until(due);
        if !matches!(hushed.try_recv(), Err(TryRecvError::Empty)) {
            spoken.behind = clock::now() - due;
            break;
        }
        let slot = &mut slots[turn];
        for batch in batches(slot) {
            let behind = clock::now() - due;
            let sent = send(batch, &mut packets);
            let count = batch.len() as u64;
            let direct = batch.iter().filter(|line| line.voice.is_direct).count();
            spoken.sent += sent.saturating_sub(direct as u64);
            spoken.failed += count - sent;
            spoken.late += if behind > LATE { count } else { 0 };
        }
    }
    spoken
}

/// Neighbours with the same socket, at most [`BATCH`] of them.
fn batches(slot: &mut [Line]) -> impl Iterator<Item = &mut [Line]> {
    let same = |one: &Line, other: &Line| Arc::ptr_eq(&one.voice.port, &other.voice.port);
    slot.chunk_by_mut(same)
        .flat_map(|lines| lines.chunks_mut(BATCH))
}

/// Sends a packet of each; how many the kernel took.
fn send(lines: &mut [Line], packets: &mut [[u8; 12 + BYTES]]) -> u64 {
    let Some(first) = lines.first() else { return 0 };
    let port = Arc::clone(&first.voice.port);
    let now = clock::wall();
    for (line, packet) in lines.iter_mut().zip(&mut *packets) {
        line.write(now, packet);
    }
    let parts: Vec<[IoSlice<'_>; 1]> = packets[..lines.len()]
        .iter()
        .map(|packet| [IoSlice::new(packet)])
        .collect();
    let mut notes: Vec<SendAncillaryBuffer<'_, '_, '_>> = lines
        .iter()
        .map(|_| SendAncillaryBuffer::default())
        .collect();
    let mut messages: Vec<MMsgHdr<'_>> = lines
        .iter()
        .zip(&parts)
        .zip(&mut notes)
        .map(|((line, part), notes)| MMsgHdr::new_with_addr(&line.to, part, notes))
        .collect();
    let mut sent = 0;
    while sent < messages.len() {
        match sendmmsg(port.as_fd(), &mut messages[sent..], SendFlags::empty()) {
            Ok(count) => sent += count,
            // An ICMP error of an earlier packet: this one was not tried.
            Err(rustix::io::Errno::CONNREFUSED | rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
    }
    sent as u64
}

/// Waits for a moment of the monotonic clock.
pub(super) fn sleep_until(due: Time) {
    let nanos = due.as_nanos();
    let part = |count: u64| i64::try_from(count).expect("the clock is far from its end");
    let at = Timespec {
        tv_sec: part(nanos / 1_000_000_000),
        tv_nsec: part(nanos % 1_000_000_000),
    };
    // Woken early by a signal: a packet a little early.
    let _ = clock_nanosleep_absolute(ClockId::Monotonic, &at);
}

#[cfg(test)]
mod tests {
    use super::super::listener::{Listeners, Role};
    use super::super::ports;
    use super::*;

    #[test]
    fn voices_are_heard_as_they_spoke() {
        let host = "127.0.0.1".parse().unwrap();
        let ears = ports::bind(host, 1).unwrap().remove(0);
        let mouths = ports::bind(host, 2).unwrap();
        let to = ports::address(&ears);
        let listened = [(ears, Role::Bridged)];
        let listeners = Listeners::start(&listened, None, None, 1).unwrap();
        let voices = mouths.iter().zip(0..);
        let voices = voices.map(|(port, pair)| Voice {
            port: Arc::clone(port),
            to,
            pair,
            side: 1,
            is_direct: false,
        });
        let talkers = Talkers::start(voices.collect(), 2).unwrap();
        let heard = (0..500).map(|_| listeners.heard());
        heard
            .take_while(|heard| heard.findings.received < 10)
            .count();
        let spoken = talkers.hush();
        let heard = (0..500)
            .map(|_| listeners.heard())
            .find(|heard| heard.findings.received == spoken.sent);
        let heard = heard.expect("what was sent is heard");
        assert!(heard.findings.is_clean() && heard.streams == 2, "{heard:?}");
        let mut speakers: Vec<_> = listeners.streams().iter().map(|one| one.speaker).collect();
        speakers.sort();
        assert_eq!(speakers, [Some((0, 1)), Some((1, 1))]);
        assert_eq!(spoken.failed, 0);
    }
}
