//! `orbitd bed scrape`: are packets less well paced while the metrics are scraped? Rounds with and
//! without scrapes take turns.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::thread::park_timeout;
use std::time::Duration;

use clap::value_parser;
use dataplane::prompt::Prompt;
use serde_json::{Value, json};
use shared::{Codec, Form, Time};

use super::brief::{P99_MORE, P999_MORE};
use super::desk::{Desk, Failure, joined};
use super::listener::Listener;
use super::load::Load;
use super::machine::{self, Machine};
use super::namespace::{self, Bed};
use super::ports;
use super::report::{Delivery, Judgement, Report, Row, grouped, median, quantiles, say, time};
use super::server::{Extras, ServerProcess};
use crate::clock;
use crate::ctl::Client;
use crate::judge::{Music, Pacing};

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ScrapeOptions {
    /// Calls that hear music.
    #[arg(long, default_value_t = 2_000, value_parser = value_parser!(u32).range(1..=15_000))]
    calls: u32,
    /// Rounds, each without scrapes and then with them.
    #[arg(long, default_value_t = 6, value_parser = value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds of each half of a round.
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Scrapes in a second.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=1_000))]
    rate: u32,
    #[command(flatten)]
    delivery: Delivery,
}

/// What was found.
struct Findings {
    rounds: Vec<Round>,
    parked: usize,
}

/// The pacing of one round.
struct Round {
    without: Pacing,
    with: Pacing,
    scrapes: u32,
    /// The slowest scrape.
    slowest: Duration,
    bytes: usize,
}

/// Streams that are judged packet by packet.
const HEARD: u32 = 200;

const SETTLE: Duration = Duration::from_millis(1_500);

/// Measures; whether nothing falls short.
pub(super) fn scrape(
    options: &ScrapeOptions,
    out: &mut impl Write,
) -> Result<bool, Box<dyn Error>> {
    let machine = Machine::look()?;
    machine::raise_descriptors()?;
    let load = machine::load();
    let findings = measure(&machine, options)?;
    let report = Report {
        title: format!(
            "{} parked calls with music, {} scrapes of the metrics a second",
            grouped(options.calls.into()),
            options.rate
        ),
        machine: machine.line_since(&load),
        rows: findings.rows(options),
        figures: findings.to_json(),
    };
    report.deliver(&options.delivery, out)
}

fn measure(machine: &Machine, options: &ScrapeOptions) -> Result<Findings, Box<dyn Error>> {
    let bed = Bed::build()?;
    let desk = Desk::of(&bed)?;
    let extras = Extras {
        store: None,
        api: Some(desk.configuration().to_owned()),
    };
    let (calls, cpu) = (options.calls, machine.worker_cpu());
    let server = ServerProcess::start(&bed, calls, cpu, Form::Socket, &extras)?;
    machine.stand_aside()?;
    namespace::enter(&bed.phones())?;
    let ports = ports::ports(calls, HEARD.min(calls));
    let music = Arc::new(Music::new(Prompt::builtin(), Codec::Pcmu));
    let listener = Listener::start(&ports::parted(&ports).0, Some(&music))?;
    let mut load = Load::new(ports)?;
    say(&format!("parking {calls} calls"));
    load.park(calls as usize)?;
    load.wait(SETTLE);
    listener.forget();
    let (half, rate) = (Duration::from_secs(options.seconds.into()), options.rate);
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        say(&format!("round {number} of {}", options.rounds));
        load.wait(half);
        let without = listener.heard().pacing;
        let until = clock::now() + half;
        let scraping = desk.start(move |client| Scrapes::take(client, rate, until));
        load.wait(half);
        let with = listener.heard().pacing;
        let scrapes = joined(scraping)?;
        rounds.push(Round {
            without,
            with,
            scrapes: scrapes.count,
            slowest: scrapes.slowest,
            bytes: scrapes.bytes,
        });
    }
    let parked = load.counts().parked;
    load.hang_up();
    drop(server);
    Ok(Findings { rounds, parked })
}

/// Scrapes of one round.
#[derive(Default)]
struct Scrapes {
    count: u32,
    slowest: Duration,
    bytes: usize,
}

impl Scrapes {
    fn take(client: &Client, rate: u32, until: Time) -> Result<Self, Failure> {
        let mut scrapes = Self::default();
        let mut due = clock::now();
        while clock::now() < until {
            let begun = clock::now();
            scrapes.bytes = client.text("/metrics")?.len();
            scrapes.slowest = scrapes.slowest.max(clock::now() - begun);
            scrapes.count += 1;
            due += Duration::from_secs(1) / rate;
            park_timeout(due - clock::now());
        }
        Ok(scrapes)
    }
}

impl Findings {
    fn rows(&self, options: &ScrapeOptions) -> Vec<Row> {
        vec![
            self.pacing_row("p99", 0.99, P99_MORE),
            self.pacing_row("p99.9", 0.999, P999_MORE),
            self.scrapes_row(options),
            Row::new(
                "calls parked throughout",
                grouped(options.calls.into()),
                grouped(self.parked as u64),
                Judgement::of(self.parked == options.calls as usize),
            ),
        ]
    }

    /// The rounds' medians: a stall of the host is of one round.
    fn pacing_row(&self, name: &str, part: f64, more: Duration) -> Row {
        let of = |half: fn(&Round) -> &Pacing| {
            let values = self.rounds.iter();
            let values = values.map(|round| half(round).quantile(part).as_secs_f64());
            Duration::from_secs_f64(median(values).max(0.0))
        };
        let (with, without) = (of(|round| &round.with), of(|round| &round.without));
        Row::new(
            format!("deviation of packets at {name}, while scraped"),
            format!("that without scrapes + {}", time(more)),
            format!("{} (without {})", time(with), time(without)),
            Judgement::of(with <= without + more),
        )
    }

    fn scrapes_row(&self, options: &ScrapeOptions) -> Row {
        let scrapes: u32 = self.rounds.iter().map(|round| round.scrapes).sum();
        let wanted = options.rate * options.seconds * options.rounds;
        let slowest = self.rounds.iter().map(|round| round.slowest).max();
        let bytes = self.rounds.iter().map(|round| round.bytes).max();
        Row::new(
            "scrapes",
            grouped(wanted.into()),
            format!(
                "{}, the slowest {}, {} bytes each",
                grouped(scrapes.into()),
                time(slowest.unwrap_or_default()),
                grouped(bytes.unwrap_or_default() as u64)
            ),
            // The last of a half may be due when it is over.
            Judgement::of(scrapes + options.rounds >= wanted),
        )
    }

    fn to_json(&self) -> Value {
        let rounds = self.rounds.iter().map(|round| {
            json!({
                "without_ns": quantiles(&round.without),
                "with_ns": quantiles(&round.with),
                "scrapes": round.scrapes,
            })
        });
        json!({
            "parked": self.parked,
            "rounds": rounds.collect::<Vec<_>>(),
        })
    }
}
