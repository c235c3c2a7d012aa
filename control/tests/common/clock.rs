//! Virtual time: what shall happen, in the order of its moments. Nothing here waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use shared::Time;

/// Things that will happen. Those of the same moment happen in the order they were noted.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    noted: u64,
}

impl<T> Agenda<T> {
    pub(crate) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            noted: 0,
        }
    }

    pub(crate) fn note(&mut self, at: Time, what: T) {
        self.noted += 1;
        self.heap.push(Reverse(Entry {
            at,
            order: self.noted,
            what,
        }));
    }

    /// Forgets what shall not happen.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&T) -> bool) {
        self.heap.retain(|Reverse(entry)| stays(&entry.what));
    }

    pub(crate) fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.heap.pop().map(|Reverse(entry)| entry.what)
    }
}

#[derive(Debug)]
struct Entry<T> {
    at: Time,
    order: u64,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}
