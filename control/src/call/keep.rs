//! What is kept of calls beyond the process: a record follows from a call's state, is derived anew
//! when the call was touched, and said where it differs from what was said last.
//!
//! Absent on purpose: when it is durable, and what waits for that (`store`, `control`).

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher as _};

use shared::Time;

use super::identity::Identity;
use super::{Bridge, CallKey, Exchange, State};
use crate::happening::CallNumber;
use crate::park::Parked;
use crate::sip::agent::DialogKey;
use crate::store::Operation;
use crate::store::batches::Claim;
use crate::store::record::{
    CallName, CallRecord, LegRecord, ParkedRecord, StateRecord, SyncSourceRecord,
};

/// What the store must be told of one call.
enum Change {
    Put(Box<CallRecord>),
    End(Claim),
}

/// What was said to the store.
#[derive(Debug)]
pub(crate) struct Keeping {
    /// Milliseconds from 1970 to the origin of our clock.
    origin_unix_ms: u64,
    touched: BTreeSet<CallKey>,
    /// The calls that the store has, or will have, with a digest of what it was told.
    kept: BTreeMap<CallKey, Kept>,
}

/// What the store has of a call.
#[derive(Debug)]
struct Kept {
    claim: Claim,
    /// Of all but the name.
    digest: u64,
}

impl Keeping {
    pub(crate) fn new(origin_unix_ms: u64) -> Self {
        Self {
            origin_unix_ms,
            touched: BTreeSet::new(),
            kept: BTreeMap::new(),
        }
    }

    pub(crate) fn unix_ms(&self, at: Time) -> u64 {
        self.origin_unix_ms + at.as_millis()
    }

    /// The start of our clock for what was before it.
    pub(crate) fn time(&self, unix_ms: u64) -> Time {
        Time::from_millis(unix_ms.saturating_sub(self.origin_unix_ms))
    }
}

impl Exchange {
    /// Something of a call may have changed that is kept.
    pub(crate) fn touch(&mut self, key: CallKey) {
        if let Some(keeping) = &mut self.keeping {
            keeping.touched.insert(key);
        }
    }

    /// The store has this of an adopted call.
    pub(crate) fn note_kept(&mut self, key: CallKey, record: &CallRecord) {
        if let Some(keeping) = &mut self.keeping {
            let kept = Kept {
                claim: Claim::of(record),
                digest: digest(record),
            };
            keeping.kept.insert(key, kept);
        }
    }

    /// What the store must be told: what is another, or new, and what is over.
    pub(crate) fn changes(&mut self) -> (Vec<Operation>, Vec<Claim>) {
        while let Some(dialog) = self.agent.poll_touched() {
            if let Some(leg) = self.legs.get(&dialog) {
                self.touch(leg.call);
            }
        }
        let touched = self
            .keeping
            .as_mut()
            .map(|k| std::mem::take(&mut k.touched));
        let (mut puts, mut ends) = (Vec::new(), Vec::new());
        for key in touched.into_iter().flatten() {
            match self.change(key) {
                Some(Change::End(end)) => ends.push(end),
                Some(Change::Put(record)) => puts.push(Operation::Put(record)),
                None => {}
            }
        }
        (puts, ends)
    }

    /// What the store must be told of one call: what it is now, where that differs from what was
    /// said last.
    fn change(&mut self, key: CallKey) -> Option<Change> {
        if let Some(State::Adopting(_)) = self.state(key) {
            // The store has it as it was, which is what another process needs.
            return None;
        }
        let record = self.record(key);
        let kept = &mut self.keeping.as_mut()?.kept;
        let Some(mut record) = record else {
            return kept.remove(&key).map(|kept| Change::End(kept.claim));
        };
        let digest = digest(&record);
        record.name = match kept.get(&key) {
            Some(said) if said.digest == digest => return None,
            Some(said) => said.claim.name.clone(),
            None => CallName(CallNumber(key.0).to_string().into()),
        };
        let claim = Claim::of(&record);
        kept.insert(key, Kept { claim, digest });
        Some(Change::Put(Box::new(record)))
    }

    /// Nothing that is kept differs from what the store was told.
    pub(super) fn check_kept(&self) {
        let Some(keeping) = &self.keeping else {
            return;
        };
        assert!(keeping.touched.is_empty(), "a change waits to be said");
        for key in self.calls.keys() {
            let kept = keeping.kept.get(key).map(|kept| kept.digest);
            if matches!(self.calls[key].state, State::Adopting(_)) {
                assert!(kept.is_some(), "{key:?}: the store has it no more");
                continue;
            }
            let now = self.record(*key).map(|record| digest(&record));
            assert_eq!(kept, now, "{key:?}: the store has something else");
        }
        for key in keeping.kept.keys() {
            let is_there = self.calls.contains_key(key);
            assert!(is_there, "{key:?}: the store has a call that is over");
        }
    }

    /// The record of a call, without its name; `None` for one that is not worth taking up again.
    fn record(&self, key: CallKey) -> Option<CallRecord> {
        let keeping = self.keeping.as_ref()?;
        let call = self.calls.get(&key)?;
        let (state, second) = match call.state {
            State::Parked(parked) | State::Retrieving(parked, _) => {
                let parked = self.parked_record(keeping, &parked, 0);
                (StateRecord::Parked(parked), None)
            }
            // Whether that call reached anybody is lost with the process: it is made again, but
            // for one that an operator has asked for, who will see that the call waits.
            State::Recalling(parked, _) => {
                let attempts = u8::from(call.chosen.is_none());
                let parked = self.parked_record(keeping, &parked, attempts);
                (StateRecord::Parked(parked), None)
            }
            State::Bridged(Bridge {
                second,
                since,
                way_back,
            }) => {
                let way_back = way_back.map(|parked| self.parked_record(keeping, &parked, 0));
                let since_unix_ms = keeping.unix_ms(since);
                let bridged = StateRecord::Bridged {
                    since_unix_ms,
                    way_back,
                };
                (bridged, Some(second))
            }
            State::Parking(_)
            | State::Fetching(_)
            | State::Asking(_)
            | State::Joining { .. }
            | State::Adopting(_) => return None,
        };
        Some(CallRecord {
            name: CallName::default(),
            state,
            parker: call.parker.clone(),
            history: call.history.clone(),
            first: self.leg_record(call.first)?,
            second: match second {
                Some(second) => Some(self.leg_record(second)?),
                None => None,
            },
        })
    }

    fn parked_record(&self, keeping: &Keeping, parked: &Parked, under_way: u8) -> ParkedRecord {
        ParkedRecord {
            orbit: self.orbits.number(parked.orbit).into(),
            since_unix_ms: keeping.unix_ms(parked.since),
            deadline_unix_ms: keeping.unix_ms(parked.deadline),
            recalls: parked.recalls - under_way,
            park_token: parked.token.to_string().into(),
        }
    }

    fn leg_record(&self, dialog: DialogKey) -> Option<LegRecord> {
        let leg = self.legs.get(&dialog)?;
        let (identity, private) = leg.identity.parts();
        Some(LegRecord {
            dialog: self.agent.keep(dialog)?,
            session: leg.session.record(),
            contact: self.orbits.number(leg.orbit).into(),
            host: leg.host.clone(),
            identity: identity.into(),
            private,
            source: Some(SyncSourceRecord::from(&leg.sync_source)),
        })
    }
}

impl LegRecord {
    pub(crate) fn identity(&self) -> Identity {
        Identity::from_parts(&self.identity, self.private)
    }
}

/// Of everything but the name.
fn digest(record: &CallRecord) -> u64 {
    let CallRecord {
        name: _,
        state,
        parker,
        history,
        first,
        second,
    } = record;
    let mut hasher = DefaultHasher::new();
    (state, parker, history, first, second).hash(&mut hasher);
    hasher.finish()
}
