//! Real time, for waits on other processes. The only clock of the end-to-end tests.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a step of a healthy peer may take on a machine that is busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A moment to give up at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(wait: Duration) -> Self {
        Self(now() + wait)
    }

    /// What is left; zero when it has passed.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(now())
    }

    pub(crate) fn has_passed(self) -> bool {
        self.left().is_zero()
    }
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// When `what` did not come within `wait`.
pub(crate) fn until<T>(what: &str, wait: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Deadline::after(wait);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(!deadline.has_passed(), "no {what} within {wait:?}");
        pause(Duration::from_millis(20));
    }
}

/// Lets real peers go on, such as talk for a while.
#[expect(
    clippy::disallowed_methods,
    reason = "the peers are real processes in real time"
)]
pub(crate) fn pause(wait: Duration) {
    std::thread::sleep(wait);
}

#[expect(
    clippy::disallowed_methods,
    reason = "the peers are real processes in real time"
)]
fn now() -> Instant {
    Instant::now()
}

/// The time of day, as other programs put it into the names of files.
pub(crate) fn seconds_since_epoch() -> u64 {
    since_epoch().as_secs()
}

/// The time of day, as captures have it.
#[expect(
    clippy::disallowed_methods,
    reason = "the peers are real processes in real time"
)]
pub(crate) fn since_epoch() -> Duration {
    { SystemTime::now().duration_since(UNIX_EPOCH) }.expect("after 1970")
}
