//! `rtpflood`: load, sink and attack for the media path of a SIP server that is the user's own.
//!
//! Phones of its own place real calls; what they hear is judged packet by packet, by the time at
//! which the kernel got it. Everything is bounded in count and time (`limits`), goes only where the
//! user said (`scope`), and ends with every call hung up (`exchange`).

mod attack;
mod cut;
mod exchange;
mod hearing;
mod html;
mod limits;
mod listener;
mod machine;
mod options;
mod park;
mod plot;
mod ports;
mod progress;
mod relay;
mod report;
mod scope;
mod sink;
mod stage;
mod talkers;
mod text;
mod watch;

use std::error::Error;
use std::io::Write;

use options::{Command, Output};
use report::Report;

pub use options::Arguments;

/// Does what the command line says, and writes what was found; the exit code is the judgement.
///
/// # Errors
/// What kept it from running, with the remedy.
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<u8, Box<dyn Error>> {
    let (report, output) = match &arguments.command {
        Command::Park(options) => (park::run(options)?, &options.output),
        Command::Relay(options) => (relay::run(options)?, &options.output),
        Command::Attack(options) => (attack::run(options)?, &options.output),
        Command::Sink(options) => (sink::run(options)?, &options.output),
    };
    tell(&report, output, out)?;
    Ok(report.verdict.exit_code())
}

fn tell(report: &Report, output: &Output, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    if let Some(file) = &output.html {
        let written = std::fs::write(file, html::page(report));
        written.map_err(|error| format!("--html {}: {error}", file.display()))?;
    }
    if output.json {
        writeln!(out, "{}", serde_json::to_string_pretty(report)?)?;
    } else {
        out.write_all(text::summary(report).as_bytes())?;
    }
    Ok(())
}
