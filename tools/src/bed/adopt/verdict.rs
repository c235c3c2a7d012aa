//! What is to be said of calls that were adopted.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ADOPTED_MAX, AdoptOptions, CALLS_OF_GOAL, Findings};
use crate::bed::disk::disk_row;
use crate::bed::report::{Judgement, Row, grouped, time};

impl Findings {
    pub(super) fn rows(&self, options: &AdoptOptions) -> Vec<Row> {
        let calls = options.calls as usize;
        let is_whole = self.adopted.len() == calls;
        let (last, goal) = (self.at(1.0), goal(options.calls));
        vec![
            Row::new(
                "from the start of the process to the last adopted",
                format!("< {}", time(goal)),
                format!(
                    "{}; the first after {}, half of them after {}",
                    time(last),
                    time(self.at(0.0)),
                    time(self.at(0.5))
                ),
                Judgement::of(is_whole && last < goal),
            ),
            Row::new(
                "calls adopted",
                grouped(options.calls.into()),
                format!(
                    "{} of {}; {} still parked a second later",
                    grouped(self.adopted.len() as u64),
                    grouped(self.before as u64),
                    grouped(self.after as u64)
                ),
                Judgement::of(is_whole && self.before == calls && self.after == calls),
            ),
            Row::new(
                "calls in another orbit than before",
                "0",
                grouped(self.misplaced as u64),
                Judgement::of(self.misplaced == 0),
            ),
            Row::new(
                "adopted a second, from the first to the last",
                "",
                format!("{:.0}", self.rate()),
                Judgement::NotJudged,
            ),
            Row::new(
                "from the start of the process until it serves",
                "",
                time(self.serving),
                Judgement::NotJudged,
            ),
            disk_row(&self.syncs.0, &self.syncs.1),
        ]
    }

    /// When this part of the phones was adopted, of those that were.
    fn at(&self, part: f64) -> Duration {
        let mut times: Vec<Duration> = self.adopted.values().copied().collect();
        times.sort_unstable();
        let last = times.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a place in a list of thousands"
        )]
        let place = (last as f64 * part) as usize;
        times.get(place).copied().unwrap_or_default()
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
    fn rate(&self) -> f64 {
        let span = self.at(1.0).saturating_sub(self.at(0.0));
        self.adopted.len() as f64 / span.as_secs_f64().max(1e-9)
    }

    pub(super) fn to_json(&self) -> Value {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        json!({
            "adopted": self.adopted.len(),
            "parked_before": self.before,
            "parked_after": self.after,
            "misplaced": self.misplaced,
            "serving_ms": ms(self.serving),
            "first_ms": ms(self.at(0.0)),
            "half_ms": ms(self.at(0.5)),
            "last_ms": ms(self.at(1.0)),
            "fdatasync_us": { "before": self.syncs.0.to_json(), "after": self.syncs.1.to_json() },
        })
    }
}

/// In proportion: more calls may take longer. Fewer have the same time, as a process needs some to
/// start.
fn goal(calls: u32) -> Duration {
    ADOPTED_MAX * calls.max(CALLS_OF_GOAL) / CALLS_OF_GOAL
}
