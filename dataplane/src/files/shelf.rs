//! The captures and their files: at most [`CAPTURES_MAX`], each of at most as many bytes as one may
//! have, so that the room that all of them take on the disk has a limit.

use std::time::Duration;

use shared::limits::{CAPTURE_KEPT, CAPTURES_MAX};
use shared::{
    CaptureEnd, CaptureError, CaptureId, CaptureOrder, CaptureStatus, CapturedMessage,
    CapturedPacket, Piece, Receiver, Time,
};

use super::disk::{By, Disk};
use super::route::Routes;
use crate::capture::Capture;
use crate::uring::clock;

/// See the module.
pub(super) struct Shelf {
    by: By,
    /// The oldest first.
    entries: Vec<Entry>,
    taps: Vec<Receiver<CapturedPacket>>,
    routes: Routes,
}

struct Entry {
    capture: Capture,
    disk: Disk,
    /// When it ended.
    ended: Option<Time>,
}

/// What arrives later than this is not in the order of its time any more: workers and control
/// stamp what they see a moment before they tell of it.
const HELD_BACK: Duration = Duration::from_millis(50);

/// Bytes that are read at once.
const PIECE_BYTES_MAX: u64 = 64 * 1_024;

impl Shelf {
    pub(super) fn new(by: By) -> Self {
        Self {
            by,
            entries: Vec::new(),
            taps: Vec::new(),
            routes: Routes::default(),
        }
    }

    pub(super) const fn by(&self) -> By {
        self.by
    }

    pub(super) fn tap(&mut self, taps: Vec<Receiver<CapturedPacket>>) {
        self.taps.extend(taps);
    }

    /// Whether something is to be written.
    pub(super) fn is_busy(&self) -> bool {
        self.entries.iter().any(|entry| entry.capture.is_running())
    }

    pub(super) fn statuses(&self) -> Vec<CaptureStatus> {
        let status = |entry: &Entry| entry.capture.status().clone();
        self.entries.iter().map(status).collect()
    }

    /// Makes a file and begins it. Where all places are taken, the file that waits for longest to
    /// be fetched gives way.
    pub(super) async fn begin(&mut self, order: CaptureOrder) -> Result<(), CaptureError> {
        if self.entries.len() >= CAPTURES_MAX {
            let over = self.entries.iter().position(|entry| entry.ended.is_some());
            self.entries.remove(over.ok_or(CaptureError::TooMany)?);
        }
        let folder = order.folder.clone();
        let name = format!(".capture-{}-{}", std::process::id(), order.capture.0);
        let wrong = |error: std::io::Error| CaptureError::File(folder.clone(), error.to_string());
        let disk = Disk::make(self.by, &folder, &name).map_err(wrong)?;
        let epoch = clock::wall().saturating_sub(clock::now() - Time::ZERO);
        let mut entry = Entry {
            capture: Capture::new(order, epoch),
            disk,
            ended: None,
        };
        let head = entry.capture.head();
        entry.append(head).await.map_err(wrong)?;
        self.entries.push(entry);
        Ok(())
    }

    pub(super) fn message(&mut self, mut message: CapturedMessage) {
        message.ends = self.routes.complete(message.ends);
        if let Some(entry) = find(&mut self.entries, message.capture) {
            entry.capture.message(message);
        }
    }

    /// Messages were lost on their way here.
    pub(super) fn lost(&mut self, count: u64) {
        for entry in &mut self.entries {
            if entry.capture.is_running() {
                entry.capture.lost(count);
            }
        }
    }

    /// Writes what has come, ends what is due, gives up what nobody has fetched.
    pub(super) async fn turn(&mut self) {
        self.drain();
        let now = clock::now();
        let before = Time::ZERO + (now - Time::ZERO).saturating_sub(HELD_BACK);
        for entry in &mut self.entries {
            entry.turn(now, before).await;
        }
        let is_old = |at: Time| now - at >= CAPTURE_KEPT;
        self.entries
            .retain(|entry| !entry.ended.is_some_and(is_old));
    }

    pub(super) async fn end(&mut self, capture: CaptureId, end: CaptureEnd) {
        self.drain();
        let now = clock::now();
        if let Some(entry) = find(&mut self.entries, capture)
            && entry.ended.is_none()
        {
            entry.finish(now, end).await;
        }
    }

    pub(super) fn forget(&mut self, capture: CaptureId) {
        self.entries.retain(|entry| entry.id() != capture);
    }

    pub(super) async fn read(
        &mut self,
        capture: CaptureId,
        from: u64,
    ) -> Result<Piece, CaptureError> {
        let entry = find(&mut self.entries, capture).ok_or(CaptureError::Gone)?;
        let status = entry.capture.status();
        let length = status.bytes.saturating_sub(from).min(PIECE_BYTES_MAX);
        let piece = |bytes: Vec<u8>| Piece {
            is_last: entry.ended.is_some() && from + bytes.len() as u64 >= status.bytes,
            bytes,
        };
        if length == 0 {
            return Ok(piece(Vec::new()));
        }
        let length = usize::try_from(length).unwrap_or(0);
        let folder = status.order.folder.clone();
        let read = entry.disk.read(from, length).await;
        read.map(piece)
            .map_err(|error| CaptureError::File(folder, error.to_string()))
    }

    /// Takes over what the workers have copied.
    fn drain(&mut self) {
        for tap in &self.taps {
            // As many as there may be: a worker that is faster than this does not hold it up.
            for _ in 0..shared::limits::CAPTURED_QUEUE_LENGTH {
                let Some(mut packet) = tap.pop() else { break };
                packet.ends = self.routes.complete(packet.ends);
                if let Some(entry) = find(&mut self.entries, packet.capture) {
                    entry.capture.packet(packet);
                }
            }
        }
    }
}

impl Entry {
    const fn id(&self) -> CaptureId {
        self.capture.status().order.capture
    }

    async fn turn(&mut self, now: Time, before: Time) {
        if self.ended.is_some() {
            return;
        }
        let is_over = now >= self.capture.status().order.until;
        if !is_over {
            let blocks = self.capture.blocks(before);
            let written = self.append(blocks).await;
            self.say(written);
        }
        if is_over || !self.capture.is_running() {
            self.finish(now, CaptureEnd::TimeOver).await;
        }
    }

    /// Writes the end of the file. What is in it already is whole in any case.
    async fn finish(&mut self, now: Time, end: CaptureEnd) {
        let tail = self.capture.tail(now, end);
        let written = self.append(tail).await;
        self.say(written);
        self.ended = Some(now);
        let status = self.capture.status();
        tracing::info!(
            capture = status.order.capture.0,
            call = status.order.call,
            messages = status.messages,
            packets = status.packets,
            lost = status.lost,
            bytes = status.bytes,
            end = status.end.as_ref().map(CaptureEnd::name),
            "capture ended"
        );
    }

    /// Whole blocks, or nothing: what was written of them in part is written over, or never read.
    async fn append(&mut self, blocks: Vec<u8>) -> std::io::Result<()> {
        if blocks.is_empty() {
            return Ok(());
        }
        let (at, length) = (self.capture.status().bytes, blocks.len() as u64);
        self.disk.write(blocks, at).await?;
        self.capture.written(at + length);
        Ok(())
    }

    fn say(&mut self, written: std::io::Result<()>) {
        if let Err(error) = written {
            let folder = self.capture.status().order.folder.display();
            tracing::warn!(%folder, %error, "a capture ends: its file cannot be written");
            self.capture.unwritable(error.to_string());
        }
    }
}

fn find(entries: &mut [Entry], capture: CaptureId) -> Option<&mut Entry> {
    entries.iter_mut().find(|entry| entry.id() == capture)
}
