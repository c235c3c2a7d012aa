//! Moments of the monotonic clock as moments of the wall's, for who reads.

use jiff::Timestamp;
use shared::Time;

use crate::driver::clock;

/// The relation of both clocks, read anew for each answer: the wall's may be put right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wall {
    origin_unix_ms: u64,
}

impl Wall {
    pub(super) fn now() -> Self {
        Self {
            origin_unix_ms: clock::origin_unix_ms(),
        }
    }

    /// A moment in UTC, to the millisecond.
    pub(super) fn at(self, time: Time) -> Timestamp {
        let unix_ms = self.origin_unix_ms.saturating_add(time.as_millis());
        let unix_ms = i64::try_from(unix_ms).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(unix_ms).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_of_the_wall_clock_to_the_millisecond() {
        let wall = Wall {
            origin_unix_ms: 1_700_000_000_000,
        };
        let at = wall.at(Time::from_millis(1_250));
        assert_eq!(at.to_string(), "2023-11-14T22:13:21.25Z");
        let never = Wall {
            origin_unix_ms: u64::MAX,
        };
        assert_eq!(never.at(Time::ZERO), Timestamp::MAX);
    }
}
