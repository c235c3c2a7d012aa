//! `orbitd capacity`: how many parked calls a worker of this host serves on time, what limits it,
//! and what to raise.
//!
//! A worker plays the hold music to more and more streams until the pacing rule breaks. They go to
//! a sink on this host: over a veth pair into a network namespace that drops what arrives, where
//! the rights allow that, or else over loopback. No SIP: what control costs is thousands of times
//! rarer.

mod climb;
mod limit;
mod sink;
mod step;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use control::config::Config;
use dataplane::{DataplaneConfig, Kernel, form_from_environment};
use serde_json::json;
use shared::{Form, Share};

use climb::{Climb, climb};
use sink::Sink;

use crate::bed::{grouped, prefer_workers};
use crate::clock;
use crate::plane::Plane;

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Seconds it may take.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(10..=600))]
    seconds: u32,
    /// Run the worker before everything without a real-time priority (needs CAP_SYS_NICE): what a
    /// core of its own would allow.
    #[arg(long)]
    realtime: bool,
    /// How packets are sent, if not as the configuration says.
    #[arg(long, value_name = "FORM")]
    send: Option<Form>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Measures one worker with the media part of the configuration; the exit code says whether it held
/// any streams.
///
/// # Errors
/// What kept it from running, with the remedy.
pub fn run(options: &Options, config: &Config) -> Result<ExitCode, Box<dyn Error>> {
    let mut out = std::io::stdout();
    let deadline = clock::now() + Duration::from_secs(options.seconds.into());
    let sink = Sink::find()?;
    let mut plane = Plane::start(&DataplaneConfig {
        workers: Some(1),
        cpus: config.media.cpus.iter().take(1).copied().collect(),
        address: sink.server(),
        media_timeout: config.media.timeout,
        dscp: config.media.dscp,
        kernel: Kernel::Newest,
        form: options
            .send
            .unwrap_or(form_from_environment(config.media.send)?),
        // What it can do shall be seen, not what it takes upon itself.
        admission: Share::WHOLE,
    })?;
    if options.realtime {
        prefer_workers()?;
    }
    if !options.json {
        writeln!(
            out,
            "orbitd capacity · parked calls that one worker serves on time"
        )?;
        writeln!(out, "  media   {}", plane.description())?;
        writeln!(out, "  sink    {}\n\n{}", sink.in_words(), step::HEAD)?;
    }
    let show = |step: &step::Step| {
        if options.json {
            return Ok(());
        }
        writeln!(std::io::stdout(), "{}", step.line())
    };
    let climb = climb(&mut plane, &sink, config.media.ports, deadline, &show)?;
    plane.stop();
    let text = if options.json {
        format!("{:#}", to_json(&climb, &sink, config))
    } else {
        in_words(&climb, &sink, config)
    };
    writeln!(out, "{text}")?;
    Ok(if climb.held > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Calls after which a worker refuses new ones by the configuration, where CPU is what limits it.
fn admitted(climb: &Climb, config: &Config) -> u32 {
    let share = u64::from(config.media.admission.as_thousandths());
    u32::try_from(u64::from(climb.held) * share / 1_000).unwrap_or(climb.held)
}

fn in_words(climb: &Climb, sink: &Sink, config: &Config) -> String {
    let held = grouped(climb.held.into());
    let mut text = format!("\n  {held} parked calls a worker, each packet on time\n");
    if climb.limit.is_cpu() {
        text += &format!(
            "  {} of them before [media] admission refuses new calls\n",
            grouped(admitted(climb, config).into())
        );
    }
    text += &format!(
        "  limited by {}\n  to raise   {}",
        climb.limit,
        climb.limit.remedy()
    );
    if let Some(remark) = sink.remark() {
        text += &format!("\n  note       {remark}");
    }
    text
}

fn to_json(climb: &Climb, sink: &Sink, config: &Config) -> serde_json::Value {
    json!({
        "calls_per_worker": climb.held,
        "calls_admitted": admitted(climb, config),
        "limit": climb.limit.to_string(),
        "remedy": climb.limit.remedy(),
        "sink": sink.in_words(),
        "remark": sink.remark(),
        "steps": climb.steps.iter().map(step::Step::to_json).collect::<Vec<_>>(),
    })
}
