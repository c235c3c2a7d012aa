//! The command line of `orbitctl`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Ask a running orbitd how things stand, and act on its calls.
///
/// The token is in ORBIT_TOKEN, or in a file: --token-file, or else ~/.config/orbit/token.
/// `orbitd token NAME ROLE` makes one. Exit codes: 0 done, 1 refused, 2 wrong command line,
/// 3 nobody answers, 4 the token is missing or not enough.
#[derive(Parser, Debug)]
#[command(name = "orbitctl", version)]
pub struct Arguments {
    /// Where the API of orbitd is ([api] listen); https:// where it has a certificate.
    #[arg(
        long,
        visible_alias = "url",
        global = true,
        value_name = "URL",
        env = "ORBIT_SERVER",
        default_value = "http://127.0.0.1:8080"
    )]
    pub(super) server: String,
    /// The file (PEM) with the certificate of the CA that has signed the server's; otherwise those
    /// that this host trusts. There is no way past it: https means verified.
    #[arg(long, global = true, value_name = "FILE", env = "ORBIT_CA")]
    pub(super) ca: Option<PathBuf>,
    /// The file with the token.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// Print JSON, as the API gives it.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What it can do.
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Who waits in which orbit.
    Orbits {
        /// Only in the range of this name.
        #[arg(long, value_name = "NAME")]
        range: Option<String>,
    },
    /// One orbit, with all that is known of its call.
    Orbit {
        /// As it is dialled.
        number: String,
    },
    /// The calls parked last, and what became of them; since the start of the server.
    History {
        /// So many, the last one first.
        #[arg(short = 'n', long = "count", default_value_t = 20)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
        count: u32,
    },
    /// End the call in an orbit. Needs the role operator, as all that changes something.
    #[command(visible_alias = "hangup")]
    HangUp {
        /// As it is dialled.
        orbit: String,
        /// Only if this call still waits there (`call` of `orbitctl orbit`).
        #[arg(long, value_name = "CALL")]
        call: Option<String>,
    },
    /// Put a parked call into another orbit; it keeps the time it has left.
    Move {
        /// As it is dialled.
        orbit: String,
        /// A free one.
        to: String,
        /// Only if this call still waits there (`call` of `orbitctl orbit`).
        #[arg(long, value_name = "CALL")]
        call: Option<String>,
    },
    /// Bring a parked call to a phone: it is called, and has the call when it answers. Waits until
    /// it has, or will not have it (exit code 1); the call waits on then.
    Retrieve {
        /// As it is dialled.
        orbit: String,
        /// The phone, such as sip:alice@example.com.
        to: String,
        /// Only if this call still waits there (`call` of `orbitctl orbit`).
        #[arg(long, value_name = "CALL")]
        call: Option<String>,
    },
    /// Park a call again that was retrieved: its first party waits, the other one's call is over.
    Park {
        /// As events and the history name it.
        call: String,
        /// A free one; any where it is not given.
        orbit: Option<String>,
    },
    /// Take no more calls, and end the server with the last one. Needs the role admin.
    Drain,
    /// The ranges of orbits, and how full they are.
    Ranges,
    /// Figures of the moment.
    Status,
    /// Every change as it happens, until Ctrl-C.
    Events,
    /// Figures and orbits, anew every second.
    Top(TopOptions),
}

/// `orbitctl top`
#[derive(Args, Debug)]
pub(super) struct TopOptions {
    /// Seconds between two looks.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(super) interval: u64,
    /// Look so many times, then end; 0: until Ctrl-C.
    #[arg(long, default_value_t = 0)]
    pub(super) looks: u64,
}
