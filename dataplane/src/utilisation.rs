//! What part of its time a worker needs for its streams, and whether there is time for another one.
//! It is measured: CPU time, the kernel's share of each send included, and how late slots come,
//! since a CPU that others use as well is not the worker's alone.
//!
//! Absent on purpose: clocks, and the table's limits (`table`).

use std::time::Duration;

use shared::{Role, Share, Time};

/// The use of one worker's time.
#[derive(Debug)]
pub struct Utilisation {
    limit_ppm: u64,
    /// Smoothed, in millionths of the time.
    ppm: u64,
    /// What a stream needs, in millionths of a millionth.
    stream_ppt: u64,
    /// Thousandths of streams that were admitted and are not in `ppm` yet.
    pending: u64,
    /// Streams admitted since the last measure.
    fresh: u64,
    /// It refuses to begin calls until there is some time again.
    full: bool,
    /// When it was measured last, and the thread's CPU time then.
    last: Option<(Time, Duration)>,
    slots: u64,
    /// Of all these together.
    lateness: Duration,
    /// What was told last.
    told: Share,
    told_full: bool,
}

/// A slot as late as this counts as if it had found no time at all, an earlier one in proportion: a
/// packet time, beyond which a phone's jitter buffer runs dry.
pub const LATE: Duration = Duration::from_millis(20);

/// How often it is measured.
pub const WINDOW: Duration = Duration::from_millis(100);

/// Of a new measure this part is taken, so that a burst of a few tens of milliseconds counts little
/// and a second nearly all.
const SMOOTHING: u64 = 4;

/// After so many windows nothing is left of what was before.
const WINDOWS_MAX: u128 = 40;

/// How much time there must be again before a full worker begins calls, so that it does not change
/// its mind with every packet.
const GAP_PPM: u64 = 20_000;

/// A change by this is told.
const NOTABLE: u16 = 25;

/// With fewer measured streams than this, a stream is taken to need [`STREAM_PPT`].
const STREAMS_MIN: u64 = 64;

/// A ten-thousandth of the time: 2 µs a packet of 20 ms.
const STREAM_PPT: u64 = 100_000_000;

const WHOLE_PPM: u64 = 1_000_000;

impl Utilisation {
    /// Of a worker that begins calls while it needs less than `limit` of its time. With the whole
    /// it refuses nobody.
    #[must_use]
    pub fn new(limit: Share) -> Self {
        Self {
            limit_ppm: ppm(limit),
            ppm: 0,
            stream_ppt: STREAM_PPT,
            pending: 0,
            fresh: 0,
            full: false,
            last: None,
            slots: 0,
            lateness: Duration::ZERO,
            told: Share::NONE,
            told_full: false,
        }
    }

    /// Takes note of a slot that was begun `late`.
    pub fn slot(&mut self, late: Duration) {
        self.slots += 1;
        self.lateness += late.min(LATE);
    }

    /// Measures: the thread has used `cpu` since its start. Gives the share if control should know.
    pub fn measure(&mut self, now: Time, cpu: Duration, streams: u32) -> Option<Share> {
        let (then, cpu_then) = *self.last.get_or_insert((now, cpu));
        let time = now - then;
        if time < WINDOW {
            return None;
        }
        self.last = Some((now, cpu));
        let fresh_streams = std::mem::take(&mut self.fresh) * 1_000;
        let busy = per_million(cpu.saturating_sub(cpu_then), time);
        let slots = u32::try_from(self.slots.max(1)).unwrap_or(u32::MAX);
        let late = per_million(self.lateness, LATE * slots);
        let sample = (busy + late).min(WHOLE_PPM);
        for _ in 0..(time.as_nanos() / WINDOW.as_nanos()).min(WINDOWS_MAX) {
            self.ppm = (self.ppm * (SMOOTHING - 1) + sample) / SMOOTHING;
            self.pending = self.pending * (SMOOTHING - 1) / SMOOTHING;
        }
        self.pending += fresh_streams;
        (self.slots, self.lateness) = (0, Duration::ZERO);
        let measured = u64::from(streams).saturating_sub(self.pending / 1_000);
        self.stream_ppt = if measured < STREAMS_MIN {
            STREAM_PPT
        } else {
            self.ppm * 1_000_000 / measured
        };
        self.weigh();
        self.tell()
    }

    /// Whether there is time for another stream; if so it is counted on.
    pub fn admit(&mut self, role: Role) -> bool {
        self.weigh();
        let admitted = match role {
            Role::Begin => !self.full,
            // Half of what is left is for going on with calls that were begun.
            Role::Join => !self.exceeds(self.limit_ppm.midpoint(WHOLE_PPM)),
        };
        if admitted {
            self.fresh += 1;
        }
        admitted
    }

    /// The part of the time that is needed, smoothed.
    #[must_use]
    pub const fn share(&self) -> Share {
        Share::thousandths(self.ppm / 1_000)
    }

    /// With what the streams admitted lately will need.
    const fn expected_ppm(&self) -> u64 {
        let unmeasured = self.pending + self.fresh * 1_000;
        self.ppm + self.stream_ppt * unmeasured / 1_000_000_000
    }

    fn weigh(&mut self) {
        let gap = if self.full { GAP_PPM } else { 0 };
        let limited = self.limit_ppm < WHOLE_PPM;
        self.full = limited && self.exceeds(self.limit_ppm.saturating_sub(gap));
    }

    const fn exceeds(&self, ppm: u64) -> bool {
        ppm < WHOLE_PPM && self.expected_ppm() >= ppm
    }

    fn tell(&mut self) -> Option<Share> {
        let share = self.share();
        let changed = share.as_thousandths().abs_diff(self.told.as_thousandths());
        let opens = self.told_full && !self.full;
        self.told_full = self.full;
        if changed < NOTABLE && !opens {
            return None;
        }
        self.told = share;
        Some(share)
    }
}

fn ppm(share: Share) -> u64 {
    u64::from(share.as_thousandths()) * 1_000
}

fn per_million(part: Duration, whole: Duration) -> u64 {
    let ppm = part.as_nanos() * 1_000_000 / whole.as_nanos().max(1);
    u64::try_from(ppm).unwrap_or(WHOLE_PPM)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker that measures once a window.
    struct Bench {
        utilisation: Utilisation,
        now: Time,
        cpu: Duration,
        streams: u32,
    }

    impl Bench {
        fn new() -> Self {
            let mut bench = Self {
                utilisation: Utilisation::new(Share::percent(85)),
                now: Time::from_millis(5_000),
                cpu: Duration::from_secs(3),
                streams: 0,
            };
            bench.utilisation.measure(bench.now, bench.cpu, 0);
            bench
        }

        /// A window in which so many percent of the time were used.
        fn window(&mut self, percent: u32) -> Option<Share> {
            self.now += WINDOW;
            self.cpu += WINDOW * percent / 100;
            self.utilisation.measure(self.now, self.cpu, self.streams)
        }

        fn windows(&mut self, count: usize, percent: u32) -> Vec<Share> {
            (0..count).filter_map(|_| self.window(percent)).collect()
        }

        fn begin(&mut self) -> bool {
            let admitted = self.utilisation.admit(Role::Begin);
            self.streams += u32::from(admitted);
            admitted
        }
    }

    #[test]
    fn it_follows_the_use_within_a_second_and_a_burst_counts_little() {
        let mut bench = Bench::new();
        bench.windows(10, 50);
        let steady = bench.utilisation.share();
        assert!((Share::percent(46)..=Share::percent(50)).contains(&steady));
        bench.window(100);
        assert!(bench.utilisation.share() < Share::percent(65));
        assert!(bench.begin(), "one bad tenth of a second refuses nobody");
        bench.windows(10, 0);
        assert!(bench.utilisation.share() < Share::percent(5));
    }

    #[test]
    fn beyond_the_limit_nobody_begins_but_calls_go_on() {
        let mut bench = Bench::new();
        bench.windows(40, 86);
        assert!(!bench.begin());
        assert!(bench.utilisation.admit(Role::Join));
        bench.windows(40, 94);
        assert!(!bench.utilisation.admit(Role::Join));
    }

    #[test]
    fn a_full_worker_begins_calls_again_only_when_there_is_some_time() {
        let mut bench = Bench::new();
        bench.windows(40, 86);
        assert!(!bench.begin());
        bench.windows(40, 84);
        assert!(!bench.begin(), "84 % is not yet below the gap");
        bench.windows(40, 82);
        assert!(bench.begin());
    }

    #[test]
    fn those_who_come_at_once_are_counted_before_they_are_measured() {
        let mut bench = Bench::new();
        bench.streams = 1_000;
        bench.windows(40, 50);
        let admitted = (0..10_000).filter(|_| bench.begin()).count();
        assert!(
            (680..=720).contains(&admitted),
            "at 0.05 % each there is time for 700, not {admitted}"
        );
        bench.windows(40, 85);
        assert!(!bench.begin(), "and they are not counted twice");
        assert_eq!(bench.utilisation.share(), Share::thousandths(849));
    }

    #[test]
    fn an_idle_worker_admits_thousands_at_once() {
        let mut bench = Bench::new();
        bench.window(0);
        assert_eq!((0..20_000).filter(|_| bench.begin()).count(), 8_500);
    }

    #[test]
    fn with_the_whole_of_its_time_it_refuses_nobody() {
        let mut bench = Bench::new();
        bench.utilisation = Utilisation::new(Share::WHOLE);
        bench.windows(40, 100);
        assert!((0..20_000).all(|_| bench.begin()));
        assert!(bench.utilisation.admit(Role::Join));
    }

    #[test]
    fn slots_that_come_late_count_as_time_that_was_not_there() {
        let mut bench = Bench::new();
        for _ in 0..40 {
            for slot in 0..100 {
                let late = if slot < 20 { LATE * 9 } else { LATE / 2 };
                bench.utilisation.slot(late);
            }
            bench.window(30);
        }
        assert!(bench.utilisation.share() >= Share::percent(88));
        assert!(!bench.begin());
    }

    #[test]
    fn control_is_told_of_changes_and_of_room_and_else_left_alone() {
        let mut bench = Bench::new();
        assert_eq!(bench.windows(40, 1), [], "not notable");
        let told = bench.windows(40, 80);
        assert!(
            told.is_sorted() && (3..=12).contains(&told.len()),
            "{told:?}"
        );
        assert_eq!(bench.windows(100, 80), []);
        bench.windows(40, 86);
        assert!(!bench.begin());
        assert_eq!(bench.windows(40, 84), []);
        let room = bench.windows(40, 82);
        assert_eq!(room.len(), 1, "it takes calls again: {room:?}");
    }

    #[test]
    fn after_a_long_sleep_only_the_present_counts() {
        let mut bench = Bench::new();
        bench.windows(40, 90);
        bench.now += Duration::from_hours(1);
        bench.window(0);
        assert_eq!(bench.utilisation.share(), Share::NONE);
    }
}
