//! What is handed to the store, and when: what begins or changes before anybody is told of it; what
//! ends once all are.
//!
//! The process may die between the two. A call that is kept and not told is taken back by the next
//! process; an end that is told and still kept is told by the peer, which does not know its dialog
//! any more. The other way round somebody would be promised what is lost, or stay on a line that
//! nobody holds.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::gate::Gate;
use super::record::{CallName, CallRecord, LegRecord, StateRecord};
use super::{Batch, Operation};

/// The batches of a process.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    /// The number of the last one.
    last: u64,
    /// Calls that are over, and the place of what tells it.
    ends: VecDeque<(u64, Claim)>,
}

/// What a call has in the store, and no other may have there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Claim {
    pub(crate) name: CallName,
    /// Where it waits.
    orbit: Option<Box<str>>,
    /// Digests of its dialogs.
    dialogs: [Option<u64>; 2],
}

impl Claim {
    pub(crate) fn of(record: &CallRecord) -> Self {
        let orbit = match &record.state {
            StateRecord::Parked(parked) => Some(parked.orbit.clone()),
            StateRecord::Bridged { .. } => None,
        };
        let legs = [Some(&record.first), record.second.as_ref()];
        Self {
            name: record.name.clone(),
            orbit,
            dialogs: legs.map(|leg| leg.map(dialog)),
        }
    }

    /// Whether both have an orbit, or a dialog: that of a phone that was parked again.
    fn overlaps(&self, other: &Self) -> bool {
        let are_one = self.orbit.is_some() && self.orbit == other.orbit;
        are_one || { self.dialogs.iter().flatten() }.any(|one| other.dialogs.contains(&Some(*one)))
    }
}

fn dialog(leg: &LegRecord) -> u64 {
    let dialog = &leg.dialog.dialog;
    let mut hasher = DefaultHasher::new();
    (&dialog.call_id, &dialog.local_tag, &dialog.remote_tag).hash(&mut hasher);
    hasher.finish()
}

impl Batches {
    /// A batch of what begins or changes, if anything does. Of the calls that are over now it has
    /// those whose orbit or dialog another has from now on.
    pub(crate) fn of_changes(
        &mut self,
        mut operations: Vec<Operation>,
        over: &mut Vec<Claim>,
    ) -> Option<Batch> {
        if !self.ends.is_empty() || !over.is_empty() {
            let before = self.ends_before(&operations, over);
            operations.splice(0..0, before);
        }
        self.of(operations)
    }

    /// Ends of calls whose orbit or dialog another has now: in the store nothing is in two calls.
    fn ends_before(&mut self, operations: &[Operation], over: &mut Vec<Claim>) -> Vec<Operation> {
        let mut before = Vec::new();
        for operation in operations {
            let Operation::Put(record) = operation else {
                continue;
            };
            let claim = Claim::of(record);
            // It is worth keeping after all.
            self.ends.retain(|(_, end)| end.name != claim.name);
            let mut stays = |end: &Claim| {
                let makes_way = end.overlaps(&claim);
                before.extend(makes_way.then(|| Operation::Delete(end.name.clone())));
                !makes_way
            };
            self.ends.retain(|(_, end)| stays(end));
            over.retain(stays);
        }
        before
    }

    fn of(&mut self, operations: Vec<Operation>) -> Option<Batch> {
        if operations.is_empty() {
            return None;
        }
        self.last += 1;
        Some(Batch {
            number: self.last,
            operations,
        })
    }

    /// Calls are over; whoever is to know of it is told by what stands at the gate.
    pub(crate) fn ended<T>(&mut self, gate: &Gate<T>, ends: Vec<Claim>) {
        let place = gate.place();
        self.ends.extend(ends.into_iter().map(|end| (place, end)));
    }

    /// Those ends that are told.
    pub(crate) fn of_ends<T>(&mut self, gate: &Gate<T>) -> Option<Batch> {
        let told = self
            .ends
            .partition_point(|(place, _)| gate.has_left(*place));
        let names = self.ends.drain(..told).map(|(_, end)| end.name);
        let operations = names.map(Operation::Delete).collect();
        self.of(operations)
    }
}

#[cfg(test)]
mod tests {
    use shared::Time;

    use super::*;

    fn name() -> CallName {
        CallName("a".into())
    }

    fn parked_in(orbit: &str) -> CallRecord {
        let dialog = serde_json::json!({
            "uac": false, "call_id": "c", "local_tag": "l", "remote_tag": "r",
            "local": "<sip:l@a>;tag=l", "remote": "<sip:r@b>;tag=r", "target": "sip:r@b",
            "routes": [], "local_cseq": 1, "secure": false, "path": null,
        });
        let record = serde_json::json!({
            "name": "new",
            "state": { "parked": {
                "orbit": orbit, "since_unix_ms": 1, "deadline_unix_ms": 2, "recalls": 0,
                "park_token": "0123456789abcdef",
            } },
            "first": {
                "dialog": dialog,
                "session": { "id": 1, "version": 1, "lines": [], "place": 0, "numbers": [] },
                "contact": orbit, "host": "a", "identity": "<sip:r@b>", "private": false,
            },
        });
        serde_json::from_value(record).unwrap()
    }

    fn end() -> Claim {
        Claim {
            name: name(),
            orbit: Some("701".into()),
            dialogs: [None; 2],
        }
    }

    #[test]
    fn an_end_is_written_once_what_tells_it_has_left() {
        let (mut batches, mut gate) = (Batches::default(), Gate::default());
        gate.close(1);
        assert!(gate.pass(Time::ZERO, ()).is_none());
        batches.ended(&gate, vec![end()]);
        assert_eq!(batches.of_ends(&gate), None);
        gate.stored(1);
        assert_eq!(batches.of_ends(&gate), None, "it has not left yet");
        assert!(gate.poll().is_some());
        let batch = batches.of_ends(&gate).unwrap();
        assert_eq!(batch.operations, [Operation::Delete(name())]);
        assert_eq!(batches.of_ends(&gate), None);
    }

    #[test]
    fn an_orbit_is_left_in_the_batch_that_gives_it_to_another() {
        let (mut batches, mut gate) = (Batches::default(), Gate::default());
        gate.close(1);
        assert!(gate.pass(Time::ZERO, ()).is_none());
        batches.ended(&gate, vec![end()]);
        let later = Claim {
            name: CallName("b".into()),
            orbit: Some("702".into()),
            dialogs: [None; 2],
        };
        let mut over = vec![later.clone()];
        for (orbit, left) in [("703", None), ("701", Some("a")), ("702", Some("b"))] {
            let put = Operation::Put(Box::new(parked_in(orbit)));
            let batch = batches.of_changes(vec![put.clone()], &mut over).unwrap();
            let left = left.map(|name| Operation::Delete(CallName(name.into())));
            let expected: Vec<_> = left.into_iter().chain([put]).collect();
            assert_eq!(batch.operations, expected, "{orbit}");
        }
        assert!(over.is_empty() && batches.ends.is_empty());
    }

    #[test]
    fn a_phone_that_is_parked_again_leaves_its_call_in_the_same_batch() {
        let (mut batches, gate) = (Batches::default(), Gate::<()>::default());
        let parked = parked_in("703");
        let dialogs = [None, Some(dialog(&parked.first))];
        batches.ended(&gate, vec![Claim { dialogs, ..end() }]);
        let put = Operation::Put(Box::new(parked));
        let batch = batches
            .of_changes(vec![put.clone()], &mut Vec::new())
            .unwrap();
        assert_eq!(batch.operations, [Operation::Delete(name()), put]);
    }

    #[test]
    fn what_waits_for_nobody_is_written_at_once() {
        let (mut batches, mut gate) = (Batches::default(), Gate::default());
        assert!(gate.pass(Time::ZERO, ()).is_some());
        batches.ended(&gate, vec![end()]);
        assert_eq!(batches.of_ends(&gate).unwrap().number, 1);
    }
}
