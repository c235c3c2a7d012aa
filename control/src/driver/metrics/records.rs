//! Call detail records: what was lost of them. Counted where it is lost.

use shared::Counter;

use super::page::Page;

/// Written by whoever loses something, read by anybody.
#[derive(Debug, Default)]
pub(in crate::driver) struct RecordStats {
    /// Happenings that no record tells of: too many waited for the store's thread.
    pub(in crate::driver) happenings: Counter,
    /// Whole records: too many waited for a store or file that could not be written.
    pub(in crate::driver) records: Counter,
}

pub(super) fn write(page: &mut Page, stats: &RecordStats) {
    let help = "What call detail records lack: happenings, or whole records.";
    page.counter("orbit_records_lost_total", help)
        .sample(&[("what", "happening")], stats.happenings.load())
        .sample(&[("what", "record")], stats.records.load());
}
