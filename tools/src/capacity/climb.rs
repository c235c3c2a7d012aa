//! More and more streams, until the pacing rule breaks or something runs out.

use std::error::Error;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use dataplane::utilisation::WINDOW;
use shared::{RefuseReason, Time};

use super::limit::Limit;
use super::sink::Sink;
use super::step::{Mark, Step};
use crate::bed::worker_cpu;
use crate::clock;
use crate::plane::{MUSIC, Plan, Plane, PlaneError};

/// How far it went.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Climb {
    /// The most streams that were served by the pacing rule.
    pub(super) held: u32,
    pub(super) limit: Limit,
    pub(super) steps: Vec<Step>,
}

const FIRST: u32 = 200;

/// What was due while streams were opened has gone.
const SETTLE: Duration = Duration::from_millis(300);
const WATCH: Duration = Duration::from_millis(1_200);

/// A step that breaks the rule is watched again: a stall of the machine is not the worker's.
const TRIES: usize = 3;

/// Climbs until something ends it; `show` is told of each step.
pub(super) fn climb(
    plane: &mut Plane,
    sink: &Sink,
    ports: (u16, u16),
    deadline: Time,
    show: &dyn Fn(&Step) -> io::Result<()>,
) -> Result<Climb, Box<dyn Error>> {
    let (mut held, mut steps): (u32, Vec<Step>) = (0, Vec::new());
    let mut wanted = FIRST;
    let mut ports = (ports.0.next_multiple_of(2)..ports.1).step_by(2);
    let limit = loop {
        let refused = open(plane, sink, &mut ports, wanted)?;
        let refused = refused.map(|limit| limit.by_admission(plane, steps.last()));
        match refused {
            Some(limit) if plane.streams() <= held => break limit,
            limit => {
                let step = watch_again(plane, deadline);
                show(&step)?;
                steps.push(step.clone());
                if !step.is_good() {
                    break Limit::of_step(&step);
                }
                held = step.streams;
                if let Some(limit) = limit {
                    break limit;
                }
                wanted = held + next(&step);
            }
        }
        if is_memory_short() {
            break Limit::Memory;
        }
        if clock::now() + SETTLE + WATCH > deadline {
            break Limit::Time;
        }
    };
    Ok(Climb { held, limit, steps })
}

/// Far from the limit by half as many again, near it by a twentieth.
fn next(step: &Step) -> u32 {
    if step.core < 0.5 {
        step.streams / 2
    } else if step.core < 0.7 {
        step.streams / 5
    } else {
        step.streams / 20
    }
}

/// Opens streams until there are `wanted`; what kept it from that.
fn open(
    plane: &mut Plane,
    sink: &Sink,
    ports: &mut impl Iterator<Item = u16>,
    wanted: u32,
) -> Result<Option<Limit>, Box<dyn Error>> {
    while plane.streams() < wanted {
        let batch = ports.take((wanted - plane.streams()).min(BATCH) as usize);
        let plans = batch.map(|port| {
            Ok(Plan {
                local: SocketAddr::new(sink.server(), port),
                remote: sink.remote(u32::from(port) / 2)?,
                source: MUSIC,
            })
        });
        let plans = plans.collect::<io::Result<Vec<_>>>()?;
        if plans.is_empty() {
            return Ok(Some(Limit::Ports));
        }
        match plane.open(&plans) {
            // Another program has some of the ports: there are more.
            // The worker shall measure what they need before there are more.
            Ok(()) | Err(PlaneError::Refused(RefuseReason::PortTaken)) => pass(plane, WINDOW),
            Err(PlaneError::Refused(reason)) => return Ok(Some(Limit::of_refusal(reason))),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Streams opened at a time.
const BATCH: u32 = 500;

/// Watches until the rule is kept, or was broken some times, or time is up.
fn watch_again(plane: &Plane, deadline: Time) -> Step {
    let mut step = watch(plane);
    for _ in 1..TRIES {
        if step.is_good() || clock::now() + SETTLE + WATCH > deadline {
            break;
        }
        step = watch(plane);
    }
    step
}

fn watch(plane: &Plane) -> Step {
    pass(plane, SETTLE);
    let before = mark(plane);
    pass(plane, WATCH);
    mark(plane).since(&before, plane.streams())
}

fn pass(plane: &Plane, time: Duration) {
    let end = clock::now() + time;
    while clock::now() < end {
        thread::park_timeout(end - clock::now());
        plane.drain();
    }
}

fn mark(plane: &Plane) -> Mark {
    let cpu = worker_cpu();
    Mark::new(clock::now(), &plane.stats()[0], cpu.total, cpu.waited)
}

/// Whether less than a tenth of the machine's memory is left.
fn is_memory_short() -> bool {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let figure = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':')
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    };
    figure("MemAvailable")
        .zip(figure("MemTotal"))
        .is_some_and(|(left, all)| left * 10 < all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory() {
        assert!(!is_memory_short());
    }
}
