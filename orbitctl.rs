//! `orbitctl`: see `orbitctl --help`.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use tools::ctl;

fn main() -> ExitCode {
    match ctl::run(&ctl::Arguments::parse(), &mut std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing is left to do about a closed stderr.
            let _ = writeln!(std::io::stderr(), "orbitctl: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
