//! Bridged calls: the relay against a bare loop that only sends back what it receives, and how many
//! calls it carries without loss.

use std::error::Error;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use shared::Form;

use super::bare::{Moved, Place};
use super::echo::{ECHO, Pace, echo, talk};
use super::figures::Figures;
use super::look::Look;
use super::machine::Machine;
use super::namespace::{self, Bed};
use super::report::{Judgement, Row, grouped, median};
use super::server::{ServerProcess, bridged_port};

/// What was found.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Bridges {
    pub(super) calls: u32,
    /// What they should have said; less was where the talkers' own CPU did no more.
    pub(super) due: u64,
    pub(super) said: u64,
    pub(super) arrived: u64,
    pub(super) dropped: u64,
    /// CPU nanoseconds a packet when the talkers are faster than either: bare loop, server.
    pub(super) rushes: Vec<(f64, f64)>,
    /// While so many calls were held.
    pub(super) figures: Figures,
}

/// What to measure.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Size {
    /// Turns of bare loop and server.
    pub(super) rounds: u32,
    /// How long all calls talk.
    pub(super) held: Duration,
    pub(super) send: Form,
}

impl Size {
    pub(super) fn of_table(send: Form) -> Self {
        Self {
            rounds: 3,
            held: Duration::from_secs(10),
            send,
        }
    }
}

const CALLS: f64 = 4_000.0;
/// Of a bridged call: one in 20 ms each way.
const PACKETS_A_SECOND: u32 = 100;
const RUSH: Duration = Duration::from_millis(1_500);
const QUIET: Duration = Duration::from_millis(300);

/// Of what arrived the part that was said. The server's own reports arrive as well, on the same
/// port; how many of them were counted lies between what it had sent within that time and around
/// it.
fn speech(said: u64, arrived: u64, reports: RangeInclusive<u64>) -> u64 {
    said.clamp(arrived - reports.end(), arrived - reports.start())
}

impl Bridges {
    /// On a bed of its own; the calling thread moves there. `None` where the talkers and the worker
    /// would have to share one CPU.
    pub(super) fn measure(machine: &Machine, size: &Size) -> Result<Option<Self>, Box<dyn Error>> {
        let Some(talkers_cpu) = machine.other_cpu() else {
            return Ok(None);
        };
        let bed = Bed::build()?;
        let there = Place {
            space: bed.phones(),
            cpu: talkers_cpu,
        };
        let here = Place {
            space: bed.server(),
            cpu: machine.worker_cpu(),
        };
        let bare = bare_echo(&there, &here)?.cpu_ns();
        let calls = calls(bare);
        let mut server = ServerProcess::bridged(&bed, calls, machine.worker_cpu(), size.send)?;
        machine.stand_aside()?;
        namespace::enter(&bed.phones())?;
        let streams: Vec<SocketAddr> = (0..2 * calls).map(bridged_port).collect();
        let begun = server.look()?;
        let before = bed.arrived()?.all();
        let first = server.look()?;
        let said = talk(&there, &streams, Pace::Speech, size.held)?;
        thread::park_timeout(QUIET);
        let held = server.look()?;
        let arrived = bed.arrived()?.all() - before;
        let counted = server.look()?;
        let reports = |from: &Look, to: &Look| (to.rtcp_sent - from.rtcp_sent).min(arrived);
        let reports = reports(&first, &held)..=reports(&begun, &counted);
        let arrived = speech(said, arrived, reports);
        let mut rushes = Vec::new();
        for _ in 0..size.rounds {
            server.pause()?;
            let bare = bare_echo(&there, &here);
            server.resume()?;
            let relayed = rush(&mut server, &there, &streams)?;
            rushes.push((bare?.cpu_ns(), relayed.cpu_ns));
        }
        Ok(Some(Self {
            calls,
            due: due(calls, size.held),
            said,
            arrived,
            dropped: held.dropped() - first.dropped(),
            rushes,
            figures: Figures::between(&first, &held),
        }))
    }

    /// Packets a second, of the bare loop's.
    fn ratio(&self) -> f64 {
        median(self.rushes.iter().map(|(bare, server)| bare / server))
    }

    fn is_lossless(&self) -> bool {
        self.said == self.arrived
    }

    /// That the load was the bottleneck, where it was.
    fn shortfall(&self) -> String {
        let share = self.said as f64 / self.due as f64;
        if share > 0.99 {
            return String::new();
        }
        let percent = share * 100.0;
        format!("; the talkers' CPU was full at {percent:.0} % of what is due")
    }

    /// What the machine's own bare loop lets one ask for.
    fn is_full_size(&self) -> bool {
        f64::from(self.calls) >= CALLS
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "calls": self.calls,
            "due": self.due,
            "said": self.said,
            "arrived": self.arrived,
            "server_drops": self.dropped,
            "rushes_cpu_ns_bare_and_server": self.rushes,
            "cpu_ns_per_packet": self.figures.cpu_ns,
            "enters_per_packet": self.figures.enters,
        })
    }
}

/// What is judged of it.
pub(super) fn rows(found: Option<&Bridges>) -> [Row; 2] {
    let (ratio, calls) = (
        "relayed packets of a bare echo loop's",
        "bridged calls without loss",
    );
    let Some(found) = found else {
        let why = "needs a CPU beside the worker's";
        return [ratio, calls].map(|what| Row::new(what, "", why, Judgement::NotJudged));
    };
    let middle = |of: fn(&(f64, f64)) -> f64| median(found.rushes.iter().map(of));
    [
        Row::new(
            ratio,
            ">= 0.85",
            format!(
                "{:.3} ({:.0} ns a packet, bare {:.0} ns; {} rounds)",
                found.ratio(),
                middle(|(_, server)| *server),
                middle(|(bare, _)| *bare),
                found.rushes.len()
            ),
            Judgement::of(found.ratio() >= 0.85),
        ),
        Row::new(
            calls,
            "4,000",
            format!(
                "{}{}: {} of {} packets arrived{}",
                grouped(found.calls.into()),
                if found.is_full_size() {
                    ""
                } else {
                    " (0.85 of the bare loop's rate)"
                },
                grouped(found.arrived),
                grouped(found.said),
                found.shortfall()
            ),
            Judgement::of(found.is_lossless()),
        ),
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of calls"
)]
fn calls(bare_ns: f64) -> u32 {
    let room = 0.85 * 1e9 / bare_ns / f64::from(PACKETS_A_SECOND);
    CALLS.min(room).max(10.0) as u32 / 10 * 10
}

/// What so many calls say in so many seconds.
fn due(calls: u32, held: Duration) -> u64 {
    u64::from(calls) * u64::from(PACKETS_A_SECOND) * held.as_secs()
}

/// The talkers are on the other CPU, as fast as they can.
fn bare_echo(there: &Place, here: &Place) -> Result<Moved, Box<dyn Error>> {
    thread::scope(|scope| {
        let talker = scope.spawn(|| {
            talk(there, &[ECHO; 64], Pace::Rush, RUSH).map_err(|error| error.to_string())
        });
        let echoed = echo(here, RUSH);
        talker.join().map_err(|_| "a talker panicked")??;
        echoed
    })
}

fn rush(
    server: &mut ServerProcess,
    there: &Place,
    streams: &[SocketAddr],
) -> Result<Figures, Box<dyn Error>> {
    thread::scope(|scope| {
        let talker = scope
            .spawn(|| talk(there, streams, Pace::Rush, RUSH).map_err(|error| error.to_string()));
        // The talkers begin, and are warm.
        thread::park_timeout(RUSH / 3);
        let before = server.look();
        thread::park_timeout(RUSH / 3);
        let now = server.look();
        talker.join().map_err(|_| "a talker panicked")??;
        Ok(Figures::between(&before?, &now?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_when_the_talkers_were_the_bottleneck() {
        let bridges = |said| Bridges {
            calls: 2_000,
            due: due(2_000, Duration::from_secs(10)),
            said,
            arrived: said,
            dropped: 0,
            rushes: vec![(3_000.0, 3_000.0)],
            figures: Figures::default(),
        };
        let words = |said| format!("{:?}", rows(Some(&bridges(said)))[1]);
        assert!(!words(2_000_000).contains("full"));
        let short = words(1_500_000);
        assert!(short.contains("full at 75 % of what is due"), "{short}");
    }

    #[test]
    fn reports_that_were_sent_while_it_was_counted_are_no_speech_and_hide_no_loss() {
        assert_eq!(speech(1_000, 1_050, 40..=60), 1_000);
        assert_eq!(speech(1_000, 1_030, 40..=60), 990, "ten are lost at least");
        assert_eq!(speech(1_000, 1_070, 40..=60), 1_010, "ten are strays");
    }
}
