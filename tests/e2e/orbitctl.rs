//! `orbitctl` against the real server: tables and JSON, and what it says when something is wrong.

use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::clock::PATIENCE;
use crate::harness::{Server, Settings, Sipp};

pub(crate) fn orbitctl(server: &Server, arguments: &[&str]) -> Output {
    let url = format!("http://{}", server.api().address);
    with_token(server.api().token(), &url, arguments)
}

pub(crate) fn with_token(token: &str, url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orbitctl"))
        .env("ORBIT_TOKEN", token)
        .args(["--server", url])
        .args(arguments)
        .output()
        .expect("the binary")
}

pub(crate) fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// It ended with this code and a message that has all of `parts`.
pub(crate) fn fails(output: &Output, code: i32, parts: &[&str]) {
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(message.starts_with("orbitctl: "), "{message}");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
}

#[test]
fn who_waits_is_shown_as_a_table_and_as_json() {
    let server = Server::start(&Settings {
        api: true,
        ..Settings::default()
    });
    assert_eq!(said(&orbitctl(&server, &["orbits"])), "nobody waits\n");
    let mut parkees = Sipp::new("parkee_until_bye.xml")
        .calls(3, 50)
        .start(&server);
    let orbits = parkees.orbits(3);

    let table = said(&orbitctl(&server, &["orbits"]));
    assert_eq!(table.lines().count(), 4, "{table}");
    for orbit in &orbits {
        let row = table.lines().find(|line| line.starts_with(orbit));
        assert!(row.is_some_and(|row| row.contains(" parked ")), "{table}");
    }
    let list = said(&orbitctl(&server, &["orbits", "--range", "test", "--json"]));
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list["orbits"].as_array().map(Vec::len), Some(3));

    let one = said(&orbitctl(&server, &["orbit", &orbits[0]]));
    assert!(one.contains("state     parked"), "{one}");
    let ranges = said(&orbitctl(&server, &["ranges"]));
    assert!(ranges.contains("700-799"), "{ranges}");
    let drawn = said(&orbitctl(&server, &["test-reservations", "-n", "20000"]));
    let verdict = "20000 draws from 97 free orbits: chi-square";
    assert!(
        drawn.contains(verdict) && drawn.contains("as likely"),
        "{drawn}"
    );
    let status = said(&orbitctl(&server, &["status"]));
    assert!(status.contains("orbits    3 taken, 97 free"), "{status}");
    let top = said(&orbitctl(&server, &["top", "--looks", "2"]));
    assert!(top.contains("0.0 parked"), "{top}");

    let retrievers = Sipp::new("retriever_leaves.xml")
        .calls(3, 50)
        .dials(&orbits)
        .start(&server);
    retrievers.finish();
    parkees.finish();
    server.stop();
}

#[test]
fn a_call_is_moved_and_ended_and_its_history_told() {
    let mut server = Server::start(&Settings {
        api: true,
        ..Settings::default()
    });
    assert!(said(&orbitctl(&server, &["history"])).starts_with("nobody was parked"));
    let mut parkee = Sipp::new("parkee_moved.xml").start(&server);
    let orbit = parkee.orbit();
    let other = if orbit == "777" { "778" } else { "777" };

    let moved = said(&orbitctl(&server, &["move", &orbit, other]));
    assert!(moved.contains(&format!("orbit     {other}")), "{moved}");
    parkee.logged("moved");
    fails(&orbitctl(&server, &["hang-up", &orbit]), 1, &[&orbit]);
    let stranger = ["hang-up", other, "--call", "00000000000000ff"];
    fails(&orbitctl(&server, &stranger), 1, &["call"]);
    let history = said(&orbitctl(&server, &["history", "-n", "5"]));
    assert!(history.contains("waiting"), "{history}");
    assert_eq!(said(&orbitctl(&server, &["hang-up", other])), "");
    parkee.finish();
    let history = said(&orbitctl(&server, &["history", "--json"]));
    let history: Value = serde_json::from_str(&history).expect("JSON");
    let stay = &history["calls"][0];
    assert_eq!(stay["orbit"], other, "{history}");
    assert!(!stay["over_at"].is_null(), "{history}");
    let nobody = ["park", "00000000000000ff"];
    fails(&orbitctl(&server, &nobody), 1, &["00000000000000ff"]);
    assert_eq!(said(&orbitctl(&server, &["drain"])), "");
    let ended = server.process.wait(PATIENCE);
    assert!(ended.success(), "with its last call: {ended}");
}

#[test]
fn a_parked_call_is_brought_to_a_phone_and_how_that_ends_is_told() {
    let server = Server::start(&Settings {
        api: true,
        store: true,
        ..Settings::default()
    });
    let (busy, desk) = (server.ports.pair(), server.ports.pair());
    let mut parkee = Sipp::new("parkee_recalled.xml")
        .dials(&["sip:parker@127.0.0.1:9".to_owned()])
        .start(&server);
    let orbit = parkee.orbit();
    let refuses = Sipp::new("delivery_busy.xml").at(busy).start(&server);
    let to = format!("sip:alice@127.0.0.1:{busy}");
    let refused = orbitctl(&server, &["retrieve", &orbit, &to]);
    fails(&refused, 1, &["486", "waits on"]);
    refuses.finish();
    let elsewhere = ["retrieve", &orbit, "sip:alice@192.0.2.7"];
    fails(
        &orbitctl(&server, &elsewhere),
        1,
        &["192.0.2.7", "refer_to"],
    );

    let answers = Sipp::new("delivery_answers.xml").at(desk).start(&server);
    let to = format!("sip:alice@127.0.0.1:{desk}");
    let told = said(&orbitctl(&server, &["retrieve", &orbit, &to]));
    assert_eq!(told, format!("connected to {to}\n"));
    parkee.logged("retrieved");
    answers.finish();
    parkee.finish();
    server.stop();
}

#[test]
fn what_is_wrong_is_said_with_what_to_do_and_an_exit_code() {
    let server = Server::start(&Settings {
        api: true,
        ..Settings::default()
    });
    let url = format!("http://{}", server.api().address);
    fails(&orbitctl(&server, &["orbit", "999"]), 1, &["999", "ranges"]);
    let range = ["orbits", "--range", "nowhere"];
    fails(&orbitctl(&server, &range), 1, &["nowhere"]);
    let stranger = with_token("orbit_of_nobody", &url, &["orbits"]);
    fails(&stranger, 4, &["token", "configuration"]);
    fails(
        &with_token("", &url, &["orbits"]),
        4,
        &["orbitd token NAME ROLE"],
    );
    server.stop();
    let gone = with_token("orbit_of_nobody", &url, &["status"]);
    fails(&gone, 3, &[&url, "systemctl status orbitd"]);
}
