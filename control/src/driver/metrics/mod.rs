//! `/metrics`: the figures of the server as a page for Prometheus.
//!
//! Control's figures are a copy that the loop makes for each scrape ([`Figures`]); workers and
//! store are read from their counters, which stops nobody. One file for each part of the server;
//! `page` is how it is written. Every family is in docs/operations/metrics.md.
//!
//! Absent on purpose: HTTP (`http`), and any counting but the store's.

mod api;
mod calls;
mod captures;
mod media;
mod page;
mod process;
mod records;
mod signalling;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use shared::{Recorder, WorkerStats};

use calls::RangeFigures;
pub(super) use records::RecordStats;
pub(super) use store::{Measured, StoreStats};

use super::http::ApiStats;
use crate::control::{Control, ControlStatus};
use crate::happening::Tally;
use crate::sip::Messages;
use crate::sip::agent::SipDrop;
use page::Page;

/// What the control thread copies for a scrape.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Figures {
    /// Of the moment.
    pub status: ControlStatus,
    /// Each range, by prefix and start.
    pub ranges: Vec<RangeFigures>,
    /// How often what happened.
    pub tally: Tally,
    /// SIP messages by kind.
    pub messages: Messages,
    /// SIP messages that were dropped, by reason.
    pub sip_drops: Vec<(SipDrop, u64)>,
}

impl Figures {
    pub(super) fn of(control: &Control, tally: &Tally) -> Self {
        let range = |(name, free, taken): (&str, usize, usize)| RangeFigures {
            name: name.into(),
            free,
            taken,
        };
        let drops = SipDrop::ALL.into_iter();
        Self {
            status: control.status(),
            ranges: control.ranges().map(range).collect(),
            tally: tally.clone(),
            messages: control.messages().clone(),
            sip_drops: drops
                .map(|reason| (reason, control.dropped(reason)))
                .collect(),
        }
    }
}

/// What is read at a scrape beside [`Figures`], and what is always the same.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    pub(super) node: Arc<str>,
    pub(super) workers: Vec<Arc<WorkerStats>>,
    /// `None` when calls are kept in memory only.
    pub(super) store: Option<Arc<StoreStats>>,
    pub(super) records: Arc<RecordStats>,
    pub(super) api: Arc<ApiStats>,
    /// Who writes captures.
    pub(super) recorder: Arc<dyn Recorder>,
}

impl Metrics {
    /// The page.
    pub(super) fn render(&self, figures: &Figures) -> String {
        let mut page = Page::default();
        let version = env!("CARGO_PKG_VERSION");
        page.gauge("orbit_build_info", "Which server this is; always 1.")
            .sample(&[("version", version), ("node", &self.node)], 1);
        calls::write(&mut page, figures);
        signalling::write(&mut page, figures);
        media::write(&mut page, &self.workers);
        if let Some(stats) = &self.store {
            store::write(&mut page, stats, &figures.status);
        }
        records::write(&mut page, &self.records);
        captures::write(&mut page, &*self.recorder, &self.workers);
        api::write(&mut page, &self.api);
        process::write(&mut page);
        page.into_text()
    }
}
