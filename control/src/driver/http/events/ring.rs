//! The last events, for who comes back.

use std::collections::VecDeque;
use std::fmt;

use hyper::body::Bytes;

use super::super::limits::EVENTS_KEPT_MAX;

/// Names an event: which run of the server, and the how manieth of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct EventId {
    pub(super) run: u64,
    pub(super) number: u64,
}

/// The last events of a run, in order and without a gap.
#[derive(Debug)]
pub(super) struct Ring {
    /// The one before the next.
    last: EventId,
    events: VecDeque<Bytes>,
}

impl Ring {
    pub(super) const fn new(run: u64) -> Self {
        Self {
            last: EventId { run, number: 0 },
            events: VecDeque::new(),
        }
    }

    /// The id of the last event.
    pub(super) const fn last(&self) -> EventId {
        self.last
    }

    /// Takes the next event as it is sent; `print` is told its id.
    pub(super) fn push(&mut self, print: impl FnOnce(EventId) -> Bytes) -> Bytes {
        self.last.number += 1;
        let event = print(self.last);
        if self.events.len() == EVENTS_KEPT_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event.clone());
        event
    }

    /// All behind one; `None` where some of them are not there any more, or it never was.
    pub(super) fn behind(&self, id: EventId) -> Option<Vec<Bytes>> {
        let missed = self.last.number.checked_sub(id.number)?;
        let missed = usize::try_from(missed).ok()?;
        if id.run != self.last.run || missed > self.events.len() {
            return None;
        }
        let at = self.events.len() - missed;
        Some(self.events.range(at..).cloned().collect())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.run, self.number)
    }
}

impl EventId {
    /// What `Display` writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (run, number) = text.split_once('-')?;
        let is_hex = run.len() == 16 && run.bytes().all(|b| b.is_ascii_hexdigit());
        Some(Self {
            run: u64::from_str_radix(run, 16).ok().filter(|_| is_hex)?,
            number: number.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(events: usize) -> Ring {
        let mut ring = Ring::new(7);
        for _ in 0..events {
            ring.push(|id| id.number.to_string().into());
        }
        ring
    }

    fn behind(ring: &Ring, run: u64, number: u64) -> Option<Vec<u64>> {
        let events = ring.behind(EventId { run, number })?;
        let number = |event: &Bytes| std::str::from_utf8(event).unwrap().parse().unwrap();
        Some(events.iter().map(number).collect())
    }

    #[test]
    fn who_comes_back_gets_what_it_has_missed() {
        let ring = ring(3);
        assert_eq!(behind(&ring, 7, 1), Some(vec![2, 3]));
        assert_eq!(behind(&ring, 7, 3), Some(vec![]));
        assert_eq!(behind(&ring, 7, 0), Some(vec![1, 2, 3]));
    }

    #[test]
    fn who_comes_from_elsewhere_or_too_late_gets_nothing() {
        let ring = ring(EVENTS_KEPT_MAX + 5);
        assert_eq!(ring.events.len(), EVENTS_KEPT_MAX);
        assert_eq!(behind(&ring, 8, 9), None, "another run");
        assert_eq!(behind(&ring, 7, 4), None, "the fifth is gone");
        assert_eq!(behind(&ring, 7, 5).unwrap().len(), EVENTS_KEPT_MAX);
        let future = ring.last().number + 1;
        assert_eq!(behind(&ring, 7, future), None, "not yet");
        assert_eq!(behind(&ring, 7, u64::MAX), None);
    }

    #[test]
    fn an_id_reads_as_it_is_written() {
        let id = EventId {
            run: 0xa7,
            number: 12,
        };
        assert_eq!(id.to_string(), "00000000000000a7-12");
        assert_eq!(EventId::parse("00000000000000a7-12"), Some(id));
        for wrong in [
            "",
            "-",
            "a7-12",
            "00000000000000a7",
            "00000000000000a7--1",
            "+0000000000000a7-1",
        ] {
            assert_eq!(EventId::parse(wrong), None, "{wrong}");
        }
    }
}
