//! `orbitd demo`: a server, callers of its own that park over real SIP and RTP, and how well they are served.

use std::error::Error;
use std::process::ExitCode;

use control::config::Config;
use control::driver::Server;

/// What the demo shall do.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Callers to park.
    #[arg(long, default_value_t = 1_000)]
    pub calls: u32,
    /// Seconds to watch them.
    #[arg(long, default_value_t = 20)]
    pub seconds: u32,
}

/// Starts a server from a configuration; gives it with a line about its media path.
pub type Start<'a> = &'a dyn Fn(&Config) -> Result<(Server, String), Box<dyn Error>>;

/// Runs the demo; the exit code says whether every call was parked and every packet came.
///
/// # Errors
/// What kept it from running, with the remedy.
pub fn run(
    _options: &Options,
    _config: Config,
    _start: Start<'_>,
) -> Result<ExitCode, Box<dyn Error>> {
    unimplemented!()
}
