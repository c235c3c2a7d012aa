//! What is to be said of calls that were held.

use control::sip::limits::SESSION_EXPIRES;
use serde_json::json;

use super::{HoldOptions, Run};
use crate::bed::drift::Trend;
use crate::bed::figures::Figures;
use crate::bed::look::Look;
use crate::bed::report::{Judgement, Report, Row, grouped, heard_row, quantiles, time};

impl Run {
    pub(super) fn report(&self, options: &HoldOptions, machine: String) -> Report {
        let held = self.steps.last().map_or(&self.first, |step| &step.look);
        let figures = Figures::between(&self.first, held);
        let trend = self.drift.trend();
        let mut before = &self.first;
        let mut series = Vec::new();
        for step in &self.steps {
            series.push(step.to_json(before));
            before = &step.look;
        }
        Report {
            title: format!(
                "{} parked calls for {:.0} s{}",
                grouped(self.calls.into()),
                figures.seconds,
                match self.is_interrupted {
                    true => format!(", interrupted: {} s were asked for", options.seconds),
                    false => String::new(),
                }
            ),
            machine,
            rows: self.rows(&figures, trend),
            figures: json!({
                "sent": self.last.sent(),
                "arrived": self.arrived.all(),
                "interface_drops": self.interface.drops(),
                "server_drops": self.last.drops,
                "heard_streams": self.heard.streams,
                "heard_packets": self.heard.findings.received,
                "heard_lost": self.heard.findings.lost,
                "listener_overflowed": self.heard.overflowed,
                "deviation_ns": quantiles(&self.pacing),
                "drift_ppm": trend.map(|trend| trend.ppm),
                "drift_moved_ns": trend.map(|trend| trend.moved_ns),
                "cpu_ns_per_packet": figures.cpu_ns,
                "cpu_user_ns_per_packet": figures.user_ns,
                "cpu_system_ns_per_packet": figures.system_ns,
                "cpu_waited_share": figures.waited_share,
                "enters_per_packet": figures.enters,
                "steps": series,
            }),
        }
    }

    fn rows(&self, figures: &Figures, trend: Option<Trend>) -> Vec<Row> {
        vec![
            Row::new(
                "calls parked throughout",
                grouped(self.calls.into()),
                grouped(self.parked_throughout as u64),
                Judgement::of(self.parked_throughout == self.calls as usize),
            ),
            self.lost_row(),
            self.sent_row(figures),
            heard_row(&self.heard, self.listened),
            self.pacing_row(figures),
            drift_row(trend, figures.seconds),
            self.memory_row(),
            Row::new(
                "system calls a packet",
                "< 0.05",
                format!("{:.4}", figures.enters),
                Judgement::of(figures.enters < 0.05),
            ),
            cpu_row(figures),
        ]
    }

    fn lost_row(&self) -> Row {
        let lost = self.last.sent().abs_diff(self.arrived.all());
        Row::new(
            "packets sent and not arrived",
            "0",
            format!(
                "{lost} of {}; the server dropped {}, the interface {}",
                grouped(self.last.sent()),
                self.last.dropped(),
                self.interface.drops()
            ),
            Judgement::of(lost == 0 && self.last.dropped() == 0),
        )
    }

    /// A server that skips packets loses none on the way.
    fn sent_row(&self, figures: &Figures) -> Row {
        let due = figures.seconds * f64::from(self.calls) * 50.0;
        let share = figures.rtp / due;
        Row::new(
            "packets sent of those due",
            "100.00 %",
            format!("{:.3} %", share * 100.0),
            Judgement::of(share > 0.9999),
        )
    }

    fn pacing_row(&self, figures: &Figures) -> Row {
        let quantile = |part| time(self.pacing.quantile(part));
        Row::new(
            "deviation from each stream's grid",
            "see the table",
            format!(
                "p50 {}, p99 {}, p99.9 {}, max {}; the worker waited for its CPU for {:.2} % of \
                 the time",
                quantile(0.5),
                quantile(0.99),
                quantile(0.999),
                time(self.pacing.max()),
                figures.waited_share * 100.0
            ),
            Judgement::NotJudged,
        )
    }

    fn memory_row(&self) -> Row {
        let seconds = self.steps.last().map_or(0, |step| step.second);
        let since = settled_after(seconds);
        let settled = self.steps.iter().find(|step| step.second >= since);
        let settled = settled.map_or(&self.first, |step| &step.look);
        let growth = self.growth(settled);
        Row::new(
            format!("memory grown since second {since}"),
            "< 1 %",
            format!(
                "{:+.2} % of {} MiB; {} MiB at the beginning",
                growth * 100.0,
                settled.resident_bytes >> 20,
                self.first.resident_bytes >> 20
            ),
            Judgement::of(growth < 0.01),
        )
    }

    /// Resident memory at the end against that of a moment before, as a part of the latter.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn growth(&self, settled: &Look) -> f64 {
        let end = self.steps.last().map_or(&self.first, |step| &step.look);
        end.resident_bytes as f64 / settled.resident_bytes.max(1) as f64 - 1.0
    }
}

/// When everything that a call needs has been needed once: its first minute, or in a long run the
/// first refresh of its session, which half of the session interval after its beginning takes
/// memory for transactions that the refreshes after it take again.
const fn settled_after(seconds: u64) -> u64 {
    const REFRESHED: u64 = SESSION_EXPIRES.as_secs() / 2 + 60;
    if seconds >= 2 * REFRESHED {
        REFRESHED
    } else {
        60
    }
}

/// A line through less than this shows the noise of its ends.
const TREND_SECONDS_MIN: f64 = 300.0;

fn drift_row(trend: Option<Trend>, seconds: f64) -> Row {
    let (reached, judgement) = match trend {
        None => ("too short to tell".to_owned(), Judgement::NotJudged),
        Some(trend) => {
            let reached = format!(
                "{:+.4} ppm; from the first to the last minute {:+.0} µs",
                trend.ppm,
                trend.moved_ns / 1e3
            );
            let judgement = if seconds < TREND_SECONDS_MIN {
                Judgement::NotJudged
            } else {
                Judgement::of(trend.ppm.abs() < 1.0)
            };
            (reached, judgement)
        }
    };
    Row::new(
        "drift against CLOCK_MONOTONIC",
        "< 1 ppm",
        reached,
        judgement,
    )
}

fn cpu_row(figures: &Figures) -> Row {
    Row::new(
        "CPU a packet",
        "see the table",
        format!(
            "{:.0} ns ({:.0} user, {:.0} system by clock ticks), {:.1} % of the core",
            figures.cpu_ns,
            figures.user_ns,
            figures.system_ns,
            figures.core_share * 100.0
        ),
        Judgement::NotJudged,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_flat_after_everything_was_needed_once() {
        assert_eq!([10, 600, 1_900].map(settled_after), [60, 60, 60]);
        assert_eq!([1_920, 3_600].map(settled_after), [960, 960]);
    }
}
