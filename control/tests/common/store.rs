//! A store without a disk, and the death of the process that writes it: what was durable at that
//! moment is all that the next one has.

use std::collections::BTreeMap;
use std::time::Duration;

use control::cdr::Cdr;
use control::control::{Control, Kept, Setup};
use control::store::record::CallName;
use control::store::{Batch, CallRecord, Loaded, Operation, Store as _, StoreError};

use super::media::Workers;
use super::world::{Happening, World};

/// Milliseconds from 1970 to the beginning of every world.
const ORIGIN_UNIX_MS: u64 = 1_800_000_000_000;

/// What is durable.
#[derive(Debug, Default)]
pub(crate) struct Store {
    calls: BTreeMap<CallName, CallRecord>,
    cdrs: BTreeMap<String, Cdr>,
    /// Refuses to write.
    pub(crate) is_broken: bool,
    /// What it refused.
    unwritten: Vec<Batch>,
}

impl Store {
    /// As a new process finds it.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            origin_unix_ms: ORIGIN_UNIX_MS,
            calls: self.calls.values().cloned().collect(),
        }
    }

    /// The calls that would be taken up.
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// The number up to which everything is durable now; `None` when nothing could be written.
    pub(super) fn write(&mut self, batch: Batch) -> Option<u64> {
        self.unwritten.push(batch);
        if self.is_broken {
            return None;
        }
        let batches = std::mem::take(&mut self.unwritten);
        self.commit(&batches).unwrap();
        batches.last().map(|batch| batch.number)
    }

    /// Loses what was not written.
    fn crash(&mut self) {
        self.unwritten.clear();
    }
}

impl control::store::Store for Store {
    fn load(&mut self) -> Result<Loaded, StoreError> {
        Ok(Loaded {
            calls: self.calls.values().cloned().collect(),
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
}

impl World {
    /// How long until a batch is durable.
    pub(super) fn store_delay(&self) -> Duration {
        self.site
            .store_delay
            .expect("only a site with a store writes")
    }

    /// The process dies, and another starts at once from what is durable. Messages to and from the
    /// network stay under way; TCP connections are gone.
    pub(crate) fn crash(&mut self) {
        self.trace.line(self.now, format_args!("the server dies"));
        for connection in &mut self.connections {
            connection.is_open = false;
        }
        let mut lost = 0;
        self.agenda.retain(|happening| match happening {
            Happening::ToServer { transport, .. } if transport.is_reliable() => {
                lost += 1;
                false
            }
            Happening::ToServer { .. }
            | Happening::ToPhone { .. }
            | Happening::Wake(_)
            | Happening::Unheard(_) => true,
            Happening::Media(..)
            | Happening::Failed(_)
            | Happening::Resolved(..)
            | Happening::Written(_) => false,
        });
        self.in_flight -= lost;
        self.unwritten = 0;
        self.store.crash();
        let seed = self.fork_seed();
        let habits = self.site.media.clone();
        self.workers = Workers::new(seed, &self.site.workers, habits);
        let setup = self.setup();
        self.history.crash();
        self.control = Control::new(setup, self.now);
        self.carry_out();
        self.history.all_adopted(self.now);
    }

    pub(super) fn setup(&mut self) -> Setup {
        Setup {
            config: self.site.config.clone(),
            listeners: self.listeners.clone(),
            workers: self.site.workers.clone(),
            seed: self.seed_bytes(),
            kept: self.site.store_delay.map(|_| self.store.kept()),
        }
    }
}
