//! Messages, and answers to operators, that wait until what they tell is durable: in order, for as
//! long as [`HOLD_MAX`] at most. A store that is slower, or fails, is *behind*: nothing waits for
//! it until it has caught up, and the operator hears of it.

use std::collections::VecDeque;

use shared::Time;

use super::limits::HOLD_MAX;

/// The gate before whoever is told.
#[derive(Debug)]
pub(crate) struct Gate<T> {
    held: VecDeque<(u64, Time, T)>,
    /// The last batch that was handed out.
    last: u64,
    /// The last batch that is durable.
    durable: u64,
    is_behind: bool,
    /// How often it fell behind.
    falls: u64,
    /// Messages that came, and those of them that wait no more.
    came: u64,
    left: u64,
}

impl<T> Gate<T> {
    /// A batch was handed out: what is sent from now on waits for it.
    pub(crate) fn close(&mut self, batch: u64) {
        self.last = batch;
    }

    /// Takes what somebody is to be told; gives it back if nothing is to be waited for.
    pub(crate) fn pass(&mut self, now: Time, told: T) -> Option<T> {
        self.came += 1;
        if self.is_behind || (self.durable >= self.last && self.held.is_empty()) {
            self.left += 1;
            return Some(told);
        }
        self.held.push_back((self.last, now, told));
        None
    }

    /// Everything up to this batch is durable.
    pub(crate) fn stored(&mut self, up_to: u64) {
        self.durable = self.durable.max(up_to);
        if self.is_behind && self.durable >= self.last {
            self.is_behind = false;
            tracing::info!("the store has caught up: calls outlive the process again");
        }
    }

    /// The store cannot write now.
    pub(crate) fn failed(&mut self) {
        self.fall_behind("it cannot be written");
    }

    /// Lets time pass.
    pub(crate) fn expire(&mut self, now: Time) {
        if self.deadline().is_some_and(|at| at <= now) {
            self.fall_behind("it is slow");
        }
    }

    /// When [`Gate::expire`] is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.held.front().map(|&(_, since, _)| since + HOLD_MAX)
    }

    /// The next that waits no more.
    pub(crate) fn poll(&mut self) -> Option<T> {
        let &(batch, ..) = self.held.front()?;
        if !self.is_behind && batch > self.durable {
            return None;
        }
        self.left += 1;
        self.held.pop_front().map(|(_, _, told)| told)
    }

    /// A place behind all messages so far.
    pub(crate) fn place(&self) -> u64 {
        self.came
    }

    /// Whether all messages before a place have left.
    pub(crate) fn has_left(&self, place: u64) -> bool {
        self.left >= place
    }

    /// Whether calls are parked that would not outlive the process.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// How often calls were parked that would not have outlived the process.
    pub(crate) fn falls(&self) -> u64 {
        self.falls
    }

    fn fall_behind(&mut self, why: &str) {
        if !std::mem::replace(&mut self.is_behind, true) {
            self.falls += 1;
            tracing::error!(
                "the store is behind, {why}: parking goes on, but what changes now would not \
                 outlive this process"
            );
        }
    }
}

impl<T> Default for Gate<T> {
    fn default() -> Self {
        Self {
            held: VecDeque::new(),
            last: 0,
            durable: 0,
            is_behind: false,
            falls: 0,
            came: 0,
            left: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(gate: &mut Gate<u64>) -> Vec<u64> {
        std::iter::from_fn(|| gate.poll()).collect()
    }

    #[test]
    fn nothing_waits_while_nothing_is_to_be_written() {
        let mut gate = Gate::default();
        assert!(gate.pass(Time::ZERO, 1).is_some());
        gate.close(1);
        gate.stored(1);
        assert!(gate.pass(Time::ZERO, 2).is_some());
        assert_eq!(gate.deadline(), None);
    }

    #[test]
    fn what_a_batch_is_told_by_waits_for_it_and_what_comes_later_stays_behind() {
        let mut gate = Gate::default();
        gate.close(1);
        assert!(gate.pass(Time::ZERO, 1).is_none());
        gate.close(2);
        assert!(gate.pass(Time::ZERO, 2).is_none());
        assert!(released(&mut gate).is_empty());
        gate.stored(1);
        assert_eq!(released(&mut gate), [1]);
        assert!(gate.pass(Time::ZERO, 3).is_none());
        gate.stored(2);
        assert_eq!(released(&mut gate), [2, 3]);
    }

    #[test]
    fn a_slow_store_holds_nobody_up_for_long_and_may_catch_up() {
        let mut gate = Gate::default();
        gate.close(1);
        gate.pass(Time::ZERO, 1);
        let at = gate.deadline().unwrap();
        assert_eq!(at, Time::ZERO + HOLD_MAX);
        gate.expire(at);
        assert!(gate.is_behind());
        assert_eq!(released(&mut gate), [1]);
        gate.close(2);
        assert!(gate.pass(at, 2).is_some());
        gate.stored(1);
        assert!(gate.is_behind());
        gate.stored(2);
        assert!(!gate.is_behind());
        gate.failed();
        gate.failed();
        assert_eq!(gate.falls(), 2, "once slow, once failed");
    }

    #[test]
    fn a_store_that_fails_lets_everything_pass_at_once() {
        let mut gate = Gate::default();
        gate.close(1);
        gate.pass(Time::ZERO, 1);
        gate.failed();
        assert_eq!(released(&mut gate), [1]);
    }
}
