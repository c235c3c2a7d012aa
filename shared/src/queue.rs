//! The bounded queues between control and a worker: crossbeam's array queue, a count of what went
//! in and one of what came out, a doorbell.
//!
//! Invariant: neither end ever waits for the other. The array queue alone is lock-free, but spins
//! where the other end was interrupted within a push or a pop; on a CPU that both share, with a
//! worker of real-time priority, it would spin for ever. So an item is looked for only when its
//! push is over, and a place only when its pop is.
//!
//! The doorbell is rung by the driver that owns a file descriptor for it; here it is only a trait,
//! so that a simulation can leave it out.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;

use crate::{Command, Event, WorkerId, WorkerStats};

/// Wakes whoever sleeps at the other end of a queue. Cheap and idempotent; never blocks.
pub trait Wake: Send + Sync {
    /// Something is in the queue.
    fn wake(&self);
}

/// The end that puts items in: one thread's at a time, as its own count says to the compiler.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    /// Pushes that are over; wraps.
    pushed: Cell<usize>,
    wake: Arc<dyn Wake>,
}

/// The end that takes items out: one thread's at a time, too.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// Pops that are over; wraps.
    popped: Cell<usize>,
}

/// What both ends see.
struct Shared<T> {
    items: ArrayQueue<T>,
    /// As the sender has published it, and the receiver.
    pushed: CachePadded<AtomicUsize>,
    popped: CachePadded<AtomicUsize>,
}

/// Everything control holds of one worker.
#[derive(Debug)]
pub struct WorkerLink {
    /// Which worker.
    pub worker: WorkerId,
    /// To it.
    pub commands: Sender<Command>,
    /// From it.
    pub events: Receiver<Event>,
    /// Its counters.
    pub stats: Arc<WorkerStats>,
    /// Streams it can hold; at most [`crate::limits::STREAMS_PER_WORKER_MAX`].
    pub streams_max: u32,
}

/// A queue of at most `length` items whose sender rings `wake`.
#[must_use]
pub fn pair<T>(length: usize, wake: Arc<dyn Wake>) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        items: ArrayQueue::new(length),
        pushed: CachePadded::default(),
        popped: CachePadded::default(),
    });
    (
        Sender {
            shared: Arc::clone(&shared),
            pushed: Cell::new(0),
            wake,
        },
        Receiver {
            shared,
            popped: Cell::new(0),
        },
    )
}

impl<T> Sender<T> {
    /// Puts one item in without ringing: ring once after a batch.
    ///
    /// # Errors
    /// Gives the item back when the queue is full; keep it and try again later.
    pub fn push(&self, item: T) -> Result<(), T> {
        if self.is_full() {
            return Err(item);
        }
        self.shared.items.push(item)?;
        let pushed = self.pushed.get().wrapping_add(1);
        self.pushed.set(pushed);
        // Whoever sees the count sees the item.
        self.shared.pushed.store(pushed, Ordering::Release);
        Ok(())
    }

    /// Rings the doorbell of the other end.
    pub fn ring(&self) {
        self.wake.wake();
    }

    /// Whether a push would fail now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queued() >= self.shared.items.capacity()
    }

    fn queued(&self) -> usize {
        let popped = self.shared.popped.load(Ordering::Acquire);
        self.pushed.get().wrapping_sub(popped)
    }
}

impl<T> Receiver<T> {
    /// Takes the oldest item out.
    #[must_use]
    pub fn pop(&self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let item = self.shared.items.pop()?;
        let popped = self.popped.get().wrapping_add(1);
        self.popped.set(popped);
        // Whoever sees the count sees the place empty.
        self.shared.popped.store(popped, Ordering::Release);
        Some(item)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queued() == 0
    }

    fn queued(&self) -> usize {
        let pushed = self.shared.pushed.load(Ordering::Acquire);
        pushed.wrapping_sub(self.popped.get())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::atomic::AtomicU32;
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Bell(AtomicU32);

    impl Wake for Bell {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn ringing_reaches_the_other_end_once_a_batch() {
        let bell = Arc::new(Bell::default());
        let (sender, receiver) = pair(4, bell.clone());
        sender.push(1).unwrap();
        sender.push(2).unwrap();
        sender.ring();
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
        assert_eq!(
            (receiver.pop(), receiver.pop(), receiver.pop()),
            (Some(1), Some(2), None)
        );
    }

    #[test]
    fn between_two_threads_every_item_arrives_once_and_in_order() {
        const ITEMS: u32 = 100_000;
        let (sender, receiver) = pair(4, Arc::new(Bell::default()));
        let pushing = thread::spawn(move || {
            for mut item in 0..ITEMS {
                while let Err(kept) = sender.push(item) {
                    item = kept;
                    thread::yield_now();
                }
            }
        });
        for expected in 0..ITEMS {
            let item = loop {
                match receiver.pop() {
                    Some(item) => break item,
                    None => thread::yield_now(),
                }
            };
            assert_eq!(item, expected);
        }
        pushing.join().unwrap();
        assert!(receiver.pop().is_none());
    }

    /// As it stands when the other end is interrupted within a push: the array queue has begun to
    /// take an item that no count tells of.
    #[test]
    fn an_item_is_there_when_its_push_is_over_and_not_before() {
        let (sender, receiver) = pair(1, Arc::new(Bell::default()));
        sender.shared.items.push(7).unwrap();
        assert!(receiver.is_empty());
        assert_eq!(receiver.pop(), None);
    }

    /// The same of a pop: its place is not free yet.
    #[test]
    fn a_place_is_free_when_its_pop_is_over_and_not_before() {
        let (sender, receiver) = pair(1, Arc::new(Bell::default()));
        sender.push(1).unwrap();
        assert_eq!(receiver.shared.items.pop(), Some(1));
        assert!(sender.is_full());
        assert_eq!(sender.push(2), Err(2));
    }

    proptest! {
        /// Against a plain bounded deque: same order, same refusals.
        #[test]
        fn behaves_as_a_bounded_deque(
            steps in proptest::collection::vec(any::<Option<u8>>(), 0..200),
        ) {
            let (sender, receiver) = pair(8, Arc::new(Bell::default()));
            let mut model = VecDeque::new();
            for step in steps {
                match step {
                    Some(item) => {
                        let fits = model.len() < 8;
                        if fits {
                            model.push_back(item);
                        }
                        prop_assert_eq!(sender.push(item), if fits { Ok(()) } else { Err(item) });
                    }
                    None => prop_assert_eq!(receiver.pop(), model.pop_front()),
                }
                prop_assert_eq!(receiver.is_empty(), model.is_empty());
                prop_assert_eq!(sender.is_full(), model.len() == 8);
            }
        }
    }
}
