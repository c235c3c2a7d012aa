//! The command line of `orbitd`, as its man pages and shell completion see it too.
//!
//! Absent on purpose: doing what it says (`main.rs`).

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::log::LogFormat;
use crate::{bed, capacity, demo, pages, token};

/// Call park, hold music and announcements for SIP.
#[derive(Parser, Debug)]
#[command(name = "orbitd", version)]
pub struct Arguments {
    /// The configuration; without one: SIP on 127.0.0.1:5060, orbits 700-799.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The log on stderr, as text or as one JSON object a line; RUST_LOG says how much of it.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t
    )]
    pub log_format: LogFormat,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What `orbitd` can do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Serve until SIGINT or SIGTERM (what happens without a command).
    Run,
    /// Only check the configuration: the file, what was changed of it while a server ran (the store
    /// is only looked at, and a running server may have it), the music and the certificate.
    Check,
    /// Start a server, park callers of its own, and show how well they are served.
    Demo(demo::Options),
    /// Say how many parked calls this host holds, what limits that, and what to raise.
    Capacity(capacity::Options),
    /// Measure the media path between two network namespaces; needs root.
    Bed(bed::Options),
    /// Make a token for the API, and the lines of the configuration that make it known.
    Token(token::Options),
    /// Write the man pages and the shell completion into a folder, as packages want them.
    #[command(hide = true)]
    Pages(pages::Options),
}

impl Arguments {
    /// How much is logged where RUST_LOG does not say: a server tells of each call, whoever looks
    /// at a screen of figures is told of trouble only.
    #[must_use]
    pub fn log_level(&self) -> &'static str {
        match self.command {
            None | Some(Command::Run | Command::Check | Command::Pages(_) | Command::Token(_)) => {
                "info"
            }
            Some(Command::Demo(_) | Command::Bed(_) | Command::Capacity(_)) => "warn",
        }
    }
}
