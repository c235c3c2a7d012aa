//! Wrong PINs: how many a caller has dialled, and how many were dialled for an orbit. Too many, and
//! no more are heard for a while.

use std::collections::BTreeMap;

use shared::Time;

use super::Orbit;
use crate::call::limits::{PIN_MEMORY, PIN_MEMORY_MAX, PINS_WRONG_MAX};
use crate::policy::Party;

/// The wrong PINs of late.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    by: BTreeMap<Whose, Wrong>,
}

/// Whose, or for what.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Whose {
    Party(Box<str>, Box<str>),
    Orbit(Orbit),
}

#[derive(Clone, Copy, Debug)]
struct Wrong {
    count: u8,
    until: Time,
}

impl Attempts {
    /// Whether no PIN is heard now from this caller, or for this orbit.
    pub(super) fn is_blocked(&self, now: Time, party: &Party, orbit: Orbit) -> bool {
        let is_blocked = |whose: &Whose| {
            let wrong = self.by.get(whose);
            wrong.is_some_and(|wrong| now < wrong.until && wrong.count >= PINS_WRONG_MAX)
        };
        Self::whose(party, orbit).iter().any(is_blocked)
    }

    /// Counts a wrong one.
    pub(super) fn note(&mut self, now: Time, party: &Party, orbit: Orbit) {
        self.by.retain(|_, wrong| now < wrong.until);
        for whose in Self::whose(party, orbit) {
            if self.by.len() >= PIN_MEMORY_MAX && !self.by.contains_key(&whose) {
                let oldest = self.by.iter().min_by_key(|(_, wrong)| wrong.until);
                let oldest = oldest.map(|(whose, _)| whose.clone());
                oldest.and_then(|oldest| self.by.remove(&oldest));
            }
            let until = now + PIN_MEMORY;
            let wrong = self.by.entry(whose).or_insert(Wrong { count: 0, until });
            wrong.count = wrong.count.saturating_add(1);
            wrong.until = until;
        }
    }

    fn whose(party: &Party, orbit: Orbit) -> [Whose; 2] {
        let Party { user, host } = party.clone();
        [Whose::Party(user, host), Whose::Orbit(orbit)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(user: &str) -> Party {
        Party {
            user: user.into(),
            host: "example.com".into(),
        }
    }

    fn orbit(number: &str) -> Orbit {
        Orbit::parse(number).unwrap()
    }

    #[test]
    fn a_caller_with_too_many_wrong_pins_waits() {
        let mut attempts = Attempts::default();
        let (ann, eve) = (party("ann"), party("eve"));
        for n in 0..PINS_WRONG_MAX {
            assert!(!attempts.is_blocked(Time::ZERO, &eve, orbit("701")));
            attempts.note(Time::ZERO, &eve, orbit(&format!("{}", 710 + u32::from(n))));
        }
        assert!(attempts.is_blocked(Time::ZERO, &eve, orbit("701")));
        assert!(!attempts.is_blocked(Time::ZERO, &ann, orbit("701")));
        let later = Time::ZERO + PIN_MEMORY;
        assert!(!attempts.is_blocked(later, &eve, orbit("701")));
    }

    #[test]
    fn an_orbit_with_too_many_wrong_pins_waits_whoever_dials() {
        let mut attempts = Attempts::default();
        for n in 0..PINS_WRONG_MAX {
            attempts.note(Time::ZERO, &party(&format!("eve-{n}")), orbit("701"));
        }
        assert!(attempts.is_blocked(Time::ZERO, &party("ann"), orbit("701")));
        assert!(!attempts.is_blocked(Time::ZERO, &party("ann"), orbit("702")));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut attempts = Attempts::default();
        for n in 0..2 * PIN_MEMORY_MAX {
            attempts.note(Time::ZERO, &party(&format!("eve-{n}")), orbit("701"));
        }
        assert!(attempts.by.len() <= PIN_MEMORY_MAX);
    }
}
