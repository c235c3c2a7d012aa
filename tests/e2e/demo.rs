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

#[test]
fn more_callers_than_the_workers_have_time_for_are_refused_and_the_others_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("orbit.toml");
    std::fs::write(&config, "[media]\nworkers = 1\nadmission = \"10%\"\n").unwrap();
    let mut demo = Process::spawn(
        "orbitd demo",
        orbitd()
            .args(["demo", "--calls", "5000", "--seconds", "5", "--config"])
            .arg(&config),
    );
    let status = demo.wait(Duration::from_secs(120));
    let log = demo.log();
    let says = |what: &str| log.iter().any(|line| line.contains(what));
    assert_eq!(status.code(), Some(1), "not all were parked: {log:#?}");
    assert!(says("failed: 503 Service Unavailable"), "{log:#?}");
    assert!(says("[media] admission"), "it says why: {log:#?}");
    assert!(says("  FULL: "), "who was taken was served: {log:#?}");
}
