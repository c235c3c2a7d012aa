//! Deeds on their way to the store. One that cannot be written now is written later: what it
//! tells of is done already, and waits for nothing.

use std::collections::VecDeque;
use std::time::Duration;

use shared::Time;

use crate::driver::clock;
use crate::store::{AuditRecord, Store};

/// What the store does not have yet.
#[derive(Debug, Default)]
pub(super) struct Notebook {
    unwritten: VecDeque<AuditRecord>,
    /// When it is tried again; `None` while nothing has failed.
    retry_at: Option<Time>,
}

/// Deeds that wait for the store; beyond, the oldest are in the log only, which says so.
const UNWRITTEN_MAX: usize = 1_000;
/// How soon what could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Notebook {
    /// Takes deeds in, and has them written.
    pub(super) fn note(&mut self, deeds: Vec<AuditRecord>, store: &mut dyn Store) {
        self.unwritten.extend(deeds);
        self.write(store);
    }

    /// When [`Notebook::write`] is due.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.retry_at
    }

    /// Writes what waits.
    pub(super) fn write(&mut self, store: &mut dyn Store) {
        if self.unwritten.is_empty() {
            return;
        }
        match store.note(self.unwritten.make_contiguous()) {
            Ok(()) => {
                self.unwritten.clear();
                if self.retry_at.take().is_some() {
                    tracing::info!("the audit log is written again");
                }
            }
            Err(error) => {
                if self.retry_at.is_none() {
                    tracing::error!(%error, "the audit log was not written; tried again");
                }
                self.retry_at = Some(clock::now() + RETRY);
                let lost = self.unwritten.len().saturating_sub(UNWRITTEN_MAX);
                if lost > 0 {
                    self.unwritten.drain(..lost);
                    tracing::error!(lost, "deeds are in this log only: the store is away");
                }
            }
        }
    }
}
