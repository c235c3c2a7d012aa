//! An alarm that can be heard: what happens a thousand times a second is told once a second, with
//! how often it happened.

use std::time::Duration;

use shared::Time;

/// One alarm of the log.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    last: Option<Time>,
    hushed: u64,
}

/// Time between two lines.
const INTERVAL: Duration = Duration::from_secs(1);

impl Alarm {
    /// It happened: how often since the last line, if there should be a line now.
    pub(crate) fn raise(&mut self, now: Time) -> Option<u64> {
        self.hushed += 1;
        if self.last.is_some_and(|last| now < last + INTERVAL) {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.hushed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_rest_of_a_second_together() {
        let mut alarm = Alarm::default();
        let at = |millis: u64| Time::from_millis(5_000 + millis);
        assert_eq!(alarm.raise(at(0)), Some(1));
        assert_eq!(alarm.raise(at(1)), None);
        assert_eq!(alarm.raise(at(999)), None);
        assert_eq!(alarm.raise(at(1_000)), Some(3));
        assert_eq!(alarm.raise(at(9_000)), Some(1));
    }
}
