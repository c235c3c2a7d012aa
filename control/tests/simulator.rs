//! Phones and a bad network against the whole control plane: many worlds, each from one number.
//!
//! `ORBIT_SEED=n` runs one world and prints all that happens in it; `ORBIT_SEEDS=n` runs that many
//! instead of a thousand. `make test` runs ten thousand.

#![allow(clippy::unwrap_used, reason = "a test stops at what should not be")]

mod common;
mod simulator {
    pub(crate) mod habits;
    pub(crate) mod life;
    pub(crate) mod press;
    pub(crate) mod tally;
}

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use self::simulator::life::Life;
use self::simulator::tally::Tally;

const SEEDS: u64 = 1_000;

/// After this many failures no more worlds are begun.
const FAILURES_MAX: usize = 3;

#[test]
fn every_world_ends_well() {
    if let Some(number) = number_from("ORBIT_SEED") {
        Life::new(number, true).live();
        return;
    }
    let seeds = number_from("ORBIT_SEEDS").unwrap_or(SEEDS);
    let (tally, failed) = run(seeds);
    let commands: Vec<String> = failed
        .iter()
        .map(|number| format!("ORBIT_SEED={number} cargo test -p orbit-control --test simulator"))
        .collect();
    assert!(
        failed.is_empty(),
        "worlds that failed:\n{}",
        commands.join("\n")
    );
    println!("{seeds} worlds: {tally:?}");
    tally.check(seeds);
}

#[test]
fn the_same_number_gives_the_same_world() {
    for number in 0..4 {
        let digests = [(); 2].map(|()| Life::new(number, false).live().digest);
        assert_eq!(digests[0], digests[1], "world {number} has two histories");
    }
}

fn run(seeds: u64) -> (Tally, Vec<u64>) {
    let next = AtomicU64::new(0);
    let failures = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| run_until_none_is_left(seeds, &next, &failures)))
            .collect();
        let (mut tally, mut failed) = (Tally::default(), Vec::new());
        for worker in workers {
            let (part, failures) = worker.join().unwrap();
            tally.add(&part);
            failed.extend(failures);
        }
        failed.sort_unstable();
        (tally, failed)
    })
}

fn run_until_none_is_left(seeds: u64, next: &AtomicU64, failures: &AtomicU64) -> (Tally, Vec<u64>) {
    let (mut tally, mut failed) = (Tally::default(), Vec::new());
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= seeds || failures.load(Ordering::Relaxed) >= FAILURES_MAX as u64 {
            return (tally, failed);
        }
        let life = AssertUnwindSafe(|| Life::new(number, false).live());
        if let Ok(part) = catch_unwind(life) {
            tally.add(&part);
        } else {
            failures.fetch_add(1, Ordering::Relaxed);
            eprintln!("ORBIT_SEED={number} cargo test -p orbit-control --test simulator");
            failed.push(number);
        }
    }
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
