//! What one NOTIFY says: everything, or what has changed since the last one; as much as fits, and
//! the rest in the next.

use std::collections::BTreeSet;

use shared::Time;

use super::callpark;
use super::document::{Document, Extent};
use super::limits::{BODY_BYTES, BODY_BYTES_LAST, VERSIONS_AHEAD};
use super::list::List;
use super::presence;
use super::watch::{Due, Form, Scope, Watch};
use crate::call::Exchange;
use crate::park::Orbit;
use crate::sip::agent::{Reply, SubscriptionKey};
use crate::sip::header::Header;
use crate::sip::write::Body;

impl Exchange {
    /// The next NOTIFY of a watch, which counts as told.
    pub(super) fn compose(&mut self, now: Time, key: SubscriptionKey) -> Option<Reply> {
        let scope = self.lamps.get(key)?.scope.clone();
        let is_full = self.lamps.get(key)?.due == Due::Everything;
        let orbits = match (&scope, is_full) {
            (Scope::Orbit(orbit), _) => vec![*orbit],
            (_, false) => Vec::new(),
            (Scope::Range(name), true) => self.orbits.of_range(name),
            (Scope::All, true) => self.orbits.taken().map(|(orbit, _)| orbit).collect(),
        };
        if is_full {
            for orbit in &orbits {
                self.show(*orbit);
            }
        }
        // Taken out, so that what it is told can be looked at meanwhile.
        let mut watch = self.lamps.take(key)?;
        let bytes_max = match self.agent.is_last(key) {
            true => BODY_BYTES_LAST,
            false => BODY_BYTES,
        };
        let whole = is_full.then_some(&*orbits);
        let reply = match watch.form {
            Form::Orbit => self.whole(now, &mut watch, orbits[0]),
            Form::CallPark => self.callpark(&mut watch, orbits[0]),
            Form::Presence => self.presence(&mut watch, orbits[0]),
            Form::Many => self.many(now, &mut watch, whole, bytes_max),
            Form::List => self.list(now, &mut watch, whole, bytes_max),
        };
        if watch.version % VERSIONS_AHEAD == 0 {
            self.lamps.keeping.touch(key);
        }
        self.lamps.put_back(key, watch);
        Some(reply)
    }

    /// One orbit: the call there, or how the last one ended that this watcher knows.
    fn whole(&self, now: Time, watch: &mut Watch, orbit: Orbit) -> Reply {
        let mut document = watch.document(&watch.user, Extent::Full, watch.version);
        let told = watch.told(orbit);
        let sight = self.sight(orbit);
        let is = sight.as_ref().map(|sight| sight.shown.id);
        if let Some(id) = told.filter(|told| is != Some(*told)) {
            document.gone(id, self.departure(orbit, id));
        }
        if let Some(sight) = &sight {
            document.waiting(now, sight);
        }
        let body = document.into_body();
        watch.tell(orbit, is);
        watch.told_of(body)
    }

    fn callpark(&self, watch: &mut Watch, orbit: Orbit) -> Reply {
        watch.told_of(callpark::body(self.sight(orbit).as_ref()))
    }

    fn presence(&self, watch: &mut Watch, orbit: Orbit) -> Reply {
        let sight = self.sight(orbit);
        let body = presence::body(&watch.user, &watch.host, orbit, sight.as_ref());
        watch.told_of(body)
    }

    /// Many orbits in one document: those that have a call, or had one.
    fn many(
        &self,
        now: Time,
        watch: &mut Watch,
        whole: Option<&[Orbit]>,
        bytes_max: usize,
    ) -> Reply {
        let extent = match whole {
            Some(_) => Extent::Full,
            None => Extent::Partial,
        };
        if let Some(orbits) = whole {
            watch.told = Vec::new();
            let taken = orbits.iter().copied();
            watch.changed = taken.filter(|orbit| self.sight(*orbit).is_some()).collect();
        }
        let mut changed = std::mem::take(&mut watch.changed);
        let mut document = watch.document(&watch.user, extent, watch.version);
        let mut told = Vec::new();
        while document.len() < bytes_max
            && let Some(orbit) = changed.pop_first()
        {
            let sight = self.sight(orbit);
            let is = sight.as_ref().map(|sight| sight.shown.id);
            if let Some(id) = watch.told(orbit).filter(|told| is != Some(*told)) {
                document.gone(id, self.departure(orbit, id));
            }
            if let Some(sight) = &sight {
                document.waiting(now, sight);
            }
            told.push((orbit, is));
        }
        let body = document.into_body();
        for (orbit, is) in told {
            watch.tell(orbit, is);
        }
        watch.changed = changed;
        watch.told_of(body)
    }

    /// Many orbits, a document for each.
    fn list(
        &self,
        now: Time,
        watch: &mut Watch,
        whole: Option<&[Orbit]>,
        bytes_max: usize,
    ) -> Reply {
        let is_full = whole.is_some();
        let mut changed = match whole {
            Some(orbits) => orbits.iter().copied().collect::<BTreeSet<_>>(),
            None => std::mem::take(&mut watch.changed),
        };
        let mut list = List::new(&watch.user, &watch.host, watch.version, is_full);
        let mut told = Vec::new();
        while list.len() < bytes_max
            && let Some(orbit) = changed.pop_first()
        {
            let version = watch.told(orbit).unwrap_or(watch.first_version);
            let mut document = watch.document(&orbit.user(), Extent::Full, version);
            if let Some(sight) = self.sight(orbit) {
                document.waiting(now, &sight);
            } else if let Some((id, departure)) = self.lamps.gone.get(&orbit)
                && !is_full
            {
                document.gone(*id, Some(departure));
            }
            list.tell(orbit, &document.finish());
            told.push((orbit, version + 1));
        }
        if is_full {
            for orbit in &changed {
                list.name(*orbit);
            }
        }
        let body = list.into_body();
        for (orbit, next) in told {
            watch.tell(orbit, Some(next));
        }
        watch.changed = changed;
        let mut reply = watch.told_of(body);
        reply.headers.push((Header::Require, EVENT_LIST.to_owned()));
        reply
    }

    /// How the call ended that had this place.
    fn departure(&self, orbit: Orbit, id: u64) -> Option<&super::Departure> {
        let (gone, departure) = self.lamps.gone.get(&orbit)?;
        (*gone == id).then_some(departure)
    }
}

impl Watch {
    fn document(&self, user: &str, extent: Extent, version: u64) -> Document<'_> {
        Document::new(user, &self.host, version, extent, self.sees_dialogs)
    }

    /// Counts a NOTIFY.
    fn told_of(&mut self, body: Body) -> Reply {
        self.version += 1;
        self.due = match self.changed.is_empty() {
            true => Due::Nothing,
            false => Due::Changes,
        };
        Reply {
            headers: Vec::new(),
            body: Some(body),
        }
    }
}

/// The option tag of RFC 4662.
pub(super) const EVENT_LIST: &str = "eventlist";
