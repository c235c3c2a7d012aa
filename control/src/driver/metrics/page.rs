//! A page in Prometheus' text exposition format, version 0.0.4: families with help and type, each
//! with its samples. It knows how things are written and nothing of what they are.

use std::fmt::{Display, Write as _};

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

/// What a family's figures do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Type {
    Counter,
    Gauge,
    Histogram,
}

/// One family; its samples follow its head.
#[derive(Debug)]
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
}

/// Names and values of labels.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

impl Page {
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Figures that only grow; the name ends in `_total`.
    pub(super) fn counter<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        debug_assert!(name.ends_with("_total"), "{name}");
        self.family(name, Type::Counter, help)
    }

    /// Figures of the moment.
    pub(super) fn gauge<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        debug_assert!(!name.ends_with("_total"), "{name}");
        self.family(name, Type::Gauge, help)
    }

    /// How often what size.
    pub(super) fn histogram<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        self.family(name, Type::Histogram, help)
    }

    fn family<'a>(&'a mut self, name: &'a str, kind: Type, help: &str) -> Family<'a> {
        let kind = match kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
        };
        debug_assert!(!help.contains(['\n', '\\']), "{name}: help is one line");
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family {
            text: &mut self.text,
            name,
        }
    }
}

impl Family<'_> {
    /// One figure. Two of a family differ in their labels.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: impl Display) -> &mut Self {
        self.line("", labels, None, value);
        self
    }

    /// The figures of one histogram: upper bounds with the count of what is below each and above
    /// the bound before it, what lies beyond the last, and the sum of all.
    pub(super) fn buckets(
        &mut self,
        labels: Labels<'_>,
        counts: impl IntoIterator<Item = (f64, u64)>,
        beyond: u64,
        sum: f64,
    ) {
        let mut below = 0;
        for (bound, count) in counts {
            below += count;
            self.line("_bucket", labels, Some(&bound.to_string()), below);
        }
        below += beyond;
        self.line("_bucket", labels, Some("+Inf"), below);
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, below);
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, bound: Option<&str>, value: impl Display) {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        let bound = bound.map(|bound| ("le", bound));
        let mut before = '{';
        for (name, value) in labels.iter().copied().chain(bound) {
            self.text.push(before);
            self.text.push_str(name);
            self.text.push_str("=\"");
            escape(self.text, value);
            self.text.push('"');
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, " {value}");
    }
}

fn escape(text: &mut String, value: &str) {
    for one in value.chars() {
        match one {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            one => text.push(one),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_its_head_once_and_a_line_for_each_sample() {
        let mut page = Page::default();
        page.counter("orbit_parks_total", "Calls parked.")
            .sample(&[("dialect", "refer")], 3)
            .sample(&[("dialect", "dialled")], 0);
        page.gauge("orbit_calls", "Calls.").sample(&[], 5);
        assert_eq!(
            page.into_text(),
            "# HELP orbit_parks_total Calls parked.\n# TYPE orbit_parks_total counter\n\
             orbit_parks_total{dialect=\"refer\"} 3\norbit_parks_total{dialect=\"dialled\"} 0\n\
             # HELP orbit_calls Calls.\n# TYPE orbit_calls gauge\norbit_calls 5\n"
        );
    }

    #[test]
    fn buckets_are_cumulative_and_end_with_all() {
        let mut page = Page::default();
        let counts = [(0.001, 4), (0.002, 0), (0.004, 2)];
        page.histogram("orbit_x_seconds", "X.")
            .buckets(&[("worker", "0")], counts, 1, 0.25);
        let text = page.into_text();
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "orbit_x_seconds_bucket{worker=\"0\",le=\"0.001\"} 4",
                "orbit_x_seconds_bucket{worker=\"0\",le=\"0.002\"} 4",
                "orbit_x_seconds_bucket{worker=\"0\",le=\"0.004\"} 6",
                "orbit_x_seconds_bucket{worker=\"0\",le=\"+Inf\"} 7",
                "orbit_x_seconds_sum{worker=\"0\"} 0.25",
                "orbit_x_seconds_count{worker=\"0\"} 7",
            ]
        );
    }

    #[test]
    fn a_name_with_quotes_and_line_ends_cannot_forge_a_sample() {
        let mut page = Page::default();
        page.gauge("orbit_orbits", "Orbits.")
            .sample(&[("range", "a\"} 1\nforged{x=\"\\")], 1);
        let text = page.into_text();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.ends_with("{range=\"a\\\"} 1\\nforged{x=\\\"\\\\\"} 1\n"));
    }
}
