//! What control costs: pairs of park and retrieve a second on one core, the time from INVITE to
//! 200; and the parsing that each message needs.

#![allow(clippy::print_stdout, reason = "a benchmark says what it found")]

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group};
use orbit_benches::cases::messages;
use orbit_benches::house::{CALLS_MAX, House};
use shared::Time;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The goals: pairs a second, and the time from INVITE to 200.
const PAIRS_S_MIN: f64 = 1_500.0;
const ANSWER_MAX: Duration = Duration::from_millis(20);

/// How many pairs are measured, with as many calls parked besides as the house holds.
const PAIRS: usize = 5_000;

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark is a driver of its own"
)]
fn clock() -> Time {
    static START: OnceLock<Instant> = OnceLock::new();
    let since = START.get_or_init(Instant::now).elapsed();
    Time::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// The figures of the goals, on standard output.
fn figures() {
    let mut house = House::new(clock);
    // All but a few, which come and go below.
    let parked = CALLS_MAX - 1_000;
    for number in 0..parked {
        house.park();
        if number % 10 == 0 {
            house.wait(Duration::from_millis(40));
        }
    }
    house.wait(Duration::from_secs(40));
    house.reset();
    let mut parks = Vec::with_capacity(PAIRS);
    let mut retrievals = Vec::with_capacity(PAIRS);
    for _ in 0..PAIRS {
        let (parkee, park) = house.park();
        let (retriever, retrieval) = house.retrieve(&parkee);
        house.hang_up(retriever, Some(&parkee));
        parks.push(park);
        retrievals.push(retrieval);
        // As fast as the goal has it: so many transactions are open at once.
        house.wait(Duration::from_micros(660));
    }
    let spent = house.reset();
    let pairs_s = PAIRS as f64 / spent.as_secs_f64();
    println!("{parked} calls parked, {PAIRS} more parked, retrieved and ended:");
    say(
        "pairs a second on one core",
        format!("{pairs_s:.0}"),
        pairs_s >= PAIRS_S_MIN,
    );
    for (what, mut times) in [("park", parks), ("retrieval", retrievals)] {
        times.sort_unstable();
        let (p50, p99) = (times[PAIRS / 2], times[PAIRS * 99 / 100]);
        let text = format!("{p50:.1?} median, {p99:.1?} p99");
        say(&format!("{what}, INVITE to 200"), text, p99 <= ANSWER_MAX);
    }
}

fn say(what: &str, figure: String, is_reached: bool) {
    let verdict = if is_reached { "ok" } else { "GOAL MISSED" };
    println!("  {what:<28} {figure:<32} {verdict}");
}

fn parse(criterion: &mut Criterion) {
    for case in messages() {
        criterion.bench_function(&case.name, |bencher| bencher.iter((case.prepare)()));
    }
}

fn park(criterion: &mut Criterion) {
    let mut house = House::new(clock);
    criterion.bench_function(
        "control/park, INVITE to BYE, with the phone's part",
        |bencher| {
            bencher.iter(|| {
                let (phone, _) = house.park();
                house.hang_up(phone, None);
                house.wait(Duration::from_millis(1));
            });
        },
    );
}

criterion_group!(benches, parse, park);

fn main() {
    if !std::env::args().any(|argument| argument == "--test") {
        figures();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
