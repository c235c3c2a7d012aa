//! A store without a disk: it is slow, fails and forgets as its habits say.

use std::collections::BTreeMap;
use std::time::Duration;

use control::cdr::Cdr;
use control::config::ObjectName;
use control::store::record::{CallName, StateRecord, WatchName, WatchRecord};
use control::store::{
    AUDIT_MAX, AuditAsk, AuditRecord, Batch, CallRecord, Kept, Loaded, ObjectChange, ObjectRecord,
    Operation, Store as _, StoreError,
};
use shared::Time;

use super::seed::Seed;

/// Milliseconds from 1970 to the beginning of every world.
const ORIGIN_UNIX_MS: u64 = 1_800_000_000_000;

/// How long after a failure the store tries again.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// What is durable.
#[derive(Debug, Default)]
pub(crate) struct Store {
    calls: BTreeMap<CallName, CallRecord>,
    watches: BTreeMap<WatchName, WatchRecord>,
    cdrs: BTreeMap<String, Cdr>,
    objects: BTreeMap<ObjectName, ObjectRecord>,
    deeds: BTreeMap<u64, AuditRecord>,
    /// Refuses to write.
    pub(crate) is_broken: bool,
    /// What it refused.
    unwritten: Vec<Batch>,
    /// When the last batch is written: they are in order.
    last_due: Time,
}

impl Store {
    /// As a new process finds it.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            origin_unix_ms: ORIGIN_UNIX_MS,
            calls: self.calls.values().cloned().collect(),
            watches: self.watches.values().cloned().collect(),
        }
    }

    /// The subscriptions that would be taken up.
    pub(crate) fn watches(&self) -> usize {
        self.watches.len()
    }

    /// The calls that would be taken up.
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether a call with this leg would be taken up.
    pub(super) fn has(&self, call_id: &str) -> bool {
        let mut legs = self.calls.values().flat_map(|call| {
            let second = call.second.as_ref();
            [Some(&call.first), second].into_iter().flatten()
        });
        legs.any(|leg| &*leg.dialog.dialog.call_id == call_id)
    }

    /// The orbits of the calls that would be taken up.
    pub(super) fn orbits(&self) -> impl Iterator<Item = &str> {
        self.calls.values().filter_map(|call| match &call.state {
            StateRecord::Parked(parked) => Some(&*parked.orbit),
            StateRecord::Bridged { .. } => None,
        })
    }

    /// When a batch is written that was handed out now and takes so long.
    pub(super) fn due(&mut self, now: Time, takes: Duration) -> Time {
        self.last_due = self.last_due.max(now + takes);
        self.last_due
    }

    /// The number up to which everything is durable now; `None` when nothing could be written.
    pub(super) fn write(&mut self, batch: Batch) -> Option<u64> {
        self.unwritten.push(batch);
        self.write_again()
    }

    /// Writes what was refused.
    pub(super) fn write_again(&mut self) -> Option<u64> {
        if self.is_broken {
            return None;
        }
        let batches = std::mem::take(&mut self.unwritten);
        self.commit(&batches).unwrap();
        batches.last().map(|batch| batch.number)
    }

    pub(super) fn is_written(&self) -> bool {
        self.unwritten.is_empty()
    }

    /// The process has died. Of what it has handed out and was not told of, the first `durable`
    /// batches were written all the same.
    pub(super) fn crash(&mut self, under_way: Vec<Batch>, durable: usize) {
        self.unwritten.extend(under_way);
        self.unwritten.truncate(durable);
        self.last_due = Time::ZERO;
        let is_broken = std::mem::take(&mut self.is_broken);
        self.write_again();
        self.is_broken = is_broken;
    }

    /// Batches that were handed out and not written, besides those under way.
    pub(super) fn refused(&self) -> usize {
        self.unwritten.len()
    }

    /// One record cannot be read any more.
    pub(super) fn tear(&mut self, seed: &mut Seed) {
        if !self.calls.is_empty() {
            let at = seed.index(self.calls.len());
            let name = self.calls.keys().nth(at).expect("it is below").clone();
            self.calls.remove(&name);
        }
    }
}

impl control::store::Store for Store {
    fn load(&mut self) -> Result<Loaded, StoreError> {
        Ok(Loaded {
            calls: self.calls.values().cloned().collect(),
            watches: self.watches.values().cloned().collect(),
            unreadable: Vec::new(),
        })
    }

    fn commit(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        for operation in batches.iter().flat_map(|batch| &batch.operations) {
            match operation {
                Operation::Put(record) => {
                    self.calls.insert(record.name.clone(), (**record).clone());
                }
                Operation::Delete(name) => {
                    self.calls.remove(name);
                }
                Operation::Watch(record) => {
                    self.watches.insert(record.name.clone(), (**record).clone());
                }
                Operation::Unwatch(name) => {
                    self.watches.remove(name);
                }
            }
        }
        Ok(())
    }

    fn record(&mut self, records: &[Cdr]) -> Result<(), StoreError> {
        let records = records.iter().map(|cdr| (cdr.call.clone(), cdr.clone()));
        self.cdrs.extend(records);
        Ok(())
    }

    fn unfinished_cdrs(&mut self) -> Result<Vec<Cdr>, StoreError> {
        let unfinished = self.cdrs.values().filter(|cdr| cdr.ended_at.is_none());
        Ok(unfinished.cloned().collect())
    }

    fn last_cdrs(&mut self, count: usize) -> Result<Vec<Cdr>, StoreError> {
        let mut cdrs: Vec<Cdr> = self.cdrs.values().cloned().collect();
        cdrs.sort_by_key(|cdr| std::cmp::Reverse(cdr.parked_at));
        cdrs.truncate(count);
        Ok(cdrs)
    }

    fn strike_cdrs(&mut self, before: u64, at_most: usize) -> Result<usize, StoreError> {
        let is_old = |_: &String, cdr: &mut Cdr| cdr.ended_at.is_some_and(|at| at < before);
        Ok(self.cdrs.extract_if(.., is_old).take(at_most).count())
    }

    fn objects(&mut self) -> Result<Vec<ObjectRecord>, StoreError> {
        Ok(self.objects.values().cloned().collect())
    }

    fn change_objects(
        &mut self,
        changes: &[ObjectChange],
        deeds: &[AuditRecord],
    ) -> Result<(), StoreError> {
        for change in changes {
            match change {
                ObjectChange::Put(record) => {
                    self.objects.insert(record.name.clone(), record.clone());
                }
                ObjectChange::Forget(name) => {
                    self.objects.remove(name);
                }
            }
        }
        self.note(deeds)
    }

    fn note(&mut self, deeds: &[AuditRecord]) -> Result<(), StoreError> {
        for deed in deeds {
            let last = self.deeds.last_key_value().map_or(0, |(number, _)| *number);
            self.deeds.insert(last + 1, deed.clone());
            self.deeds
                .retain(|number, _| *number + AUDIT_MAX > last + 1);
        }
        Ok(())
    }

    fn audit(&mut self, ask: &AuditAsk) -> Result<Vec<(u64, AuditRecord)>, StoreError> {
        let is_wanted = |number: u64, deed: &AuditRecord| {
            ask.before.is_none_or(|before| number < before)
                && ask
                    .since_unix_ms
                    .is_none_or(|since| deed.at_unix_ms >= since)
                && ask
                    .until_unix_ms
                    .is_none_or(|until| deed.at_unix_ms < until)
                && ask.token.as_ref().is_none_or(|token| deed.token == *token)
                && ask
                    .object
                    .as_ref()
                    .is_none_or(|object| is_like(object, &deed.object))
        };
        let wanted = { self.deeds.iter().rev() }.filter(|(number, deed)| is_wanted(**number, deed));
        Ok(wanted
            .take(ask.limit)
            .map(|(number, deed)| (*number, deed.clone()))
            .collect())
    }
}

/// `*` stands for any signs at the end; this store knows no more.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => text == pattern,
    }
}
