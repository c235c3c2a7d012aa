//! The store under the pairs: the disk that it is on, and what the server says of its
//! transactions.

use std::error::Error;
use std::path::Path;

use serde_json::{Value, json};

use crate::bed::desk::{Desk, Metrics};
use crate::bed::disk::{Disk, Syncs, disk_row};
use crate::bed::namespace::Bed;
use crate::bed::report::{Judgement, Row};
use crate::bed::server::Extras;

/// A disk for the server, and a way to ask for the figures of its store.
#[derive(Debug)]
pub(super) struct Durable {
    disk: Disk,
    desk: Desk,
    before: Syncs,
}

/// What the store did while pairs came and went.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    before: Syncs,
    after: Syncs,
    seconds: f64,
    commits: f64,
    operations: f64,
    failed: f64,
    /// Of all commits together.
    commit_seconds: f64,
    /// How often calls were not durable when somebody was told of them.
    falls: f64,
}

impl Durable {
    pub(super) fn below(parent: &Path, bed: &Bed) -> Result<Self, Box<dyn Error>> {
        let disk = Disk::below(parent)?;
        Ok(Self {
            before: disk.syncs()?,
            desk: Desk::of(bed)?,
            disk,
        })
    }

    /// What the server is started with.
    pub(super) fn extras(&self) -> Extras {
        Extras {
            store: Some(self.disk.store()),
            api: Some(self.desk.configuration().to_owned()),
        }
    }

    /// Its figures now.
    pub(super) fn look(&self) -> Result<Metrics, Box<dyn Error>> {
        self.desk.metrics()
    }

    /// What happened between two looks, so many seconds apart. The server has nothing to do any
    /// more.
    pub(super) fn between(
        &self,
        begun: &Metrics,
        ended: &Metrics,
        seconds: f64,
    ) -> Result<Stored, Box<dyn Error>> {
        let grown = |name: &str| Ok::<_, Box<dyn Error>>(ended.value(name)? - begun.value(name)?);
        Ok(Stored {
            before: self.before.clone(),
            after: self.disk.syncs()?,
            seconds,
            commits: grown("orbit_store_commits_total")?,
            operations: grown("orbit_store_operations_total")?,
            failed: grown("orbit_store_commits_failed_total")?,
            commit_seconds: grown("orbit_store_commit_seconds_sum")?,
            // Also while the calls were parked that stay so.
            falls: ended.value("orbit_store_falls_behind_total")?,
        })
    }
}

impl Stored {
    pub(super) fn rows(&self) -> [Row; 2] {
        [disk_row(&self.before, &self.after), self.kept_row()]
    }

    fn kept_row(&self) -> Row {
        let commits = self.commits.max(1.0);
        Row::new(
            "who is told of a call whose record is not durable",
            "nobody",
            format!(
                "{}; {:.0} transactions a second of {:.1} changes, {:.2} ms each; {:.0} failed",
                match self.falls {
                    0.0 => "nobody".to_owned(),
                    falls => format!("some, in {falls:.0} times that the store fell behind"),
                },
                self.commits / self.seconds,
                self.operations / commits,
                self.commit_seconds / commits * 1e3,
                self.failed,
            ),
            Judgement::of(self.falls == 0.0 && self.failed == 0.0 && self.commits > 0.0),
        )
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "fdatasync_us": { "before": self.before.to_json(), "after": self.after.to_json() },
            "commits": self.commits,
            "operations": self.operations,
            "commits_failed": self.failed,
            "commit_seconds": self.commit_seconds,
            "falls_behind": self.falls,
        })
    }
}
