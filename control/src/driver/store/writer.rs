//! The thread that writes: everything that waits in one transaction. What could not be written is
//! kept, the last word on each call, and tried again.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::Sender as Arrivals;

use crate::driver::reactor::Arrival;
use crate::store::record::CallName;
use crate::store::{Batch, Operation, Store};

/// The reactor's end.
#[derive(Debug)]
pub(in crate::driver) struct Writer {
    batches: Option<Sender<Batch>>,
    thread: Option<JoinHandle<()>>,
}

/// Batches that are written at once.
const BATCHES_AT_ONCE: usize = 1_024;
/// How soon a store that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Writer {
    /// Starts the thread. What it has done it tells the reactor.
    pub(in crate::driver) fn start(
        store: Box<dyn Store>,
        arrivals: Arrivals<Arrival>,
    ) -> io::Result<Self> {
        let (batches, waiting) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("orbit-store".to_owned())
            .spawn(move || Loop::new(store, arrivals).run(&waiting))?;
        Ok(Self {
            batches: Some(batches),
            thread: Some(thread),
        })
    }

    /// Hands over a batch.
    pub(in crate::driver) fn write(&self, batch: Batch) {
        if let Some(batches) = &self.batches {
            // Refused only by a thread that has panicked, which its own message tells.
            let _ = batches.send(batch);
        }
    }
}

impl Drop for Writer {
    /// Waits until everything is written, or has failed once more.
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's thread ended by a panic: its log has the reason");
        }
    }
}

/// What the thread works with.
struct Loop {
    store: Box<dyn Store>,
    arrivals: Arrivals<Arrival>,
    /// What could not be written yet.
    unwritten: BTreeMap<CallName, Operation>,
    last: u64,
}

impl Loop {
    fn new(store: Box<dyn Store>, arrivals: Arrivals<Arrival>) -> Self {
        Self {
            store,
            arrivals,
            unwritten: BTreeMap::new(),
            last: 0,
        }
    }

    fn run(mut self, waiting: &Receiver<Batch>) {
        loop {
            let first = if self.unwritten.is_empty() {
                waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                waiting.recv_timeout(RETRY)
            };
            match first {
                Ok(first) => {
                    let more = waiting.try_iter().take(BATCHES_AT_ONCE - 1);
                    let batches: Vec<_> = std::iter::once(first).chain(more).collect();
                    self.write(batches);
                }
                Err(RecvTimeoutError::Timeout) => self.write(Vec::new()),
                Err(RecvTimeoutError::Disconnected) => {
                    if !self.unwritten.is_empty() {
                        self.write(Vec::new());
                    }
                    return;
                }
            }
        }
    }

    fn write(&mut self, batches: Vec<Batch>) {
        self.last = batches.last().map_or(self.last, |batch| batch.number);
        let was_failing = !self.unwritten.is_empty();
        let batches = if was_failing {
            self.remember(batches);
            vec![Batch {
                number: self.last,
                operations: self.unwritten.values().cloned().collect(),
            }]
        } else {
            batches
        };
        let news = match self.store.commit(&batches) {
            Ok(()) => {
                self.unwritten.clear();
                Arrival::Stored(self.last)
            }
            Err(error) => {
                if !was_failing {
                    tracing::error!(%error, "the store was not written; it is tried again");
                    self.remember(batches);
                }
                Arrival::StoreFailed
            }
        };
        // The reactor may have ended: then nobody waits for the news.
        let _ = self.arrivals.blocking_send(news);
    }

    /// Keeps the last word on each call.
    fn remember(&mut self, batches: Vec<Batch>) {
        for operation in batches.into_iter().flat_map(|batch| batch.operations) {
            let name = match &operation {
                Operation::Put(record) => record.name.clone(),
                Operation::Delete(name) => name.clone(),
            };
            self.unwritten.insert(name, operation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Loaded, StoreError};

    /// Tells what was written; fails as often as it shall.
    struct Notes {
        written: Sender<Vec<Operation>>,
        failures: u32,
    }

    impl Store for Notes {
        fn load(&mut self) -> Result<Loaded, StoreError> {
            Ok(Loaded::default())
        }

        fn commit(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
            if self.failures > 0 {
                self.failures -= 1;
                return Err(StoreError::Unavailable {
                    path: "notes".to_owned(),
                    what: "no ink".to_owned(),
                    remedy: "buy some",
                });
            }
            let operations = batches.iter().flat_map(|batch| batch.operations.clone());
            self.written.send(operations.collect()).unwrap();
            Ok(())
        }
    }

    /// A writer whose store fails so often, its news, and what was written.
    struct Desk {
        writer: Writer,
        told: tokio::sync::mpsc::Receiver<Arrival>,
        written: Receiver<Vec<Operation>>,
    }

    impl Desk {
        fn new(failures: u32) -> Self {
            let (written, notes) = mpsc::channel();
            let (arrivals, told) = tokio::sync::mpsc::channel(8);
            let store = Box::new(Notes { written, failures });
            Self {
                writer: Writer::start(store, arrivals).unwrap(),
                told,
                written: notes,
            }
        }

        fn news(&mut self) -> String {
            match self.told.blocking_recv() {
                Some(Arrival::Stored(number)) => format!("stored {number}"),
                Some(Arrival::StoreFailed) => "failed".to_owned(),
                other => format!("{other:?}"),
            }
        }

        /// Ends the writer; everything that was written.
        fn end(self) -> Vec<Vec<Operation>> {
            drop(self.writer);
            self.written.iter().collect()
        }
    }

    fn delete(name: &str) -> Operation {
        Operation::Delete(CallName(name.into()))
    }

    fn batch(number: u64, name: &str) -> Batch {
        Batch {
            number,
            operations: vec![delete(name)],
        }
    }

    #[test]
    fn what_is_handed_over_is_written_and_said() {
        let mut desk = Desk::new(0);
        desk.writer.write(batch(1, "a"));
        assert_eq!(desk.news(), "stored 1");
        desk.writer.write(batch(2, "b"));
        assert_eq!(desk.news(), "stored 2");
        assert_eq!(desk.end(), [vec![delete("a")], vec![delete("b")]]);
    }

    #[test]
    fn what_could_not_be_written_is_written_later_the_last_word_on_each() {
        let mut desk = Desk::new(1);
        desk.writer.write(batch(1, "a"));
        assert_eq!(desk.news(), "failed");
        desk.writer.write(batch(2, "b"));
        assert_eq!(desk.news(), "stored 2");
        assert_eq!(desk.end(), [vec![delete("a"), delete("b")]]);
    }

    #[test]
    fn the_end_waits_for_what_was_handed_over() {
        let desk = Desk::new(1);
        desk.writer.write(batch(1, "a"));
        assert_eq!(desk.end(), [vec![delete("a")]]);
    }
}
