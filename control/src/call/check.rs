//! What must hold after every input. For tests and simulators.

use std::collections::BTreeSet;

use super::{CallKey, Exchange, Phase, State, Turn};
use crate::sip::agent::DialogKey;

impl Exchange {
    /// # Panics
    /// When an invariant does not hold, naming it.
    pub(crate) fn check(&self) {
        let mut seen = BTreeSet::new();
        for (&key, call) in &self.calls {
            for dialog in call.legs() {
                assert!(seen.insert(dialog), "leg {dialog:?} is in two calls");
                self.check_leg(key, dialog);
            }
            self.check_place(key);
            self.check_worker(key);
            let is_open_ended = matches!(call.state, State::Bridged(_));
            assert!(
                call.deadline.is_some() || is_open_ended,
                "{key:?}: whatever waits has a deadline"
            );
            if let Some(at) = call.deadline {
                assert!(
                    self.deadlines.contains(&(at, key)),
                    "{key:?}: its deadline is lost"
                );
            }
        }
        assert_eq!(seen.len(), self.legs.len(), "a leg outlives its call");
        let waiting = self
            .calls
            .values()
            .filter(|call| call.deadline.is_some())
            .count();
        assert_eq!(
            self.deadlines.len(),
            waiting,
            "a deadline outlives its call"
        );
        let legs = self.legs.values();
        let with_dialog = legs.filter(|leg| !matches!(leg.turn, Turn::Opening(_)));
        assert!(
            self.agent.dialogs() >= with_dialog.count(),
            "a leg outlives its dialog"
        );
        assert_eq!(
            self.ports.used(),
            self.streams.busy(),
            "ports and streams go together"
        );
        self.check_kept();
        self.check_release();
        if matches!(self.phase, Phase::Stopping(_) | Phase::Stopped) {
            assert!(self.calls.is_empty(), "a call outlives the server");
        }
    }

    fn check_leg(&self, key: CallKey, dialog: DialogKey) {
        let leg = self.legs.get(&dialog).expect("a call's leg exists");
        assert_eq!(leg.call, key, "leg {dialog:?} thinks it is in another call");
        assert_eq!(
            self.streams.owner(leg.stream),
            Some(dialog),
            "leg {dialog:?} does not own its stream"
        );
        assert!(
            self.agent.name(dialog).is_some() || matches!(leg.turn, Turn::Opening(_)),
            "leg {dialog:?} outlives its dialog"
        );
    }

    /// An orbit holds at most one call, and a call that holds one is the one it holds.
    fn check_place(&self, key: CallKey) {
        if let Some(orbit) = self.calls[&key].orbit() {
            assert_eq!(
                self.orbits.occupant(orbit),
                Some(key),
                "{key:?} is not in the orbit it holds"
            );
        }
    }

    fn check_worker(&self, key: CallKey) {
        let workers: BTreeSet<_> = self.calls[&key]
            .legs()
            .map(|dialog| self.legs[&dialog].stream.worker)
            .collect();
        assert_eq!(workers.len(), 1, "{key:?} has legs on two workers");
    }
}
