//! Pairs of phones at a rate that does not wait for the server: one parks, hears music for a
//! moment, another retrieves it, and hangs up.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use hdrhistogram::Histogram;
use shared::Time;

use super::super::load::Load;
use super::super::namespace::DROPPED_PORTS;
use crate::clock;
use crate::phone::{Event, What};

/// How many, how fast.
#[derive(Clone, Copy, Debug)]
pub(in crate::bed) struct Pace {
    /// Pairs begun in a second.
    pub(in crate::bed) rate: u32,
    /// For so long.
    pub(in crate::bed) time: Duration,
}

/// What became of the pairs.
#[derive(Clone, Debug)]
pub(in crate::bed) struct Outcome {
    pub(in crate::bed) begun: u64,
    /// Parked, retrieved, and ended on both sides.
    pub(in crate::bed) whole: u64,
    /// With a phone that was refused, or not whole in time.
    pub(in crate::bed) failed: u64,
    /// Not begun in time, since too many were under way.
    pub(in crate::bed) withheld: u64,
    /// From the first INVITE of the pairs to the last one's.
    pub(in crate::bed) span: Duration,
    /// From INVITE to 200.
    pub(in crate::bed) parks: Times,
    pub(in crate::bed) retrievals: Times,
    /// How much later than planned our own INVITEs were: figures of a load that is late are of the
    /// load.
    pub(in crate::bed) late: Times,
}

/// Times in microseconds.
pub(in crate::bed) type Times = Histogram<u64>;

/// Pairs under way.
#[derive(Debug)]
pub(in crate::bed) struct Traffic<'a> {
    load: &'a mut Load,
    outcome: Outcome,
    /// Of pairs under way, by the number of the phone that parks, and of the one that retrieves.
    parkees: HashMap<usize, Parkee>,
    retrievers: HashMap<usize, Retriever>,
    /// Whose time to be retrieved, and to hang up, comes; the first first.
    retrieve_at: VecDeque<(Time, usize)>,
    hang_up_at: VecDeque<(Time, usize)>,
    ports: std::iter::Cycle<std::ops::RangeInclusive<u16>>,
}

#[derive(Clone, Copy, Debug)]
struct Parkee {
    called: Time,
    is_retrieved: bool,
}

#[derive(Clone, Copy, Debug)]
struct Retriever {
    called: Time,
    parkee: usize,
}

/// So long a call hears music, and so long two speak.
pub(super) const PARKED: Duration = Duration::from_millis(100);
const JOINED: Duration = Duration::from_millis(50);

/// Pairs under way at most: more would be a second's worth of waiting.
const UNDER_WAY_MAX: usize = 4_000;

/// What is not over by then has failed.
const PATIENCE: Duration = Duration::from_secs(10);

const TIME_MAX: Duration = Duration::from_secs(60);

impl Outcome {
    fn new() -> Self {
        let times = || Times::new_with_max(micros(TIME_MAX), 3).expect("the bounds are in order");
        Self {
            begun: 0,
            whole: 0,
            failed: 0,
            withheld: 0,
            span: Duration::ZERO,
            parks: times(),
            retrievals: times(),
            late: times(),
        }
    }

    /// Whole pairs a second.
    #[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
    pub(super) fn pairs_s(&self) -> f64 {
        self.whole as f64 / self.span.as_secs_f64().max(1e-9)
    }
}

impl<'a> Traffic<'a> {
    pub(in crate::bed) fn new(load: &'a mut Load) -> Self {
        Self {
            load,
            outcome: Outcome::new(),
            parkees: HashMap::new(),
            retrievers: HashMap::new(),
            retrieve_at: VecDeque::new(),
            hang_up_at: VecDeque::new(),
            // From behind, where no parked phone has its port.
            ports: (PAIR_PORT_MIN..=DROPPED_PORTS.1).cycle(),
        }
    }

    /// Lets pairs come and go.
    pub(in crate::bed) fn run(mut self, pace: Pace) -> Outcome {
        let (began, end) = (clock::now(), clock::now() + pace.time);
        let planned = pace.time.as_micros() * u128::from(pace.rate) / 1_000_000;
        let planned = u64::try_from(planned).unwrap_or(u64::MAX);
        let mut next = 0_u64;
        while next < planned || (self.is_busy() && clock::now() < end + PATIENCE) {
            let now = clock::now();
            while next < planned && due(began, next, pace.rate) <= now {
                self.begin(due(began, next, pace.rate), now);
                next += 1;
                self.outcome.span = now.since(began);
            }
            self.retrieve(now);
            self.hang_up(now);
            self.turn();
        }
        self.outcome.failed = self.outcome.begun - self.outcome.whole;
        self.outcome
    }

    fn is_busy(&self) -> bool {
        !self.parkees.is_empty()
    }

    fn begin(&mut self, planned: Time, now: Time) {
        if self.parkees.len() >= UNDER_WAY_MAX {
            self.outcome.withheld += 1;
            return;
        }
        let port = self.port();
        let phone = self.load.call(port, "park", now);
        self.outcome.begun += 1;
        record(&mut self.outcome.late, now.since(planned));
        let parkee = Parkee {
            called: now,
            is_retrieved: false,
        };
        self.parkees.insert(phone, parkee);
    }

    fn retrieve(&mut self, now: Time) {
        while let Some((_, parkee)) = take_due(&mut self.retrieve_at, now) {
            // One that ended meanwhile has no orbit.
            let Some(orbit) = self.load.orbit(parkee) else {
                continue;
            };
            let port = self.port();
            let phone = self.load.call(port, &orbit, now);
            let called = now;
            self.retrievers.insert(phone, Retriever { called, parkee });
        }
    }

    fn hang_up(&mut self, now: Time) {
        while let Some((_, phone)) = take_due(&mut self.hang_up_at, now) {
            self.load.end(phone, now);
        }
    }

    fn turn(&mut self) {
        for (at, event) in self.load.turn(TURN).to_vec() {
            self.take(at, event);
        }
    }

    fn take(&mut self, at: Time, event: Event) {
        let Event { phone, what } = event;
        match (what, self.retrievers.get(&phone).copied()) {
            (What::Answered, None) => {
                if let Some(parkee) = self.parkees.get(&phone) {
                    record(&mut self.outcome.parks, at.since(parkee.called));
                    self.retrieve_at.push_back((at + PARKED, phone));
                }
            }
            (What::Answered, Some(Retriever { called, parkee })) => {
                record(&mut self.outcome.retrievals, at.since(called));
                if let Some(parkee) = self.parkees.get_mut(&parkee) {
                    parkee.is_retrieved = true;
                }
                self.hang_up_at.push_back((at + JOINED, phone));
            }
            (What::Refused(_), Some(Retriever { parkee, .. })) => {
                self.load.end(parkee, at);
                self.parkees.remove(&parkee);
            }
            (What::Refused(_), None) => {
                self.parkees.remove(&phone);
            }
            (What::Dismissed, None) => {
                if let Some(parkee) = self.parkees.remove(&phone) {
                    self.outcome.whole += u64::from(parkee.is_retrieved);
                }
            }
            (What::Dismissed | What::HungUp, Some(_)) => {
                self.retrievers.remove(&phone);
            }
            _ => {}
        }
    }

    fn port(&mut self) -> u16 {
        self.ports.next().unwrap_or(PAIR_PORT_MIN)
    }
}

/// The first port of phones that come and go.
const PAIR_PORT_MIN: u16 = 45_000;

const TURN: Duration = Duration::from_micros(500);

/// When the pair of this number is to begin.
fn due(began: Time, number: u64, rate: u32) -> Time {
    began + Duration::from_nanos(number * 1_000_000_000 / u64::from(rate))
}

fn take_due(queue: &mut VecDeque<(Time, usize)>, now: Time) -> Option<(Time, usize)> {
    queue.pop_front_if(|(at, _)| *at <= now)
}

fn record(times: &mut Times, time: Duration) {
    times.saturating_record(micros(time));
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_due_at_their_rate() {
        let began = Time::from_millis(7);
        assert_eq!(due(began, 0, 1_500), began);
        assert_eq!(due(began, 1_500, 1_500), began + Duration::from_secs(1));
    }

    #[test]
    fn nothing_is_taken_before_its_time() {
        let at = Time::from_millis;
        let mut queue = VecDeque::from([(at(5), 1), (at(6), 2)]);
        assert_eq!(take_due(&mut queue, at(4)), None);
        assert_eq!(take_due(&mut queue, at(5)), Some((at(5), 1)));
        assert_eq!(take_due(&mut queue, at(5)), None);
    }
}
