use std::collections::BTreeSet;

use shared::{DropReason, NoRecorder};

use super::*;
use crate::happening::Why;

fn figures() -> Figures {
    let mut tally = Tally::default();
    let why = Why {
        name: "no-free-orbit",
        status: 486,
    };
    tally.parks_failed.insert(why, 2);
    let range = |name: &str, free, taken| RangeFigures {
        name: name.into(),
        free,
        taken,
    };
    Figures {
        status: ControlStatus {
            calls: 7,
            store_behind: true,
            ..ControlStatus::default()
        },
        ranges: vec![range("front", 90, 10), range("old \"desk\"", 0, 1)],
        tally,
        sip_drops: vec![(SipDrop::Untrusted, 4)],
        ..Figures::default()
    }
}

fn rendered() -> String {
    let stats = WorkerStats::new();
    stats.rtp_sent.add(50);
    stats.by_raw.add(49);
    stats.utilisation.store(125);
    stats.count_drop(DropReason::WrongSource, 3);
    stats.lateness.record(1_500, 50);
    let store = Arc::new(StoreStats::default());
    let metrics = Metrics {
        node: "edge-1".into(),
        workers: vec![Arc::new(stats)],
        store: Some(store),
        records: Arc::default(),
        api: Arc::default(),
        recorder: Arc::new(NoRecorder),
    };
    metrics.render(&figures())
}

#[test]
fn the_page_has_a_figure_of_each_part_of_the_server() {
    let text = rendered();
    for line in [
        "orbit_calls 7",
        "orbit_orbits{range=\"front\",state=\"free\"} 90",
        "orbit_orbits{range=\"old \\\"desk\\\"\",state=\"taken\"} 1",
        "orbit_parks_total{dialect=\"refer\"} 0",
        "orbit_parks_failed_total{reason=\"no-free-orbit\",status=\"486\"} 2",
        "orbit_sip_drops_total{reason=\"untrusted\"} 4",
        "orbit_media_packets_sent_total{worker=\"0\",protocol=\"rtp\"} 50",
        "orbit_media_sent_by_form_total{worker=\"0\",form=\"socket\"} 0",
        "orbit_media_sent_by_form_total{worker=\"0\",form=\"raw\"} 49",
        "orbit_media_utilisation_ratio{worker=\"0\"} 0.125",
        "orbit_media_drops_total{worker=\"0\",reason=\"wrong_source\"} 3",
        "orbit_media_drops_total{worker=\"0\",reason=\"no_buffer\"} 0",
        "orbit_media_lateness_seconds_bucket{worker=\"0\",le=\"0.000002\"} 50",
        "orbit_media_lateness_seconds_sum{worker=\"0\"} 0.000075",
        "orbit_store_behind 1",
        "orbit_records_lost_total{what=\"happening\"} 0",
        "orbit_api_handshakes_failed_total 0",
        "orbit_parks_failed_total{reason=\"denied\",status=\"403\"} 0",
        "orbit_retrieves_failed_total{reason=\"empty-orbit\",status=\"404\"} 0",
        "orbit_recalls_ended_total{whom=\"fallback\",how=\"not-answered\"} 0",
        "orbit_calls_ended_total{how=\"operator\"} 0",
    ] {
        assert!(
            text.lines().any(|one| one == line),
            "{line} is not in:\n{text}"
        );
    }
}

#[test]
fn each_sample_belongs_to_the_family_above_it_and_stands_once() {
    let text = rendered();
    let mut family = "";
    let mut heads = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# HELP ") {
            family = head.split(' ').next().unwrap();
            assert!(heads.insert(family), "{family} stands twice");
            continue;
        }
        if line.starts_with("# TYPE ") {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(series.starts_with(family), "{line} is not of {family}");
        assert!(seen.insert(series), "{series} stands twice");
    }
}

#[test]
fn each_family_is_explained_to_the_operator() {
    let page = include_str!("../../../../docs/operations/metrics.md");
    for line in rendered().lines() {
        let Some(head) = line.strip_prefix("# TYPE ") else {
            continue;
        };
        let name = head.split(' ').next().unwrap();
        assert!(
            page.contains(&format!("`{name}`")),
            "metrics.md lacks {name}"
        );
    }
}
