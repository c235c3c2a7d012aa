//! The disk under a store: a folder of the run's own, and how long it takes there until something
//! is durable.

use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hdrhistogram::Histogram;
use rustix::fs::{FsWord, fdatasync, statfs};
use serde_json::{Value, json};

use super::report::{Judgement, Row, time};
use crate::clock;

/// A folder for the stores of one run. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
}

/// How long writes took until they were durable.
#[derive(Clone, Debug)]
pub(super) struct Syncs {
    /// Microseconds.
    times: Histogram<u64>,
}

/// As a small transaction writes: so many, of so many bytes.
const WRITES: u64 = 200;
const WRITE_BYTES: usize = 4_096;

/// File systems in memory, by what `statfs` says of their kind: tmpfs and ramfs.
const IN_MEMORY: [FsWord; 2] = [0x0102_1994, 0x8584_58f6];

/// Slower writes count as this slow.
const TIME_US_MAX: u64 = 60_000_000;

impl Disk {
    /// A new folder in this one, which is made where there is none.
    ///
    /// Fails where nothing can be written, and for a folder in memory, where everything is durable
    /// at once and until the machine stops.
    pub(super) fn below(parent: &Path) -> Result<Self, Box<dyn Error>> {
        let shown = parent.display();
        let failed = |error| {
            format!("--store {shown}: {error}; name a folder on a disk that you may write to")
        };
        fs::create_dir_all(parent).map_err(failed)?;
        let kind = statfs(parent).map_err(|error| failed(error.into()))?.f_type;
        if IN_MEMORY.contains(&kind) {
            return Err(format!(
                "--store {shown}: a folder in memory; name one on a disk, since it is the disk \
                 that is measured"
            )
            .into());
        }
        let folder = parent.join(format!("orbit-bed-{}", std::process::id()));
        fs::create_dir(&folder).map_err(failed)?;
        Ok(Self { folder })
    }

    /// Where a server keeps its calls.
    pub(super) fn store(&self) -> PathBuf {
        self.folder.join("orbit.db")
    }

    /// What the disk takes by itself: one write after another into a file that is there already,
    /// each followed by `fdatasync`.
    pub(super) fn syncs(&self) -> Result<Syncs, Box<dyn Error>> {
        let path = self.folder.join("syncs");
        let file = File::create(&path)?;
        let block = [0x5a; WRITE_BYTES];
        let place = |number: u64| number * WRITE_BYTES as u64;
        for number in 0..WRITES {
            file.write_all_at(&block, place(number))?;
        }
        file.sync_all()?;
        let times = Histogram::new_with_max(TIME_US_MAX, 3);
        let mut times = times.expect("the bounds are in order");
        for number in 0..WRITES {
            let begun = clock::now();
            file.write_all_at(&block, place(number))?;
            fdatasync(&file)?;
            let took = u64::try_from((clock::now() - begun).as_micros()).unwrap_or(u64::MAX);
            times.saturating_record(took);
        }
        fs::remove_file(&path)?;
        Ok(Syncs { times })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What cannot be removed bears the number of this process in its name.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Syncs {
    fn at(&self, part: f64) -> Duration {
        Duration::from_micros(self.times.value_at_quantile(part))
    }

    fn in_words(&self) -> String {
        format!("p50 {}, p99 {}", time(self.at(0.5)), time(self.at(0.99)))
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "p50": self.times.value_at_quantile(0.5),
            "p99": self.times.value_at_quantile(0.99),
            "max": self.times.max(),
        })
    }
}

/// What the disk itself took before and after a run.
pub(super) fn disk_row(before: &Syncs, after: &Syncs) -> Row {
    Row::new(
        "the disk's own fdatasync of 4 KiB",
        "",
        format!(
            "before {}; after {}; {WRITES} writes each",
            before.in_words(),
            after.in_words()
        ),
        Judgement::NotJudged,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_the_runs_own_and_gone_after_it() {
        // Where the tests are built there is a disk.
        let parent = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bed-disk");
        let disk = Disk::below(&parent).unwrap();
        let folder = disk.folder.clone();
        assert!(folder.is_dir());
        let syncs = disk.syncs().unwrap();
        assert_eq!(syncs.times.len(), WRITES);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is left");
        drop(disk);
        assert!(!folder.exists());
    }

    #[test]
    fn a_folder_in_memory_is_refused_with_what_would_be_right() {
        let refusal = Disk::below(Path::new("/dev/shm")).unwrap_err().to_string();
        assert!(refusal.contains("name one on a disk"), "{refusal}");
    }
}
