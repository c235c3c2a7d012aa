//! What the demo prints.

use std::io::{self, Write};
use std::time::Duration;

use super::Options;
use super::stage::Look;
use super::verdict::{Verdict, cpu_a_packet};
use crate::judge::Pacing;
use crate::phone::{Counts, Phones};

/// Where it is printed.
pub(super) struct Screen<W> {
    out: W,
}

/// One second.
pub(super) struct Row<'a> {
    pub(super) second: u32,
    pub(super) parked: usize,
    pub(super) before: &'a Look,
    pub(super) now: &'a Look,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }

    pub(super) fn title(&mut self, options: &Options, target: &str, media: &str) -> io::Result<()> {
        writeln!(
            self.out,
            "orbit demo · {} callers dial {target}, park, and listen for {} s",
            grouped(options.calls.into()),
            options.seconds
        )?;
        writeln!(self.out, "  media   {media}")?;
        self.out.flush()
    }

    pub(super) fn parked(&mut self, phones: &Phones, took: Duration) -> io::Result<()> {
        let counts = phones.counts();
        write!(
            self.out,
            "  parked  {} of {}",
            grouped_usize(counts.parked),
            grouped_usize(phones.len())
        )?;
        if counts.parked > 0 {
            write!(
                self.out,
                " in {:.2} s; half were answered within {}, 99 % within {}",
                took.as_secs_f64(),
                millis(phones.answered_within(0.5)),
                millis(phones.answered_within(0.99)),
            )?;
        }
        writeln!(self.out)
    }

    pub(super) fn head(&mut self) -> io::Result<()> {
        writeln!(self.out)?;
        writeln!(
            self.out,
            "{:>6} {:>8} {:>10} {:>8}   {:<42} {:>11}",
            "", "", "packets", "packets", "  deviation from each call's 20 ms grid", "server CPU"
        )?;
        writeln!(
            self.out,
            "{:>6} {:>8} {:>10} {:>8}   {:>9} {:>10} {:>10} {:>10} {:>11}",
            "time", "parked", "a second", "lost", "p50", "p99", "p99.9", "max", "a packet"
        )?;
        self.out.flush()
    }

    pub(super) fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        let (before, now) = (row.before, row.now);
        let findings = &now.heard.findings;
        let packets = findings.received - before.heard.findings.received;
        let seconds = (now.at - before.at).as_secs_f64();
        writeln!(
            self.out,
            "{:>4} s {:>8} {:>10} {:>8}   {} {:>11}",
            row.second,
            grouped_usize(row.parked),
            grouped(a_second(packets, seconds)),
            grouped(findings.lost),
            pacing(&now.heard.pacing),
            cpu_a_packet(before, now).map_or_else(|| "-".to_owned(), nanos),
        )?;
        self.out.flush()
    }

    pub(super) fn interrupted(&mut self, counts: Counts) -> io::Result<()> {
        writeln!(
            self.out,
            "\ninterrupted: the server ended {} calls with BYE and is gone",
            grouped_usize(counts.dismissed)
        )
    }

    pub(super) fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        writeln!(self.out)?;
        self.calls(verdict)?;
        self.packets(verdict)?;
        self.timing(verdict)?;
        let word = if verdict.is_good() {
            "passed".to_owned()
        } else if verdict.is_full() {
            let most = grouped_usize(verdict.parked_throughout);
            format!("FULL: this machine carries {most} calls beside the demo, and those it served")
        } else {
            "FAILED".to_owned()
        };
        writeln!(self.out, "\n  {word}")?;
        self.out.flush()
    }

    fn calls(&mut self, verdict: &Verdict) -> io::Result<()> {
        let calls = grouped_usize(verdict.calls);
        let mark = mark(verdict.all_parked() && verdict.all_hung_up());
        writeln!(
            self.out,
            "  {mark} calls    {} of {calls} parked throughout, {} ended with BYE",
            grouped_usize(verdict.parked_throughout),
            grouped_usize(verdict.counts.hung_up),
        )?;
        for (status, count) in &verdict.failures {
            let count = grouped_usize(*count);
            writeln!(
                self.out,
                "             {count} failed: {} {}",
                status.code(),
                status.reason()
            )?;
        }
        if verdict.refused() > 0 {
            writeln!(
                self.out,
                "             the workers had no time for more ([media] admission): who is refused \
                 is told when to try again, and who was taken stays on time"
            )?;
        }
        if verdict.is_empty() {
            return writeln!(
                self.out,
                "  {} server   empty: no call, no stream, no orbit taken",
                self::mark(true)
            );
        }
        let left = &verdict.leftovers;
        writeln!(
            self.out,
            "  {} server   still has {} orbits, {} calls, {} legs, {} streams",
            self::mark(false),
            left.parked,
            left.calls,
            left.legs,
            left.streams
        )
    }

    fn packets(&mut self, verdict: &Verdict) -> io::Result<()> {
        let heard = &verdict.last.heard;
        writeln!(
            self.out,
            "  {} packets  {} sent, {} heard, {} missing",
            mark(verdict.all_heard()),
            grouped(verdict.last.sent),
            grouped(heard.findings.received),
            grouped(verdict.missing()),
        )?;
        if heard.findings.is_clean() {
            let music = if verdict.has_music {
                ", each the music bit for bit"
            } else {
                ""
            };
            writeln!(self.out, "             every stream unbroken{music}")?;
        }
        for (what, count) in heard
            .findings
            .complaints()
            .iter()
            .filter(|(_, count)| *count > 0)
        {
            writeln!(self.out, "             {} {what}", grouped(*count))?;
        }
        let deaf = (verdict.calls - verdict.refused()).saturating_sub(heard.streams);
        if deaf > 0 {
            let deaf = grouped_usize(deaf);
            writeln!(self.out, "             {deaf} callers heard nothing")?;
        }
        if heard.overflowed > 0 {
            writeln!(
                self.out,
                "             {} of them were dropped at the callers' own sockets: the demo could \
                 not keep up with listening, on this machine use fewer --calls",
                grouped(heard.overflowed)
            )?;
        }
        for (reason, count) in &verdict.drops {
            writeln!(
                self.out,
                "             the server dropped {}: {}",
                grouped(*count),
                reason.name()
            )?;
        }
        Ok(())
    }

    fn timing(&mut self, verdict: &Verdict) -> io::Result<()> {
        let quantile = |part| millis(verdict.pacing.quantile(part));
        if verdict.pacing.count() > 0 {
            writeln!(
                self.out,
                "    pacing   half within {} of their time, 99 % within {}, 99.9 % within {}, \
                 all within {}",
                quantile(0.5),
                quantile(0.99),
                quantile(0.999),
                millis(verdict.pacing.max())
            )?;
        }
        if let Some(share) = verdict.wait_share().filter(|share| *share >= NOTABLE_WAIT) {
            writeln!(
                self.out,
                "             the workers were ready but without a CPU for {:.1} % of the time: \
                 other work on this machine delays them",
                share * 100.0
            )?;
        }
        if let Some(cpu) = verdict.cpu_a_packet() {
            writeln!(
                self.out,
                "    CPU      {} a packet, {:.1} % of one core for {} calls",
                nanos(cpu),
                verdict.core_share() * 100.0,
                grouped_usize(verdict.parked_throughout)
            )?;
        }
        Ok(())
    }
}

/// Part of the time that workers wait for a CPU above which pacing tells more of the machine than
/// of the server.
const NOTABLE_WAIT: f64 = 0.005;

fn mark(is_good: bool) -> char {
    if is_good { '✓' } else { '✗' }
}

fn pacing(pacing: &Pacing) -> String {
    if pacing.count() == 0 {
        return format!("{:>9} {:>10} {:>10} {:>10}", "-", "-", "-", "-");
    }
    let quantile = |part| millis(pacing.quantile(part));
    format!(
        "{:>9} {:>10} {:>10} {:>10}",
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        millis(pacing.max())
    )
}

fn millis(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1_000.0;
    match ms {
        100.0.. => format!("{ms:.0} ms"),
        10.0.. => format!("{ms:.1} ms"),
        _ => format!("{ms:.3} ms"),
    }
}

fn nanos(time: Duration) -> String {
    format!(
        "{} ns",
        grouped(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    )
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate for the eye"
)]
fn a_second(count: u64, seconds: f64) -> u64 {
    (count as f64 / seconds.max(f64::MIN_POSITIVE)).round() as u64
}

fn grouped_usize(count: usize) -> String {
    grouped(count as u64)
}

/// With a comma at each thousand.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let shown = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn times_keep_three_digits_that_matter() {
        let shown = [4_321, 43_210, 432_100].map(|us| millis(Duration::from_micros(us)));
        assert_eq!(shown, ["4.321 ms", "43.2 ms", "432 ms"]);
    }
}
