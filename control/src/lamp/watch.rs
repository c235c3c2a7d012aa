//! Who watches what, and what each watcher has still to be told.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::keep::KeepingWatches;
use super::limits::{SUBSCRIBER_BYTES_MAX, WATCHERS_MAX, WATCHES_PER_SUBSCRIBER_MAX};
use super::sight::{Departure, Shown};
use crate::call::identity::Identity;
use crate::park::Orbit;
use crate::sip::agent::{DialogKey, SubscriptionKey};
use crate::sip::message::Message;
pub(super) use crate::store::record::WatchForm as Form;

/// All lamps: the watches, and what there is to be seen of orbits that are watched.
#[derive(Debug, Default)]
pub(crate) struct Lamps {
    watches: HashMap<SubscriptionKey, Watch>,
    by_scope: HashMap<Scope, BTreeSet<SubscriptionKey>>,
    by_subscriber: HashMap<Box<str>, u32>,
    /// The calls that wait in watched orbits.
    pub(super) shown: HashMap<Orbit, Shown>,
    /// How the last call ended that was shown of a watched orbit, by its place.
    pub(super) gone: HashMap<Orbit, (u64, Departure)>,
    /// Orbits to be looked at again, since the last time.
    pub(super) touched: Vec<Orbit>,
    /// Calls that wait no more, since the last time.
    pub(super) departures: Vec<Departure>,
    /// Who left a call last: it may have been the parkee.
    pub(crate) leaving: Option<(DialogKey, Identity)>,
    last_shown: u64,
    pub(super) keeping: KeepingWatches,
}

/// One subscription to orbits.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) scope: Scope,
    pub(super) form: Form,
    /// The user part that was subscribed to, as written.
    pub(super) user: Box<str>,
    /// Host and port that were subscribed to.
    pub(super) host: Box<str>,
    /// Whether it may know what lets it take a call.
    pub(super) sees_dialogs: bool,
    pub(super) subscriber: Box<str>,
    /// Of the next document.
    pub(super) version: u64,
    /// Of the first document of an orbit in a list.
    pub(super) first_version: u64,
    pub(super) due: Due,
    /// Of several orbits: those whose state is to be told.
    pub(super) changed: BTreeSet<Orbit>,
    /// By orbit: the place of the call that was told last; in lists the next version.
    pub(super) told: Vec<(Orbit, u64)>,
}

/// What is watched.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Scope {
    Orbit(Orbit),
    /// By its name.
    Range(Box<str>),
    /// The park address: every orbit.
    All,
}

/// What a watcher has to be told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Due {
    Nothing,
    Changes,
    Everything,
}

/// Who subscribes to what.
pub(super) struct Request<'a> {
    pub(super) scope: Scope,
    pub(super) form: Form,
    pub(super) user: &'a str,
    pub(super) host: &'a str,
    pub(super) sees_dialogs: bool,
    pub(super) subscriber: Box<str>,
    /// Above all that another process has told.
    pub(super) version: u64,
}

/// Which limit is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Full {
    Subscriber,
    Resource,
}

impl Lamps {
    /// Adds a watch that has heard nothing.
    pub(super) fn insert(&mut self, key: SubscriptionKey, request: Request<'_>) {
        *self
            .by_subscriber
            .entry(request.subscriber.clone())
            .or_default() += 1;
        let scope = self.by_scope.entry(request.scope.clone()).or_default();
        scope.insert(key);
        let watch = Watch {
            scope: request.scope,
            form: request.form,
            user: request.user.into(),
            host: request.host.into(),
            sees_dialogs: request.sees_dialogs,
            subscriber: request.subscriber,
            version: request.version,
            first_version: request.version,
            due: Due::Everything,
            changed: BTreeSet::new(),
            told: Vec::new(),
        };
        self.watches.insert(key, watch);
        self.keeping.touch(key);
    }

    /// Whether one more would be too many.
    pub(super) fn has_room(&self, request: &Request<'_>) -> Result<(), Full> {
        let of_subscriber = self.by_subscriber.get(&request.subscriber).copied();
        if of_subscriber.unwrap_or(0) >= WATCHES_PER_SUBSCRIBER_MAX {
            return Err(Full::Subscriber);
        }
        let of_scope = self.by_scope.get(&request.scope).map_or(0, BTreeSet::len);
        match of_scope >= WATCHERS_MAX {
            true => Err(Full::Resource),
            false => Ok(()),
        }
    }

    pub(super) fn remove(&mut self, key: SubscriptionKey) {
        let Some(watch) = self.watches.remove(&key) else {
            return;
        };
        self.keeping.touch(key);
        if let Some(count) = self.by_subscriber.get_mut(&watch.subscriber) {
            *count -= 1;
            if *count == 0 {
                self.by_subscriber.remove(&watch.subscriber);
            }
        }
        if let Some(keys) = self.by_scope.get_mut(&watch.scope) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_scope.remove(&watch.scope);
            }
        }
        if self.watches.is_empty() {
            self.shown = HashMap::new();
            self.gone = HashMap::new();
        }
    }

    /// Takes one out for a while; [`Self::put_back`] must follow.
    pub(super) fn take(&mut self, key: SubscriptionKey) -> Option<Watch> {
        self.watches.remove(&key)
    }

    pub(super) fn put_back(&mut self, key: SubscriptionKey, watch: Watch) {
        self.watches.insert(key, watch);
    }

    pub(super) fn get(&self, key: SubscriptionKey) -> Option<&Watch> {
        self.watches.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: SubscriptionKey) -> Option<&mut Watch> {
        self.watches.get_mut(&key)
    }

    /// Who watches something that this orbit belongs to, the oldest first.
    pub(super) fn watchers(&self, orbit: Orbit, range: Option<&str>) -> Vec<SubscriptionKey> {
        if self.by_scope.is_empty() {
            return Vec::new();
        }
        let scopes = [
            Some(Scope::Orbit(orbit)),
            range.map(|name| Scope::Range(name.into())),
            Some(Scope::All),
        ];
        let found = scopes
            .into_iter()
            .flatten()
            .filter_map(|scope| self.by_scope.get(&scope));
        found.flatten().copied().collect()
    }

    /// Everybody, the oldest first.
    pub(super) fn keys(&self) -> Vec<SubscriptionKey> {
        let mut keys: Vec<_> = self.watches.keys().copied().collect();
        keys.sort_unstable();
        keys
    }

    /// No place of another process is given to another call.
    pub(super) fn show_from(&mut self, place: u64) {
        self.last_shown = self.last_shown.max(place);
    }

    /// A place for a call that begins to be shown.
    pub(super) fn next_shown(&mut self) -> u64 {
        self.last_shown += 1;
        self.last_shown
    }

    /// Watches that there are.
    pub(crate) fn len(&self) -> usize {
        self.watches.len()
    }
}

impl Watch {
    /// Something is to be told: of this orbit, where there are several.
    pub(super) fn owe(&mut self, orbit: Orbit) {
        self.due = self.due.max(Due::Changes);
        if matches!(self.form, Form::Many | Form::List) {
            self.changed.insert(orbit);
        }
    }

    /// What was told of an orbit last.
    pub(super) fn told(&self, orbit: Orbit) -> Option<u64> {
        let at = self.told.binary_search_by_key(&orbit, |told| told.0).ok()?;
        Some(self.told[at].1)
    }

    pub(super) fn tell(&mut self, orbit: Orbit, what: Option<u64>) {
        match (self.told.binary_search_by_key(&orbit, |told| told.0), what) {
            (Ok(at), Some(what)) => self.told[at].1 = what,
            (Ok(at), None) => {
                self.told.remove(at);
            }
            (Err(at), Some(what)) => self.told.insert(at, (orbit, what)),
            (Err(_), None) => {}
        }
    }
}

/// The name that a subscriber's watches are counted by.
pub(super) fn subscriber(request: &Message<'_>, source: IpAddr) -> Box<str> {
    let from = request.from().map_or("", |from| from.uri);
    match from.len() <= SUBSCRIBER_BYTES_MAX {
        true => from.to_ascii_lowercase().into(),
        false => source.to_string().into(),
    }
}
