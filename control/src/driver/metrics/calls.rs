//! Calls and orbits: how many there are, and how often what happened to them.

use std::collections::BTreeMap;

use super::Figures;
use super::page::Page;
use crate::happening::{Dialect, End, RecallEnd, Tally, Way, Whom, Why};

/// How full a range is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::driver) struct RangeFigures {
    /// As configured.
    pub name: Box<str>,
    /// How many of its orbits are free.
    pub free: usize,
    /// How many are taken.
    pub taken: usize,
}

pub(super) fn write(page: &mut Page, figures: &Figures) {
    let mut family = page.gauge(
        "orbit_orbits",
        "Orbits, by range and whether they are taken.",
    );
    for range in by_name(&figures.ranges) {
        family.sample(&[("range", range.0), ("state", "free")], range.1);
        family.sample(&[("range", range.0), ("state", "taken")], range.2);
    }
    let status = &figures.status;
    for (name, help, value) in [
        (
            "orbit_calls",
            "Calls: parked, bridged or between.",
            status.calls,
        ),
        (
            "orbit_calls_released",
            "Retrieved calls whose phones send RTP to each other.",
            status.released,
        ),
        (
            "orbit_legs",
            "Legs: one dialog and one stream each.",
            status.legs,
        ),
        (
            "orbit_streams",
            "Streams open, opening or closing.",
            status.streams,
        ),
    ] {
        page.gauge(name, help).sample(&[], value);
    }
    happened(page, &figures.tally);
}

/// A removed range and a new one of its name are one to who looks at names.
fn by_name(ranges: &[RangeFigures]) -> impl Iterator<Item = (&str, usize, usize)> + '_ {
    let mut sums: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for range in ranges {
        let sum = sums.entry(&range.name).or_default();
        sum.0 += range.free;
        sum.1 += range.taken;
    }
    sums.into_iter()
        .map(|(name, (free, taken))| (name, free, taken))
}

fn happened(page: &mut Page, tally: &Tally) {
    let name = ("orbit_parks_total", "Calls parked.");
    by(
        page,
        name,
        "dialect",
        &DIALECTS,
        &tally.parked,
        Dialect::name,
    );
    let help = "Calls that were to be parked and are not.";
    failures(page, "orbit_parks_failed_total", help, &tally.parks_failed);
    let name = ("orbit_retrieves_total", "Calls retrieved.");
    by(page, name, "way", &WAYS, &tally.retrieved, Way::name);
    let help = "Retrievals that came to nothing.";
    failures(
        page,
        "orbit_retrieves_failed_total",
        help,
        &tally.retrieves_failed,
    );
    recalls(page, tally);
    let name = (
        "orbit_calls_ended_total",
        "How calls that were parked ended.",
    );
    by(page, name, "how", &ENDS, &tally.ended, End::name);
    adoptions(page, tally);
}

fn recalls(page: &mut Page, tally: &Tally) {
    let name = (
        "orbit_recalls_total",
        "Calls to the parker or the fallback.",
    );
    by(page, name, "whom", &WHOM, &tally.recalls, Whom::name);
    let help = "How calls to the parker or the fallback ended.";
    let mut family = page.counter("orbit_recalls_ended_total", help);
    for whom in WHOM {
        for how in RECALL_ENDS.map(RecallEnd::name) {
            let count = tally.recalls_ended.get(&(whom, how)).copied();
            let labels = [("whom", whom.name()), ("how", how)];
            family.sample(&labels, count.unwrap_or(0));
        }
    }
    let help = "Alarms: everybody was called and nobody came.";
    page.counter("orbit_forsaken_total", help)
        .sample(&[], tally.forsaken);
    let help = "Calls parked again, as who had retrieved them was never there.";
    page.counter("orbit_parked_again_total", help)
        .sample(&[], tally.parked_again);
}

fn adoptions(page: &mut Page, tally: &Tally) {
    let help = "Calls of an earlier process that were taken up.";
    page.counter("orbit_adopted_total", help)
        .sample(&[], tally.adopted);
    let help = "Calls of an earlier process that could not be taken up.";
    page.counter("orbit_not_adopted_total", help)
        .sample(&[], tally.not_adopted);
}

const DIALECTS: [Dialect; 7] = [
    Dialect::Dialled,
    Dialect::Transfer,
    Dialect::AttendedTransfer,
    Dialect::Refer,
    Dialect::ReferInCall,
    Dialect::Lync,
    Dialect::Operator,
];
const WAYS: [Way; 4] = [Way::Dialled, Way::Recall, Way::Fallback, Way::Chosen];
const WHOM: [Whom; 3] = [Whom::Parker, Whom::Fallback, Whom::Chosen];
/// Statuses aside.
const RECALL_ENDS: [RecallEnd; 6] = [
    RecallEnd::Answered,
    RecallEnd::Refused(0),
    RecallEnd::NotAnswered,
    RecallEnd::RetrievedElsewhere,
    RecallEnd::CallOver,
    RecallEnd::NotCalled,
];
const ENDS: [End; 12] = [
    End::HungUp,
    End::PhoneGone,
    End::NoAck,
    End::SessionExpired,
    End::NotRetrieved,
    End::Replaced,
    End::ParkedAnew,
    End::Operator,
    End::BadAnswer,
    End::MediaTimeout,
    End::MediaLost,
    End::Stopping,
];

/// A counter by one label, each value from the start, so that the first shows as a rise.
fn by<K: Ord + Copy>(
    page: &mut Page,
    (name, help): (&str, &str),
    label: &str,
    all: &[K],
    counts: &BTreeMap<K, u64>,
    word: impl Fn(K) -> &'static str,
) {
    let mut family = page.counter(name, help);
    for &key in all {
        family.sample(
            &[(label, word(key))],
            counts.get(&key).copied().unwrap_or(0),
        );
    }
}

/// By reason, each from the start, and by the status that the peer was told, as RFC 6076 tells
/// failures apart.
fn failures(page: &mut Page, name: &str, help: &str, counts: &BTreeMap<Why, u64>) {
    let mut family = page.counter(name, help);
    let mut all: BTreeMap<Why, u64> = Why::known().map(|why| (why, 0)).collect();
    all.extend(counts);
    for (why, count) in &all {
        let status = why.status.to_string();
        family.sample(&[("reason", why.name), ("status", &status)], count);
    }
}
