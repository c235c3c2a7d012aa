//! Subscriptions that peers have with us (RFC 6665 §4.2): what the agent keeps for each, and the
//! table.
//!
//! Absent on purpose: what is received and sent because of them (`subscribe`, `notify`).

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use shared::Time;

use super::clients::ClientId;
use super::destination::Path;
use super::event::{DialogKey, Reply, Stance, SubscriptionKey};
use super::servers::ServerId;
use crate::sip::dialog::Dialog;
use crate::sip::header::Address;
use crate::sip::limits::REFER_DURATION;
use crate::sip::transaction::earlier;

/// An event package that is served, and for how long somebody may subscribe at once (RFC 6665
/// §5.4.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Package {
    /// The event type: `dialog`.
    pub event: &'static str,
    /// Where the subscriber does not say.
    pub default: Duration,
    /// Less is refused with 423.
    pub min: Duration,
    /// More is granted this much.
    pub max: Duration,
}

/// REFER makes a subscription of its own (RFC 3515 §2.4.4).
pub(super) const REFER: Package = Package {
    event: "refer",
    default: REFER_DURATION,
    min: Duration::ZERO,
    max: REFER_DURATION,
};

/// One subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) home: Home,
    pub(super) package: Package,
    /// The `id` parameter of Event.
    pub(super) id: Option<Box<str>>,
    /// Until when it lasts, unless it is refreshed.
    pub(super) until: Time,
    pub(super) lease: Lease,
    pub(super) flight: Flight,
    /// What is to be sent after what is in flight; the newest replaces what waits.
    pub(super) waiting: Option<Box<Notice>>,
    /// The last report of a REFER: who asks again hears it again.
    pub(super) report: Option<Box<Reply>>,
}

/// Whose dialog it is in.
#[derive(Debug)]
pub(super) enum Home {
    /// Its own.
    Own(Box<Seat>),
    /// That of an INVITE, while this lives.
    Call(DialogKey),
}

/// A dialog that only subscriptions use.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) dialog: Dialog,
    pub(super) path: Option<Path>,
    pub(super) contact_user: Box<str>,
}

/// What a first SUBSCRIBE and its repetitions have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Origin<'a> {
    pub(super) call_id: &'a str,
    pub(super) from_tag: &'a str,
    /// The URI in To: some phones use one Call-ID for all that they watch.
    pub(super) to: &'a str,
    pub(super) event: &'static str,
    pub(super) event_id: Option<&'a str>,
}

impl<'a> Origin<'a> {
    fn of(subscription: &'a Subscription) -> Option<Self> {
        let Home::Own(seat) = &subscription.home else {
            return None;
        };
        Some(Self {
            call_id: seat.dialog.call_id(),
            from_tag: seat.dialog.remote_tag(),
            to: Address::parse(seat.dialog.local())?.uri,
            event: subscription.package.event,
            event_id: subscription.id.as_deref(),
        })
    }

    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// How far a subscription has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lease {
    /// The layer above has not answered.
    Asked(ServerId),
    Active,
    /// The peer wants no more, or its time is over: the next state is the last.
    Over,
    /// The last state is on its way.
    Closing,
}

/// The one NOTIFY that may be under way.
#[derive(Debug)]
pub(super) enum Flight {
    None,
    Sent(ClientId, Box<Notice>),
    /// It failed and is sent again at this time.
    Again(Time, Box<Notice>),
}

/// One state on its way.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub(super) reply: Reply,
    pub(super) stance: Stance,
    pub(super) attempts: u8,
}

impl Subscription {
    pub(super) fn deadline(&self) -> Option<Time> {
        let again = match &self.flight {
            Flight::Again(at, _) => Some(*at),
            Flight::None | Flight::Sent(..) => None,
        };
        let until = (self.lease == Lease::Active).then_some(self.until);
        earlier(again, until)
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.flight, Flight::None) && self.waiting.is_none()
    }
}

/// All subscriptions, by key, by our tag in a dialog of their own, by the request that began it, by
/// the call they are in.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    by_key: HashMap<SubscriptionKey, Subscription>,
    by_tag: HashMap<Box<str>, SubscriptionKey>,
    by_origin: HashMap<u64, SubscriptionKey>,
    by_call: HashMap<DialogKey, Vec<SubscriptionKey>>,
    last: u64,
}

impl Subscriptions {
    pub(super) fn insert(&mut self, subscription: Subscription) -> SubscriptionKey {
        self.last += 1;
        let key = SubscriptionKey(self.last);
        if let Some(origin) = Origin::of(&subscription) {
            self.by_origin.insert(origin.digest(), key);
        }
        match &subscription.home {
            Home::Own(seat) => {
                let tag = seat.dialog.local_tag().into();
                self.by_tag.insert(tag, key);
            }
            Home::Call(dialog) => self.by_call.entry(*dialog).or_default().push(key),
        }
        self.by_key.insert(key, subscription);
        key
    }

    pub(super) fn get(&self, key: SubscriptionKey) -> Option<&Subscription> {
        self.by_key.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: SubscriptionKey) -> Option<&mut Subscription> {
        self.by_key.get_mut(&key)
    }

    pub(super) fn remove(&mut self, key: SubscriptionKey) -> Option<Subscription> {
        let subscription = self.by_key.remove(&key)?;
        let origin = Origin::of(&subscription).map(|origin| origin.digest());
        if let Some(origin) = origin.filter(|origin| self.by_origin.get(origin) == Some(&key)) {
            self.by_origin.remove(&origin);
        }
        match &subscription.home {
            Home::Own(seat) => {
                self.by_tag.remove(seat.dialog.local_tag());
            }
            Home::Call(dialog) => {
                if let Some(keys) = self.by_call.get_mut(dialog) {
                    keys.retain(|other| *other != key);
                    if keys.is_empty() {
                        self.by_call.remove(dialog);
                    }
                }
            }
        }
        Some(subscription)
    }

    /// The subscription whose own dialog this names.
    pub(super) fn find(
        &self,
        call_id: &str,
        local_tag: &str,
        remote_tag: &str,
    ) -> Option<SubscriptionKey> {
        let key = *self.by_tag.get(local_tag)?;
        let Home::Own(seat) = &self.by_key.get(&key)?.home else {
            return None;
        };
        seat.dialog.is_named(call_id, remote_tag).then_some(key)
    }

    /// The last subscription that a request with these began.
    pub(super) fn begun_by(&self, origin: &Origin<'_>) -> Option<SubscriptionKey> {
        let key = *self.by_origin.get(&origin.digest())?;
        let begun = self.by_key.get(&key).and_then(Origin::of);
        begun.is_some_and(|begun| begun == *origin).then_some(key)
    }

    /// The subscriptions in the dialog of a call.
    pub(super) fn of_call(&self, dialog: DialogKey) -> &[SubscriptionKey] {
        self.by_call.get(&dialog).map_or(&[], Vec::as_slice)
    }

    /// A call is over; what was subscribed in its dialog goes on there (RFC 6665 §4.5.2). Where
    /// several did, only the first does, as a dialog has one count; gives the others, removed.
    pub(super) fn outlive(&mut self, call: DialogKey, seat: Seat) -> Vec<SubscriptionKey> {
        let keys = self.by_call.remove(&call).unwrap_or_default();
        let Some((&heir, others)) = keys.split_first() else {
            return keys;
        };
        for key in others {
            self.by_key.remove(key);
        }
        if let Some(subscription) = self.by_key.get_mut(&heir) {
            self.by_tag.insert(seat.dialog.local_tag().into(), heir);
            subscription.home = Home::Own(Box::new(seat));
        }
        others.to_vec()
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }
}
