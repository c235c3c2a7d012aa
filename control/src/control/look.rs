//! What can be seen of the control plane from outside, without an input: nothing here changes it.

use super::{Control, ControlStatus, OrbitStatus};
use crate::ask::AskError;
use crate::call::Phase;
use crate::capture::{Prologue, Trace, Wanted};
use crate::happening::CallNumber;
use crate::sip::Messages;
use crate::sip::agent::{DialogKey, SipDrop};

impl Control {
    /// The taken orbits, by number.
    #[must_use]
    pub fn orbits(&self) -> Vec<OrbitStatus> {
        self.exchange.parked().collect()
    }

    /// Figures of the moment.
    #[must_use]
    pub fn status(&self) -> ControlStatus {
        let exchange = &self.exchange;
        ControlStatus {
            parked: exchange.orbits.taken_count(),
            free: exchange.orbits.free_count(),
            calls: exchange.calls.len(),
            released: exchange.released(),
            legs: exchange.legs.len(),
            transactions: exchange.agent.transactions(),
            dialogs: exchange.agent.dialogs(),
            subscriptions: exchange.agent.subscriptions(),
            streams: exchange.streams.busy(),
            retrieved: exchange.totals.retrieved,
            parked_total: exchange.totals.parked,
            forsaken: exchange.totals.forsaken,
            store_behind: self.gate.is_behind(),
            store_falls: self.gate.falls(),
            is_draining: exchange.phase == Phase::Draining,
        }
    }

    /// How full each range is, by prefix and start: its name, how many are free, how many taken.
    pub fn ranges(&self) -> impl Iterator<Item = (&str, usize, usize)> + '_ {
        self.exchange.orbits.usage()
    }

    /// How many SIP messages went which way.
    #[must_use]
    pub const fn messages(&self) -> &Messages {
        self.exchange.agent.messages()
    }

    /// How often messages were dropped for a reason.
    #[must_use]
    pub fn dropped(&self, reason: SipDrop) -> u64 {
        match reason {
            SipDrop::Untrusted => self.untrusted,
            _ => self.exchange.agent.dropped(reason),
        }
    }

    /// The call that is wanted for a capture, and the orbit it waits in.
    ///
    /// # Errors
    /// [`AskError`] when it is not there.
    pub fn wanted(&self, wanted: &Wanted) -> Result<(CallNumber, Option<String>), AskError> {
        self.exchange.call_to_capture(wanted)
    }

    /// What a leg has agreed to; `None` where it has to nothing yet.
    #[must_use]
    pub fn prologue(&self, dialog: DialogKey) -> Option<Prologue> {
        self.exchange.prologue(dialog)
    }

    /// The legs of a call; `None` when it is over.
    #[must_use]
    pub fn traces(&self, call: CallNumber) -> Option<Vec<Trace>> {
        self.exchange.traces(call)
    }
}
