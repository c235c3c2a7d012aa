//! How many messages went which way: requests by method, responses by method and status.
//!
//! Absent on purpose: time, peers, and anything by which a peer could make a table grow: what it
//! invents is counted under its class (RFC 3261 §8.1.3.2).

use std::collections::BTreeMap;

use super::header::CSeq;
use super::method::Method;

/// Which way a message went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// From a peer.
    Received,
    /// To a peer.
    Sent,
}

/// What kind of message it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MessageKind {
    /// A request of this method.
    Request(&'static str),
    /// A response to this method, with this status.
    Response(&'static str, u16),
}

/// Counts since the start, retransmissions among them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Messages {
    counts: BTreeMap<(Direction, MessageKind), u64>,
}

/// Kinds that are counted one by one; beyond, responses are counted under the class of their
/// status, such as 400.
const KINDS_MAX: usize = 512;

impl Messages {
    /// Every kind that was seen.
    pub fn iter(&self) -> impl Iterator<Item = (Direction, MessageKind, u64)> + '_ {
        let each = self.counts.iter();
        each.map(|(&(direction, kind), &count)| (direction, kind, count))
    }

    pub(super) fn received_request(&mut self, method: Method) {
        self.count(Direction::Received, MessageKind::Request(name(method)));
    }

    /// `method`: of its CSeq.
    pub(super) fn received_response(&mut self, method: Method, status: u16) {
        let kind = MessageKind::Response(name(method), status);
        self.count(Direction::Received, kind);
    }

    /// A message as we have written it.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        if let Some(kind) = written(bytes) {
            self.count(Direction::Sent, kind);
        }
    }

    fn count(&mut self, direction: Direction, kind: MessageKind) {
        let is_full = self.counts.len() >= KINDS_MAX;
        let kind = match kind {
            MessageKind::Response(method, status)
                if is_full && !self.counts.contains_key(&(direction, kind)) =>
            {
                MessageKind::Response(method, status / 100 * 100)
            }
            kind => kind,
        };
        *self.counts.entry((direction, kind)).or_default() += 1;
    }
}

const fn name(method: Method) -> &'static str {
    match method {
        Method::Other => "other",
        method => method.name(),
    }
}

/// The kind of a message of ours, by its first line and, for a response, its CSeq.
fn written(bytes: &[u8]) -> Option<MessageKind> {
    let end = memchr::memchr(b' ', bytes)?;
    let word = std::str::from_utf8(&bytes[..end]).ok()?;
    if word != "SIP/2.0" {
        return Some(MessageKind::Request(name(Method::parse(word))));
    }
    let status = std::str::from_utf8(bytes.get(end + 1..end + 4)?).ok()?;
    let at = memchr::memmem::find(bytes, b"\r\nCSeq: ")? + b"\r\nCSeq: ".len();
    let line = &bytes[at..at + memchr::memchr(b'\r', &bytes[at..])?];
    let cseq = CSeq::parse(std::str::from_utf8(line).ok()?)?;
    Some(MessageKind::Response(
        name(cseq.method),
        status.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_write_is_counted_by_method_and_status() {
        let mut messages = Messages::default();
        messages.sent(b"INVITE sip:a@b SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n");
        messages.sent(b"SIP/2.0 486 Busy Here\r\nTo: x\r\nCSeq: 7 INVITE\r\n\r\n");
        messages.sent(b"SIP/2.0 486 Busy Here\r\nTo: x\r\nCSeq: 7 INVITE\r\n\r\n");
        let all: Vec<_> = messages.iter().collect();
        assert_eq!(
            all,
            [
                (Direction::Sent, MessageKind::Request("INVITE"), 1),
                (Direction::Sent, MessageKind::Response("INVITE", 486), 2),
            ]
        );
    }

    #[test]
    fn a_peer_that_invents_statuses_does_not_make_the_table_grow() {
        let mut messages = Messages::default();
        for status in 100..700 {
            messages.received_response(Method::Invite, status);
            messages.received_response(Method::Bye, status);
        }
        let kinds = messages.iter().count();
        assert!(kinds <= KINDS_MAX + 12, "{kinds}");
        let sum: u64 = messages.iter().map(|(.., count)| count).sum();
        assert_eq!(sum, 1_200, "and none is lost");
    }

    #[test]
    fn a_method_without_a_name_is_other() {
        let mut messages = Messages::default();
        messages.received_request(Method::Other);
        let (_, kind, _) = messages.iter().next().unwrap();
        assert_eq!(kind, MessageKind::Request("other"));
    }
}
