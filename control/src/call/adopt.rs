//! Taking up the calls of another process: their dialogs, orbits and streams at once, so that
//! nothing of them is given to anybody else; then, a few at a time, a re-INVITE to each peer with
//! our new address (RFC 3261 §14). Who does not know the dialog any more is gone, and its orbit
//! free.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use shared::{RtcpPort, SyncSource, Time};

use super::end::Farewell;
use super::limits::ADOPT_TIMEOUT;
use super::open::NewLeg;
use super::{Bridge, Call, CallKey, Exchange, Keeping, Leg, Purpose, State, Turn, Wish};
use crate::happening::CallNumber;
use crate::park::{Orbit, ParkToken, Parked};
use crate::sdp::Session;
use crate::sip::agent::{DialogKey, SubscriptionKey};
use crate::sip::status::Status;
use crate::store::limits::{
    ADOPT_AGAIN, ADOPT_AGAIN_MAX, ADOPT_EVERY, ADOPT_LATE_MAX, ADOPT_SILENT_MAX,
};
use crate::store::record::{CallRecord, LegRecord, ParkedRecord, StateRecord};

/// What an adopted call will be once its streams are open and its turn has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Adopted {
    Parked(Parked),
    Bridged(Bridge),
}

/// The adopted calls whose peers were not told yet, and their watchers.
#[derive(Debug, Default)]
pub(crate) struct Adoptions {
    /// Their streams are open.
    ready: VecDeque<CallKey>,
    /// When the next of them may be told.
    not_before: Time,
    /// Who is told what there is to be seen.
    watchers: VecDeque<SubscriptionKey>,
    /// The legs that are offered to once more, and how often they were: proxy or phone could not
    /// take the offer then.
    again: BTreeSet<(Time, DialogKey)>,
    tries: BTreeMap<DialogKey, u8>,
}

/// Whose turn it is.
#[derive(Debug)]
enum Next {
    Call(CallKey),
    Watcher(SubscriptionKey),
    Leg(DialogKey),
}

impl Adoptions {
    /// New ones first: nobody has heard of them yet.
    fn pop(&mut self, now: Time) -> Option<Next> {
        if let Some(key) = self.ready.pop_front() {
            return Some(Next::Call(key));
        }
        if let Some(key) = self.watchers.pop_front() {
            return Some(Next::Watcher(key));
        }
        let again = self.again.first().filter(|(at, _)| *at <= now).copied()?;
        self.again.remove(&again);
        Some(Next::Leg(again.1))
    }
}

impl Exchange {
    /// Takes up calls.
    pub(crate) fn adopt(&mut self, now: Time, records: &[CallRecord]) {
        let adopted = records
            .iter()
            .filter(|record| self.adopt_call(now, record))
            .count();
        if !records.is_empty() {
            let lost = records.len() - adopted;
            tracing::info!(adopted, lost, "calls of an earlier process are taken up");
        }
    }

    /// A subscription was taken up: its watcher is told in its turn.
    pub(crate) fn adopt_watcher(&mut self, key: SubscriptionKey) {
        self.adoptions.watchers.push_back(key);
    }

    /// When the next adopted calls are told.
    pub(crate) fn next_adoption(&self) -> Option<Time> {
        let Adoptions {
            ready,
            watchers,
            not_before,
            again,
            ..
        } = &self.adoptions;
        let is_next = !ready.is_empty() || !watchers.is_empty();
        let next = is_next.then_some(*not_before);
        let again = again.first().map(|(at, _)| (*at).max(*not_before));
        [next, again].into_iter().flatten().min()
    }

    /// Tells as many adopted calls as it is time for.
    pub(crate) fn adopt_some(&mut self, now: Time) {
        while self.adoptions.not_before <= now
            && let Some(next) = self.adoptions.pop(now)
        {
            // Who is woken late catches up, but not on the time before there was anybody to tell.
            let due = &mut self.adoptions.not_before;
            if now - *due > ADOPT_LATE_MAX {
                *due = now;
            }
            *due += ADOPT_EVERY;
            match next {
                Next::Call(key) => self.adopt_now(now, key),
                Next::Watcher(key) => self.tell_watcher(now, key),
                Next::Leg(dialog) => self.offer_again(now, dialog),
            }
        }
    }

    /// An adopted leg would not have the offer that tells it where we are. Whether it is offered
    /// once more: a proxy that is busy, or starts itself, passes it on later.
    pub(crate) fn is_adopted_later(
        &mut self,
        now: Time,
        dialog: DialogKey,
        status: Status,
    ) -> bool {
        let is_adopted = self.is_being_adopted(dialog) && self.is_whole(self.legs[&dialog].call);
        let may_pass = matches!(
            status,
            Status::TEMPORARILY_UNAVAILABLE | Status::REQUEST_PENDING | Status::REQUEST_TIMEOUT
        ) || (500..600).contains(&status.code());
        if !is_adopted || !may_pass {
            return false;
        }
        let tries = self.adoptions.tries.entry(dialog).or_default();
        if *tries >= ADOPT_AGAIN_MAX {
            return false;
        }
        let at = now + ADOPT_AGAIN * (1 << *tries);
        *tries += 1;
        self.adoptions.again.insert((at, dialog));
        true
    }

    /// Whether a leg is of an earlier process, and has not agreed to our new address.
    pub(crate) fn is_being_adopted(&self, dialog: DialogKey) -> bool {
        let leg = self.legs.get(&dialog);
        leg.is_some_and(|leg| leg.session.agreed().is_none())
    }

    /// Whether the peer of a leg of an earlier process shall wait with its own offer until it has
    /// had ours once more, which met one of its own. That one the earlier process may have
    /// answered, in a way that nobody knows any more: a second answer, of another codec, would
    /// leave the two in disagreement. Not a peer that ours meets again and again.
    pub(crate) fn is_to_agree_first(&self, dialog: DialogKey) -> bool {
        let leg = self.legs.get(&dialog);
        leg.is_some_and(|leg| leg.has_met_an_offer()) && self.is_being_adopted(dialog)
    }

    /// Whether a leg of an earlier process may leave our offer unanswered. RFC 3261 §12.2.1.2 would
    /// end the dialog (SHOULD): but where a whole rack starts again, its proxy may come up after
    /// us, and the silence says nothing of the phone. Not beyond the time at which somebody is to
    /// be called back for it.
    pub(crate) fn may_be_silent(&self, now: Time, dialog: DialogKey) -> bool {
        let tries = self.adoptions.tries.get(&dialog).copied().unwrap_or(0);
        let is_in_time = match self.call_of(dialog) {
            Some((_, State::Parked(parked))) => now < parked.deadline,
            // Who may never have known of its answer has somebody waiting for it.
            Some((_, State::Bridged(bridge))) => {
                bridge.second != dialog || bridge.way_back.is_none()
            }
            _ => false,
        };
        self.is_being_adopted(dialog) && is_in_time && tries < ADOPT_SILENT_MAX
    }

    fn is_whole(&self, key: CallKey) -> bool {
        matches!(self.state(key), Some(State::Parked(_) | State::Bridged(_)))
    }

    fn offer_again(&mut self, now: Time, dialog: DialogKey) {
        if let Some(leg) = self.legs.get_mut(&dialog) {
            leg.refused = None;
            self.offer_if_wished(now, dialog);
        }
    }

    /// A leg is gone: nobody offers to it again.
    pub(crate) fn forget_adoption(&mut self, dialog: DialogKey) {
        if self.adoptions.tries.remove(&dialog).is_some() {
            self.adoptions.again.retain(|(_, again)| *again != dialog);
        }
    }

    /// A stream of an adopted call is open.
    pub(crate) fn adoption_opened(&mut self, key: CallKey, dialog: DialogKey) {
        self.legs.get_mut(&dialog).expect("the caller looked").turn = Turn::Idle;
        let all_open = self.calls[&key]
            .legs()
            .all(|leg| matches!(self.legs[&leg].turn, Turn::Idle));
        if all_open {
            self.adoptions.ready.push_back(key);
        }
    }

    /// Tells the peers of an adopted call, if its streams are open and nobody did.
    pub(crate) fn adopt_now(&mut self, now: Time, key: CallKey) {
        let Some(State::Adopting(adopted)) = self.state(key) else {
            return;
        };
        let legs: Vec<_> = self.calls[&key].legs().collect();
        if !legs
            .iter()
            .all(|leg| matches!(self.legs[leg].turn, Turn::Idle))
        {
            return;
        }
        match adopted {
            Adopted::Parked(parked) => {
                self.set_state(key, State::Parked(parked));
                self.set_deadline(key, Some(parked.deadline));
            }
            Adopted::Bridged(bridge) => {
                self.set_state(key, State::Bridged(bridge));
                self.set_deadline(key, None);
            }
        }
        let (orbit, call_id) = self.log_fields(legs[0]);
        tracing::info!(call_id, orbit, dialog = legs[0].0, "adopted");
        for leg in legs {
            self.offer_if_wished(now, leg);
        }
    }

    /// Enters one call. What cannot be taken up is ended, as far as its peers can be told.
    fn adopt_call(&mut self, now: Time, record: &CallRecord) -> bool {
        let key = self.kept_key(record);
        if let Some(call) = self.enter(now, key, record) {
            self.enter_call(now + ADOPT_TIMEOUT, key, call);
            self.note_kept(key, record);
            self.tell_adopted(key, record);
            return true;
        }
        let name = &record.name.0;
        tracing::warn!(%name, "a call of an earlier process cannot be taken up: it is ended");
        self.note_kept(key, record);
        self.tell_not_adopted(key, record);
        self.touch(key);
        for leg in [Some(&record.first), record.second.as_ref()]
            .into_iter()
            .flatten()
        {
            self.end_unadopted(now, leg);
        }
        false
    }

    /// The key that a call has had in the process before.
    fn kept_key(&mut self, record: &CallRecord) -> CallKey {
        let key = CallNumber::parse(&record.name.0).map(|number| CallKey(number.0));
        let key = key.filter(|key| !self.calls.contains_key(key));
        key.unwrap_or_else(|| self.new_call_key())
    }

    fn enter(&mut self, now: Time, key: CallKey, record: &CallRecord) -> Option<Call> {
        let keeping = self.keeping.as_ref()?;
        let held = match &record.state {
            StateRecord::Parked(parked) => Held::Orbit(parked_of(keeping, parked)?),
            StateRecord::Bridged {
                since_unix_ms,
                way_back,
            } => Held::Bridge {
                second: record.second.as_ref()?,
                since: keeping.time(*since_unix_ms),
                way_back: way_back.as_ref().and_then(|way| parked_of(keeping, way)),
            },
        };
        let wish = match held {
            Held::Orbit(_) => Wish::PARKED,
            Held::Bridge { .. } => Wish::talk(None),
        };
        let first = self.enter_leg(now, key, &record.first, wish, Purpose::Begin)?;
        let adopted = match held {
            Held::Orbit(parked) => {
                let of_all = &self.rules.of_all;
                if !self.orbits.take_again(parked.orbit, key, of_all) {
                    self.leave_leg(now, first);
                    return None;
                }
                Adopted::Parked(parked)
            }
            Held::Bridge {
                second,
                since,
                way_back,
            } => {
                let purpose = Purpose::Join(self.legs[&first].stream.worker);
                let Some(second) = self.enter_leg(now, key, second, wish, purpose) else {
                    self.leave_leg(now, first);
                    return None;
                };
                Adopted::Bridged(Bridge {
                    second,
                    since,
                    way_back,
                })
            }
        };
        let mut call = Call::new(first, State::Adopting(adopted), record.parker.clone());
        call.history.clone_from(&record.history);
        Some(call)
    }

    fn enter_leg(
        &mut self,
        now: Time,
        key: CallKey,
        record: &LegRecord,
        wish: Wish,
        purpose: Purpose,
    ) -> Option<DialogKey> {
        let orbit = Orbit::parse(&record.contact)?;
        let mut session = Session::from_record(&record.session)?;
        let unix_ms = self.keeping.as_ref()?.unix_ms(now);
        session.follow(unix_ms);
        let dialog = self
            .agent
            .adopt(now, unix_ms, &record.dialog, &record.contact)?;
        let source = record.source.as_ref().map(SyncSource::from);
        let source = source.unwrap_or_else(|| self.random.sync_source());
        let Ok(stream) = self.open_stream(dialog, purpose, RtcpPort::Next, source) else {
            self.agent.bye(now, dialog, Farewell::MediaLost.reply());
            return None;
        };
        let new = NewLeg {
            dialog,
            call: key,
            orbit,
            wish,
            purpose,
        };
        let peer = (record.host.clone(), record.identity());
        let mut leg = Leg::new(&new, (stream, source, session), peer, Turn::Opening(0));
        leg.call_id = (*record.dialog.dialog.call_id).into();
        self.legs.insert(dialog, Box::new(leg));
        Some(dialog)
    }

    fn leave_leg(&mut self, now: Time, dialog: DialogKey) {
        self.end_leg(now, dialog, Farewell::MediaLost);
    }

    /// Its dialog was ended already where it could be entered.
    fn end_unadopted(&mut self, now: Time, record: &LegRecord) {
        let Some(keeping) = &self.keeping else { return };
        let unix_ms = keeping.unix_ms(now);
        let dialog = self
            .agent
            .adopt(now, unix_ms, &record.dialog, &record.contact);
        if let Some(dialog) = dialog {
            self.agent.bye(now, dialog, Farewell::MediaLost.reply());
        }
    }
}

/// What the record of a call says that it has.
enum Held<'a> {
    Orbit(Parked),
    Bridge {
        second: &'a LegRecord,
        since: Time,
        way_back: Option<Parked>,
    },
}

fn parked_of(keeping: &Keeping, record: &ParkedRecord) -> Option<Parked> {
    Some(Parked {
        orbit: Orbit::parse(&record.orbit)?,
        since: keeping.time(record.since_unix_ms),
        deadline: keeping.time(record.deadline_unix_ms),
        recalls: record.recalls,
        token: ParkToken::parse(&record.park_token)?,
    })
}
