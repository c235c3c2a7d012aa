//! How many instructions each case takes: a figure that a busy machine does not change. Each case
//! is run in a process of its own under valgrind, for a number of turns and for twice as many; the
//! difference is what the turns took.
//!
//! `gungraun` would do the same, but wants a second program of the very same version installed
//! beside it, and fails where that, or valgrind, is missing; this says so and ends well.

use std::env;
use std::io::{self, Write};
use std::process::{Command, ExitCode, Stdio};

use orbit_benches::cases::{Case, messages, packets};

/// What a process that is counted is told: the case, and the turns.
const COUNTED: &str = "--counted";

/// Enough that whatever happens now and then, such as RTCP, has its part.
const TURNS: u64 = 2_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, name, turns] = arguments.as_slice()
        && first == COUNTED
    {
        work(name, turns.parse().unwrap_or(0));
        return ExitCode::SUCCESS;
    }
    // Cargo adds `--bench`; what else there is names cases.
    let wanted: Vec<&String> = arguments.iter().filter(|it| !it.starts_with('-')).collect();
    match report(&wanted, &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn work(name: &str, turns: u64) {
    for case in cases().filter(|case| case.name == name) {
        let mut turn = (case.prepare)();
        (0..turns).for_each(|_| turn());
    }
}

fn report(wanted: &[&String], out: &mut impl Write) -> io::Result<()> {
    if !has_valgrind() {
        return writeln!(
            out,
            "instructions: not counted, since valgrind is not installed"
        );
    }
    writeln!(
        out,
        "{:<32} {:>14} {:>10}",
        "instructions", "a turn", "each"
    )?;
    for case in cases() {
        if wanted.is_empty() || wanted.iter().any(|part| case.name.contains(part.as_str())) {
            let turn = (count(&case, 2 * TURNS)? - count(&case, TURNS)?) / TURNS;
            writeln!(
                out,
                "{:<32} {turn:>14} {:>10}",
                case.name,
                turn / case.count
            )?;
            out.flush()?;
        }
    }
    Ok(())
}

fn cases() -> impl Iterator<Item = Case> {
    messages().into_iter().chain(packets())
}

fn has_valgrind() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Instructions of a process that takes so many turns.
fn count(case: &Case, turns: u64) -> io::Result<u64> {
    let output = Command::new("valgrind")
        .args([
            "--tool=cachegrind",
            "--cache-sim=no",
            "--cachegrind-out-file=/dev/null",
        ])
        .arg(env::current_exe()?)
        .args([COUNTED, &case.name, &turns.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let refs = said
        .lines()
        .find_map(|line| line.split_once("refs:").map(|it| it.1));
    let digits: String = refs
        .unwrap_or("")
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    digits
        .parse()
        .map_err(|_| io::Error::other(format!("valgrind says: {said}")))
}
