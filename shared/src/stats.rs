//! Counters. A worker is the only writer of its own; readers look without stopping it, so figures
//! that belong together may be a few packets apart.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::DropReason;

/// What one stream did, reported when it closes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StreamStats {
    /// RTP packets handed to the kernel.
    pub sent: u64,
    /// RTP packets accepted from the peer.
    pub received: u64,
    /// Packets of this stream that were dropped, for any reason.
    pub dropped: u64,
    /// Packets the peer says it did not get (RFC 3550 §6.4.1, cumulative, of its last report).
    pub lost_by_peer: u32,
    /// Interarrival jitter of what the peer sent, in RTP timestamp units (RFC 3550 A.8).
    pub jitter: u32,
    /// Round-trip time from the last RTCP report, in microseconds; 0 when there was none.
    pub round_trip_us: u32,
    /// Where the prompt was when the stream closed, in milliseconds: resume here.
    pub prompt_position_ms: u32,
}

/// A worker's counters since it started.
#[derive(Debug)]
pub struct WorkerStats {
    /// Streams open now.
    pub streams: Counter,
    /// RTP packets sent.
    pub rtp_sent: Counter,
    /// RTP packets accepted.
    pub rtp_received: Counter,
    /// RTCP packets sent.
    pub rtcp_sent: Counter,
    /// RTCP packets accepted.
    pub rtcp_received: Counter,
    /// Packets sent from the streams' own sockets.
    pub by_socket: Counter,
    /// Packets sent through raw sockets ([`crate::Form::Raw`]).
    pub by_raw: Counter,
    /// Packets sent through packet sockets ([`crate::Form::Packet`]).
    pub by_packet: Counter,
    /// Nanoseconds of CPU the worker thread has used.
    pub cpu_nanos: Counter,
    /// Calls of `io_uring_enter`.
    pub enters: Counter,
    /// The part of its time that the worker needs, in thousandths, smoothed: as
    /// [`crate::Event::Utilisation`] tells it, and what admission goes by.
    pub utilisation: Counter,
    /// Streams refused because the worker's time was used up.
    pub refused: Counter,
    /// Packets of captured streams whose copy found no room.
    pub captured_lost: Counter,
    /// Drops by reason, in the order of [`DropReason::ALL`].
    pub drops: [Counter; DropReason::COUNT],
    /// Packets by lateness against their slot.
    pub lateness: Histogram,
}

impl WorkerStats {
    /// All zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            streams: Counter::default(),
            rtp_sent: Counter::default(),
            rtp_received: Counter::default(),
            rtcp_sent: Counter::default(),
            rtcp_received: Counter::default(),
            by_socket: Counter::default(),
            by_raw: Counter::default(),
            by_packet: Counter::default(),
            cpu_nanos: Counter::default(),
            enters: Counter::default(),
            utilisation: Counter::default(),
            refused: Counter::default(),
            captured_lost: Counter::default(),
            drops: std::array::from_fn(|_| Counter::default()),
            lateness: Histogram::new(),
        }
    }

    /// Counts `count` drops for one reason. The owner's call only.
    pub fn count_drop(&self, reason: DropReason, count: u64) {
        self.drops[reason.index()].add(count);
    }

    /// Drops for one reason.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.drops[reason.index()].load()
    }
}

impl Default for WorkerStats {
    fn default() -> Self {
        Self::new()
    }
}

/// A counter with one writer and any number of readers.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds; the owner's call only (it is a plain load and store, not a locked instruction).
    pub fn add(&self, count: u64) {
        self.store(self.load().wrapping_add(count));
    }

    /// Sets; the owner's call only.
    pub fn store(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The value now.
    #[must_use]
    pub fn load(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How late packets left, in buckets that double: below 1 µs, below 2 µs … below 2^30 µs.
#[derive(Debug)]
pub struct Histogram {
    buckets: [Counter; Self::BUCKETS],
    nanos: Counter,
}

impl Histogram {
    /// Number of buckets.
    pub const BUCKETS: usize = 31;

    /// All zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buckets: std::array::from_fn(|_| Counter::default()),
            nanos: Counter::default(),
        }
    }

    /// Counts `count` packets that were `nanos` late; the owner's call only.
    pub fn record(&self, nanos: u64, count: u64) {
        let micros = nanos / 1_000;
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        self.buckets[bucket.min(Self::BUCKETS - 1)].add(count);
        self.nanos.add(nanos.wrapping_mul(count));
    }

    /// The upper bound of bucket `index`, in microseconds.
    #[must_use]
    pub const fn bound_us(index: usize) -> u64 {
        1 << index
    }

    /// The lateness of all packets together, in nanoseconds.
    #[must_use]
    pub fn sum_nanos(&self) -> u64 {
        self.nanos.load()
    }

    /// The counts, smallest lateness first.
    #[must_use]
    pub fn counts(&self) -> [u64; Self::BUCKETS] {
        std::array::from_fn(|index| self.buckets[index].load())
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_falls_into_the_bucket_below_its_bound() {
        let histogram = Histogram::new();
        histogram.record(999, 1);
        histogram.record(1_000, 2);
        histogram.record(3_999_000, 3);
        histogram.record(u64::MAX, 4);
        let counts = histogram.counts();
        assert_eq!(counts[0], 1, "below 1 µs");
        assert_eq!(counts[1], 2, "1 µs up to 2 µs");
        assert_eq!(counts[12], 3, "2,048 µs up to 4,096 µs");
        assert_eq!(
            counts[Histogram::BUCKETS - 1],
            4,
            "the last bucket has no upper bound"
        );
        assert_eq!(Histogram::bound_us(12), 4_096);
    }

    #[test]
    fn the_lateness_of_all_packets_is_summed() {
        let histogram = Histogram::new();
        histogram.record(1_500, 4);
        histogram.record(10, 1);
        assert_eq!(histogram.sum_nanos(), 6_010);
    }

    #[test]
    fn drops_are_counted_by_reason() {
        let stats = WorkerStats::new();
        stats.count_drop(DropReason::WrongSource, 2);
        stats.count_drop(DropReason::WrongSource, 1);
        assert_eq!(stats.dropped(DropReason::WrongSource), 3);
        assert_eq!(stats.dropped(DropReason::Malformed), 0);
    }
}
