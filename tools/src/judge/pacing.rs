//! How far packets are from their time.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Deviations from the time at which a packet was due, of any number of streams.
#[derive(Clone, Debug)]
pub struct Pacing {
    /// Nanoseconds.
    deviations: Histogram<u64>,
}

/// Anything later counts as this late.
const DEVIATION_NS_MAX: u64 = 60_000_000_000;

impl Pacing {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        let deviations = Histogram::new_with_bounds(1, DEVIATION_NS_MAX, 2);
        Self {
            deviations: deviations.expect("the bounds are in order"),
        }
    }

    /// Counts a packet that was this far from its time, before or after it.
    pub fn record(&mut self, deviation: Duration) {
        let nanos = u64::try_from(deviation.as_nanos()).unwrap_or(u64::MAX);
        self.deviations
            .saturating_record(nanos.clamp(1, DEVIATION_NS_MAX));
    }

    /// Adds what another saw.
    pub fn add(&mut self, other: &Self) {
        self.deviations
            .add(&other.deviations)
            .expect("the bounds are the same");
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.deviations.reset();
    }

    /// Packets counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.deviations.len()
    }

    /// The deviation that this part of the packets does not exceed, as `0.99`.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Duration {
        Duration::from_nanos(self.deviations.value_at_quantile(part))
    }

    /// The worst of all, within 1 %.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.deviations.max())
    }
}

impl Default for Pacing {
    fn default() -> Self {
        Self::new()
    }
}
