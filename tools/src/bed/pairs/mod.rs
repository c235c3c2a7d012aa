//! `orbitd bed pairs`: the whole server on one CPU, control and media together, while thousands of
//! calls are parked and more are parked and retrieved at a given rate.
//!
//! Not all that are parked hear music: a packet costs a core some microseconds in the kernel, so
//! that 10,000 calls with music would leave nothing of one to measure. The others are on hold at
//! their own end: parked with a stream of their own that sends nothing.
//!
//! With `--store` each call is durable before anybody is told of it, on a disk whose own time for
//! that is measured beside it.

mod durable;
mod traffic;
mod verdict;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::value_parser;
use dataplane::prompt::Prompt;
use shared::{Codec, Form};

use super::figures::Figures;
use super::listener::{Heard, Listener};
use super::load::Load;
use super::look::{self, Look};
use super::machine::{self, Machine};
use super::namespace::{self, Bed};
use super::ports;
use super::report::{Delivery, Report, grouped, say};
use super::server::{Extras, ServerProcess};
use crate::judge::Music;
use durable::{Durable, Stored};

pub(super) use traffic::{Outcome, Pace, Traffic};

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PairsOptions {
    /// Calls that stay parked all the time.
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=CALLS_MAX))]
    calls: u32,
    /// How many of them hear music; the others are parked in silence.
    #[arg(long, default_value_t = 1_000, value_parser = value_parser!(u32).range(1..=CALLS_MAX))]
    music: u32,
    /// Pairs of a park and a retrieval begun in a second [default: 1500; with a store 1200].
    #[arg(long, value_parser = value_parser!(u32).range(1..=20_000))]
    rate: Option<u32>,
    /// Seconds for which they are begun.
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u32).range(1..=120))]
    seconds: u32,
    /// How packets are sent.
    #[arg(long, value_name = "FORM", default_value = "socket")]
    send: Form,
    /// Keep the calls in a store, in a new folder in DIR, here unless it is named: on a disk.
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".")]
    store: Option<PathBuf>,
    #[command(flatten)]
    delivery: Delivery,
}

/// What was found.
struct Findings {
    /// The server before any call, with its calls just parked, and after their transactions.
    empty: Look,
    full: Look,
    settled: Look,
    parked: usize,
    outcome: Outcome,
    /// While the pairs came and went.
    figures: Figures,
    /// What part of one CPU all threads used meanwhile, and the media worker alone.
    core_share: f64,
    heard: Heard,
    listened: usize,
    /// Where the calls are kept in a store.
    stored: Option<Stored>,
}

/// The goals without a store, and with one: pairs a second, and from INVITE to 200 for 99 of 100.
const IN_MEMORY: (u32, Duration) = (1_500, Duration::from_millis(20));
const DURABLE: (u32, Duration) = (1_200, Duration::from_millis(40));

/// The program itself counts for the memory of a call as well, which only so many make up for.
const MEMORY_CALLS_MIN: u32 = 10_000;

/// More leave too few of 20,000 descriptors for the pairs.
const CALLS_MAX: i64 = 15_000;

/// How many of those that hear music are listened to.
const HEARD: u32 = 100;

/// Orbits beyond those that are taken all the time.
const ORBITS_MORE: u32 = 5_000;

/// What was due while calls were parked has been sent by then.
const SETTLE: Duration = Duration::from_millis(1_500);

/// The transactions of the calls are over then (64·T1).
const TRANSACTIONS_OVER: Duration = Duration::from_secs(34);

/// Measures; whether nothing falls short.
pub(super) fn pairs(options: &PairsOptions, out: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    let machine = Machine::look()?;
    machine::raise_descriptors()?;
    let load = machine::load();
    let findings = measure(&machine, options)?;
    let report = Report {
        title: format!(
            "The whole server on one CPU, {}, send = \"{}\": {} calls parked, {} of them with \
             music; pairs of park and retrieval at {} a second",
            match options.store {
                Some(_) => "each call durable before anybody is told of it",
                None => "without a store",
            },
            options.send.name(),
            grouped(options.calls.into()),
            grouped(options.music.min(options.calls).into()),
            grouped(options.rate().into())
        ),
        machine: machine.line_since(&load),
        rows: findings.rows(options),
        figures: findings.to_json(),
    };
    report.deliver(&options.delivery, out)
}

impl PairsOptions {
    fn goal(&self) -> (u32, Duration) {
        match self.store {
            Some(_) => DURABLE,
            None => IN_MEMORY,
        }
    }

    fn rate(&self) -> u32 {
        self.rate.unwrap_or_else(|| self.goal().0)
    }

    fn answer_max(&self) -> Duration {
        self.goal().1
    }
}

fn measure(machine: &Machine, options: &PairsOptions) -> Result<Findings, Box<dyn Error>> {
    let calls = options.calls;
    let bed = Bed::build()?;
    let store = options.store.as_deref();
    let store = store
        .map(|parent| Durable::below(parent, &bed))
        .transpose()?;
    let extras = store.as_ref().map_or_else(Extras::default, Durable::extras);
    let orbits = calls + ORBITS_MORE;
    let cpu = machine.worker_cpu();
    let mut server = ServerProcess::together(&bed, orbits, cpu, options.send, &extras)?;
    machine.stand_aside()?;
    namespace::enter(&bed.phones())?;
    let with_music = options.music.min(calls);
    let ports = ports::ports_with_silent(calls, with_music, HEARD);
    let listened = ports::parted(&ports).0;
    let music = Arc::new(Music::new(Prompt::builtin(), Codec::Pcmu));
    let listener = Listener::start(&listened, Some(&music))?;
    look::prefer_all()?;
    let mut load = Load::new(ports)?;
    load.hush(with_music as usize..calls as usize);
    let empty = server.look()?;
    say(&format!("parking {calls} calls"));
    load.park(calls as usize)?;
    let full = server.look()?;
    load.wait(match calls >= MEMORY_CALLS_MIN {
        true => TRANSACTIONS_OVER,
        false => SETTLE,
    });
    let settled = server.look()?;
    let begun = store.as_ref().map(Durable::look).transpose()?;
    listener.forget();
    say(&format!("{} pairs a second", options.rate()));
    let before = server.look()?;
    let outcome = Traffic::new(&mut load).run(Pace {
        rate: options.rate(),
        time: Duration::from_secs(options.seconds.into()),
    });
    let now = server.look()?;
    let ended = store.as_ref().map(Durable::look).transpose()?;
    let used = now.process_cpu.saturating_sub(before.process_cpu);
    let seconds = now.at.since(before.at).as_secs_f64();
    let parked = load.counts().parked;
    let heard = listener.heard();
    load.hang_up();
    let stored = match (&store, &begun, &ended) {
        (Some(store), Some(begun), Some(ended)) => Some(store.between(begun, ended, seconds)?),
        _ => None,
    };
    Ok(Findings {
        empty,
        full,
        settled,
        parked,
        outcome,
        figures: Figures::between(&before, &now),
        core_share: used.as_secs_f64() / seconds,
        heard,
        listened: listened.len(),
        stored,
    })
}
