//! Dialogs that outlive the process they began in: what is kept of one, and how an agent goes on
//! with it.
//!
//! Absent on purpose: transactions. What was under way is lost, and whoever waits asks again.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::Agent;
use super::destination::Path;
use super::event::DialogKey;
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
}

/// The way a dialog's messages came by UDP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct PathRecord {
    /// The other end.
    pub peer: SocketAddr,
    /// Our socket.
    pub local: SocketAddr,
}

impl Agent {
    /// What to keep of a dialog. `None` while it is early, once it ends, and after that.
    #[must_use]
    pub fn keep(&self, dialog: DialogKey) -> Option<UsageRecord> {
        let usage = self.usages.get(dialog)?;
        usage.is_confirmed().then(|| UsageRecord {
            dialog: usage.dialog.record(),
            path: usage.path.and_then(|path| self.keep_path(&path)),
        })
    }

    /// The next dialog whose [`Agent::keep`] may have changed, until `None`.
    pub fn poll_touched(&mut self) -> Option<DialogKey> {
        self.usages.poll_touched()
    }

    /// Goes on with a dialog of another process. `None` when it is there already, or no more
    /// dialogs can be had.
    pub fn adopt(&mut self, record: &UsageRecord, contact_user: &str) -> Option<DialogKey> {
        let dialog = Dialog::from_record(&record.dialog);
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
        Some(self.usages.insert(usage))
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
