//! Captures of calls: how many go on, and what of them is missing in their files.

use std::sync::Arc;

use shared::{Recorder, WorkerStats};

use super::page::Page;

pub(super) fn write(page: &mut Page, recorder: &dyn Recorder, workers: &[Arc<WorkerStats>]) {
    let captures = recorder.captures();
    let running = captures.iter().filter(|one| one.end.is_none()).count();
    page.gauge("orbit_captures_running", "Calls that are being captured.")
        .sample(&[], running as u64);
    page.gauge(
        "orbit_captures_bytes",
        "Bytes of the files of captures, those included that wait to be fetched.",
    )
    .sample(&[], captures.iter().map(|one| one.bytes).sum::<u64>());
    let lost = workers.iter().map(|stats| stats.captured_lost.load());
    page.counter(
        "orbit_captures_lost_total",
        "Packets that are missing in captures because the worker's queue was full.",
    )
    .sample(&[], lost.sum::<u64>());
}
