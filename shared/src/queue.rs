//! The bounded queues between control and a worker: crossbeam's array queue, a doorbell, nothing
//! else.
//!
//! The doorbell is rung by the driver that owns a file descriptor for it; here it is only a trait,
//! so that a simulation can leave it out.

use std::fmt;
use std::sync::Arc;

use crossbeam::queue::ArrayQueue;

use crate::{Command, Event, WorkerId, WorkerStats};

/// Wakes whoever sleeps at the other end of a queue. Cheap and idempotent; never blocks.
pub trait Wake: Send + Sync {
    /// Something is in the queue.
    fn wake(&self);
}

/// The end that puts items in.
pub struct Sender<T> {
    queue: Arc<ArrayQueue<T>>,
    wake: Arc<dyn Wake>,
}

/// The end that takes items out.
pub struct Receiver<T> {
    queue: Arc<ArrayQueue<T>>,
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
    let queue = Arc::new(ArrayQueue::new(length));
    (
        Sender {
            queue: Arc::clone(&queue),
            wake,
        },
        Receiver { queue },
    )
}

impl<T> Sender<T> {
    /// Puts one item in without ringing: ring once after a batch.
    ///
    /// # Errors
    /// Gives the item back when the queue is full; keep it and try again later.
    pub fn push(&self, item: T) -> Result<(), T> {
        self.queue.push(item)
    }

    /// Rings the doorbell of the other end.
    pub fn ring(&self) {
        self.wake.wake();
    }

    /// Whether a push would fail now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queue.is_full()
    }
}

impl<T> Receiver<T> {
    /// Takes the oldest item out.
    #[must_use]
    pub fn pop(&self) -> Option<T> {
        self.queue.pop()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("queued", &self.queue.len())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("queued", &self.queue.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::atomic::{AtomicU32, Ordering};

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
