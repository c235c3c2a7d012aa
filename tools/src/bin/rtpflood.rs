//! `rtpflood`: see `rtpflood --help`.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use tools::flood;

fn main() -> ExitCode {
    match flood::run(&flood::Arguments::parse(), &mut std::io::stdout()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Nothing is left to do about a closed stderr.
            let _ = writeln!(std::io::stderr(), "rtpflood: {error}");
            ExitCode::from(2)
        }
    }
}
