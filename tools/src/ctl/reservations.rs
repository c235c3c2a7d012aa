//! `orbitctl test-reservations`: whether each free orbit is as likely as every other.

use std::collections::BTreeMap;
use std::io::Write;

use control::driver::http::Reservations;
use serde::Serialize;

use super::client::{Client, escaped};
use super::{Failure, tell};

/// Draws of one request; the API gives no more.
const PER_REQUEST: u32 = 50_000;
/// How often each orbit must be expected for the test to mean anything.
const EXPECTED_MIN: f64 = 5.0;
/// From this deviation on, in standard deviations, it is no chance any more: one in a thousand.
const DEVIATION_MAX: f64 = 3.09;
/// Columns of the longest bar.
const BAR: f64 = 40.0;

/// What was drawn, and what follows from it.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Verdict {
    draws: u64,
    free: usize,
    chi_square: f64,
    degrees_of_freedom: usize,
    /// By how many standard deviations there is more unevenness than chance would have.
    deviation: f64,
    /// `uniform`, `uneven` or `too few draws`.
    verdict: &'static str,
    orbits: BTreeMap<String, u32>,
}

pub(super) fn run(
    client: &Client,
    json: bool,
    (count, range): (u32, Option<&str>),
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut all = Reservations {
        free: 0,
        orbits: BTreeMap::new(),
    };
    let mut left = count;
    while left > 0 {
        let some = left.min(PER_REQUEST);
        let range = range.map(|range| format!("&range={}", escaped(range)));
        let query = format!("count={some}{}", range.unwrap_or_default());
        let drawn: Reservations = client.get(&format!("/v1/reservations/test?{query}"))?;
        all.free = drawn.free;
        for (orbit, times) in drawn.orbits {
            *all.orbits.entry(orbit).or_default() += times;
        }
        left -= some;
    }
    tell(out, json, &judged(all), shown)
}

#[expect(clippy::cast_precision_loss, reason = "at most some millions of draws")]
fn judged(drawn: Reservations) -> Verdict {
    let draws: u64 = drawn.orbits.values().map(|times| u64::from(*times)).sum();
    let free = drawn.free.max(drawn.orbits.len());
    let expected = draws as f64 / free.max(1) as f64;
    let of = |times: f64| (times - expected).powi(2) / expected;
    let seen: f64 = drawn
        .orbits
        .values()
        .map(|times| of(f64::from(*times)))
        .sum();
    let unseen = (free - drawn.orbits.len()) as f64 * expected;
    let chi_square = if draws == 0 { 0.0 } else { seen + unseen };
    let freedom = free.saturating_sub(1);
    // Wilson and Hilferty: the cube root of chi-square over its freedom is nearly normal.
    let spread = 2.0 / (9.0 * freedom.max(1) as f64);
    let deviation = ((chi_square / freedom.max(1) as f64).cbrt() - (1.0 - spread)) / spread.sqrt();
    let verdict = match () {
        () if expected < EXPECTED_MIN => "too few draws",
        () if deviation > DEVIATION_MAX => "uneven",
        () => "uniform",
    };
    Verdict {
        draws,
        free,
        chi_square,
        degrees_of_freedom: freedom,
        deviation,
        verdict,
        orbits: drawn.orbits,
    }
}

fn shown(verdict: &Verdict) -> String {
    let mut text = distribution(verdict);
    text.push_str(&format!(
        "{} draws from {} free orbits: chi-square {:.1} with {} degrees of freedom, {:+.1} \
         standard deviations: {}\n",
        verdict.draws,
        verdict.free,
        verdict.chi_square,
        verdict.degrees_of_freedom,
        verdict.deviation,
        match verdict.verdict {
            "uniform" => "each orbit is as likely as every other",
            "uneven" => "SOME ORBITS ARE LIKELIER THAN OTHERS",
            _ => "too few draws to say; draw at least five times as many as there are orbits",
        }
    ));
    text
}

/// How many orbits were drawn how often.
fn distribution(verdict: &Verdict) -> String {
    let mut orbits_by_times: BTreeMap<u32, usize> = BTreeMap::new();
    for times in verdict.orbits.values() {
        *orbits_by_times.entry(*times).or_default() += 1;
    }
    let never = verdict.free - verdict.orbits.len();
    if never > 0 {
        orbits_by_times.insert(0, never);
    }
    let most = orbits_by_times.values().max().copied().unwrap_or(1);
    let mut text = "times  orbits\n".to_owned();
    for (times, orbits) in orbits_by_times {
        let bar = "#".repeat(columns(orbits, most));
        text.push_str(&format!("{times:>5}  {orbits:>6}  {bar}\n"));
    }
    text
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "columns of a bar"
)]
fn columns(count: usize, most: usize) -> usize {
    (BAR * count as f64 / most as f64).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(free: usize, times: impl IntoIterator<Item = u32>) -> Verdict {
        let orbits =
            { times.into_iter().zip(700..) }.map(|(times, orbit)| (orbit.to_string(), times));
        judged(Reservations {
            free,
            orbits: orbits.filter(|(_, times)| *times > 0).collect(),
        })
    }

    /// 16 orbits with deviations of 3 from 20: 16 × 9 / 20.
    #[test]
    fn chi_square_is_the_sum_of_squares_over_what_was_expected() {
        let verdict = of(16, [17, 23].repeat(8));
        assert!((verdict.chi_square - 7.2).abs() < 1e-9, "{verdict:?}");
        assert_eq!(
            (verdict.degrees_of_freedom, verdict.verdict),
            (15, "uniform")
        );
        assert!(shown(&verdict).contains("as likely as every other"));
    }

    /// The quantile of chi-square at 0.999 with 99 degrees of freedom is 148.23.
    #[test]
    fn one_in_a_thousand_is_no_chance_any_more() {
        let below = [20 - 17, 20 + 17]
            .repeat(5)
            .into_iter()
            .chain([20].repeat(90));
        let below = of(100, below);
        assert!((below.chi_square - 144.5).abs() < 1e-9, "{below:?}");
        assert_eq!(below.verdict, "uniform", "{below:?}");
        let above = [20 - 18, 20 + 18]
            .repeat(5)
            .into_iter()
            .chain([20].repeat(90));
        let above = of(100, above);
        assert!((above.chi_square - 162.0).abs() < 1e-9, "{above:?}");
        assert_eq!(above.verdict, "uneven", "{above:?}");
    }

    #[test]
    fn orbits_that_are_never_drawn_count_and_few_draws_say_nothing() {
        let half = of(100, [20].repeat(50));
        assert_eq!(half.verdict, "uneven", "{half:?}");
        assert!(shown(&half).contains("    0      50"), "{}", shown(&half));
        assert_eq!(of(100, [1].repeat(90)).verdict, "too few draws");
        assert_eq!(of(0, [0; 0]).verdict, "too few draws");
    }
}
