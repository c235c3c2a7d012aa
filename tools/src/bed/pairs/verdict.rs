//! What is to be said of pairs that were measured.

use std::time::Duration;

use serde_json::{Value, json};

use super::durable::Stored;
use super::traffic::{Outcome, PARKED, Times};
use super::{Findings, MEMORY_CALLS_MIN, PairsOptions};
use crate::bed::look::Look;
use crate::bed::report::{Judgement, Row, grouped, heard_row, time};

/// The goal: resident memory of the process for each call.
const CALL_BYTES_MAX: u64 = 6 * 1_024;
/// The same with a store and the API: its record, its call detail record, and what the API lists.
const KEPT_CALL_BYTES_MAX: u64 = 8 * 1_024;

/// An INVITE of ours that is later than this says that the load was too slow for its figures.
const LATE_MAX: Duration = Duration::from_millis(5);

impl Findings {
    pub(super) fn rows(&self, options: &PairsOptions) -> Vec<Row> {
        let answer_max = options.answer_max();
        let mut rows = vec![
            self.pairs_row(options),
            self.times_row("a park, INVITE to 200", &self.outcome.parks, answer_max),
            self.times_row(
                "a retrieval, INVITE to 200",
                &self.outcome.retrievals,
                answer_max,
            ),
            self.memory_row(options),
            Row::new(
                "calls parked throughout",
                grouped(options.calls.into()),
                grouped(self.parked as u64),
                Judgement::of(self.parked == options.calls as usize),
            ),
            heard_row(&self.heard, self.listened),
            self.core_row(),
            self.load_row(),
        ];
        rows.extend(self.stored.iter().flat_map(Stored::rows));
        rows
    }

    fn pairs_row(&self, options: &PairsOptions) -> Row {
        let Outcome {
            begun,
            failed,
            withheld,
            ..
        } = self.outcome;
        let begun_share = options.rate().into();
        let pairs_s = self.outcome.pairs_s();
        Row::new(
            "pairs a second, whole",
            format!("{} (and none fails)", grouped(begun_share)),
            format!(
                "{pairs_s:.0}; {} begun, {failed} failed, {withheld} not begun in time; each heard \
                 {} ms of music",
                grouped(begun),
                PARKED.as_millis()
            ),
            Judgement::of(
                pairs_s >= 0.999 * f64::from(options.rate()) && failed == 0 && withheld == 0,
            ),
        )
    }

    fn times_row(&self, what: &str, times: &Times, goal: Duration) -> Row {
        let at = |part| Duration::from_micros(times.value_at_quantile(part));
        Row::new(
            what,
            format!("p99 < {}", time(goal)),
            format!(
                "p50 {}, p99 {}, p99.9 {}, all {}",
                time(at(0.5)),
                time(at(0.99)),
                time(at(0.999)),
                time(at(1.0))
            ),
            match self.is_load_on_time() {
                true => Judgement::of(!times.is_empty() && at(0.99) < goal),
                false => Judgement::NotJudged,
            },
        )
    }

    fn memory_row(&self, options: &PairsOptions) -> Row {
        let bytes_max = match options.store {
            Some(_) => KEPT_CALL_BYTES_MAX,
            None => CALL_BYTES_MAX,
        };
        let each = |look: &Look| look.resident_bytes / u64::from(options.calls);
        let growth = self.settled.resident_bytes - self.empty.resident_bytes;
        Row::new(
            "memory of the process a parked call",
            format!("{} bytes", grouped(bytes_max)),
            format!(
                "{} bytes; just parked, with all transactions, {}; {} of it per call more",
                grouped(each(&self.settled)),
                grouped(each(&self.full)),
                grouped(growth / u64::from(options.calls))
            ),
            match options.calls >= MEMORY_CALLS_MIN {
                true => Judgement::of(each(&self.settled) <= bytes_max),
                false => Judgement::NotJudged,
            },
        )
    }

    fn core_row(&self) -> Row {
        Row::new(
            "of the CPU",
            "100 %",
            format!(
                "{:.0} %, the media worker {:.0} % with {} packets a second; the host had it for \
                 {:.1} %",
                self.core_share * 100.0,
                self.figures.core_share * 100.0,
                grouped(self.figures.rate()),
                self.figures.stolen_share * 100.0
            ),
            Judgement::NotJudged,
        )
    }

    fn load_row(&self) -> Row {
        let late = Duration::from_micros(self.outcome.late.value_at_quantile(0.99));
        Row::new(
            "the load's own lateness",
            format!("p99 < {}", time(LATE_MAX)),
            format!("p99 {}", time(late)),
            match self.is_load_on_time() {
                true => Judgement::Pass,
                false => Judgement::NotJudged,
            },
        )
    }

    fn is_load_on_time(&self) -> bool {
        Duration::from_micros(self.outcome.late.value_at_quantile(0.99)) < LATE_MAX
    }

    pub(super) fn to_json(&self) -> Value {
        let times = |times: &Times| {
            json!({
                "p50": times.value_at_quantile(0.5),
                "p99": times.value_at_quantile(0.99),
                "p99.9": times.value_at_quantile(0.999),
                "max": times.max(),
            })
        };
        let outcome = &self.outcome;
        json!({
            "pairs_s": outcome.pairs_s(),
            "begun": outcome.begun,
            "failed": outcome.failed,
            "withheld": outcome.withheld,
            "park_us": times(&outcome.parks),
            "retrieval_us": times(&outcome.retrievals),
            "load_late_us": times(&outcome.late),
            "resident_bytes": {
                "empty": self.empty.resident_bytes,
                "just_parked": self.full.resident_bytes,
                "settled": self.settled.resident_bytes,
            },
            "core_share": self.core_share,
            "worker_share": self.figures.core_share,
            "packets_s": self.figures.rate(),
            "store": self.stored.as_ref().map(Stored::to_json),
        })
    }
}
