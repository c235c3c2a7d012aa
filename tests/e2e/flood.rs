//! `rtpflood` with the real server: what it judges, and that its judgement is clean.

use clap::Parser as _;
use serde_json::Value;
use tools::flood;

use crate::harness::{Server, Settings};

/// Runs a mode of the flood against a server; the exit code and the report.
fn flood(mode: &str, server: &Server, options: &[&str]) -> (u8, Value) {
    let sip = server.address.to_string();
    let fixed = ["rtpflood", mode, "--sip", &sip, "--json", "--quiet"];
    let arguments = flood::Arguments::parse_from(fixed.iter().chain(options));
    let mut out = Vec::new();
    let code = flood::run(&arguments, &mut out).unwrap_or_else(|error| panic!("{error}"));
    let text = String::from_utf8(out).expect("a report is text");
    eprintln!("{text}");
    (code, serde_json::from_str(&text).expect("a report is JSON"))
}

fn number(report: &Value, path: &str) -> u64 {
    let value = report.pointer(path).and_then(Value::as_u64);
    value.unwrap_or_else(|| panic!("the report has no {path}"))
}

#[test]
fn a_hundred_and_ninety_parked_calls_are_judged_and_clean() {
    // One port in 32 is kept for retrievals.
    let server = Server::start(&Settings {
        orbits: (1_000, 1_299),
        media_pairs: 200,
        ..Settings::default()
    });
    let pid = server.process.id().to_string();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("report.html");
    let html = file.display().to_string();
    let options = [
        "--calls",
        "190",
        "--hold",
        "5",
        "--server-pid",
        &pid,
        "--html",
        &html,
    ];
    let (code, report) = flood("park", &server, &options);
    assert_eq!((code, &report["verdict"]), (0, &Value::from("clean")));
    assert_eq!(number(&report, "/calls/answered"), 190);
    assert_eq!(number(&report, "/calls/hung_up"), 190);
    assert_eq!(number(&report, "/packets/streams"), 190);
    // 5 s of 190 calls at 50 packets a second, and what came ahead of that.
    assert!(number(&report, "/packets/received") >= 47_500);
    assert!(number(&report, "/pacing/count") >= 45_000);
    assert!(report["server_cpu"]["cpu_ns_a_packet"].as_f64() > Some(0.0));
    let page = std::fs::read_to_string(&file).expect("the page was written");
    assert!(page.contains("<h2>CPU a packet against calls</h2>"));
    server.stop();
}

#[test]
fn fifty_bridged_pairs_speak_and_nothing_is_lost() {
    let server = Server::start(&Settings {
        media_pairs: 200,
        ..Settings::default()
    });
    let (code, report) = flood("relay", &server, &["--calls", "50", "--hold", "5"]);
    assert_eq!((code, &report["verdict"]), (0, &Value::from("clean")));
    assert_eq!(number(&report, "/calls/answered"), 100);
    assert_eq!(number(&report, "/packets/streams"), 100);
    let sent = number(&report, "/packets/sent");
    assert!(sent >= 20_000, "{sent} packets were sent");
    assert_eq!(number(&report, "/packets/received"), sent);
    assert!(number(&report, "/latency/direct/count") > 0);
    server.stop();
}

#[test]
fn music_that_is_not_the_servers_is_not_clean() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("other.wav");
    crate::harness::wav::write(&file, &crate::harness::wav::test_music(8_000));
    let server = Server::start(&Settings::default());
    let other = file.display().to_string();
    let options = ["--calls", "3", "--hold", "1", "--music", &other];
    let (code, report) = flood("park", &server, &options);
    assert_eq!((code, &report["verdict"]), (1, &Value::from("not_clean")));
    assert!(number(&report, "/packets/wrong_music") > 100);
    server.stop();
}

#[test]
fn calls_beyond_the_orbits_are_told_from_those_that_failed() {
    let server = Server::start(&Settings {
        orbits: (700, 704),
        ..Settings::default()
    });
    let (code, report) = flood("park", &server, &["--calls", "8", "--hold", "1"]);
    assert_eq!(code, 1, "three calls found no orbit");
    assert_eq!(number(&report, "/calls/answered"), 5);
    let refused = number(&report, "/calls/refused") + number(&report, "/calls/failed");
    assert_eq!(refused, 3);
    server.stop();
}

/// Attacks a server, its whole range of ports included.
fn attack(latch: &'static str, seconds: &str) {
    let server = Server::start(&Settings {
        latch,
        ..Settings::default()
    });
    let (first, last) = server.ports.server_media();
    let sweep = format!("{first}-{last}");
    let options = ["--seconds", seconds, "--sweep", &sweep, "--latch", latch];
    let (code, report) = flood("attack", &server, &options);
    assert_eq!((code, &report["verdict"]), (0, &Value::from("clean")));
    for harm in ["strays", "injected", "hijacks"] {
        assert_eq!(number(&report, &format!("/attack/{harm}")), 0, "{harm}");
    }
    assert!(number(&report, "/attack/packets") > 1_000);
    assert!(number(&report, "/attack/moves/1") > 0);
    let behind_nat = number(&report, "/attack/behind_nat");
    assert!(behind_nat > 0);
    let latched = if latch == "learn" { behind_nat } else { 0 };
    assert_eq!(number(&report, "/attack/latched"), latched);
    server.stop();
}

#[test]
fn an_attack_moves_nothing_and_phones_behind_a_nat_are_not_believed() {
    attack("closed", "10");
}

#[test]
fn an_attack_moves_nothing_while_phones_behind_a_nat_are_learned() {
    attack("learn", "8");
}

#[test]
fn parked_callers_who_talk_are_heard_by_nobody_and_hear_the_music_all_the_same() {
    let server = Server::start(&Settings::default());
    let (code, report) = flood("park", &server, &["--calls", "20", "--hold", "3", "--talk"]);
    assert_eq!((code, &report["verdict"]), (0, &Value::from("clean")));
    assert!(number(&report, "/packets/sent") > 2_000);
    server.stop();
}
