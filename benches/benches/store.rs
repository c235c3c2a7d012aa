//! What durability costs a pair of a park and a retrieval: what is said to the store, and what
//! SQLite needs for it, by how many pairs share a transaction. On the disk of the target folder.

#![allow(clippy::print_stdout, reason = "a benchmark says what it found")]

use std::path::Path;
use std::time::{Duration, Instant};

use control::driver::Sqlite;
use control::store::{Batch, Operation, Store as _};
use nix::time::{ClockId, clock_gettime};
use orbit_benches::house::{CALLS_MAX, House};
use shared::Time;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Calls that stay parked meanwhile.
const PARKED: u32 = CALLS_MAX - 1_000;
/// Pairs in each figure.
const PAIRS: usize = 2_000;
/// How many of them share a transaction.
const TOGETHER: [usize; 4] = [1, 2, 5, 20];

/// A store with calls that wait, and the control plane that has parked them.
struct Site {
    house: House,
    store: Sqlite,
}

impl Site {
    fn new(folder: &Path) -> Self {
        let mut house = House::with_store(|| Time::ZERO);
        for _ in 0..PARKED {
            house.park();
        }
        house.wait(Duration::from_secs(40));
        let mut store = Sqlite::open(&folder.join("orbit.db")).expect("a disk with room");
        store.commit(&house.take_batches()).expect("room");
        Self { house, store }
    }

    /// What the store is told of so many pairs.
    fn pairs(&mut self, count: usize) -> Vec<Batch> {
        for _ in 0..count {
            let (parkee, _) = self.house.park();
            let (retriever, _) = self.house.retrieve(&parkee);
            self.house.hang_up(retriever, Some(&parkee));
            self.house.wait(Duration::from_micros(660));
        }
        self.house.take_batches()
    }
}

/// CPU time of this thread.
fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .expect("every thread has one")
        .into()
}

fn microseconds(spent: Duration, pairs: usize) -> f64 {
    spent.as_secs_f64() * 1e6 / pairs as f64
}

/// How often a pair puts and deletes records, and how long one is.
fn say_operations(batches: &[Batch]) {
    let operations = batches.iter().flat_map(|batch| &batch.operations);
    let (mut puts, mut deletes, mut bytes) = (0, 0, 0);
    for operation in operations {
        match operation {
            Operation::Put(record) => {
                puts += 1;
                bytes += serde_json::to_string(record).expect("plain data").len();
            }
            _ => deletes += 1,
        }
    }
    let each = |count: usize| count as f64 / PAIRS as f64;
    println!(
        "a pair: {:.2} records of {} bytes put, {:.2} deleted",
        each(puts),
        bytes / puts.max(1),
        each(deletes)
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark is a driver of its own"
)]
fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let mut site = Site::new(folder.path());
    println!("{PARKED} calls parked, {PAIRS} pairs more for each line");
    for together in TOGETHER {
        let batches = site.pairs(PAIRS);
        if together == TOGETHER[0] {
            say_operations(&batches);
        }
        let of_transaction = batches.len() * together / PAIRS;
        let (began, before) = (Instant::now(), cpu());
        for some in batches.chunks(of_transaction) {
            site.store.commit(some).expect("room");
        }
        let (wall, cpu) = (began.elapsed(), cpu() - before);
        println!(
            "{together:>3} pairs a transaction: {:>7.1} µs of CPU a pair, {:>7.1} µs of time",
            microseconds(cpu, PAIRS),
            microseconds(wall, PAIRS)
        );
    }
}
