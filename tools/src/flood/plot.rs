//! Plots as inline SVG: sizes by viewBox, colours by class, so that the page's style sheet decides.

use std::fmt::Write as _;

/// One row of values with a name.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: &'static str,
    /// Across and up.
    pub(super) points: Vec<(f64, f64)>,
}

/// What an axis is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    /// What the values are.
    pub(super) across: &'static str,
    pub(super) up: &'static str,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 38.0;

/// Bars side by side for each label; up is the logarithm of the count, so that one packet in a
/// million shows.
pub(super) fn histogram(
    labels: &[String],
    series: &[(&'static str, Vec<u64>)],
    unit: Unit,
) -> String {
    let most = series.iter().flat_map(|(_, counts)| counts).max();
    let decades = log(most.copied().unwrap_or(1)).ceil().max(1.0);
    let mut svg = open(unit);
    let mut decade = 0.0;
    while decade <= decades {
        grid(&mut svg, up(decade / decades), &power(decade));
        decade += 1.0;
    }
    let slot = (WIDTH - LEFT - RIGHT) / count(labels.len().max(1));
    let bar = slot * 0.8 / count(series.len().max(1));
    for (place, label) in labels.iter().enumerate() {
        let begin = LEFT + slot * count(place);
        for (row, (name, counts)) in series.iter().enumerate() {
            let packets = counts.get(place).copied().unwrap_or(0);
            if packets == 0 {
                continue;
            }
            let x = begin + slot * 0.1 + bar * count(row);
            let y = up((log(packets) / decades).max(0.015));
            let height = HEIGHT - BOTTOM - y;
            let (width, packets) = ((bar - 2.0).max(1.0), super::text::grouped(packets));
            // Writing to a String cannot fail.
            let _ = write!(
                svg,
                "<rect class=\"s{row}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
                 height=\"{height:.1}\" rx=\"2\"><title>{name}: {packets} within {label}</title>\
                 </rect>"
            );
        }
        if labels.len() <= 12 || place.is_multiple_of(2) {
            below(&mut svg, begin + slot / 2.0, label);
        }
    }
    close(svg, series.iter().map(|(name, _)| *name))
}

/// Lines over time, or over anything that grows.
pub(super) fn lines(series: &[Series], unit: Unit) -> String {
    let (mut svg, wide, high) = frame(series, unit);
    for (row, series) in series.iter().enumerate() {
        let mut path = String::new();
        for (place, (x, y)) in series.points.iter().enumerate() {
            let step = if place == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{step}{:.1} {:.1}", along(x / wide), up(y / high));
        }
        let _ = write!(svg, "<path class=\"line l{row}\" d=\"{path}\"/>");
        dots(&mut svg, row, series, (wide, high), unit, "hit");
    }
    close(svg, series.iter().map(|series| series.name))
}

/// A dot for each point.
pub(super) fn scatter(series: &[Series], unit: Unit) -> String {
    let (mut svg, wide, high) = frame(series, unit);
    for (row, series) in series.iter().enumerate() {
        dots(&mut svg, row, series, (wide, high), unit, "dot");
    }
    close(svg, series.iter().map(|series| series.name))
}

/// Grid and numbers that hold all points; with the far ends of both axes.
fn frame(series: &[Series], unit: Unit) -> (String, f64, f64) {
    let points = || series.iter().flat_map(|series| &series.points);
    let wide = points().map(|(x, _)| *x).fold(1.0, f64::max);
    let (step, high) = ticks(points().map(|(_, y)| *y).fold(0.0, f64::max));
    let mut svg = open(unit);
    let mut value = 0.0;
    while value <= high * 1.001 {
        grid(&mut svg, up(value / high), &short(value));
        value += step;
    }
    let (step, _) = ticks(wide);
    let mut value = 0.0;
    while value <= wide {
        below(&mut svg, along(value / wide), &short(value));
        value += step;
    }
    (svg, wide, high)
}

fn dots(
    svg: &mut String,
    row: usize,
    series: &Series,
    (wide, high): (f64, f64),
    unit: Unit,
    class: &str,
) {
    for (x, y) in &series.points {
        let _ = write!(
            svg,
            "<circle class=\"{class} s{row}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\">\
             <title>{}: {} at {} {}</title></circle>",
            along(x / wide),
            up(y / high),
            series.name,
            short(*y),
            short(*x),
            unit.across
        );
    }
}

fn open(unit: Unit) -> String {
    let (middle, bottom) = (LEFT + (WIDTH - LEFT - RIGHT) / 2.0, HEIGHT - 4.0);
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{up} by {across}\">\
         <text class=\"unit\" x=\"4\" y=\"10\">{up}</text>\
         <text class=\"unit mid\" x=\"{middle}\" y=\"{bottom}\">{across}</text>",
        up = unit.up,
        across = unit.across
    )
}

/// Ends a plot; with a legend where there is more than one thing to tell apart.
fn close(mut svg: String, names: impl ExactSizeIterator<Item = &'static str>) -> String {
    if names.len() > 1 {
        let mut x = LEFT + 70.0;
        for (row, name) in names.enumerate() {
            let _ = write!(
                svg,
                "<rect class=\"s{row}\" x=\"{x}\" y=\"2\" width=\"10\" height=\"10\" rx=\"2\"/>\
                 <text class=\"unit\" x=\"{}\" y=\"11\">{name}</text>",
                x + 15.0
            );
            x += 36.0 + 6.2 * count(name.len());
        }
    }
    svg.push_str("</svg>");
    svg
}

fn grid(svg: &mut String, y: f64, label: &str) {
    let (right, text) = (WIDTH - RIGHT, y + 3.5);
    let _ = write!(
        svg,
        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
         <text class=\"tick end\" x=\"{}\" y=\"{text:.1}\">{label}</text>",
        LEFT - 8.0
    );
}

fn below(svg: &mut String, x: f64, label: &str) {
    let y = HEIGHT - BOTTOM + 14.0;
    let _ = write!(
        svg,
        "<text class=\"tick mid\" x=\"{x:.1}\" y=\"{y}\">{label}</text>"
    );
}

fn along(part: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * part
}

fn up(part: f64) -> f64 {
    HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * part.clamp(0.0, 1.0)
}

/// Steps of 1, 2 or 5 times a power of ten, at most six of them; and where they end.
fn ticks(most: f64) -> (f64, f64) {
    if most <= 0.0 {
        return (1.0, 1.0);
    }
    let rough = most / 5.0;
    let magnitude = 10.0_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * magnitude);
    let step = steps.into_iter().find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(magnitude * 10.0);
    (step, (most / step).ceil() * step)
}

fn short(value: f64) -> String {
    match value.abs() {
        1e6.. => format!("{}M", trimmed(value / 1e6)),
        1e4.. => format!("{}k", trimmed(value / 1e3)),
        _ => trimmed(value),
    }
}

/// Without zeros that say nothing.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn power(decade: f64) -> String {
    short(10.0_f64.powf(decade))
}

/// The logarithm of a count, with room for one.
fn log(packets: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a height for the eye")]
    let packets = packets.max(1) as f64;
    packets.log10()
}

#[expect(clippy::cast_precision_loss, reason = "there are few")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Unit = Unit {
        across: "seconds",
        up: "packets",
    };

    #[test]
    fn steps_are_round_and_few() {
        assert_eq!(ticks(100.0), (20.0, 100.0));
        assert_eq!(ticks(7.3), (2.0, 8.0));
        assert_eq!(ticks(0.0), (1.0, 1.0));
        for most in [0.003, 0.9, 13.0, 999.0, 750_000.0] {
            let (step, end) = ticks(most);
            assert!(end >= most && end / step <= 6.0, "{most}: {step}, {end}");
        }
    }

    #[test]
    fn nothing_to_show_is_an_empty_plot() {
        let empty = Series {
            name: "lost",
            points: Vec::new(),
        };
        for svg in [lines(&[empty], UNIT), histogram(&[], &[], UNIT)] {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn one_packet_among_a_million_is_seen() {
        let labels = ["1 ms".to_owned(), "2 ms".to_owned()];
        let svg = histogram(&labels, &[("packets", vec![1_000_000, 1])], UNIT);
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.contains("1,000,000 within 1 ms") && svg.contains("1 within 2 ms"));
    }
}
