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

    /// How many were within each bound and beyond the one before; bounds double, from 1 µs on, and
    /// end with the one that holds the worst.
    #[must_use]
    pub fn doublings(&self) -> Vec<(Duration, u64)> {
        let worst = self.deviations.max();
        let bounds = (0..u64::BITS).map(|power| 1_000_u64 << power);
        let mut counted = Vec::new();
        let mut below = 0;
        for bound in bounds {
            let within = self.deviations.count_between(below, bound);
            counted.push((Duration::from_nanos(bound), within));
            below = self.deviations.highest_equivalent(bound) + 1;
            if bound >= worst {
                break;
            }
        }
        counted
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_deviation_falls_into_one_doubling() {
        let mut pacing = Pacing::new();
        for micros in [0, 1, 3, 3, 900, 40_000] {
            pacing.record(Duration::from_micros(micros));
        }
        let doublings = pacing.doublings();
        let at = |micros| {
            let bound = Duration::from_micros(micros);
            doublings
                .iter()
                .find(|(known, _)| *known == bound)
                .map(|(_, count)| *count)
        };
        assert_eq!((at(1), at(4), at(1_024)), (Some(2), Some(2), Some(1)));
        assert_eq!(
            doublings.last().map(|(_, count)| *count),
            Some(1),
            "the worst is in the last"
        );
        assert_eq!(doublings.iter().map(|(_, count)| count).sum::<u64>(), 6);
    }
}
