//! `orbitd bed adopt`: the whole server on one CPU is killed with thousands of calls parked, and
//! started again: how long until each of them has been told where it is now, and is in its orbit.
//!
//! The pace of the re-INVITEs is the server's own, which spares its proxies.

mod verdict;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::value_parser;
use shared::{Form, Time};

use super::disk::{Disk, Syncs};
use super::load::Load;
use super::machine::{self, Machine};
use super::namespace::{self, Bed};
use super::ports;
use super::report::{Delivery, Report, grouped, say};
use super::server::{Extras, ServerProcess};
use crate::clock;
use crate::phone::What;

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct AdoptOptions {
    /// Calls that are parked when the server dies.
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=15_000))]
    calls: u32,
    /// How many of them hear music; the others are parked in silence.
    #[arg(long, default_value_t = 1_000, value_parser = value_parser!(u32).range(1..=15_000))]
    music: u32,
    /// Where the store is, in a new folder of its own; on a disk.
    #[arg(long, value_name = "DIR", default_value = ".")]
    store: PathBuf,
    #[command(flatten)]
    delivery: Delivery,
}

/// What was found.
struct Findings {
    syncs: (Syncs, Syncs),
    /// Until the new process said that it serves.
    serving: Duration,
    /// From the start of the new process: when each phone had agreed to where the server is now, by
    /// its number.
    adopted: BTreeMap<usize, Duration>,
    /// Phones whose orbit was another afterwards, or none.
    misplaced: usize,
    /// Calls parked before, and afterwards.
    before: usize,
    after: usize,
}

/// The goal of 10,000 calls, and what fewer have of it.
const ADOPTED_MAX: Duration = Duration::from_secs(10);
const CALLS_OF_GOAL: u32 = 10_000;

/// Everything of the parking is over.
const SETTLE: Duration = Duration::from_millis(1_500);

/// What is not adopted by then is not.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody is told anything more then.
const QUIET: Duration = Duration::from_secs(1);

const TURN: Duration = Duration::from_millis(1);

/// Measures; whether nothing falls short.
pub(super) fn adopt(options: &AdoptOptions, out: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    let machine = Machine::look()?;
    machine::raise_descriptors()?;
    let load = machine::load();
    let findings = measure(&machine, options)?;
    let report = Report {
        title: format!(
            "The whole server on one CPU, killed and started again: {} calls parked, {} of them \
             with music",
            grouped(options.calls.into()),
            grouped(options.music.min(options.calls).into()),
        ),
        machine: machine.line_since(&load),
        rows: findings.rows(options),
        figures: findings.to_json(),
    };
    report.deliver(&options.delivery, out)
}

fn measure(machine: &Machine, options: &AdoptOptions) -> Result<Findings, Box<dyn Error>> {
    let bed = Bed::build()?;
    let disk = Disk::below(&options.store)?;
    let syncs = disk.syncs()?;
    let extras = Extras {
        store: Some(disk.store()),
        api: None,
    };
    let cpu = machine.worker_cpu();
    let start = || ServerProcess::together(&bed, options.calls, cpu, Form::Socket, &extras);
    let server = start()?;
    machine.stand_aside()?;
    namespace::enter(&bed.phones())?;
    let (calls, with_music) = (options.calls as usize, options.music.min(options.calls));
    let mut load = Load::new(ports::ports_with_silent(options.calls, with_music, 0))?;
    load.hush(with_music as usize..calls);
    say(&format!("parking {calls} calls"));
    load.park(calls)?;
    load.wait(SETTLE);
    let orbits: Vec<_> = (0..calls).map(|phone| load.orbit(phone)).collect();
    let before = load.counts().parked;
    say("killing the server, and starting it again");
    server.kill()?;
    let started = clock::now();
    // It may have the worker's CPU again.
    machine.spread()?;
    let server = start()?;
    let serving = clock::now() - started;
    machine.stand_aside()?;
    let adopted = until_adopted(&mut load, calls, started);
    load.wait(QUIET);
    let misplaced = (0..calls).filter(|&phone| load.orbit(phone) != orbits[phone]);
    let (misplaced, after) = (misplaced.count(), load.counts().parked);
    load.hang_up();
    drop(server);
    Ok(Findings {
        syncs: (syncs, disk.syncs()?),
        serving,
        adopted,
        misplaced,
        before,
        after,
    })
}

/// Answers re-INVITEs until each phone has had one, or none comes any more.
fn until_adopted(load: &mut Load, calls: usize, started: Time) -> BTreeMap<usize, Duration> {
    let mut adopted = BTreeMap::new();
    while adopted.len() < calls && clock::now() < started + PATIENCE {
        for (at, event) in load.turn(TURN) {
            if event.what == What::Redescribed {
                adopted.entry(event.phone).or_insert(*at - started);
            }
        }
    }
    adopted
}
