//! `orbitd bed pairs`: the whole server on one CPU, control and media together, while thousands of
//! calls are parked and more are parked and retrieved at a given rate.
//!
//! Not all that are parked hear music: a packet costs a core some microseconds in the kernel, so
//! that 10,000 calls with music would leave nothing of one to measure. The others are on hold at
//! their own end: parked with a stream of their own that sends nothing.

mod traffic;

use std::error::Error;
use std::io::{Write, stderr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::value_parser;
use dataplane::prompt::Prompt;
use serde_json::{Value, json};
use shared::Codec;

use super::figures::Figures;
use super::listener::{Heard, Listener};
use super::load::Load;
use super::look::{self, Look};
use super::machine::{self, Machine};
use super::namespace::{self, Bed, DROPPED_PORTS};
use super::ports;
use super::report::{Judgement, Report, Row, grouped, heard_row, time};
use super::server::ServerProcess;
use crate::judge::Music;
use traffic::{Outcome, PARKED, Pace, Times, Traffic};

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PairsOptions {
    /// Calls that stay parked all the time.
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=CALLS_MAX))]
    calls: u32,
    /// How many of them hear music; the others are parked in silence.
    #[arg(long, default_value_t = 1_000, value_parser = value_parser!(u32).range(1..=CALLS_MAX))]
    music: u32,
    /// Pairs of a park and a retrieval begun in a second.
    #[arg(long, default_value_t = 1_500, value_parser = value_parser!(u32).range(1..=20_000))]
    rate: u32,
    /// Seconds for which they are begun.
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u32).range(1..=120))]
    seconds: u32,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
    /// Write PATH.txt and PATH.json, too.
    #[arg(long, value_name = "PATH")]
    report: Option<PathBuf>,
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
}

/// The goals: from INVITE to 200 for 99 of 100, and resident memory of the process for each call.
const ANSWER_MAX: Duration = Duration::from_millis(20);
const CALL_BYTES_MAX: u64 = 6 * 1_024;

/// The program itself counts as well, which only so many calls make up for.
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

/// An INVITE of ours that is later than this says that the load was too slow for its figures.
const LATE_MAX: Duration = Duration::from_millis(5);

/// Measures; whether nothing falls short.
pub(super) fn pairs(options: &PairsOptions, out: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    let machine = Machine::look()?;
    machine::raise_descriptors()?;
    let load = machine::load();
    let findings = measure(&machine, options)?;
    let report = Report {
        title: format!(
            "The whole server on one CPU: {} calls parked, {} of them with music; pairs of park \
             and retrieval at {} a second",
            grouped(options.calls.into()),
            grouped(options.music.min(options.calls).into()),
            grouped(options.rate.into())
        ),
        machine: format!(
            "{}; load {load} before, {} after",
            machine.line(),
            machine::load()
        ),
        rows: findings.rows(options),
        figures: findings.to_json(),
    };
    report.deliver(options.report.as_deref(), options.json, out)
}

fn measure(machine: &Machine, options: &PairsOptions) -> Result<Findings, Box<dyn Error>> {
    let calls = options.calls;
    let bed = Bed::build()?;
    let orbits = calls + ORBITS_MORE;
    let mut server = ServerProcess::together(&bed, orbits, machine.worker_cpu())?;
    machine.stand_aside()?;
    namespace::enter(&bed.phones())?;
    let with_music = options.music.min(calls);
    let ports = rtp_ports(calls, with_music);
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
    listener.forget();
    say(&format!("{} pairs a second", options.rate));
    let before = server.look()?;
    let outcome = Traffic::new(&mut load).run(Pace {
        rate: options.rate,
        time: Duration::from_secs(options.seconds.into()),
    });
    let now = server.look()?;
    let used = now.process_cpu.saturating_sub(before.process_cpu);
    let parked = load.counts().parked;
    let heard = listener.heard();
    load.hang_up();
    Ok(Findings {
        empty,
        full,
        settled,
        parked,
        outcome,
        figures: Figures::between(&before, &now),
        core_share: used.as_secs_f64() / now.at.since(before.at).as_secs_f64(),
        heard,
        listened: listened.len(),
    })
}

/// One port for each parked phone: first those that hear music, some of whom are listened to.
fn rtp_ports(calls: u32, with_music: u32) -> Vec<u16> {
    let mut ports = ports::ports(with_music, HEARD.min(with_music));
    let silent = (calls - with_music) as usize;
    let free = ports
        .iter()
        .copied()
        .max()
        .unwrap_or(0)
        .max(DROPPED_PORTS.0)
        + 1;
    ports.extend((free..=DROPPED_PORTS.1).take(silent));
    ports
}

impl Findings {
    fn rows(&self, options: &PairsOptions) -> Vec<Row> {
        vec![
            self.pairs_row(options),
            self.times_row("a park, INVITE to 200", &self.outcome.parks),
            self.times_row("a retrieval, INVITE to 200", &self.outcome.retrievals),
            self.memory_row(options),
            Row::new(
                "calls parked throughout",
                grouped(options.calls.into()),
                grouped(self.parked as u64),
                Judgement::of(self.parked == options.calls as usize),
            ),
            heard_row(&self.heard, self.listened),
            self.core_row(),
            self.load_row(),
        ]
    }

    fn pairs_row(&self, options: &PairsOptions) -> Row {
        let Outcome {
            begun,
            failed,
            withheld,
            ..
        } = self.outcome;
        let begun_share = options.rate.into();
        let pairs_s = self.outcome.pairs_s();
        Row::new(
            "pairs a second, whole",
            format!("{} (and none fails)", grouped(begun_share)),
            format!(
                "{pairs_s:.0}; {} begun, {failed} failed, {withheld} not begun in time; each heard \
                 {} ms of music",
                grouped(begun),
                PARKED.as_millis()
            ),
            Judgement::of(
                pairs_s >= 0.999 * f64::from(options.rate) && failed == 0 && withheld == 0,
            ),
        )
    }

    fn times_row(&self, what: &str, times: &Times) -> Row {
        let at = |part| Duration::from_micros(times.value_at_quantile(part));
        Row::new(
            what,
            format!("p99 < {}", time(ANSWER_MAX)),
            format!(
                "p50 {}, p99 {}, p99.9 {}, all {}",
                time(at(0.5)),
                time(at(0.99)),
                time(at(0.999)),
                time(at(1.0))
            ),
            match self.is_load_on_time() {
                true => Judgement::of(!times.is_empty() && at(0.99) < ANSWER_MAX),
                false => Judgement::NotJudged,
            },
        )
    }

    fn memory_row(&self, options: &PairsOptions) -> Row {
        let each = |look: &Look| look.resident_bytes / u64::from(options.calls);
        let growth = self.settled.resident_bytes - self.empty.resident_bytes;
        Row::new(
            "memory of the process a parked call",
            format!("{} bytes", grouped(CALL_BYTES_MAX)),
            format!(
                "{} bytes; just parked, with all transactions, {}; {} of it per call more",
                grouped(each(&self.settled)),
                grouped(each(&self.full)),
                grouped(growth / u64::from(options.calls))
            ),
            match options.calls >= MEMORY_CALLS_MIN {
                true => Judgement::of(each(&self.settled) <= CALL_BYTES_MAX),
                false => Judgement::NotJudged,
            },
        )
    }

    fn core_row(&self) -> Row {
        Row::new(
            "of the CPU",
            "100 %",
            format!(
                "{:.0} %, the media worker {:.0} % with {} packets a second; the host had it for \
                 {:.1} %",
                self.core_share * 100.0,
                self.figures.core_share * 100.0,
                grouped(self.figures.rate()),
                self.figures.stolen_share * 100.0
            ),
            Judgement::NotJudged,
        )
    }

    fn load_row(&self) -> Row {
        let late = Duration::from_micros(self.outcome.late.value_at_quantile(0.99));
        Row::new(
            "the load's own lateness",
            format!("p99 < {}", time(LATE_MAX)),
            format!("p99 {}", time(late)),
            match self.is_load_on_time() {
                true => Judgement::Pass,
                false => Judgement::NotJudged,
            },
        )
    }

    fn is_load_on_time(&self) -> bool {
        Duration::from_micros(self.outcome.late.value_at_quantile(0.99)) < LATE_MAX
    }

    fn to_json(&self) -> Value {
        let times = |times: &Times| {
            json!({
                "p50": times.value_at_quantile(0.5),
                "p99": times.value_at_quantile(0.99),
                "p99.9": times.value_at_quantile(0.999),
                "max": times.max(),
            })
        };
        let outcome = &self.outcome;
        json!({
            "pairs_s": outcome.pairs_s(),
            "begun": outcome.begun,
            "failed": outcome.failed,
            "withheld": outcome.withheld,
            "park_us": times(&outcome.parks),
            "retrieval_us": times(&outcome.retrievals),
            "load_late_us": times(&outcome.late),
            "resident_bytes": {
                "empty": self.empty.resident_bytes,
                "just_parked": self.full.resident_bytes,
                "settled": self.settled.resident_bytes,
            },
            "core_share": self.core_share,
            "worker_share": self.figures.core_share,
            "packets_s": self.figures.rate(),
        })
    }
}

fn say(what: &str) {
    // Who has closed it does not want to know.
    let _ = writeln!(stderr(), "  {what} …");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_parked_phone_has_a_port_of_its_own() {
        for (calls, with_music) in [(10_000, 1_000), (15_000, 15_000), (1, 1), (9, 0)] {
            let ports = rtp_ports(calls, with_music);
            assert_eq!(ports.len(), calls as usize);
            assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
        }
    }
}
