//! `orbitd bed relay`: bridged calls alone, as `table` has them, in as many rounds as a noisy
//! machine needs.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use clap::value_parser;
use serde_json::Value;
use shared::Form;

use super::bridges::{self, Bridges, Size};
use super::machine::{self, Machine};
use super::report::{Delivery, Report};

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RelayOptions {
    /// Rounds, in which the bare loop and the server take turns.
    #[arg(long, default_value_t = 9, value_parser = value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds for which all calls talk.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// How packets are sent.
    #[arg(long, value_name = "FORM", default_value = "packet")]
    send: Form,
    #[command(flatten)]
    delivery: Delivery,
}

/// Measures; whether nothing falls short.
pub(super) fn relay(options: &RelayOptions, out: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    let machine = Machine::look()?;
    machine::raise_descriptors()?;
    let load = machine::load();
    let size = Size {
        rounds: options.rounds,
        held: Duration::from_secs(options.seconds.into()),
        send: options.send,
    };
    let found = Bridges::measure(&machine, &size)?;
    let report = Report {
        title: "The relay against a bare loop that sends back what it receives".to_owned(),
        machine: machine.line_since(&load),
        rows: bridges::rows(found.as_ref()).into(),
        figures: found.as_ref().map_or(Value::Null, Bridges::to_json),
    };
    report.deliver(&options.delivery, out)
}
