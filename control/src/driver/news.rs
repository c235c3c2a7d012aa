//! What happened, for whoever listens: counted, and passed on without ever waiting for anybody.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::happening::{Happening, Tally};

/// Happenings that wait for a listener; beyond, it misses the oldest and is told so.
pub(super) const WAITING_MAX: usize = 4_096;

/// The listeners, and the counts since the start.
#[derive(Debug)]
pub(super) struct News {
    listeners: broadcast::Sender<Arc<Happening>>,
    tally: Tally,
}

impl News {
    pub(super) fn new() -> Self {
        Self {
            listeners: broadcast::Sender::new(WAITING_MAX),
            tally: Tally::default(),
        }
    }

    /// Where others listen.
    pub(super) fn sender(&self) -> broadcast::Sender<Arc<Happening>> {
        self.listeners.clone()
    }

    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn tell(&mut self, happening: Happening) -> Arc<Happening> {
        self.tally.fold(&happening);
        let happening = Arc::new(happening);
        // Refused only where nobody listens.
        let _ = self.listeners.send(Arc::clone(&happening));
        happening
    }
}
