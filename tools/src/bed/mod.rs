//! `orbitd bed`: the media path against the kernel's own limit, measured between two network
//! namespaces.
//!
//! The server is a process of its own in one namespace, with one worker on one CPU. The phones are
//! in the other, where packets are counted and dropped at the interface, and some streams judged
//! packet by packet. Absolute figures hold on one machine only; what is judged are ratios to bare
//! loops that do the same with nothing around, alternated with the server in the same run.

mod adopt;
mod bare;
mod bridges;
mod brief;
mod core;
mod desk;
mod disk;
mod drift;
mod echo;
mod figures;
mod hold;
mod interface;
mod list;
mod listener;
mod load;
mod look;
mod machine;
mod namespace;
mod pairs;
mod ports;
mod relay;
mod report;
mod scrape;
mod server;
mod sizes;
mod stage;
mod table;
mod veth;

use std::error::Error;
use std::process::ExitCode;

use control::config::Config;

use crate::demo::Start;

pub(crate) use look::{prefer_workers, worker_cpu};
pub(crate) use report::{grouped, time};
pub(crate) use veth::Veth;

/// What the bed shall do.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Verb {
    /// Everything the media path must hold, within ten minutes.
    Table(table::TableOptions),
    /// One number of calls, within a minute: loss, and pacing against a bare timer.
    Brief(brief::BriefOptions),
    /// Bridged calls alone, within a minute: the relay against a bare loop.
    Relay(relay::RelayOptions),
    /// Hold parked calls for a time: loss, pacing, drift, memory.
    Hold(hold::HoldOptions),
    /// Parks and retrieves through SIP, the whole server on one CPU: pairs a second, times, memory.
    Pairs(pairs::PairsOptions),
    /// The server is killed with calls parked, and started again: how soon all are adopted.
    Adopt(adopt::AdoptOptions),
    /// The API's list of thousands of orbits: its time, and who waits for it.
    List(list::ListOptions),
    /// Pacing while the metrics are scraped, and while they are not.
    Scrape(scrape::ScrapeOptions),
    /// The server's process; started by the bed itself.
    #[command(hide = true)]
    Serve(server::ServeOptions),
}

/// Runs the bed; the exit code says whether nothing falls short.
///
/// # Errors
/// What kept it from running, with the remedy.
pub fn run(
    options: &Options,
    config: Config,
    start: Start<'_>,
) -> Result<ExitCode, Box<dyn Error>> {
    let mut out = std::io::stdout();
    let is_good = match &options.verb {
        Verb::Table(options) => table::table(options, &mut out)?,
        Verb::Brief(options) => brief::brief(options, &mut out)?,
        Verb::Relay(options) => relay::relay(options, &mut out)?,
        Verb::Hold(options) => hold::hold(options, &mut out)?,
        Verb::Pairs(options) => pairs::pairs(options, &mut out)?,
        Verb::Adopt(options) => adopt::adopt(options, &mut out)?,
        Verb::List(options) => list::list(options, &mut out)?,
        Verb::Scrape(options) => scrape::scrape(options, &mut out)?,
        Verb::Serve(options) => {
            server::serve(options, config, start)?;
            true
        }
    };
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
