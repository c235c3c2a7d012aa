//! What outlives the process: the store, the call detail records, and the thread that writes both.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::clock;
use super::metrics::{Measured, RecordStats, StoreStats};
use super::reactor::Arrival;
use super::server::StartError;
use super::store::{Recorder, Sqlite, Work, Writer};
use crate::config::{Config, OnTerminate};
use crate::happening::Happening;
use crate::store::{Batch, Kept, Store as _};

/// Keeps calls and records beyond the process.
#[derive(Debug)]
pub(super) struct Keeper {
    writer: Writer,
    /// What SIGTERM does; `None` where there are call detail records only.
    on_terminate: Option<OnTerminate>,
}

impl Keeper {
    /// What the store holds, and who writes it from now on; nobody where nothing is configured.
    ///
    /// # Errors
    /// [`StartError`] when the store or the file of records is not to be had.
    pub(super) fn open(
        config: &Config,
        mut store: Option<Sqlite>,
        stats: Option<Arc<StoreStats>>,
        records: Arc<RecordStats>,
        arrivals: &Sender<Arrival>,
    ) -> Result<(Option<Kept>, Option<Self>), StartError> {
        if store.is_none() && config.cdr.path.is_none() {
            return Ok((None, None));
        }
        let (mut kept, mut unfinished) = (None, Vec::new());
        if let Some(store) = &mut store {
            let loaded = store.load()?;
            for unreadable in &loaded.unreadable {
                tracing::error!("what is kept cannot be read: {unreadable}");
            }
            unfinished = store.unfinished_cdrs()?;
            kept = Some(Kept {
                origin_unix_ms: clock::origin_unix_ms(),
                calls: loaded.calls,
                watches: loaded.watches,
            });
        }
        let on_terminate = store.is_some().then_some(config.store.on_terminate);
        let recorder = Recorder::open(&config.cdr, unfinished, records).map_err(|error| {
            let what = format!("cannot be written: {error}; see [cdr] path");
            StartError::Records(config.problem(&["cdr", "path"], &what))
        })?;
        let stats = stats.unwrap_or_default();
        let store = store.map(|store| Box::new(Measured::new(store, stats)) as Box<_>);
        let writer = Writer::start(store, recorder, arrivals.clone())?;
        let keeper = Self {
            writer,
            on_terminate,
        };
        Ok((kept, Some(keeper)))
    }

    /// Whether SIGTERM leaves calls to the next start.
    pub(super) fn keeps_calls(&self) -> bool {
        match self.on_terminate {
            Some(OnTerminate::Keep | OnTerminate::Drain) => true,
            Some(OnTerminate::End) | None => false,
        }
    }

    pub(super) fn write(&mut self, batch: Batch) {
        self.writer.give(Work::Batch(batch));
    }

    pub(super) fn record(&mut self, happening: Arc<Happening>) {
        self.writer.give(Work::Happened(happening));
    }

    /// The calls of the process before are taken up.
    pub(super) fn all_adopted(&mut self) {
        self.writer.give(Work::AllAdopted);
    }

    /// Gives work to the thread.
    pub(super) fn give(&mut self, work: Work) {
        self.writer.give(work);
    }
}
