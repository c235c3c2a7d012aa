//! Many parked calls for a long time: is anything lost, does the grid keep to the clock, does
//! memory stay as it is.

mod verdict;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dataplane::prompt::Prompt;
use serde_json::{Value, json};
use shared::{Codec, Form};

use crate::bed::drift::Drift;
use crate::bed::figures::Figures;
use crate::bed::interface::Interface;
use crate::bed::listener::{Heard, Listener};
use crate::bed::load::Load;
use crate::bed::look::Look;
use crate::bed::machine::{self, Machine};
use crate::bed::namespace::{self, Arrived, Bed};
use crate::bed::ports::{parted, ports};
use crate::bed::report::{grouped, quantiles, time};
use crate::bed::server::{Extras, ServerProcess};
use crate::judge::{Music, Pacing};
use crate::signals::Signals;

/// What to hold, and for how long.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct HoldOptions {
    /// Calls to park.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    calls: u32,
    /// Seconds to hold them.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(10..=86_400))]
    seconds: u32,
    /// Calls whose every packet is judged; of the others packets are counted.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=900))]
    heard: u32,
    /// How packets are sent.
    #[arg(long, value_name = "FORM", default_value = "socket")]
    send: Form,
    /// Write PATH.txt and PATH.json.
    #[arg(long, value_name = "PATH")]
    report: Option<PathBuf>,
}

/// How often it is looked at what was heard.
const STEP: Duration = Duration::from_secs(10);

/// How often it is looked whether the run is to end.
const GLANCE: Duration = Duration::from_millis(500);

/// After the last call was parked: what its grid is learned from came in the rush.
const SETTLE: Duration = Duration::from_secs(2);

/// Everything sent has arrived then.
const QUIET: Duration = Duration::from_millis(500);

/// One step's figures.
struct Step {
    second: u64,
    look: Look,
    pacing: Pacing,
    lost: u64,
}

/// A run, as it was seen.
struct Run {
    calls: u32,
    /// By Ctrl-C or SIGTERM.
    is_interrupted: bool,
    parked_throughout: usize,
    steps: Vec<Step>,
    /// While held.
    pacing: Pacing,
    drift: Drift,
    first: Look,
    /// After everybody hung up.
    last: Look,
    arrived: Arrived,
    interface: Interface,
    heard: Heard,
    listened: usize,
}

/// Holds the calls, until a signal if that comes first; whether nothing falls short.
pub(super) fn hold(options: &HoldOptions, out: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    let machine = Machine::look()?;
    machine::raise_descriptors()?;
    let signals = Signals::take()?;
    let load_before = machine::load();
    let bed = Bed::build()?;
    let (cpu, more) = (machine.worker_cpu(), Extras::default());
    let mut server = ServerProcess::start(&bed, options.calls, cpu, options.send, &more)?;
    machine.stand_aside()?;
    namespace::enter(&bed.phones())?;
    writeln!(
        out,
        "{} parked calls for {} s\n  {}\n  {}",
        grouped(options.calls.into()),
        options.seconds,
        machine.line(),
        server.media
    )?;
    let run = watch(options, &bed, &mut server, &signals, out)?;
    let report = run.report(options, machine.line_since(&load_before));
    writeln!(out, "\n{}", report.to_text())?;
    if let Some(path) = &options.report {
        report.write(path)?;
        writeln!(out, "  written to {}.txt and .json", path.display())?;
    }
    Ok(report.is_good())
}

fn watch(
    options: &HoldOptions,
    bed: &Bed,
    server: &mut ServerProcess,
    signals: &Signals,
    out: &mut impl Write,
) -> Result<Run, Box<dyn Error>> {
    let ports = ports(options.calls, options.heard);
    let music = Arc::new(Music::new(Prompt::builtin(), Codec::Pcmu));
    let (listened, _) = parted(&ports);
    let listener = Listener::start(&listened, Some(&music))?;
    let mut load = Load::new(ports)?;
    load.park(options.calls as usize)?;
    load.wait(SETTLE);
    listener.heard();
    let first = server.look()?;
    let (mut steps, mut pacing, mut drift) = (Vec::new(), Pacing::new(), Drift::default());
    let mut is_interrupted = false;
    while !is_interrupted
        && first.at + Duration::from_secs(options.seconds.into()) > clock_of(&steps, &first)
    {
        is_interrupted = step(&mut load, signals);
        let (look, heard) = (server.look()?, listener.heard());
        pacing.add(&heard.pacing);
        drift.take(look.at, &heard.origins);
        let step = Step {
            second: (look.at - first.at).as_secs(),
            look,
            pacing: heard.pacing,
            lost: heard.findings.lost,
        };
        if options.seconds <= 120 || step.second % 60 < STEP.as_secs() {
            writeln!(
                out,
                "{}",
                step.line(steps.last().map_or(&first, |step: &Step| &step.look))
            )?;
            out.flush()?;
        }
        steps.push(step);
    }
    let parked_throughout = load.counts().parked;
    load.hang_up();
    load.wait(QUIET);
    Ok(Run {
        calls: options.calls,
        is_interrupted,
        parked_throughout,
        steps,
        pacing,
        drift,
        first,
        last: server.look()?,
        arrived: bed.arrived()?,
        interface: Interface::look("phones")?,
        heard: listener.heard(),
        listened: listened.len(),
    })
}

/// Waits until the next look; whether a signal came.
fn step(load: &mut Load, signals: &Signals) -> bool {
    let glances = STEP.as_millis() / GLANCE.as_millis();
    (0..glances).any(|_| {
        load.wait(GLANCE);
        signals.came()
    })
}

fn clock_of(steps: &[Step], first: &Look) -> shared::Time {
    steps.last().map_or(first.at, |step| step.look.at)
}

impl Step {
    fn line(&self, before: &Look) -> String {
        let figures = Figures::between(before, &self.look);
        format!(
            "{:>6} s  {:>9} packets/s  lost {}  deviation p50 {} p99 {} p99.9 {} max {}  \
             CPU {:.0} ns a packet, waited {:.1} %  resident {} MiB",
            self.second,
            grouped(figures.rate()),
            self.lost,
            time(self.pacing.quantile(0.5)),
            time(self.pacing.quantile(0.99)),
            time(self.pacing.quantile(0.999)),
            time(self.pacing.max()),
            figures.cpu_ns,
            figures.waited_share * 100.0,
            self.look.resident_bytes >> 20,
        )
    }

    fn to_json(&self, before: &Look) -> Value {
        let figures = Figures::between(before, &self.look);
        json!({
            "second": self.second,
            "packets_per_second": figures.rate(),
            "lost": self.lost,
            "deviation_ns": quantiles(&self.pacing),
            "cpu_ns_per_packet": figures.cpu_ns,
            "waited_share": figures.waited_share,
            "resident_bytes": self.look.resident_bytes,
        })
    }
}
