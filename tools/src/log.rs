//! The log of a program: on stderr, as text for people or as JSON for collectors.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _, stderr};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// What a line of the log looks like.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log. RUST_LOG says how much of it, or else `level`.
///
/// # Panics
/// When the process has a log already.
pub fn start(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr);
    match format {
        LogFormat::Text => log.with_ansi(stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).with_ansi(false).init(),
    }
}

impl LogFormat {
    /// Says what is doubtful about the configuration of the program `name`.
    pub fn warn(self, name: &str, what: &dyn Display) {
        match self {
            Self::Text => say(format_args!("{name}: warning: {what}")),
            Self::Json => tracing::warn!("{what}"),
        }
    }

    /// Says why the program `name` ends.
    pub fn fail(self, name: &str, why: &dyn Display) {
        match self {
            Self::Text => say(format_args!("{name}: {why}")),
            Self::Json => tracing::error!("{why}"),
        }
    }
}

fn say(line: std::fmt::Arguments<'_>) {
    // Nothing is left to do about a closed stderr.
    let _ = writeln!(stderr(), "{line}");
}
