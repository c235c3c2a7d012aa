//! How the server ends: at once and leaving the calls to the next start, with a BYE for each, or
//! when the last call has ended by itself.

use std::time::Duration;

use shared::Time;

use super::clock;
use super::keeper::Keeper;
use super::reactor::{Phase, Reactor};
use crate::config::{Config, OnTerminate};
use crate::control::Input;

/// What SIGTERM does first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    drains: bool,
    drain_limit: Duration,
}

impl Ending {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            drains: config.store.on_terminate == OnTerminate::Drain,
            drain_limit: config.node.drain_limit,
        }
    }
}

impl Reactor {
    /// SIGTERM. The second one does not wait for calls.
    pub(super) fn terminate(&mut self) {
        match self.phase {
            Phase::Running if self.ending.drains => self.drain(),
            Phase::Running | Phase::Draining(_) => self.leave(),
            Phase::Stopping | Phase::Ending(_) | Phase::Ended => self.phase = Phase::Ended,
        }
    }

    /// SIGINT: each call is ended with BYE. The second one waits for nobody.
    pub(super) fn end_by_signal(&mut self) {
        match self.phase {
            Phase::Running | Phase::Draining(_) => {
                tracing::info!(
                    "stopping: every call is ended with BYE; a second signal ends at once"
                );
                self.stop();
            }
            Phase::Stopping | Phase::Ending(_) | Phase::Ended => self.phase = Phase::Ended,
        }
    }

    /// Takes no more calls, and ends with the last one.
    pub(super) fn drain(&mut self) {
        if self.phase != Phase::Running {
            return;
        }
        let limit = self.ending.drain_limit;
        tracing::info!(
            ?limit,
            "draining: ends with the last call; a second signal ends at once"
        );
        self.phase = Phase::Draining(clock::now() + limit);
        self.handle(Input::Drain);
    }

    /// Ends every call with BYE.
    pub(super) fn stop(&mut self) {
        if matches!(self.phase, Phase::Running | Phase::Draining(_)) {
            self.phase = Phase::Stopping;
            self.handle(Input::Stop);
        }
    }

    /// Ends a drain that takes too long.
    pub(super) fn end_late_drain(&mut self, now: Time) {
        if let Phase::Draining(until) = self.phase
            && now >= until
        {
            let calls = self.control.status().calls;
            tracing::warn!(calls, "the drain takes longer than [node] drain_limit");
            self.leave();
        }
    }

    /// Leaves the calls as they are to whoever starts the server again; ends them where nobody
    /// could take them up.
    fn leave(&mut self) {
        let keeps = self.keeper.as_ref().is_some_and(Keeper::keeps_calls);
        if !keeps || self.control.status().store_behind {
            return self.end_by_signal();
        }
        let calls = self.control.status().calls;
        tracing::info!(calls, "ending; the next start takes up the calls");
        self.phase = Phase::Ended;
    }
}
