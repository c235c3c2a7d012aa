//! The workers: streams, packets, drops, how late they send, how much of their time they need.
//! Read from their counters without stopping them.

use std::sync::Arc;

use shared::{Counter, DropReason, Form, Histogram, WorkerStats};

use super::page::Page;

/// Bounds of lateness that are shown: up to a second; a stall is beyond.
const LATENESS_BUCKETS: usize = 21;

pub(super) fn write(page: &mut Page, workers: &[Arc<WorkerStats>]) {
    let names: Vec<String> = (0..workers.len())
        .map(|worker| worker.to_string())
        .collect();
    let each = || names.iter().map(String::as_str).zip(workers);
    let mut gauge = |name, help, value: fn(&WorkerStats) -> f64| {
        let mut family = page.gauge(name, help);
        for (worker, stats) in each() {
            family.sample(&[("worker", worker)], value(stats));
        }
    };
    gauge("orbit_media_streams", "Streams open.", |stats| {
        float(stats.streams.load())
    });
    gauge(
        "orbit_media_utilisation_ratio",
        "Part of its time that the worker needs, smoothed; admission goes by it.",
        |stats| float(stats.utilisation.load()) / 1_000.0,
    );
    let mut counter = |name, help, value: fn(&WorkerStats) -> f64| {
        let mut family = page.counter(name, help);
        for (worker, stats) in each() {
            family.sample(&[("worker", worker)], value(stats));
        }
    };
    counter(
        "orbit_media_cpu_seconds_total",
        "CPU time of the worker's thread.",
        |stats| float(stats.cpu_nanos.load()) / 1e9,
    );
    counter(
        "orbit_media_refused_total",
        "Streams refused because the worker's time was used up.",
        |stats| float(stats.refused.load()),
    );
    counter(
        "orbit_media_ring_enters_total",
        "Calls of io_uring_enter.",
        |stats| float(stats.enters.load()),
    );
    packets(page, &names, workers);
    forms(page, &names, workers);
    drops(page, &names, workers);
    lateness(page, &names, workers);
}

type Reads<const N: usize> = [(&'static str, fn(&WorkerStats) -> &Counter); N];

/// Which way packets took ([`shared::Form`]).
fn forms(page: &mut Page, names: &[String], workers: &[Arc<WorkerStats>]) {
    let reads: Reads<3> = [
        (Form::Socket.name(), |stats| &stats.by_socket),
        (Form::Raw.name(), |stats| &stats.by_raw),
        (Form::Packet.name(), |stats| &stats.by_packet),
    ];
    let help = "Packets of RTP and RTCP by the form in which they were handed to the kernel.";
    let mut family = page.counter("orbit_media_sent_by_form_total", help);
    for (worker, stats) in names.iter().zip(workers) {
        for (form, read) in reads {
            family.sample(&[("worker", worker), ("form", form)], read(stats).load());
        }
    }
}

fn packets(page: &mut Page, names: &[String], workers: &[Arc<WorkerStats>]) {
    let sent: Reads<2> = [
        ("rtp", |stats| &stats.rtp_sent),
        ("rtcp", |stats| &stats.rtcp_sent),
    ];
    let received: Reads<2> = [
        ("rtp", |stats| &stats.rtp_received),
        ("rtcp", |stats| &stats.rtcp_received),
    ];
    let families = [
        (
            "orbit_media_packets_sent_total",
            "Packets handed to the kernel.",
            sent,
        ),
        (
            "orbit_media_packets_received_total",
            "Packets accepted from peers.",
            received,
        ),
    ];
    for (name, help, reads) in families {
        let mut family = page.counter(name, help);
        for (worker, stats) in names.iter().zip(workers) {
            for (protocol, read) in reads {
                let labels = [("worker", worker.as_str()), ("protocol", protocol)];
                family.sample(&labels, read(stats).load());
            }
        }
    }
}

/// Every reason from the start, so that the first drop shows as a rise.
fn drops(page: &mut Page, names: &[String], workers: &[Arc<WorkerStats>]) {
    let help = "Packets that were dropped or not sent, by reason.";
    let mut family = page.counter("orbit_media_drops_total", help);
    for (worker, stats) in names.iter().zip(workers) {
        for reason in DropReason::ALL {
            let labels = [("worker", worker.as_str()), ("reason", reason.name())];
            family.sample(&labels, stats.dropped(reason));
        }
    }
}

fn lateness(page: &mut Page, names: &[String], workers: &[Arc<WorkerStats>]) {
    let help = "How late packets left, measured against their slot.";
    let mut family = page.histogram("orbit_media_lateness_seconds", help);
    for (worker, stats) in names.iter().zip(workers) {
        histogram(&stats.lateness, |counts, beyond, sum| {
            family.buckets(&[("worker", worker.as_str())], counts, beyond, sum);
        });
    }
}

/// The shown buckets of a histogram, in seconds.
pub(super) fn histogram(
    histogram: &Histogram,
    show: impl FnOnce([(f64, u64); LATENESS_BUCKETS], u64, f64),
) {
    let counts = histogram.counts();
    let shown = std::array::from_fn(|index| {
        let bound = float(Histogram::bound_us(index)) / 1e6;
        (bound, counts[index])
    });
    let beyond = counts[LATENESS_BUCKETS..].iter().sum();
    show(shown, beyond, float(histogram.sum_nanos()) / 1e9);
}

/// For figures beyond 2^53 the last digits do not matter.
pub(super) fn float(value: u64) -> f64 {
    value as f64
}
