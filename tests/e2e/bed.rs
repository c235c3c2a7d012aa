//! The media path between two network namespaces: nothing lost, and as well paced as a bare timer
//! on the same CPU in the same minute.

use std::time::Duration;

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
