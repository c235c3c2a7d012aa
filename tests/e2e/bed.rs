//! The server between two network namespaces: nothing lost, and as well paced as a bare timer on
//! the same CPU in the same minute. And the beds that measure parks and retrievals, the store,
//! adoption, the API and its scrapes: small, and judged by what they count. How fast all of that
//! is, `make bench-control` and `make bench-durable` say, on a machine that does nothing else.

use std::time::Duration;

use serde_json::Value;

use crate::harness::Process;
use crate::harness::server::orbitd;

#[test]
fn two_thousand_parked_calls_lose_nothing_and_keep_time_as_well_as_a_bare_timer() {
    let arguments = ["bed", "brief", "--calls", "2000"];
    let mut bed = Process::spawn("orbitd bed", orbitd().args(arguments));
    let status = bed.wait(Duration::from_secs(120));
    // What falls short, or which right is missing, is in its log.
    assert!(status.success(), "the bed ended with {status}");
    let said = bed.log();
    let judged = [
        "parked",
        "not arrived",
        "of those due",
        "unbroken",
        "bare 1 ms timer",
    ];
    for what in judged {
        let passed = said
            .iter()
            .any(|line| line.contains("pass ") && line.contains(what));
        assert!(passed, "no row of `{what}` passed");
    }
}

/// What a bed has found, as it says it.
fn report(arguments: &[&str]) -> Value {
    let mut command = orbitd();
    command.arg("bed").args(arguments).arg("--json");
    let mut bed = Process::spawn("orbitd bed", &mut command);
    // Times fall short on a busy machine.
    bed.wait(Duration::from_secs(120));
    let said = bed.log().join("\n");
    let at = said.find('{').expect("a report");
    let mut reports = serde_json::Deserializer::from_str(&said[at..]).into_iter::<Value>();
    reports.next().expect("a report").expect("JSON")
}

/// A folder on the disk that the tests are built on; a temporary one may be in memory.
const DISK: &str = env!("CARGO_TARGET_TMPDIR");

/// At a rate that every machine reaches.
#[test]
fn row_56_the_rate_of_parking_and_retrieving_is_measured() {
    let size = [
        "--calls",
        "300",
        "--music",
        "100",
        "--rate",
        "40",
        "--seconds",
        "5",
    ];
    let found = report(&[&["pairs"], &size[..]].concat());
    let figures = &found["figures"];
    assert_eq!(figures["begun"], 200, "{found:#}");
    assert_eq!(figures["failed"], 0, "{found:#}");
    for time in ["park_us", "retrieval_us"] {
        assert!(figures[time]["p99"].as_u64() > Some(0), "{found:#}");
    }
}

#[test]
fn pairs_are_durable_before_anybody_is_told_of_them() {
    let size = [
        "--calls",
        "100",
        "--music",
        "50",
        "--rate",
        "40",
        "--seconds",
        "3",
    ];
    let found = report(&[&["pairs", "--store", DISK], &size[..]].concat());
    let figures = &found["figures"];
    assert_eq!(figures["begun"], 120, "{found:#}");
    assert_eq!(figures["failed"], 0, "{found:#}");
    let store = &figures["store"];
    // Each pair is parked, bridged and over.
    assert!(store["operations"].as_f64() >= Some(360.0), "{found:#}");
    assert_eq!(store["falls_behind"], 0.0, "{found:#}");
    assert!(store["fdatasync_us"]["before"]["p50"].as_u64() > Some(0));
}

#[test]
fn every_call_is_adopted_in_its_orbit_after_a_kill() {
    let found = report(&["adopt", "--store", DISK, "--calls", "400", "--music", "50"]);
    let figures = &found["figures"];
    for count in ["parked_before", "adopted", "parked_after"] {
        assert_eq!(figures[count], 400, "{found:#}");
    }
    assert_eq!(figures["misplaced"], 0, "{found:#}");
}

#[test]
fn a_list_has_every_orbit_also_while_phones_park() {
    let found = report(&["list", "--calls", "700", "--requests", "10", "--rate", "20"]);
    let figures = &found["figures"];
    for lists in ["quiet", "busy"] {
        assert!(figures[lists]["orbits"].as_u64() >= Some(700), "{found:#}");
    }
    assert_eq!(figures["parks_with_lists"]["failed"], 0, "{found:#}");
}

#[test]
fn rounds_with_and_without_scrapes_take_turns() {
    let rounds = ["--rounds", "2", "--seconds", "2", "--rate", "5"];
    let found = report(&[&["scrape", "--calls", "100"], &rounds[..]].concat());
    let rounds = found["figures"]["rounds"].as_array().expect("rounds");
    assert_eq!(rounds.len(), 2, "{found:#}");
    for round in rounds {
        assert!(round["scrapes"].as_u64() >= Some(5), "{found:#}");
        for half in ["with_ns", "without_ns"] {
            assert!(round[half]["p99"].as_u64() > Some(0), "{found:#}");
        }
    }
}
