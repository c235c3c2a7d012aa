//! Cutting a TCP stream into messages (RFC 3261 §18.3), within limits.
//!
//! Absent on purpose: the connection. What is wrong with one closes it; that is the driver's
//! doing. Invariants: no byte of a head is searched twice for its end; what waits here is less
//! than one message and one `push`, as long as the frames are taken between two of them.

use super::head::{self, ContentLength};
use super::limits::{BODY_BYTES_MAX, HEAD_BYTES_MAX};
use super::token::is_token_byte;

/// Collects the bytes of one connection and gives whole messages.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Bytes of the buffer that have been given out.
    taken: usize,
    /// Bytes behind `taken` that were searched for the end of the head.
    searched: usize,
    /// Length of the message at `taken`, once its head is complete.
    length: Option<usize>,
    is_broken: bool,
}

/// What came out of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// One whole message.
    Message(Vec<u8>),
    /// A double CRLF (RFC 5626 §3.5.1): answer with one CRLF. Several in a row are one.
    KeepAlive,
    /// The stream cannot be followed further (too long, no Content-Length, not SIP): the head as
    /// far as it came, to be answered where possible; then close.
    Broken(Vec<u8>),
}

/// Above this an empty buffer is given back, so that idle connections cost nothing.
const IDLE_BYTES_MAX: usize = 4_096;

impl Framer {
    /// Takes what arrived. Call [`Self::next_frame`] until `None` before the next.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.is_broken {
            return;
        }
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, or `None` until more arrives. After [`Frame::Broken`] always `None`.
    pub fn next_frame(&mut self) -> Option<Frame> {
        if self.length.is_none() && self.searched == 0 && self.skip_breaks() {
            return Some(Frame::KeepAlive);
        }
        let frame = match self.length {
            Some(length) => self.take_message(length),
            None => self.read_head(),
        };
        if self.taken == self.buffer.len() {
            self.release();
        }
        frame
    }

    /// Bytes that wait for the rest of their message.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.buffer.len() - self.taken
    }

    fn pending(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    /// Skips the CRLFs between messages: true when two of them stood together. One alone is the
    /// peer's answer to a keep-alive, or an old habit; at the end of what has arrived it waits
    /// for its neighbour.
    fn skip_breaks(&mut self) -> bool {
        let pending = self.pending();
        let breaks = (pending.len() - head::skip_breaks(pending).len()) / 2;
        let rest = &pending[breaks * 2..];
        let is_open = rest.is_empty() || rest == b"\r";
        let skipped = match is_open {
            true => breaks - breaks % 2,
            false => breaks,
        };
        self.taken += skipped * 2;
        skipped > 1
    }

    /// Looks for the end of the head in what was not searched yet.
    fn read_head(&mut self) -> Option<Frame> {
        let pending = self.pending();
        let is_break = matches!(pending, b"\r" | b"\r\n" | b"\r\n\r");
        if pending.is_empty() || is_break {
            return None;
        }
        if !is_token_byte(pending[0]) {
            return Some(self.break_off(pending.len()));
        }
        // The end may have begun in the last three bytes of what was searched before.
        let from = self.searched.saturating_sub(3);
        let fresh = &pending[from..pending.len().min(HEAD_BYTES_MAX)];
        let end = head::length(fresh);
        let is_lone = |at: usize| from + at == 0 || pending[from + at - 1] != b'\r';
        let mut breaks = memchr::memchr_iter(b'\n', &fresh[..end.unwrap_or(fresh.len())]);
        if breaks.any(is_lone) {
            return Some(self.break_off(pending.len()));
        }
        if let Some(end) = end {
            return self.measure(from + end);
        }
        if pending.len() >= HEAD_BYTES_MAX {
            return Some(self.break_off(pending.len()));
        }
        self.searched = pending.len();
        None
    }

    /// The head is complete: how long is the message?
    fn measure(&mut self, head_length: usize) -> Option<Frame> {
        match ContentLength::of(&self.pending()[..head_length]) {
            ContentLength::Bytes(body) if body <= BODY_BYTES_MAX => {
                self.length = Some(head_length + body);
                self.take_message(head_length + body)
            }
            _ => Some(self.break_off(head_length)),
        }
    }

    fn take_message(&mut self, length: usize) -> Option<Frame> {
        let message = self.pending().get(..length)?.to_vec();
        self.taken += length;
        self.searched = 0;
        self.length = None;
        Some(Frame::Message(message))
    }

    fn break_off(&mut self, length: usize) -> Frame {
        let head = self.pending()[..length.min(HEAD_BYTES_MAX + 1)].to_vec();
        self.is_broken = true;
        self.buffer = Vec::new();
        self.taken = 0;
        Frame::Broken(head)
    }

    fn release(&mut self) {
        self.buffer.clear();
        self.taken = 0;
        if self.buffer.capacity() > IDLE_BYTES_MAX {
            self.buffer = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests;
