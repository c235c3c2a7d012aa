//! The table of what the media path must hold: each row with its goal, what was reached, and
//! whether that falls short.

use std::error::Error;
use std::io::{Write, stderr};
use std::time::Duration;

use dataplane::STREAM_BYTES;
use serde_json::json;
use shared::Form;

use super::bare::Place;
use super::bridges::{self, Bridges, Size};
use super::brief::{SHARE_MIN, loss_rows, pacing_row, parked_row, ratio_in_words};
use super::core::{self, CoreCost};
use super::machine::{self, Machine};
use super::namespace::Bed;
use super::report::{Delivery, Judgement, Report, Row, grouped, median};
use super::sizes::{Sizes, room};
use super::stage::{Round, Rush, Stage, Totals, Turns, Window};

/// How to show it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TableOptions {
    /// How packets are sent: as a server is told to that shall hold as many calls as it can.
    #[arg(long, value_name = "FORM", default_value = "packet")]
    send: Form,
    #[command(flatten)]
    delivery: Delivery,
}

/// What the rows are made of.
struct Findings {
    send: Form,
    /// Calls the bare loop's rate leaves room for: 0.85 of it.
    room: u32,
    sizes: Sizes,
    small: Vec<Rush>,
    rounds: Vec<Round>,
    held: Window,
    large: Vec<Rush>,
    /// As `large`, in the form that needs no right.
    by_socket: Vec<Rush>,
    parked: usize,
    most: u32,
    totals: Totals,
    listened: usize,
    core: (CoreCost, CoreCost),
    bridges: Option<Bridges>,
}

/// As many as a worker with 20,000 descriptors begins, with some left for retrievals.
const CALLS_MAX: u32 = 19_000;
const HEARD: u32 = 400;
const SENT: Duration = Duration::from_millis(800);
const HELD: Duration = Duration::from_secs(20);
const STEP: u32 = 1_000;
const STEP_HELD: Duration = Duration::from_secs(4);
const TURNS: Turns = Turns {
    bare: Duration::from_millis(3_000),
    server: Duration::from_millis(5_000),
};
const ROUNDS: u32 = 5;

/// Measures everything; whether nothing falls short.
pub(super) fn table(options: &TableOptions, out: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    let machine = Machine::look()?;
    machine::raise_descriptors()?;
    let load = machine::load();
    let findings = measure(&machine, options.send)?;
    let report = Report {
        title: "The media path against the kernel's own limit".to_owned(),
        machine: machine.line_since(&load),
        rows: findings.rows(&machine),
        figures: findings.to_json(),
    };
    report.deliver(&options.delivery, out)
}

fn measure(machine: &Machine, send: Form) -> Result<Findings, Box<dyn Error>> {
    say("the core alone", 15_000);
    let core = cores(machine, send)?;
    say("bridged calls", 4_000);
    let bridges = Bridges::measure(machine, &Size::of_table(send))?;
    say("few calls", 1_000);
    let mut stage = Stage::build(machine, CALLS_MAX, HEARD, send)?;
    let sent = (0..3).map(|_| stage.bare_send(15_000, SENT));
    let sent = sent.collect::<Result<Vec<_>, _>>()?;
    let room = room(median(sent.iter().map(|moved| moved.cpu_ns())));
    let sizes = Sizes::of(room);
    stage.park(sizes.small)?;
    let small = stage.rushes(ROUNDS)?;
    say("pacing", sizes.paced);
    stage.park(sizes.paced)?;
    let rounds = (0..ROUNDS).map(|_| stage.round(TURNS));
    let rounds = rounds.collect::<Result<Vec<_>, _>>()?;
    say("many calls", sizes.large);
    let reached = stage.park_up_to(sizes.large);
    let held = stage.watch(HELD)?;
    let large = stage.rushes(ROUNDS)?;
    let parked = stage.parked();
    say("more and more calls", CALLS_MAX);
    let most = climb(&mut stage, sizes.large, reached)?;
    let (totals, listened) = (stage.finish()?, stage.listened_of(sizes.large));
    drop(stage);
    say("many calls, each from its own socket", sizes.large);
    let by_socket = by_socket(machine, sizes.large)?;
    Ok(Findings {
        send,
        by_socket,
        room,
        sizes,
        small,
        rounds,
        held,
        large,
        parked,
        most,
        totals,
        listened,
        core,
        bridges,
    })
}

fn by_socket(machine: &Machine, calls: u32) -> Result<Vec<Rush>, Box<dyn Error>> {
    let mut stage = Stage::build(machine, CALLS_MAX, HEARD, Form::Socket)?;
    stage.park_up_to(calls);
    let rushes = stage.rushes(ROUNDS)?;
    stage.finish()?;
    Ok(rushes)
}

/// What comes next; standard output is the report's.
fn say(what: &str, calls: u32) {
    // Nothing is left to be done about a closed stderr.
    let _ = writeln!(stderr(), "bed: {what}, up to {}", grouped(calls.into()));
}

/// With the fewest and with the most streams of the table.
fn cores(machine: &Machine, send: Form) -> Result<(CoreCost, CoreCost), Box<dyn Error>> {
    let bed = Bed::build()?;
    let place = Place {
        space: bed.server(),
        cpu: machine.worker_cpu(),
    };
    Ok((
        core::measure(&place, 1_000, send)?,
        core::measure(&place, 15_000, send)?,
    ))
}

/// Parks more calls until the worker does not send all that is due; the most that it did.
fn climb(stage: &mut Stage, wanted: u32, reached: u32) -> Result<u32, Box<dyn Error>> {
    let mut most = reached;
    if reached < wanted {
        return Ok(reached);
    }
    while most + STEP <= CALLS_MAX {
        if stage.park_up_to(most + STEP) < most + STEP {
            break;
        }
        let window = stage.watch(STEP_HELD)?;
        if window.share < SHARE_MIN || window.drops > 0 || window.heard.findings.lost > 0 {
            break;
        }
        most += STEP;
    }
    Ok(most)
}

impl Findings {
    fn rows(&self, machine: &Machine) -> Vec<Row> {
        let mut rows = vec![self.ratio_row(), self.socket_row()];
        rows.push(parked_row(self.sizes.large, self.parked));
        rows.extend(loss_rows(&self.held, self.totals, self.listened));
        rows.push(self.most_row());
        rows.push(self.pacing_row());
        rows.extend(self.core_rows());
        rows.push(self.enters_row());
        rows.push(self.growth_row());
        rows.push(Row::new(
            "memory of a stream, in bytes",
            "<= 512",
            STREAM_BYTES.to_string(),
            Judgement::of(STREAM_BYTES <= 512),
        ));
        rows.extend(bridges::rows(self.bridges.as_ref()));
        let cpus = machine.cpus.len();
        rows.push(Row::new(
            "two workers against one",
            ">= 1.8",
            format!("needs three free cores, this machine has {cpus}; not measured"),
            Judgement::NotJudged,
        ));
        rows
    }

    fn ratio_row(&self) -> Row {
        let ratio = median(self.large.iter().map(Rush::ratio));
        let calls = grouped(self.sizes.large.into());
        Row::new(
            "packets a second of a bare sendmmsg loop's",
            ">= 0.90",
            format!(
                "{} at {calls} calls, send = \"{}\"",
                ratio_in_words(&self.large),
                self.send.name()
            ),
            if self.large.is_empty() {
                Judgement::NotJudged
            } else {
                Judgement::of(ratio >= 0.9)
            },
        )
    }

    fn socket_row(&self) -> Row {
        Row::new(
            "the same with send = \"socket\"",
            "needs no right",
            ratio_in_words(&self.by_socket),
            Judgement::NotJudged,
        )
    }

    fn most_row(&self) -> Row {
        let goal = self.room.min(15_000);
        Row::new(
            "most calls with every packet sent",
            format!(">= {}", grouped(goal.into())),
            format!("{}{}", grouped(self.most.into()), self.sizes.remark()),
            Judgement::of(self.most >= goal && self.held.share > SHARE_MIN),
        )
    }

    /// The round in the middle.
    fn pacing_row(&self) -> Row {
        let mut rounds: Vec<&Round> = self.rounds.iter().collect();
        rounds.sort_by_key(|round| round.excess());
        let calls = grouped(self.sizes.paced.into());
        let words = format!("at {calls} calls, the median of {} rounds", rounds.len());
        pacing_row(rounds[rounds.len() / 2], &words)
    }

    fn core_rows(&self) -> [Row; 2] {
        let (few, many) = self.core;
        let row = |what: &str, goal: f64, few: f64, many: f64| {
            Row::new(
                what,
                format!("<= {goal} ns"),
                format!("{many:.0} ns with 15,000 streams, {few:.0} ns with 1,000"),
                Judgement::of(many <= goal),
            )
        };
        [
            row(
                "user space for a packet of music",
                60.0,
                few.music_ns,
                many.music_ns,
            ),
            row(
                "user space for a relayed packet",
                100.0,
                few.relay_ns,
                many.relay_ns,
            ),
        ]
    }

    fn enters_row(&self) -> Row {
        let enters = self.held.figures.enters;
        Row::new(
            "system calls a packet",
            "< 0.05",
            format!("{enters:.4} at {} calls", grouped(self.sizes.large.into())),
            Judgement::of(enters < 0.05),
        )
    }

    fn growth_row(&self) -> Row {
        let cost = |rushes: &[Rush]| median(rushes.iter().map(|rush| rush.figures.cpu_ns));
        let (small, large) = (cost(&self.small), cost(&self.large));
        let (few, many) = (
            grouped(self.sizes.small.into()),
            grouped(self.sizes.large.into()),
        );
        Row::new(
            "cost of a packet with many streams to few",
            "<= 1.25",
            format!(
                "{:.2} ({large:.0} ns with {many}, {small:.0} ns with {few})",
                large / small
            ),
            if large.is_finite() && small.is_finite() {
                Judgement::of(large / small <= 1.25)
            } else {
                Judgement::NotJudged
            },
        )
    }

    fn to_json(&self) -> serde_json::Value {
        let rushes =
            |rushes: &[Rush]| -> Vec<_> { rushes.iter().map(|rush| rush.to_json()).collect() };
        json!({
            "calls": {
                "small": self.sizes.small,
                "paced": self.sizes.paced,
                "large": self.sizes.large,
                "most": self.most,
            },
            "sent": self.totals.sent,
            "arrived": self.totals.arrived,
            "rushes_small": rushes(&self.small),
            "rushes_large": rushes(&self.large),
            "rushes_by_socket": rushes(&self.by_socket),
            "send": self.send.name(),
            "rounds": self.rounds.iter().map(Round::to_json).collect::<Vec<_>>(),
            "core_music_ns": [self.core.0.music_ns, self.core.1.music_ns],
            "core_relay_ns": [self.core.0.relay_ns, self.core.1.relay_ns],
            "bridges": self.bridges.as_ref().map(Bridges::to_json),
        })
    }
}
