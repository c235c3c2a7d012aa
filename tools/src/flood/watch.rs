//! What is heard and used, second by second.

use std::time::Duration;

use shared::Time;

use super::limits::TIMELINE_MAX;
use super::listener::{Heard, Listeners};
use super::machine::ServerCpu;
use super::report::{Report, Second, ServerUse, millis};
use crate::clock;
use crate::judge::Pacing;

/// The listeners, and what they told so far.
#[derive(Debug)]
pub(super) struct Watch {
    listeners: Listeners,
    server: Option<ServerCpu>,
    began: Time,
    last: Sample,
    seconds: Timeline,
    busiest: f64,
    /// While all calls are held.
    held: Option<Held>,
}

#[derive(Clone, Debug)]
struct Sample {
    at: Time,
    heard: Heard,
    cpu: Option<Duration>,
}

#[derive(Debug)]
struct Held {
    since: Sample,
    times: Times,
}

/// What was measured while all calls were held.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Deviations of the music.
    pub(super) pacing: Pacing,
    /// On the way through bridges.
    pub(super) latency: Pacing,
    /// On the way straight to ourselves.
    pub(super) direct: Pacing,
}

const SECOND: Duration = Duration::from_secs(1);

impl Watch {
    pub(super) fn new(listeners: Listeners, server: Option<ServerCpu>) -> Self {
        let at = clock::now();
        Self {
            began: at,
            last: Sample {
                at,
                heard: listeners.heard(),
                cpu: server.and_then(|server| server.used()),
            },
            listeners,
            server,
            seconds: Timeline::default(),
            busiest: 0.0,
            held: None,
        }
    }

    pub(super) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// What was heard when last looked at.
    pub(super) fn last(&self) -> &Heard {
        &self.last.heard
    }

    /// Looks, if a second has passed; says whether it did.
    pub(super) fn look(&mut self, calls: usize) -> bool {
        let is_due = clock::now() - self.last.at >= SECOND;
        if is_due {
            self.sample(calls);
        }
        is_due
    }

    /// From here on all calls are held: what is told of pacing and CPU begins here.
    pub(super) fn hold(&mut self, calls: usize) {
        self.sample(calls);
        self.held = Some(Held {
            since: self.last.clone(),
            times: Times::default(),
        });
    }

    /// The last look; puts what was seen into a report.
    pub(super) fn finish(&mut self, calls: usize, report: &mut Report) -> Times {
        self.sample(calls);
        report.take(&self.last.heard);
        report.own.busiest = self.busiest;
        report.timeline = std::mem::take(&mut self.seconds.seconds);
        let held = self.held.take();
        held.map(|held| held.times).unwrap_or_default()
    }

    /// The calls are held no longer; what the server used meanwhile.
    pub(super) fn server_use(&mut self, calls: usize) -> Option<ServerUse> {
        self.sample(calls);
        let (held, server) = (self.held.as_ref()?, self.server?);
        let since = &held.since;
        let used = self.last.cpu?.checked_sub(since.cpu?)?;
        let packets = self.last.heard.datagrams - since.heard.datagrams;
        Some(ServerUse {
            threads: server.of_what(),
            cpu_ns_a_packet: a_packet(used, packets)?,
            core_share: used.as_secs_f64() / (self.last.at - since.at).as_secs_f64(),
        })
    }

    fn sample(&mut self, calls: usize) {
        let now = Sample {
            at: clock::now(),
            heard: self.listeners.heard(),
            cpu: self.server.and_then(|server| server.used()),
        };
        let before = &self.last;
        let packets = now.heard.findings.received - before.heard.findings.received;
        let datagrams = now.heard.datagrams - before.heard.datagrams;
        let lost = now.heard.findings.lost;
        let used = now.cpu.zip(before.cpu);
        let used = used.and_then(|(now, before)| now.checked_sub(before));
        let passed = now.at - before.at;
        let mut times = now.heard.pacing.clone();
        times.add(&now.heard.latency);
        if let Some(held) = &mut self.held {
            held.times.pacing.add(&now.heard.pacing);
            held.times.latency.add(&now.heard.latency);
            held.times.direct.add(&now.heard.direct);
        }
        if passed > SECOND / 2 {
            self.seconds.push(Second {
                at_s: (now.at - self.began).as_secs_f64(),
                took_s: passed.as_secs_f64(),
                calls,
                packets,
                lost: lost.saturating_sub(before.heard.findings.lost),
                p50_ms: millis(times.quantile(0.5)),
                p99_ms: millis(times.quantile(0.99)),
                max_ms: millis(times.max()),
                server_cpu_ns_a_packet: used.and_then(|used| a_packet(used, datagrams)),
            });
            self.busiest = self.busiest.max(now.heard.busy);
        }
        self.last = now;
    }
}

/// Seconds, joined two by two as often as they would be too many.
#[derive(Debug, Default)]
struct Timeline {
    seconds: Vec<Second>,
    /// How many one entry stands for, as a power of two.
    joined: u32,
    /// How many the last entry stands for.
    filled: u32,
}

impl Timeline {
    fn push(&mut self, second: Second) {
        match self.seconds.last_mut() {
            Some(last) if self.filled < 1 << self.joined => {
                *last = join(last, &second);
                self.filled += 1;
            }
            _ => {
                self.seconds.push(second);
                self.filled = 1;
            }
        }
        if self.seconds.len() > TIMELINE_MAX {
            let pairs = self.seconds.chunks(2);
            let joined = pairs.map(|pair| pair.iter().skip(1).fold(pair[0], |a, b| join(&a, b)));
            self.seconds = joined.collect();
            // The odd one out stands for fewer than the others.
            self.joined += 1;
        }
    }
}

fn join(one: &Second, next: &Second) -> Second {
    Second {
        took_s: one.took_s + next.took_s,
        packets: one.packets + next.packets,
        lost: one.lost + next.lost,
        p50_ms: one.p50_ms.max(next.p50_ms),
        p99_ms: one.p99_ms.max(next.p99_ms),
        max_ms: one.max_ms.max(next.max_ms),
        ..*next
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
fn a_packet(used: Duration, packets: u64) -> Option<f64> {
    (packets > 0).then(|| used.as_secs_f64() * 1e9 / packets as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_every_packet_in_fewer_entries() {
        let mut timeline = Timeline::default();
        for _ in 0..TIMELINE_MAX * 5 {
            timeline.push(Second {
                packets: 3,
                lost: 1,
                ..Second::default()
            });
        }
        assert!(timeline.seconds.len() <= TIMELINE_MAX);
        let packets: u64 = timeline.seconds.iter().map(|second| second.packets).sum();
        assert_eq!(packets, TIMELINE_MAX as u64 * 15);
    }
}
