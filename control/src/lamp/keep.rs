//! Subscriptions beyond the process: what is kept of each, and how another process goes on with it,
//! with a whole document whose version is above all that were told (RFC 4235 §4.1.1).
//!
//! Absent on purpose: those in the dialog of a call, whose watchers are told 481 and ask again.

use std::collections::{BTreeMap, BTreeSet};

use shared::Time;

use super::limits::VERSIONS_AHEAD;
use super::watch::{Request, Scope};
use crate::call::Exchange;
use crate::park::Orbit;
use crate::sip::agent::SubscriptionKey;
use crate::store::Operation;
use crate::store::record::{WatchName, WatchRecord, WatchScope};

/// What the store has of subscriptions.
#[derive(Debug, Default)]
pub(super) struct KeepingWatches {
    touched: BTreeSet<SubscriptionKey>,
    kept: BTreeMap<SubscriptionKey, WatchName>,
    /// Of an earlier process, and not taken up.
    lost: Vec<WatchName>,
}

impl KeepingWatches {
    /// Something may have changed that is kept.
    pub(super) fn touch(&mut self, key: SubscriptionKey) {
        self.touched.insert(key);
    }
}

impl Exchange {
    /// Takes up subscriptions. Each watcher is told the state in its turn.
    pub(crate) fn adopt_watches(&mut self, now: Time, records: &[WatchRecord]) {
        let Some(keeping) = self.keeping.as_ref().filter(|_| !records.is_empty()) else {
            return;
        };
        self.lamps.show_from(keeping.unix_ms(now));
        let mut adopted = 0;
        for record in records {
            if let Some(key) = self.adopt_watch(now, record) {
                self.adopt_watcher(key);
                adopted += 1;
            } else {
                self.lamps.keeping.lost.push(record.name.clone());
            }
        }
        let lost = records.len() - adopted;
        tracing::info!(
            adopted,
            lost,
            "subscriptions of an earlier process are taken up"
        );
    }

    /// What the store must be told of subscriptions.
    pub(crate) fn watch_changes(&mut self) -> Vec<Operation> {
        let touched = std::mem::take(&mut self.lamps.keeping.touched);
        let lost = std::mem::take(&mut self.lamps.keeping.lost);
        if self.keeping.is_none() {
            return Vec::new();
        }
        let mut operations: Vec<_> = lost.into_iter().map(Operation::Unwatch).collect();
        for key in touched {
            if let Some(record) = self.watch_record(key) {
                let kept = &mut self.lamps.keeping.kept;
                kept.insert(key, record.name.clone());
                operations.push(Operation::Watch(Box::new(record)));
            } else if let Some(name) = self.lamps.keeping.kept.remove(&key) {
                operations.push(Operation::Unwatch(name));
            }
        }
        operations
    }

    fn adopt_watch(&mut self, now: Time, record: &WatchRecord) -> Option<SubscriptionKey> {
        let keeping = self.keeping.as_ref()?;
        let (unix_ms, until) = (keeping.unix_ms(now), keeping.time(record.until_unix_ms));
        if until <= now {
            return None;
        }
        let scope = match &record.scope {
            WatchScope::Orbit(orbit) => Scope::Orbit(Orbit::parse(orbit)?),
            WatchScope::Range(name) => Scope::Range(self.orbits.range_named(name)?.0.into()),
            WatchScope::All => Scope::All,
        };
        let request = Request {
            scope,
            form: record.form,
            user: &record.user,
            host: &record.host,
            sees_dialogs: record.sees_dialogs,
            subscriber: record.subscriber.clone(),
            version: record.version,
        };
        self.lamps.has_room(&request).ok()?;
        let subscription = &record.subscription;
        let key = self
            .agent
            .adopt_subscription(unix_ms, subscription, until)?;
        self.lamps.insert(key, request);
        self.lamps.keeping.kept.insert(key, record.name.clone());
        Some(key)
    }

    /// `None` for one that is over, or is not kept.
    fn watch_record(&self, key: SubscriptionKey) -> Option<WatchRecord> {
        let watch = self.lamps.get(key)?;
        let (subscription, until) = self.agent.keep_subscription(key)?;
        Some(WatchRecord {
            name: WatchName(subscription.dialog.local_tag.clone()),
            subscription,
            until_unix_ms: self.keeping.as_ref()?.unix_ms(until),
            scope: match &watch.scope {
                Scope::Orbit(orbit) => WatchScope::Orbit(self.orbits.number(*orbit).into()),
                Scope::Range(name) => WatchScope::Range(name.clone()),
                Scope::All => WatchScope::All,
            },
            form: watch.form,
            user: watch.user.clone(),
            host: watch.host.clone(),
            sees_dialogs: watch.sees_dialogs,
            subscriber: watch.subscriber.clone(),
            version: (watch.version / VERSIONS_AHEAD + 1) * VERSIONS_AHEAD,
        })
    }
}
