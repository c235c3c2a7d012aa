//! What a run found, for people and for machines.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::listener::Heard;
use crate::judge::Pacing;

/// How to show what a run found.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Delivery {
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
    /// Write PATH.txt and PATH.json, too.
    #[arg(long, value_name = "PATH")]
    report: Option<PathBuf>,
}

/// What a run found.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) title: String,
    /// Where it ran.
    pub(super) machine: String,
    pub(super) rows: Vec<Row>,
    /// Everything measured.
    pub(super) figures: Value,
}

/// One thing that was to be reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) goal: String,
    pub(super) reached: String,
    pub(super) judgement: Judgement,
}

/// Whether it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Judgement {
    Pass,
    FallsShort,
    /// The machine does not allow to judge it.
    NotJudged,
}

impl Judgement {
    pub(super) const fn of(is_reached: bool) -> Self {
        if is_reached {
            Self::Pass
        } else {
            Self::FallsShort
        }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::FallsShort => "FALLS SHORT",
            Self::NotJudged => "not judged",
        })
    }
}

impl Row {
    pub(super) fn new(
        what: impl Into<String>,
        goal: impl Into<String>,
        reached: impl Into<String>,
        judgement: Judgement,
    ) -> Self {
        Self {
            what: what.into(),
            goal: goal.into(),
            reached: reached.into(),
            judgement,
        }
    }
}

impl Report {
    /// Whether nothing falls short.
    pub(super) fn is_good(&self) -> bool {
        self.rows
            .iter()
            .all(|row| row.judgement != Judgement::FallsShort)
    }

    pub(super) fn to_text(&self) -> String {
        let width = |of: fn(&Row) -> &str| {
            let widths = self.rows.iter().map(|row| of(row).chars().count());
            widths.max().unwrap_or(0)
        };
        let (what, goal) = (width(|row| &row.what), width(|row| &row.goal));
        let mut text = format!("{}\n  {}\n\n", self.title, self.machine);
        for row in &self.rows {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "  {:<11}  {:<what$}  {:<goal$}  {}",
                row.judgement, row.what, row.goal, row.reached
            );
        }
        text
    }

    pub(super) fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "what": row.what,
                "goal": row.goal,
                "reached": row.reached,
                "judgement": row.judgement.to_string(),
            })
        });
        json!({
            "title": self.title,
            "machine": self.machine,
            "good": self.is_good(),
            "rows": rows.collect::<Vec<_>>(),
            "figures": self.figures,
        })
    }

    /// Writes it to files, where they are wanted, and out; whether nothing falls short.
    pub(super) fn deliver(
        &self,
        delivery: &Delivery,
        out: &mut impl io::Write,
    ) -> Result<bool, Box<dyn Error>> {
        if let Some(path) = &delivery.report {
            self.write(path)?;
        }
        if delivery.json {
            writeln!(out, "{:#}", self.to_json())?;
        } else {
            writeln!(out, "{}", self.to_text())?;
        }
        Ok(self.is_good())
    }

    /// Writes `PATH.txt` and `PATH.json`.
    pub(super) fn write(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all(folder)?;
        }
        fs::write(path.with_extension("txt"), self.to_text())?;
        fs::write(
            path.with_extension("json"),
            format!("{:#}\n", self.to_json()),
        )?;
        Ok(())
    }
}

/// Tells whoever waits what is being done.
pub(super) fn say(what: &str) {
    // Who has closed it does not want to know.
    let _ = writeln!(io::stderr(), "  {what} …");
}

/// A time as one reads it best.
pub(crate) fn time(time: Duration) -> String {
    let ns = time.as_secs_f64() * 1e9;
    match ns {
        1e9.. => format!("{:.2} s", ns / 1e9),
        1e6.. => format!("{:.3} ms", ns / 1e6),
        1e3.. => format!("{:.0} µs", ns / 1e3),
        _ => format!("{ns:.0} ns"),
    }
}

/// With a comma at each thousand.
pub(crate) fn grouped(count: u64) -> String {
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

/// What the streams that were listened to have to say.
pub(super) fn heard_row(heard: &Heard, listened: usize) -> Row {
    let findings = &heard.findings;
    let complaints = findings.complaints().into_iter();
    let said: Vec<String> = complaints
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    let said = if said.is_empty() {
        "the music bit for bit".to_owned()
    } else {
        said.join(", ")
    };
    let packets = grouped(findings.received);
    Row::new(
        "streams judged packet by packet",
        format!("{listened} unbroken"),
        format!("{packets} packets of {} streams: {said}", heard.streams),
        Judgement::of(findings.is_clean() && heard.streams == listened),
    )
}

/// The one in the middle; NaN of none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Deviations as machines read them, in nanoseconds.
pub(super) fn quantiles(pacing: &Pacing) -> Value {
    let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    json!({
        "p50": ns(pacing.quantile(0.5)),
        "p99": ns(pacing.quantile(0.99)),
        "p99.9": ns(pacing.quantile(0.999)),
        "max": ns(pacing.max()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(judgement: Judgement) -> Report {
        Report {
            title: "a run".to_owned(),
            machine: "a machine".to_owned(),
            rows: vec![
                Row::new("loss", "none", "none", Judgement::Pass),
                Row::new("drift", "< 1 ppm", "3 ppm", judgement),
            ],
            figures: json!({}),
        }
    }

    #[test]
    fn one_row_that_falls_short_spoils_it_and_one_not_judged_does_not() {
        let outcomes = [Judgement::Pass, Judgement::NotJudged, Judgement::FallsShort]
            .map(|judgement| report(judgement).is_good());
        assert_eq!(outcomes, [true, true, false]);
    }

    #[test]
    fn the_text_shows_goal_reached_and_judgement_of_each_row() {
        let text = report(Judgement::FallsShort).to_text();
        assert!(
            text.contains("FALLS SHORT  drift  < 1 ppm  3 ppm"),
            "{text}"
        );
    }

    #[test]
    fn both_files_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/run");
        report(Judgement::Pass).write(&path).unwrap();
        let written = fs::read_to_string(path.with_extension("json")).unwrap();
        let value: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(value["good"], true);
        assert!(path.with_extension("txt").exists());
    }
}
