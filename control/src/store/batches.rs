//! What is handed to the store, and when: what begins or changes before anybody is told of it; what
//! ends once all are.
//!
//! The process may die between the two. A call that is kept and not told is taken back by the next
//! process; an end that is told and still kept is told by the peer, which does not know its dialog
//! any more. The other way round somebody would be promised what is lost, or stay on a line that
//! nobody holds.

use std::collections::VecDeque;

use super::gate::Gate;
use super::record::CallName;
use super::{Batch, Operation};

/// The batches of a process.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    /// The number of the last one.
    last: u64,
    /// Calls that are over, and the place of what tells it.
    ends: VecDeque<(u64, CallName)>,
}

impl Batches {
    /// A batch of these, if there are any.
    pub(crate) fn of(&mut self, operations: Vec<Operation>) -> Option<Batch> {
        if operations.is_empty() {
            return None;
        }
        for operation in &operations {
            if let Operation::Put(record) = operation {
                // It is worth keeping after all.
                self.ends.retain(|(_, name)| *name != record.name);
            }
        }
        self.last += 1;
        Some(Batch {
            number: self.last,
            operations,
        })
    }

    /// Calls are over; whoever is to know of it is told by what stands at the gate.
    pub(crate) fn ended<T>(&mut self, gate: &Gate<T>, names: Vec<CallName>) {
        let place = gate.place();
        self.ends
            .extend(names.into_iter().map(|name| (place, name)));
    }

    /// Those ends that are told.
    pub(crate) fn of_ends<T>(&mut self, gate: &Gate<T>) -> Option<Batch> {
        let told = self
            .ends
            .partition_point(|(place, _)| gate.has_left(*place));
        let names = self.ends.drain(..told).map(|(_, name)| name);
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

    #[test]
    fn an_end_is_written_once_what_tells_it_has_left() {
        let (mut batches, mut gate) = (Batches::default(), Gate::default());
        gate.close(1);
        assert!(gate.pass(Time::ZERO, ()).is_none());
        batches.ended(&gate, vec![name()]);
        assert_eq!(batches.of_ends(&gate), None);
        gate.stored(1);
        assert_eq!(batches.of_ends(&gate), None, "it has not left yet");
        assert!(gate.poll().is_some());
        let batch = batches.of_ends(&gate).unwrap();
        assert_eq!(batch.operations, [Operation::Delete(name())]);
        assert_eq!(batches.of_ends(&gate), None);
    }

    #[test]
    fn what_waits_for_nobody_is_written_at_once() {
        let (mut batches, mut gate) = (Batches::default(), Gate::default());
        assert!(gate.pass(Time::ZERO, ()).is_some());
        batches.ended(&gate, vec![name()]);
        assert_eq!(batches.of_ends(&gate).unwrap().number, 1);
    }
}
