//! Figures and orbits, anew again and again on one screen. Without a terminal, one look below the
//! other.

use std::io::{IsTerminal as _, Write, stdout};
use std::time::Duration;

use clap::Args;
use control::driver::http::{Figures, Status};
use rustix::event::poll;
use rustix::time::Timespec;
use shared::Time;

use super::client::Client;
use super::{Failure, show};
use crate::clock;

/// `orbitctl top`
#[derive(Args, Debug)]
pub(super) struct TopOptions {
    /// Seconds between two looks.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    interval: u64,
    /// Look so many times, then end; 0: until Ctrl-C.
    #[arg(long, default_value_t = 0)]
    looks: u64,
}

/// Lines of a screen that do not say how many it has.
const LINES: usize = 24;
/// Lines above the orbits: figures, rates, a blank and the heads.
const HEAD_LINES: usize = 9;
/// Clears from the cursor, which goes to the upper left first.
const HOME: &str = "\x1b[H\x1b[J";

pub(super) fn run(
    client: &Client,
    options: &TopOptions,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let is_screen = stdout().is_terminal();
    let mut before: Option<(Time, Figures)> = None;
    let mut looks = 0;
    loop {
        let status: Status = client.get("/v1/status")?;
        let rows = lines().saturating_sub(HEAD_LINES).max(1);
        let list = client.orbits(None, Some(rows))?;
        let now = clock::now();
        let mut text = show::status(&status);
        text.push_str(&rates(before.as_ref(), now, &status.figures));
        text.push('\n');
        text.push_str(&show::orbits(&list.orbits));
        if is_screen {
            out.write_all(HOME.as_bytes())?;
        }
        out.write_all(text.as_bytes())?;
        out.flush()?;
        before = Some((now, status.figures));
        looks += 1;
        if looks == options.looks {
            return Ok(());
        }
        pause(Duration::from_secs(options.interval));
    }
}

/// What happened since the last look, a second.
fn rates(before: Option<&(Time, Figures)>, now: Time, figures: &Figures) -> String {
    let Some((then, before)) = before else {
        return "a second  - parked, - retrieved\n".to_owned();
    };
    let seconds = now.since(*then).as_secs_f64().max(0.001);
    // A server that was started again counts from the beginning.
    let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
    format!(
        "a second  {:.1} parked, {:.1} retrieved\n",
        rate(figures.parked_total, before.parked_total),
        rate(figures.retrieved_total, before.retrieved_total)
    )
}

/// How many lines the screen has.
fn lines() -> usize {
    rustix::termios::tcgetwinsize(stdout())
        .ok()
        .map(|size| usize::from(size.ws_row))
        .filter(|&lines| lines > 0)
        .unwrap_or(LINES)
}

/// Waits; Ctrl-C ends the program meanwhile.
fn pause(time: Duration) {
    let time = Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: 0,
    };
    // Woken early, it only looks early.
    let _ = poll(&mut [], Some(&time));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_time_between_two_looks() {
        let figures = |parked_total, retrieved_total| Figures {
            orbits_taken: 0,
            orbits_free: 0,
            calls: 0,
            released: 0,
            legs: 0,
            streams: 0,
            transactions: 0,
            dialogs: 0,
            subscriptions: 0,
            parked_total,
            retrieved_total,
            forsaken_total: 0,
            store_behind: false,
        };
        let now = Time::ZERO + Duration::from_secs(4);
        let before = (Time::ZERO + Duration::from_secs(2), figures(10, 9));
        assert_eq!(
            rates(Some(&before), now, &figures(15, 3)),
            "a second  2.5 parked, 0.0 retrieved\n"
        );
    }
}
