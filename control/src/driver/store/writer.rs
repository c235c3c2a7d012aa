//! The thread that writes: everything that waits in one transaction. What could not be written is
//! kept, the last word on each call, and tried again.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shared::Time;
use tokio::sync::mpsc::Sender as Arrivals;
use tokio::sync::oneshot;

use super::Recorder;
use super::notebook::Notebook;
use crate::call::Alarm;
use crate::cdr::Cdr;
use crate::driver::clock;
use crate::driver::metrics::RecordStats;
use crate::driver::reactor::Arrival;
use crate::happening::Happening;
use crate::store::{
    AuditAsk, AuditRecord, Batch, ObjectChange, Operation, Store, StoreError, Subject,
};

/// The reactor's end.
#[derive(Debug)]
pub(in crate::driver) struct Writer {
    work: Option<Sender<Work>>,
    /// Happenings that the thread has not taken yet.
    waiting: Arc<AtomicUsize>,
    stats: Arc<RecordStats>,
    alarm: Alarm,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is given.
#[derive(Debug)]
pub(in crate::driver) enum Work {
    /// Changes of calls.
    Batch(Batch),
    /// What happened, for the call detail records.
    Happened(Arc<Happening>),
    /// The calls of the earlier process are taken up.
    AllAdopted,
    /// Who wants to know the calls parked last, and how many of them.
    Last(usize, oneshot::Sender<Vec<Cdr>>),
    /// Changes of the configuration with the deed that they are, and who waits for them to be
    /// durable.
    Objects(
        Vec<ObjectChange>,
        Box<AuditRecord>,
        oneshot::Sender<Result<(), StoreError>>,
    ),
    /// A deed, and who waits for it to be durable, or to have failed.
    Note(Box<AuditRecord>, oneshot::Sender<()>),
    /// Who wants to know deeds.
    Audit(Box<AuditAsk>, oneshot::Sender<Deeds>),
}

/// Deeds with their numbers.
pub(in crate::driver) type Deeds = Result<Vec<(u64, AuditRecord)>, StoreError>;

/// Work that is taken at once.
const AT_ONCE: usize = 4_096;
/// Happenings that may wait for a slow disk; beyond, their records have gaps.
const HAPPENINGS_MAX: usize = 100_000;
/// From one transaction of calls to the next, at least: under load, what comes meanwhile shares
/// what a transaction costs. A call that finds the thread idle does not wait.
const SPACING: Duration = Duration::from_millis(4);
/// How long the thread sleeps when nothing is due.
const IDLE: Duration = Duration::from_secs(3_600);
/// How soon a store that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Writer {
    /// Starts the thread. What it has done it tells the reactor.
    pub(in crate::driver) fn start(
        store: Option<Box<dyn Store>>,
        recorder: Recorder,
        arrivals: Arrivals<Arrival>,
    ) -> io::Result<Self> {
        let (work, todo) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let stats = recorder.stats();
        let taken = Arc::clone(&waiting);
        let thread = thread::Builder::new()
            .name("orbit-store".to_owned())
            .spawn(move || Loop::new(store, recorder, arrivals, taken).run(&todo))?;
        Ok(Self {
            work: Some(work),
            waiting,
            stats,
            alarm: Alarm::default(),
            thread: Some(thread),
        })
    }

    /// Hands over work.
    pub(in crate::driver) fn give(&mut self, work: Work) {
        if let Work::Happened(_) = work
            && self.waiting.fetch_add(1, Ordering::Relaxed) >= HAPPENINGS_MAX
        {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return self.lose();
        }
        if let Some(queue) = &self.work {
            // Refused only by a thread that has panicked, which its own message tells.
            let _ = queue.send(work);
        }
    }
}

impl Writer {
    /// One happening has no place any more.
    fn lose(&mut self) {
        self.stats.happenings.add(1);
        if let Some(times) = self.alarm.raise(clock::now()) {
            tracing::error!(
                times,
                "happenings wait for a store that is too slow: call records will lack some"
            );
        }
    }
}

impl Drop for Writer {
    /// Waits until everything is written, or has failed once more.
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's thread ended by a panic: its log has the reason");
        }
    }
}

/// What the thread works with.
struct Loop {
    /// `None` where there are call detail records only.
    store: Option<Box<dyn Store>>,
    recorder: Recorder,
    arrivals: Arrivals<Arrival>,
    taken: Arc<AtomicUsize>,
    /// What could not be written yet.
    unwritten: BTreeMap<Subject, Operation>,
    notebook: Notebook,
    retry_at: Time,
    /// When calls have their next transaction.
    next_at: Time,
    last: u64,
}

impl Loop {
    fn new(
        store: Option<Box<dyn Store>>,
        recorder: Recorder,
        arrivals: Arrivals<Arrival>,
        taken: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            store,
            recorder,
            arrivals,
            taken,
            unwritten: BTreeMap::new(),
            notebook: Notebook::default(),
            retry_at: Time::ZERO,
            next_at: Time::ZERO,
            last: 0,
        }
    }

    fn run(mut self, todo: &Receiver<Work>) {
        loop {
            match todo.recv_timeout(self.sleep_for(clock::now())) {
                Ok(first) => {
                    self.pause();
                    let more = todo.try_iter().take(AT_ONCE - 1);
                    self.take(std::iter::once(first).chain(more));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    if !self.unwritten.is_empty() {
                        self.write(Vec::new());
                    }
                    if let Some(store) = &mut self.store {
                        self.notebook.write(&mut **store);
                    }
                    return self.recorder.finish(store(&mut self.store));
                }
            }
            let now = clock::now();
            if !self.unwritten.is_empty() && now >= self.retry_at {
                self.write(Vec::new());
            }
            if let Some(store) = &mut self.store
                && self.notebook.deadline().is_some_and(|at| now >= at)
            {
                self.notebook.write(&mut **store);
            }
            if self.recorder.deadline().is_some_and(|at| now >= at) {
                self.recorder.flush(now, store(&mut self.store));
            }
        }
    }

    /// Until the next transaction may begin.
    fn pause(&self) {
        loop {
            let rest = self.next_at - clock::now();
            if rest.is_zero() {
                return;
            }
            // The queue may have left a wake-up behind.
            thread::park_timeout(rest);
        }
    }

    fn sleep_for(&self, now: Time) -> Duration {
        let retry = (!self.unwritten.is_empty()).then_some(self.retry_at);
        let due = [retry, self.recorder.deadline(), self.notebook.deadline()]
            .into_iter()
            .flatten()
            .min();
        due.map_or(IDLE, |due| due - now)
    }

    /// Calls first: somebody waits for them.
    fn take(&mut self, work: impl Iterator<Item = Work>) {
        let (mut batches, mut other) = (Vec::new(), Vec::new());
        let (mut deeds, mut waiting) = (Vec::new(), Vec::new());
        for work in work {
            match work {
                Work::Batch(batch) => batches.push(batch),
                Work::Note(deed, reply) => {
                    deeds.push(*deed);
                    waiting.push(reply);
                }
                _ => other.push(work),
            }
        }
        if !batches.is_empty() {
            self.write(batches);
        }
        if let Some(store) = &mut self.store
            && !deeds.is_empty()
        {
            self.notebook.note(deeds, &mut **store);
        }
        // Whoever waits goes on, whether it was written or not.
        drop(waiting);
        for work in other {
            match work {
                Work::Happened(happening) => {
                    self.taken.fetch_sub(1, Ordering::Relaxed);
                    self.recorder.fold(&happening);
                }
                Work::AllAdopted => self.recorder.all_adopted(clock::now()),
                Work::Last(count, reply) => {
                    let last = self.recorder.last(count, store(&mut self.store));
                    // Whoever asked may have gone away.
                    let _ = reply.send(last);
                }
                Work::Objects(changes, deed, reply) => {
                    if let Some(store) = &mut self.store {
                        // Earlier deeds first.
                        self.notebook.write(&mut **store);
                        // Whoever asked may have gone away. Without a store the reply is dropped.
                        let _ = reply.send(store.change_objects(&changes, &[*deed]));
                    }
                }
                Work::Audit(ask, reply) => {
                    if let Some(store) = &mut self.store {
                        // Whoever asked may have gone away.
                        let _ = reply.send(store.audit(&ask));
                    }
                }
                Work::Batch(_) | Work::Note(..) => unreachable!("they were taken above"),
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
        let Some(store) = &mut self.store else {
            return;
        };
        self.next_at = clock::now() + SPACING;
        let news = match store.commit(&batches) {
            Ok(()) => {
                self.unwritten.clear();
                Arrival::Stored(self.last)
            }
            Err(error) => {
                if !was_failing {
                    tracing::error!(%error, "the store was not written; it is tried again");
                    self.remember(batches);
                }
                self.retry_at = clock::now() + RETRY;
                Arrival::StoreFailed
            }
        };
        // The reactor may have ended: then nobody waits for the news.
        let _ = self.arrivals.blocking_send(news);
    }

    /// Keeps the last word on each call and subscription.
    fn remember(&mut self, batches: Vec<Batch>) {
        for operation in batches.into_iter().flat_map(|batch| batch.operations) {
            self.unwritten.insert(operation.subject(), operation);
        }
    }
}

/// The store, for one call.
fn store(store: &mut Option<Box<dyn Store>>) -> Option<&mut dyn Store> {
    match store {
        Some(store) => Some(&mut **store),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CdrConfig;
    use crate::happening::Fact;
    use crate::store::{CallName, Loaded, ObjectRecord};

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

        fn record(&mut self, _: &[Cdr]) -> Result<(), StoreError> {
            Ok(())
        }

        fn unfinished_cdrs(&mut self) -> Result<Vec<Cdr>, StoreError> {
            Ok(Vec::new())
        }

        fn last_cdrs(&mut self, _: usize) -> Result<Vec<Cdr>, StoreError> {
            Ok(Vec::new())
        }

        fn strike_cdrs(&mut self, _: u64, _: usize) -> Result<usize, StoreError> {
            Ok(0)
        }

        fn objects(&mut self) -> Result<Vec<ObjectRecord>, StoreError> {
            Ok(Vec::new())
        }

        fn change_objects(
            &mut self,
            _: &[ObjectChange],
            _: &[AuditRecord],
        ) -> Result<(), StoreError> {
            self.commit(&[])
        }

        fn note(&mut self, _: &[AuditRecord]) -> Result<(), StoreError> {
            self.commit(&[])
        }

        fn audit(&mut self, _: &AuditAsk) -> Result<Vec<(u64, AuditRecord)>, StoreError> {
            Ok(Vec::new())
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
            let stats = Arc::default();
            let recorder = Recorder::open(&CdrConfig::default(), Vec::new(), stats).unwrap();
            Self {
                writer: Writer::start(Some(store), recorder, arrivals).unwrap(),
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
        desk.writer.give(Work::Batch(batch(1, "a")));
        assert_eq!(desk.news(), "stored 1");
        desk.writer.give(Work::Batch(batch(2, "b")));
        assert_eq!(desk.news(), "stored 2");
        assert_eq!(desk.end(), [vec![delete("a")], vec![delete("b")]]);
    }

    #[test]
    fn what_could_not_be_written_is_written_later_the_last_word_on_each() {
        let mut desk = Desk::new(1);
        desk.writer.give(Work::Batch(batch(1, "a")));
        assert_eq!(desk.news(), "failed");
        desk.writer.give(Work::Batch(batch(2, "b")));
        assert_eq!(desk.news(), "stored 2");
        assert_eq!(desk.end(), [vec![delete("a"), delete("b")]]);
    }

    #[test]
    fn what_comes_while_it_is_busy_shares_a_transaction() {
        let mut desk = Desk::new(0);
        const COUNT: u64 = 100;
        for number in 1..=COUNT {
            desk.writer.give(Work::Batch(batch(number, "a")));
        }
        while desk.news() != format!("stored {COUNT}") {}
        let transactions = desk.end();
        let written: usize = transactions.iter().map(Vec::len).sum();
        assert_eq!(written as u64, COUNT);
        assert!(
            (transactions.len() as u64) < COUNT / 4,
            "{} transactions",
            transactions.len()
        );
    }

    #[test]
    fn a_happening_without_a_place_is_counted() {
        let mut desk = Desk::new(0);
        desk.writer.waiting.store(HAPPENINGS_MAX, Ordering::Relaxed);
        let happening = Happening {
            at: Time::ZERO,
            call: None,
            call_id: "".into(),
            orbit: None,
            range: None,
            fact: Fact::DrainBegun,
        };
        desk.writer.give(Work::Happened(Arc::new(happening)));
        assert_eq!(desk.writer.stats.happenings.load(), 1);
        assert_eq!(
            desk.writer.waiting.load(Ordering::Relaxed),
            HAPPENINGS_MAX,
            "it does not wait"
        );
    }

    #[test]
    fn the_end_waits_for_what_was_handed_over() {
        let mut desk = Desk::new(1);
        desk.writer.give(Work::Batch(batch(1, "a")));
        assert_eq!(desk.end(), [vec![delete("a")]]);
    }

    #[test]
    fn a_deed_that_cannot_be_written_keeps_nobody_waiting_and_is_written_later() {
        let desk = &mut Desk::new(1);
        for _ in 0..2 {
            let (reply, noted) = oneshot::channel();
            let deed = Box::new(AuditRecord::default());
            desk.writer.give(Work::Note(deed, reply));
            assert!(noted.blocking_recv().is_err(), "the end of the reply tells");
        }
        assert_eq!(desk.written.recv().unwrap(), [], "the second time");
    }
}
