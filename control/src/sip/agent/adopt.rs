//! Dialogs and subscriptions that outlive the process they began in: what is kept of one, and how
//! an agent goes on with it.
//!
//! Absent on purpose: transactions. What was under way is lost, and whoever waits asks again.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use shared::Time;

use super::Agent;
use super::destination::Path;
use super::event::{DialogKey, SubscriptionKey};
use super::session_timer::{Timer, TimerRecord};
use super::subscription::{Flight, Home, Lease, REFER, Seat, Subscription};
use super::usage::{Phase, Usage};
use crate::sip::dialog::{Dialog, DialogRecord};
use crate::sip::transport::Transport;

/// A confirmed dialog as it is kept.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The dialog.
    #[serde(flatten)]
    pub dialog: DialogRecord,
    /// The way its messages came. `None` for TCP: that connection is gone.
    pub path: Option<PathRecord>,
    /// Who refreshes it how often; `None` in what an older version has kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer: Option<TimerRecord>,
}

/// The way a dialog's messages came by UDP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct PathRecord {
    /// The other end.
    pub peer: SocketAddr,
    /// Our socket.
    pub local: SocketAddr,
}

/// A subscription that a peer has with us, in a dialog of its own, as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubscriptionRecord {
    /// The dialog.
    #[serde(flatten)]
    pub dialog: DialogRecord,
    /// The way its messages came. `None` for TCP: that connection is gone.
    pub path: Option<PathRecord>,
    /// The event package.
    pub event: Box<str>,
    /// The `id` parameter of Event.
    pub id: Option<Box<str>>,
    /// The user part of our Contact.
    pub contact: Box<str>,
}

impl Agent {
    /// What to keep of a subscription that is granted, and until when it lasts. `None` for one that
    /// ends, and for one in the dialog of a call, which ends with its process.
    #[must_use]
    pub fn keep_subscription(&self, key: SubscriptionKey) -> Option<(SubscriptionRecord, Time)> {
        let held = self.subscriptions.get(key)?;
        let Home::Own(seat) = &held.home else {
            return None;
        };
        if held.lease != Lease::Active || held.package == REFER {
            return None;
        }
        let mut dialog = seat.dialog.record();
        // Each NOTIFY may take several requests, and many go out between two writings.
        dialog.local_cseq = dialog.local_cseq.saturating_add(NOTIFIES_AHEAD);
        let record = SubscriptionRecord {
            dialog,
            path: seat.path.and_then(|path| self.keep_path(&path)),
            event: held.package.event.into(),
            id: held.id.clone(),
            contact: seat.contact_user.clone(),
        };
        Some((record, held.until))
    }

    /// Goes on with a subscription of another process; it is `unix_ms` milliseconds since 1970.
    /// `None` when it is there already, its event package is not served, or no more can be had.
    pub fn adopt_subscription(
        &mut self,
        unix_ms: u64,
        record: &SubscriptionRecord,
        until: Time,
    ) -> Option<SubscriptionKey> {
        let dialog = dialog_of(&record.dialog, unix_ms);
        let is_there = self
            .subscriptions
            .find(dialog.call_id(), dialog.local_tag(), dialog.remote_tag())
            .is_some();
        let mut packages = self.packages.iter().copied();
        let package = packages.find(|package| package.event == &*record.event)?;
        if is_there || self.subscriptions.len() >= self.subscriptions_max {
            return None;
        }
        let seat = Seat {
            dialog,
            path: record.path.and_then(|path| self.restore_path(path)),
            contact_user: record.contact.clone(),
        };
        let key = self.subscriptions.insert(Subscription {
            home: Home::Own(Box::new(seat)),
            package,
            id: record.id.clone(),
            until,
            lease: Lease::Active,
            flight: Flight::None,
            waiting: None,
            report: None,
        });
        self.rearm_subscription(key);
        Some(key)
    }

    /// What to keep of a dialog. `None` while it is early, once it ends, and after that.
    #[must_use]
    pub fn keep(&self, dialog: DialogKey) -> Option<UsageRecord> {
        let usage = self.usages.get(dialog)?;
        usage.is_confirmed().then(|| UsageRecord {
            dialog: usage.dialog.record(),
            path: usage.path.and_then(|path| self.keep_path(&path)),
            timer: usage.timer.map(|timer| timer.record()),
        })
    }

    /// The next dialog whose [`Agent::keep`] may have changed, until `None`.
    pub fn poll_touched(&mut self) -> Option<DialogKey> {
        self.usages.poll_touched()
    }

    /// Goes on with a dialog of another process; `now` is `unix_ms` milliseconds since 1970. `None`
    /// when it is there already, or no more dialogs can be had.
    pub fn adopt(
        &mut self,
        now: Time,
        unix_ms: u64,
        record: &UsageRecord,
        contact_user: &str,
    ) -> Option<DialogKey> {
        let dialog = dialog_of(&record.dialog, unix_ms);
        let is_there = self
            .usages
            .find(dialog.call_id(), dialog.local_tag(), dialog.remote_tag())
            .is_some();
        if is_there || self.usages.len() >= self.dialogs_max {
            return None;
        }
        let path = record.path.and_then(|path| self.restore_path(path));
        let mut usage = Usage::new(dialog, path);
        usage.phase = Phase::Confirmed;
        usage.contact_user = contact_user.into();
        let (interval, random) = (self.session_expires, &mut self.random);
        usage.timer = Some(Timer::adopt(now, interval, record.timer, random));
        let key = self.usages.insert(usage);
        self.rearm_usage(key);
        Some(key)
    }

    fn keep_path(&self, path: &Path) -> Option<PathRecord> {
        (path.transport == Transport::Udp).then(|| PathRecord {
            peer: path.peer,
            local: self.config.listeners[path.listener].local,
        })
    }

    /// The socket of the same address, if the operator still has it listened on.
    fn restore_path(&self, record: PathRecord) -> Option<Path> {
        let listeners = &self.config.listeners;
        let listener = listeners.iter().position(|listener| {
            listener.transport == Transport::Udp && listener.local == record.local
        })?;
        Some(Path {
            transport: Transport::Udp,
            flow: listeners[listener].flow,
            peer: record.peer,
            listener,
        })
    }
}

/// Its requests are numbered above all that were sent. Those of a process that could not write are
/// not in the record: so numbers follow the clock too, by a second each, and are above them unless
/// that process sent more than one a second, or began within the same second.
fn dialog_of(record: &DialogRecord, unix_ms: u64) -> Dialog {
    let seconds = (unix_ms / 1_000).saturating_sub(CSEQ_EPOCH_UNIX_S);
    let mut dialog = Dialog::from_record(record);
    if let Ok(seconds) = u32::try_from(seconds) {
        dialog.number_from(seconds.min(CSEQ_CLOCK_MAX));
    }
    dialog
}

/// 2020-01-01, so that the seconds since then are numbers for CSeq (below 2^31, RFC 3261 §8.1.1.5).
const CSEQ_EPOCH_UNIX_S: u64 = 1_577_836_800;

/// In 2054: half of all numbers are left then.
const CSEQ_CLOCK_MAX: u32 = 1 << 30;

/// By how much the number of a subscription's next request is ahead when it is kept: the layer
/// above has it written every so many documents ([`crate::lamp`]), each of which may be sent some
/// times.
const NOTIFIES_AHEAD: u32 = 1_024;
