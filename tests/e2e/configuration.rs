//! What the operator sees of a configuration that is right or wrong.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Output;

use rustix::process::Signal;

use crate::harness::clock::PATIENCE;
use crate::harness::server::orbitd;
use crate::harness::{Process, Server, Settings};

/// `orbitd check` of a file with this text.
fn check(text: &str) -> (Output, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("site.toml");
    fs::write(&file, text).expect("a file of our own");
    let output = orbitd()
        .arg("check")
        .arg("--config")
        .arg(&file)
        .output()
        .expect("the binary");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

/// A wrong configuration stops with one line that has all of `parts`.
fn refuses(text: &str, parts: &[&str]) {
    let (output, said) = check(text);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let line = said
        .lines()
        .find(|line| line.contains("site.toml:"))
        .unwrap_or_default();
    for part in parts {
        assert!(line.contains(part), "the message lacks {part:?}:\n{said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn an_empty_file_is_right() {
    let (output, said) = check("");
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_annotated_example_is_right() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("example.toml");
    let output = orbitd()
        .arg("check")
        .arg("--config")
        .arg(example)
        .output()
        .expect("the binary");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_wrong_key_is_named_with_its_line_and_the_right_one() {
    refuses("[park]\nusr = \"park\"\n", &["site.toml:2", "usr", "user"]);
}

#[test]
fn a_wrong_value_is_named_with_what_would_be_right() {
    refuses(
        "[park]\n\npickup_timeout = \"5s\"\n",
        &["site.toml:3", "[park]", "pickup_timeout", "5s", "10s"],
    );
}

#[test]
fn overlapping_orbit_ranges_are_named() {
    refuses(
        "[[orbit_range]]\nname = \"one\"\nstart = \"700\"\nend = \"799\"\n\
         [[orbit_range]]\nname = \"two\"\nstart = \"750\"\nend = \"760\"\n",
        &["site.toml:", "one", "two"],
    );
}

#[test]
fn an_unreadable_music_file_is_named() {
    refuses(
        "[music.default]\nfile = \"no/such/music.wav\"\n",
        &["site.toml:2", "file", "no/such/music.wav"],
    );
}

#[test]
fn row_47_a_file_that_is_no_music_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("letter.wav");
    fs::write(&file, "Dear Sir or Madam, ".repeat(50)).expect("a file of our own");
    let text = format!("[music.default]\nfile = \"{}\"\n", file.display());
    refuses(&text, &["site.toml:2", "file", "letter.wav"]);
}

#[test]
fn a_file_that_is_no_toml_is_named() {
    refuses("[park\nuser = 1\n", &["site.toml:1"]);
}

#[test]
fn a_missing_file_is_named() {
    let output = orbitd()
        .args(["--config", "no/such/site.toml"])
        .output()
        .expect("the binary");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no/such/site.toml"), "{said}");
}

#[test]
fn a_taken_port_stops_the_start_with_a_remedy() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = taken.local_addr().expect("bound");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("site.toml");
    let text = format!("[sip]\nlisten = [\"tcp:{address}\"]\n");
    fs::write(&file, text).expect("a file of our own");
    let mut process = Process::spawn("orbitd", orbitd().arg("--config").arg(&file));
    let status = process.wait(PATIENCE);
    assert_eq!(status.code(), Some(1));
    let said = process.log().join("\n");
    assert!(said.contains(&format!("tcp:{address}")), "{said}");
    assert!(said.contains("in use"), "{said}");
}

#[test]
fn the_start_up_lines_say_what_to_dial() {
    let mut server = Server::start(&Settings::default());
    let park = server.uri("park");
    server.process.line_with(&park, PATIENCE);
    server.process.line_with("700-799", PATIENCE);
    server.stop();
}

#[test]
fn a_stopped_server_gives_its_ports_back() {
    let server = Server::start(&Settings::default());
    let address = server.address;
    server.stop();
    TcpListener::bind(address).expect("the TCP port is free");
    UdpSocket::bind(address).expect("the UDP port is free");
}

#[test]
fn ctrl_c_ends_it_as_well() {
    let mut server = Server::start(&Settings::default());
    server.process.signal(Signal::INT);
    assert!(server.process.wait(PATIENCE).success());
}
