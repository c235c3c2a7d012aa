//! Whether the packets of a stream keep to the clock over a long time.

use std::collections::BTreeMap;

use shared::Time;

/// Where the grids stood at some moments.
#[derive(Clone, Debug, Default)]
pub(super) struct Drift {
    /// Where each stream's stood at first.
    first: BTreeMap<usize, i64>,
    /// How far the grids had moved since, in nanoseconds (the median of the streams), and when.
    moved: Vec<(Time, i64)>,
}

/// What a line through all moments says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Trend {
    /// Slope: nanoseconds in a millisecond.
    pub(super) ppm: f64,
    /// From the first to the last minute, by the means of their moments.
    pub(super) moved_ns: f64,
}

impl Drift {
    /// Takes where the grids stand now.
    pub(super) fn take(&mut self, at: Time, origins: &BTreeMap<usize, i64>) {
        let mut steps: Vec<i64> = origins
            .iter()
            .map(|(stream, origin)| origin - *self.first.entry(*stream).or_insert(*origin))
            .collect();
        steps.sort_unstable();
        self.moved
            .extend(steps.get(steps.len() / 2).map(|median| (at, *median)));
    }

    /// The trend; `None` of fewer than three moments.
    #[expect(
        clippy::cast_precision_loss,
        reason = "hours in nanoseconds fit a double well enough"
    )]
    pub(super) fn trend(&self) -> Option<Trend> {
        let (begin, _) = *self.moved.first()?;
        let points: Vec<(f64, f64)> = self
            .moved
            .iter()
            .map(|(at, moved)| ((*at - begin).as_nanos() as f64, *moved as f64))
            .collect();
        if points.len() < 3 {
            return None;
        }
        let mean_of = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
        let (times, moves): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let (time, moved) = (mean_of(&times), mean_of(&moves));
        let covariance: f64 = points.iter().map(|(t, m)| (t - time) * (m - moved)).sum();
        let variance: f64 = times.iter().map(|t| (t - time).powi(2)).sum();
        let end = times.last()? - MINUTE_NS;
        let minute = |within: &dyn Fn(f64) -> bool| {
            let moves = points.iter().filter(|(t, _)| within(*t)).map(|(_, m)| *m);
            mean_of(&moves.collect::<Vec<_>>())
        };
        Some(Trend {
            ppm: covariance / variance * 1e6,
            moved_ns: minute(&|t| t >= end) - minute(&|t| t <= MINUTE_NS),
        })
    }
}

const MINUTE_NS: f64 = 60e9;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two streams whose packets come slower by these nanoseconds a second, for an hour.
    fn trend(slower_ns: i64) -> Trend {
        let mut drift = Drift::default();
        for second in (0..3_600).step_by(10) {
            let origins = BTreeMap::from([
                (0, 5_000 + slower_ns * second),
                (1, -9_000 + slower_ns * second),
            ]);
            let at = Time::from_millis(second.unsigned_abs() * 1_000);
            drift.take(at, &origins);
        }
        drift.trend().unwrap()
    }

    #[test]
    fn a_grid_on_the_clock_does_not_drift() {
        let trend = trend(0);
        assert!(
            trend.ppm.abs() < 1e-9 && trend.moved_ns.abs() < 1e-9,
            "{trend:?}"
        );
    }

    #[test]
    fn a_slow_grid_drifts_by_its_rate() {
        let trend = trend(2_500);
        assert!((trend.ppm - 2.5).abs() < 1e-6, "{trend:?}");
        assert!((trend.moved_ns - 2_500.0 * 3_535.0).abs() < 20_000.0 * 2_500.0 / 1_000.0);
    }

    #[test]
    fn two_moments_are_no_trend() {
        let mut drift = Drift::default();
        drift.take(Time::ZERO, &BTreeMap::from([(0, 0)]));
        drift.take(Time::from_millis(1), &BTreeMap::from([(0, 0)]));
        assert_eq!(drift.trend(), None);
    }
}
