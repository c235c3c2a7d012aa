//! When the next report is due (RFC 3550 §6.2, §6.3, A.7) in a session of two: the minimum interval
//! of 5 s holds, since reports of two members need far less than 5 % of 64 kbit/s.

use std::time::Duration;

/// The minimum of §6.2.
const MINIMUM: Duration = Duration::from_secs(5);

/// Makes up for the members' reconsideration, which lengthens intervals: e − 3/2 (§6.3.1).
const COMPENSATION: f64 = std::f64::consts::E - 1.5;

/// The time until the next report: half the minimum before the first (§6.2), then randomised by 0.5
/// to 1.5 so that members do not fall into step. `random` is any number.
#[must_use]
pub fn interval(first: bool, random: u32) -> Duration {
    let minimum = if first { MINIMUM / 2 } else { MINIMUM };
    let spread = 0.5 + f64::from(random) / f64::from(u32::MAX);
    minimum.mul_f64(spread / COMPENSATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_lie_between_half_and_one_and_a_half_of_5_s_compensated() {
        let millis = |first, random| interval(first, random).as_millis();
        assert_eq!(millis(false, 0), 2_052);
        assert_eq!(millis(false, u32::MAX), 6_156);
        assert_eq!(millis(true, 0), 1_026);
        assert_eq!(millis(true, u32::MAX), 3_078);
    }
}
