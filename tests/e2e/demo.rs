//! The first thing a newcomer runs.

use std::time::Duration;

use crate::harness::Process;
use crate::harness::server::orbitd;

#[test]
fn the_demo_parks_two_hundred_callers_and_loses_nothing() {
    let arguments = ["demo", "--calls", "200", "--seconds", "5"];
    let mut demo = Process::spawn("orbitd demo", orbitd().args(arguments));
    let status = demo.wait(Duration::from_secs(60));
    assert!(status.success(), "the demo ended with {status}");
    assert!(
        demo.log().iter().any(|line| line.contains("200")),
        "it says what it did"
    );
}
