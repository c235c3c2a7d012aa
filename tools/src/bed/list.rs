//! `orbitd bed list`: the API's list of thousands of taken orbits: how long it takes, and whether
//! those who park meanwhile wait for it.

use std::error::Error;
use std::io::Write;
use std::thread::park_timeout;
use std::time::Duration;

use clap::value_parser;
use hdrhistogram::Histogram;
use memchr::memmem;
use serde_json::{Value, json};
use shared::Form;

use super::desk::{Desk, Failure, joined};
use super::load::Load;
use super::machine::{self, Machine};
use super::namespace::{self, Bed};
use super::pairs::{Outcome, Pace, Traffic};
use super::ports;
use super::report::{Delivery, Judgement, Report, Row, grouped, say, time};
use super::server::{Extras, ServerProcess};
use crate::clock;
use crate::ctl::Client;

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListOptions {
    /// Calls that are parked.
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=10_000))]
    calls: u32,
    /// How often the list is asked for, once with nothing else to do and once while phones park.
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(1..=10_000))]
    requests: u32,
    /// Pairs of a park and a retrieval in a second meanwhile.
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(1..=5_000))]
    rate: u32,
    #[command(flatten)]
    delivery: Delivery,
}

/// What was found.
struct Findings {
    quiet: Lists,
    /// While pairs came and went.
    busy: Lists,
    /// The pairs meanwhile, and as many without any list.
    listed: Outcome,
    unlisted: Outcome,
}

/// Lists that were asked for.
#[derive(Clone, Debug)]
struct Lists {
    /// Until the last byte was there, in microseconds.
    times: Histogram<u64>,
    /// Orbits in the shortest of them.
    orbits: usize,
    bytes: usize,
}

/// The goals: for one list of 10,000, and from INVITE to 200 for 99 of 100.
const LIST_MAX: Duration = Duration::from_millis(50);
const PARK_MAX: Duration = Duration::from_millis(20);

/// Between the beginnings of two lists.
const EVERY: Duration = Duration::from_millis(200);

/// How many of the parked hear music.
const MUSIC: u32 = 500;

/// Orbits beyond those that are taken all the time.
const ORBITS_MORE: u32 = 4_000;

const SETTLE: Duration = Duration::from_millis(1_500);

const TIME_US_MAX: u64 = 60_000_000;

/// Measures; whether nothing falls short.
pub(super) fn list(options: &ListOptions, out: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    let machine = Machine::look()?;
    machine::raise_descriptors()?;
    let load = machine::load();
    let findings = measure(&machine, options)?;
    let report = Report {
        title: format!(
            "The API's list of {} taken orbits, asked for {} times",
            grouped(options.calls.into()),
            options.requests
        ),
        machine: machine.line_since(&load),
        rows: findings.rows(options),
        figures: findings.to_json(),
    };
    report.deliver(&options.delivery, out)
}

fn measure(machine: &Machine, options: &ListOptions) -> Result<Findings, Box<dyn Error>> {
    let bed = Bed::build()?;
    let desk = Desk::of(&bed)?;
    let extras = Extras {
        store: None,
        api: Some(desk.configuration().to_owned()),
    };
    let (calls, cpu) = (options.calls, machine.worker_cpu());
    let orbits = calls + ORBITS_MORE;
    let server = ServerProcess::start(&bed, orbits, cpu, Form::Socket, &extras)?;
    machine.stand_aside()?;
    namespace::enter(&bed.phones())?;
    let with_music = MUSIC.min(calls);
    let mut load = Load::new(ports::ports_with_silent(calls, with_music, 0))?;
    load.hush(with_music as usize..calls as usize);
    say(&format!("parking {calls} calls"));
    load.park(calls as usize)?;
    load.wait(SETTLE);
    let requests = options.requests;
    say("lists alone");
    let quiet = desk.ask(move |client| Lists::ask(client, requests))?;
    let pace = Pace {
        rate: options.rate,
        time: EVERY * requests,
    };
    say("pairs alone");
    let unlisted = Traffic::new(&mut load).run(pace);
    say("both");
    let asking = desk.start(move |client| Lists::ask(client, requests));
    let listed = Traffic::new(&mut load).run(pace);
    let busy = joined(asking)?;
    load.hang_up();
    drop(server);
    Ok(Findings {
        quiet,
        busy,
        listed,
        unlisted,
    })
}

impl Lists {
    /// Asks so many times.
    fn ask(client: &Client, requests: u32) -> Result<Self, Failure> {
        let times = Histogram::new_with_max(TIME_US_MAX, 3);
        let mut lists = Self {
            times: times.expect("the bounds are in order"),
            orbits: usize::MAX,
            bytes: 0,
        };
        for _ in 0..requests {
            let begun = clock::now();
            let text = client.text("/v1/orbits?limit=10000")?;
            let took = clock::now() - begun;
            let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            lists.times.saturating_record(took);
            lists.orbits = lists.orbits.min(orbits_in(&text));
            lists.bytes = text.len();
            park_timeout(EVERY.saturating_sub(clock::now() - begun));
        }
        Ok(lists)
    }

    fn at(&self, part: f64) -> Duration {
        Duration::from_micros(self.times.value_at_quantile(part))
    }

    fn row(&self, what: &str, options: &ListOptions) -> Row {
        let is_whole = self.orbits >= options.calls as usize;
        Row::new(
            what,
            format!("p99 < {}", time(LIST_MAX)),
            format!(
                "p50 {}, p99 {}, all {}; {} orbits, {} bytes",
                time(self.at(0.5)),
                time(self.at(0.99)),
                time(self.at(1.0)),
                grouped(self.orbits as u64),
                grouped(self.bytes as u64)
            ),
            Judgement::of(is_whole && self.at(0.99) < LIST_MAX),
        )
    }

    fn to_json(&self) -> Value {
        json!({
            "p50_us": self.times.value_at_quantile(0.5),
            "p99_us": self.times.value_at_quantile(0.99),
            "max_us": self.times.max(),
            "orbits": self.orbits,
            "bytes": self.bytes,
        })
    }
}

/// How many orbits a list has. To read all of it would take the CPU that the server is on for
/// longer than the server did.
fn orbits_in(list: &str) -> usize {
    memmem::find_iter(list.as_bytes(), br#"{"orbit":""#).count()
}

impl Findings {
    fn rows(&self, options: &ListOptions) -> Vec<Row> {
        vec![
            self.quiet
                .row("a list, from the request to its end", options),
            self.busy.row("the same, while phones park", options),
            self.park_row(),
            Row::new(
                "pairs that failed",
                "0",
                format!(
                    "{} of {}, without lists {} of {}",
                    self.listed.failed,
                    grouped(self.listed.begun),
                    self.unlisted.failed,
                    grouped(self.unlisted.begun)
                ),
                Judgement::of(self.listed.failed == 0),
            ),
        ]
    }

    fn park_row(&self) -> Row {
        let at = |outcome: &Outcome, part| {
            time(Duration::from_micros(outcome.parks.value_at_quantile(part)))
        };
        let quantiles = |outcome| {
            let (p50, p99, p999) = (at(outcome, 0.5), at(outcome, 0.99), at(outcome, 0.999));
            format!(
                "p50 {p50}, p99 {p99}, p99.9 {p999}, all {}",
                at(outcome, 1.0)
            )
        };
        let p99 = Duration::from_micros(self.listed.parks.value_at_quantile(0.99));
        Row::new(
            "a park while lists are made, INVITE to 200",
            format!("p99 < {}", time(PARK_MAX)),
            format!(
                "{}; without lists {}",
                quantiles(&self.listed),
                quantiles(&self.unlisted)
            ),
            Judgement::of(!self.listed.parks.is_empty() && p99 < PARK_MAX),
        )
    }

    fn to_json(&self) -> Value {
        let parks = |outcome: &Outcome| {
            json!({
                "p50_us": outcome.parks.value_at_quantile(0.5),
                "p99_us": outcome.parks.value_at_quantile(0.99),
                "max_us": outcome.parks.max(),
                "failed": outcome.failed,
            })
        };
        json!({
            "quiet": self.quiet.to_json(),
            "busy": self.busy.to_json(),
            "parks_with_lists": parks(&self.listed),
            "parks_without": parks(&self.unlisted),
        })
    }
}

#[cfg(test)]
mod tests {
    use control::driver::http::{Orbit, OrbitList, OrbitState};

    use super::*;

    #[test]
    fn the_orbits_of_a_list_are_counted() {
        let orbit = |number: u32| Orbit {
            orbit: number.to_string(),
            range: "main".to_owned(),
            state: OrbitState::Free,
            call: None,
        };
        for count in [0, 1, 7] {
            let list = OrbitList {
                orbits: (0..count).map(orbit).collect(),
                next: None,
            };
            let text = serde_json::to_string(&list).unwrap();
            assert_eq!(orbits_in(&text), count as usize);
        }
    }
}
