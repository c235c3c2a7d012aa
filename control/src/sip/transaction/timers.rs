//! The timers that every machine has: when its last message is sent again, and when it ends.

use shared::Time;

use super::{Backoff, earlier};

/// The timers of one machine.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timers {
    /// Timer A, E or G.
    resend: Option<Backoff>,
    /// Each other one.
    end: Option<Time>,
}

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    Nothing,
    /// The last message once more.
    Resend,
    /// The end: there are no timers any more.
    End,
}

impl Timers {
    pub(super) const fn new(resend: Option<Backoff>, end: Option<Time>) -> Self {
        Self { resend, end }
    }

    /// Nothing is sent again, and this is the end.
    pub(super) const fn end_at(end: Time) -> Self {
        Self::new(None, Some(end))
    }

    /// Takes what is due.
    pub(super) fn take(&mut self, now: Time) -> Due {
        if self.end.is_some_and(|end| end <= now) {
            *self = Self::default();
            return Due::End;
        }
        let resend = self.resend.as_mut();
        match resend.is_some_and(|resend| resend.is_due(now)) {
            true => Due::Resend,
            false => Due::Nothing,
        }
    }

    /// What is sent again is so at its longest interval.
    pub(super) fn slow_down(&mut self) {
        if let Some(resend) = &mut self.resend {
            resend.slow_down();
        }
    }

    /// The end comes no later than this.
    pub(super) fn end_by(&mut self, end: Time) {
        self.end = earlier(self.end, Some(end));
    }

    /// When the next of them is due.
    pub(super) fn deadline(&self) -> Option<Time> {
        earlier(self.resend.map(|resend| resend.at), self.end)
    }
}
