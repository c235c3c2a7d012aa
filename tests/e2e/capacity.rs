//! What an operator asks before buying.

use std::time::Duration;

use crate::harness::Process;
use crate::harness::server::orbitd;

#[test]
fn capacity_ends_by_itself_and_names_a_number_and_what_limits_it() {
    let arguments = ["capacity", "--seconds", "12", "--realtime"];
    let mut capacity = Process::spawn("orbitd capacity", orbitd().args(arguments));
    let status = capacity.wait(Duration::from_secs(60));
    assert!(status.success(), "it ended with {status}");
    let said = capacity.log();
    for what in ["parked calls a worker", "limited by", "to raise"] {
        assert!(said.iter().any(|line| line.contains(what)), "no `{what}`");
    }
}
