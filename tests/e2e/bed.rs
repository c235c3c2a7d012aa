//! The server between two network namespaces: nothing lost, and as well paced as a bare timer on
//! the same CPU in the same minute; and what parks and retrieves through SIP are measured by.

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

/// How fast it can be is the benchmark's to say, on a machine that does nothing else
/// (`make bench-control`); here a rate that every machine reaches.
#[test]
fn row_56_the_rate_of_parking_and_retrieving_is_measured() {
    let arguments = ["bed", "pairs", "--calls", "300", "--music", "100"];
    let pace = ["--rate", "40", "--seconds", "5", "--json"];
    let mut bed = Process::spawn("orbitd bed", orbitd().args(arguments).args(pace));
    // Times fall short on a busy machine.
    bed.wait(Duration::from_secs(120));
    let said = bed.log().join("\n");
    let at = said.find('{').expect("a report");
    let mut reports = serde_json::Deserializer::from_str(&said[at..]).into_iter::<Value>();
    let report = reports.next().expect("a report").expect("JSON");
    let figures = &report["figures"];
    assert_eq!(figures["begun"], 200, "{report:#}");
    assert_eq!(figures["failed"], 0, "{report:#}");
    for time in ["park_us", "retrieval_us"] {
        assert!(figures[time]["p99"].as_u64() > Some(0), "{report:#}");
    }
}
