//! Lamps: whoever subscribes to an orbit, a range or the park address is told who waits there, and
//! what became of whom (RFC 4235 over RFC 6665, RFC 4662; RFC 3856 for who knows no dialogs).
//!
//! What a watcher is told follows from the orbit table when it is told, not from what happened:
//! every change only marks the orbit, and each watcher gets the newest state once its last NOTIFY
//! has arrived. So whatever is lost in between, all end with the true state.
//!
//! Absent on purpose: NOTIFY itself, its order and its repetition (`sip::agent`).

mod callpark;
mod compose;
mod document;
mod keep;
mod limits;
mod list;
mod parker;
mod permission;
mod presence;
mod sample;
mod sight;
mod subscribe;
mod watch;
mod xml;

use shared::Time;

pub use sample::Sample;
pub(crate) use sight::End;
pub(crate) use watch::Lamps;
pub(crate) use xml::Text;

use self::sight::{Departure, Shown};
use self::watch::Due;
use crate::call::Exchange;
use crate::park::Orbit;
use crate::sip::agent::{Closing, Package, Stance, SubscriptionKey};

impl Exchange {
    /// Everything that the input has caused is done: whoever watches is told.
    pub(crate) fn light_lamps(&mut self, now: Time) {
        let departures = std::mem::take(&mut self.lamps.departures);
        let mut touched = std::mem::take(&mut self.lamps.touched);
        for departure in &departures {
            self.tell_parker(now, departure);
        }
        if self.lamps.len() == 0 {
            return;
        }
        touched.sort_unstable();
        touched.dedup();
        for orbit in touched {
            self.look_at(now, orbit, &departures);
        }
    }

    /// The full state is due: after a refresh, and at the end of a lease.
    pub(crate) fn watch_refreshed(&mut self, now: Time, key: SubscriptionKey) {
        if let Some(watch) = self.lamps.get_mut(key) {
            watch.due = Due::Everything;
            self.lamps.keeping.touch(key);
            self.tell_watcher(now, key);
        }
    }

    /// A NOTIFY has arrived: what has changed meanwhile may follow.
    pub(crate) fn watch_notified(&mut self, now: Time, key: SubscriptionKey) {
        self.tell_watcher(now, key);
    }

    /// A watcher is gone.
    pub(crate) fn watch_ended(&mut self, key: SubscriptionKey) {
        self.lamps.remove(key);
    }

    /// The ranges are others now: all is told anew.
    pub(crate) fn watch_anew(&mut self, now: Time) {
        for key in self.lamps.keys() {
            self.watch_refreshed(now, key);
        }
    }

    /// The server ends: every watcher is told so, and when to ask again.
    pub(crate) fn end_watches(&mut self, now: Time) {
        self.light_lamps(now);
        for key in self.lamps.keys() {
            if let Some(watch) = self.lamps.get_mut(key) {
                watch.due = Due::Everything;
            }
            let retry_after_s = RETRY_AFTER_S;
            let stance = Stance::Terminated(Closing::Probation { retry_after_s });
            if let Some(reply) = self.compose(now, key) {
                self.agent.notify(now, key, reply, stance);
            }
            self.lamps.remove(key);
        }
    }

    /// An orbit may have changed: whoever watches it is owed the news.
    fn look_at(&mut self, now: Time, orbit: Orbit, departures: &[Departure]) {
        let watchers = self.lamps.watchers(orbit, self.orbits.range_name(orbit));
        if watchers.is_empty() {
            self.lamps.shown.remove(&orbit);
            self.lamps.gone.remove(&orbit);
            return;
        }
        let before = self.lamps.shown.get(&orbit).copied();
        let last = departures.iter().rev().find(|d| d.orbit == orbit);
        if last.is_some() {
            // Another call may wait there already, in the same step.
            self.lamps.shown.remove(&orbit);
        }
        if let (Some(before), Some(departure)) = (before, last) {
            let gone = (before.id, departure.clone());
            self.lamps.gone.insert(orbit, gone);
        }
        if self.show(orbit) == before {
            return;
        }
        for key in watchers {
            if let Some(watch) = self.lamps.get_mut(key) {
                watch.owe(orbit);
                self.tell_watcher(now, key);
            }
        }
    }

    /// Brings what is shown of an orbit up to date.
    fn show(&mut self, orbit: Orbit) -> Option<Shown> {
        let Some((call, _, status)) = self.waiting_in(orbit) else {
            self.lamps.shown.remove(&orbit);
            return None;
        };
        let before = self
            .lamps
            .shown
            .get(&orbit)
            .filter(|shown| shown.call == call);
        let id = before.map(|shown| shown.id);
        let shown = Shown {
            id: id.unwrap_or_else(|| self.lamps.next_shown()),
            call,
            status,
        };
        self.lamps.shown.insert(orbit, shown);
        Some(shown)
    }

    /// Tells a watcher what it is owed, if its last NOTIFY has arrived.
    pub(crate) fn tell_watcher(&mut self, now: Time, key: SubscriptionKey) {
        let is_owed = self.lamps.get(key).is_some_and(|w| w.due != Due::Nothing);
        if !is_owed || !self.agent.may_notify(key) {
            return;
        }
        if let Some(reply) = self.compose(now, key) {
            self.agent.notify(now, key, reply, Stance::Active);
        }
    }
}

/// What the agent serves for lamps.
pub(crate) fn packages() -> [Package; 3] {
    ["dialog", presence::EVENT, callpark::EVENT].map(|event| Package {
        event,
        default: limits::WATCH_DEFAULT,
        min: limits::WATCH_MIN,
        max: limits::WATCH_MAX,
    })
}

/// When to subscribe anew at a server that ends, in seconds.
const RETRY_AFTER_S: u32 = 30;
