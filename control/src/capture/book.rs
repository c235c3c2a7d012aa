//! The captures that go on: of which call each is, which dialogs that call has had since, and which
//! streams a worker copies for it.

use std::sync::Arc;

use shared::{CaptureId, Command, StreamId, Time, WorkerId};

use super::Trace;
use super::limits::{BEGIN_TIMEOUT, CAPTURE_LINGERS, DIALOGS_MAX};
use crate::happening::CallNumber;
use crate::sip::agent::DialogKey;

/// See the module.
#[derive(Debug, Default)]
pub struct Book {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    capture: CaptureId,
    call: CallNumber,
    since: Time,
    /// Its file was there when it was looked at.
    is_written: bool,
    /// Of every dialog that the call has had: what its peers say after its end belongs to it.
    dialogs: Vec<Arc<str>>,
    /// What workers copy.
    streams: Vec<Trace>,
    /// Since when its call is over.
    over: Option<Time>,
}

/// What follows from how calls and files stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A dialog belongs to a capture from now on: what it has agreed to is to be written.
    Enter(CaptureId, DialogKey),
    /// A worker is to be told.
    Tell(WorkerId, Command),
    /// The call of a capture is over, and all that was said about it.
    End(CaptureId),
}

impl Book {
    /// Whether nothing is captured.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The capture of a call that goes on.
    #[must_use]
    pub fn of_call(&self, call: CallNumber) -> Option<CaptureId> {
        let entry = self.entries.iter().find(|entry| entry.call == call)?;
        Some(entry.capture)
    }

    /// Enters a capture whose file is being made.
    pub fn begin(&mut self, now: Time, capture: CaptureId, call: CallNumber) {
        self.entries.push(Entry {
            capture,
            call,
            since: now,
            is_written: false,
            dialogs: Vec::new(),
            streams: Vec::new(),
            over: None,
        });
    }

    /// The captures that the message of a dialog belongs to.
    pub fn of_dialog(&self, call_id: &str) -> impl Iterator<Item = CaptureId> {
        let has = move |entry: &&Entry| entry.dialogs.iter().any(|one| **one == *call_id);
        let found: Vec<_> = self
            .entries
            .iter()
            .filter(has)
            .map(|it| it.capture)
            .collect();
        found.into_iter()
    }

    /// Looks at the calls: new legs are captured as well. `legs` tells those of a call, `None` when
    /// it is over.
    pub fn follow(
        &mut self,
        now: Time,
        legs: impl Fn(CallNumber) -> Option<Vec<Trace>>,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for entry in &mut self.entries {
            let Some(legs) = legs(entry.call) else {
                entry.streams.clear();
                let since = *entry.over.get_or_insert(now);
                if now - since >= CAPTURE_LINGERS {
                    changes.push(Change::End(entry.capture));
                }
                continue;
            };
            let capture = entry.capture;
            let entered = entry.enter(&legs);
            changes.extend(entered.map(|dialog| Change::Enter(capture, dialog)));
            // One that is gone is told nothing more: its worker has forgotten it.
            entry.streams.retain(|one| legs.contains(one));
            for leg in legs {
                if !entry.streams.contains(&leg) {
                    changes.push(tell(&leg, Some(entry.capture)));
                    entry.streams.push(leg);
                }
            }
        }
        changes
    }

    /// Looks at the files: whose capture has ended is captured no more. `is_written` tells whether
    /// that goes on.
    pub fn look(&mut self, now: Time, is_written: impl Fn(CaptureId) -> bool) -> Vec<Change> {
        let mut changes = Vec::new();
        self.entries.retain_mut(|entry| {
            let is_written = is_written(entry.capture);
            let was_written = entry.is_written;
            entry.is_written |= is_written;
            let is_begun = was_written || now - entry.since >= BEGIN_TIMEOUT;
            let goes_on = is_written || !is_begun;
            if !goes_on {
                changes.extend(entry.streams.iter().map(|leg| tell(leg, None)));
            }
            goes_on
        });
        changes
    }

    /// Nothing is captured by it: its file was not to be had.
    pub fn give_up(&mut self, capture: CaptureId) -> Vec<Change> {
        self.look(Time::ZERO, |one| one != capture)
    }
}

impl Entry {
    /// The dialogs that were not known yet.
    fn enter(&mut self, legs: &[Trace]) -> impl Iterator<Item = DialogKey> {
        legs.iter().filter_map(|leg| {
            let is_known = leg.call_id.is_empty() || self.dialogs.contains(&leg.call_id);
            if is_known || self.dialogs.len() >= DIALOGS_MAX {
                return None;
            }
            self.dialogs.push(Arc::clone(&leg.call_id));
            Some(leg.dialog)
        })
    }
}

fn tell(leg: &Trace, capture: Option<CaptureId>) -> Change {
    let stream: StreamId = leg.stream;
    let command = Command::Capture {
        stream,
        capture,
        local: leg.local,
    };
    Change::Tell(stream.worker, command)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: CallNumber = CallNumber(7);
    const CAPTURE: CaptureId = CaptureId(1);

    fn leg(call_id: &str, index: u32) -> Trace {
        Trace {
            dialog: dialog(index),
            call_id: call_id.into(),
            stream: StreamId {
                worker: WorkerId(0),
                index,
                generation: 0,
            },
            local: "192.0.2.1:4000".parse().unwrap(),
        }
    }

    fn dialog(index: u32) -> DialogKey {
        DialogKey(index.into())
    }

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn begun() -> Book {
        let mut book = Book::default();
        book.begin(at(0), CAPTURE, CALL);
        assert!(book.look(at(0), |_| true).is_empty());
        book
    }

    #[test]
    fn each_leg_that_comes_is_captured_once() {
        let mut book = begun();
        let parkee = leg("a", 1);
        let first = book.follow(at(1), |_| Some(vec![parkee.clone()]));
        let enter = Change::Enter(CAPTURE, dialog(1));
        assert_eq!(first, [enter, tell(&parkee, Some(CAPTURE))]);
        let retriever = leg("b", 2);
        let both = |_| Some(vec![parkee.clone(), retriever.clone()]);
        let enter = Change::Enter(CAPTURE, dialog(2));
        let second = [enter, tell(&retriever, Some(CAPTURE))];
        assert_eq!(book.follow(at(2), both), second);
        assert_eq!(book.follow(at(3), both), []);
        let of = |call_id| book.of_dialog(call_id).collect::<Vec<_>>();
        assert_eq!(
            (of("a"), of("b"), of("c")),
            (vec![CAPTURE], vec![CAPTURE], vec![])
        );
    }

    #[test]
    fn a_dialog_that_has_ended_still_belongs_to_its_call() {
        let mut book = begun();
        book.follow(at(1), |_| Some(vec![leg("a", 1), leg("b", 2)]));
        book.follow(at(2), |_| Some(vec![leg("a", 1)]));
        assert_eq!(book.of_dialog("b").count(), 1);
        let again = book.follow(at(3), |_| Some(vec![leg("a", 1), leg("b", 3)]));
        assert_eq!(again, [tell(&leg("b", 3), Some(CAPTURE))], "another stream");
    }

    #[test]
    fn a_leg_without_a_name_yet_has_no_dialog() {
        let mut book = begun();
        book.follow(at(1), |_| Some(vec![leg("", 1)]));
        assert_eq!(book.of_dialog("").count(), 0);
        let named = book.follow(at(2), |_| Some(vec![leg("a", 1)]));
        assert_eq!(
            named.len(),
            2,
            "entered, and told again, which changes nothing"
        );
        assert_eq!(book.of_dialog("a").count(), 1);
    }

    #[test]
    fn a_capture_lingers_after_its_call_and_then_ends() {
        let mut book = begun();
        book.follow(at(1), |_| Some(vec![leg("a", 1)]));
        assert_eq!(book.follow(at(1_000), |_| None), []);
        assert_eq!(book.of_dialog("a").count(), 1);
        let end = [Change::End(CAPTURE)];
        assert_eq!(book.follow(at(1_000) + CAPTURE_LINGERS, |_| None), end);
        assert_eq!(book.look(at(9_000), |_| false), [], "its streams are gone");
        assert!(book.is_empty());
    }

    #[test]
    fn when_the_file_has_ended_nothing_is_copied_any_more() {
        let mut book = begun();
        book.follow(at(1), |_| Some(vec![leg("a", 1)]));
        assert_eq!(book.look(at(2), |_| false), [tell(&leg("a", 1), None)]);
        assert!(book.is_empty());
    }

    #[test]
    fn a_file_may_take_a_while_to_be_made() {
        let mut book = Book::default();
        book.begin(at(0), CAPTURE, CALL);
        assert!(book.look(at(100), |_| false).is_empty());
        assert_eq!(book.of_call(CALL), Some(CAPTURE));
        book.look(at(0) + BEGIN_TIMEOUT, |_| false);
        assert!(book.is_empty());
    }
}
