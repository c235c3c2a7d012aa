//! The store: how long a commit takes, how many there were, how many failed. Measured around the
//! store, on the thread that writes.

use std::sync::Arc;

use shared::{Counter, Histogram};

use super::media::histogram;
use super::page::Page;
use crate::cdr::Cdr;
use crate::control::ControlStatus;
use crate::driver::clock;
use crate::store::{
    AuditAsk, AuditRecord, Batch, Loaded, ObjectChange, ObjectRecord, Store, StoreError,
};

/// Written by the store's thread, read by anybody.
#[derive(Debug, Default)]
pub(in crate::driver) struct StoreStats {
    commits: Counter,
    failures: Counter,
    operations: Counter,
    latency: Histogram,
}

/// A store whose commits are measured.
pub(in crate::driver) struct Measured<S> {
    store: S,
    stats: Arc<StoreStats>,
}

impl<S: Store> Measured<S> {
    pub(in crate::driver) fn new(store: S, stats: Arc<StoreStats>) -> Self {
        Self { store, stats }
    }
}

impl<S: Store> Store for Measured<S> {
    fn load(&mut self) -> Result<Loaded, StoreError> {
        self.store.load()
    }

    fn commit(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        let operations = batches.iter().map(|batch| batch.operations.len()).sum();
        self.measured(operations, |store| store.commit(batches))
    }

    fn record(&mut self, records: &[Cdr]) -> Result<(), StoreError> {
        self.measured(records.len(), |store| store.record(records))
    }

    fn unfinished_cdrs(&mut self) -> Result<Vec<Cdr>, StoreError> {
        self.store.unfinished_cdrs()
    }

    fn last_cdrs(&mut self, count: usize) -> Result<Vec<Cdr>, StoreError> {
        self.store.last_cdrs(count)
    }

    fn strike_cdrs(&mut self, before_unix_ms: u64, at_most: usize) -> Result<usize, StoreError> {
        self.store.strike_cdrs(before_unix_ms, at_most)
    }

    fn objects(&mut self) -> Result<Vec<ObjectRecord>, StoreError> {
        self.store.objects()
    }

    fn change_objects(
        &mut self,
        changes: &[ObjectChange],
        deeds: &[AuditRecord],
    ) -> Result<(), StoreError> {
        let operations = changes.len() + deeds.len();
        self.measured(operations, |store| store.change_objects(changes, deeds))
    }

    fn note(&mut self, deeds: &[AuditRecord]) -> Result<(), StoreError> {
        self.measured(deeds.len(), |store| store.note(deeds))
    }

    fn audit(&mut self, ask: &AuditAsk) -> Result<Vec<(u64, AuditRecord)>, StoreError> {
        self.store.audit(ask)
    }
}

impl<S: Store> Measured<S> {
    fn measured(
        &mut self,
        operations: usize,
        write: impl FnOnce(&mut S) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let begun = clock::now();
        let result = write(&mut self.store);
        let took = u64::try_from((clock::now() - begun).as_nanos()).unwrap_or(u64::MAX);
        self.stats.latency.record(took, 1);
        if result.is_ok() {
            self.stats.commits.add(1);
            self.stats.operations.add(operations as u64);
        } else {
            self.stats.failures.add(1);
        }
        result
    }
}

pub(super) fn write(page: &mut Page, stats: &StoreStats, status: &ControlStatus) {
    let help = "Whether the store cannot keep up: 1 when what changes now would be lost.";
    page.gauge("orbit_store_behind", help)
        .sample(&[], u8::from(status.store_behind));
    let help = "How often the store began not to keep up.";
    page.counter("orbit_store_falls_behind_total", help)
        .sample(&[], status.store_falls);
    page.counter(
        "orbit_store_commits_total",
        "Transactions that became durable.",
    )
    .sample(&[], stats.commits.load());
    page.counter(
        "orbit_store_commits_failed_total",
        "Transactions that could not be written; what they had is tried again.",
    )
    .sample(&[], stats.failures.load());
    page.counter(
        "orbit_store_operations_total",
        "Changes that became durable.",
    )
    .sample(&[], stats.operations.load());
    let help = "How long a transaction took until it was durable, or had failed.";
    let mut family = page.histogram("orbit_store_commit_seconds", help);
    histogram(&stats.latency, |counts, beyond, sum| {
        family.buckets(&[], counts, beyond, sum);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails every second time.
    struct Moody(bool);

    impl Store for Moody {
        fn load(&mut self) -> Result<Loaded, StoreError> {
            Ok(Loaded::default())
        }

        fn commit(&mut self, _: &[Batch]) -> Result<(), StoreError> {
            self.0 = !self.0;
            if self.0 {
                return Ok(());
            }
            Err(StoreError::Unavailable {
                path: "moody".to_owned(),
                what: "no".to_owned(),
                remedy: "ask again",
            })
        }

        fn record(&mut self, _: &[Cdr]) -> Result<(), StoreError> {
            self.commit(&[])
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

    #[test]
    fn each_commit_is_timed_and_those_that_fail_are_told_apart() {
        let stats = Arc::new(StoreStats::default());
        let mut store = Measured::new(Moody(false), Arc::clone(&stats));
        let results = [store.commit(&[]), store.record(&[]), store.commit(&[])];
        let results = results.map(|result| result.is_ok());
        assert_eq!(results, [true, false, true], "the store's own word");
        let mut page = Page::default();
        let status = ControlStatus {
            store_falls: 7,
            ..ControlStatus::default()
        };
        write(&mut page, &stats, &status);
        let text = page.into_text();
        assert!(text.contains("orbit_store_commits_total 2\n"), "{text}");
        assert!(
            text.contains("orbit_store_falls_behind_total 7\n"),
            "{text}"
        );
        assert!(
            text.contains("orbit_store_commits_failed_total 1\n"),
            "{text}"
        );
        assert!(
            text.contains("orbit_store_commit_seconds_count 3\n"),
            "{text}"
        );
    }
}
