//! The server under a supervisor: what it tells it, and its log for machines.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::clock::PATIENCE;
use crate::harness::server::orbitd;
use crate::harness::{Ports, Process};

/// A configuration with a port of its own.
fn site(folder: &TempDir, ports: &Ports) -> PathBuf {
    let file = folder.path().join("site.toml");
    let port = ports.pair();
    let (first, last) = ports.server_media();
    let text = format!(
        "[sip]\nlisten = [\"udp:127.0.0.1:{port}\"]\n[media]\nports = \"{first}-{last}\"\n\
         [api]\nlisten = \"127.0.0.1:0\"\n"
    );
    fs::write(&file, text).expect("a file of our own");
    file
}

/// What the supervisor hears next.
fn word(ear: &UnixDatagram) -> String {
    let mut buffer = [0; 512];
    let length = ear.recv(&mut buffer).expect("a word in time");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn a_supervisor_is_told_of_the_start_of_each_beat_and_of_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ports = Ports::reserve();
    let socket = folder.path().join("notify");
    let ear = UnixDatagram::bind(&socket).expect("a socket of our own");
    ear.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut command = orbitd();
    command.arg("--config").arg(site(&folder, &ports));
    command.env("NOTIFY_SOCKET", &socket);
    command.env("WATCHDOG_USEC", "500000");
    let mut process = Process::spawn("orbitd", &mut command);
    assert_eq!(word(&ear), "READY=1");
    for _ in 0..3 {
        let beat = word(&ear);
        assert!(beat.contains("WATCHDOG=1"), "{beat}");
        assert!(beat.contains("STATUS=Serving: 0 parked"), "{beat}");
    }
    process.terminate();
    let mut last = word(&ear);
    while last.contains("Serving") {
        last = word(&ear);
    }
    assert_eq!(last, "STOPPING=1");
    assert!(process.wait(PATIENCE).success());
}

#[test]
fn a_log_for_machines_has_one_json_object_a_line_from_warning_to_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ports = Ports::reserve();
    let file = site(&folder, &ports);
    // Announcements are not built: a warning, which is a line of the log too.
    let text = fs::read_to_string(&file).expect("a file of our own")
        + "[[announcement]]\nname = \"moved\"\naudio = \"moved.wav\"\n";
    fs::write(&file, text).expect("a file of our own");
    let mut command = orbitd();
    command
        .args(["--log-format", "json", "--config"])
        .arg(&file);
    let mut process = Process::spawn("orbitd", &mut command);
    process.line_with("to stop", PATIENCE);
    process.terminate();
    assert!(process.wait(PATIENCE).success());
    let lines: Vec<Value> = process
        .log()
        .iter()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let says = |level: &str, words: &str| {
        lines.iter().any(|line| {
            let message = line["message"].as_str().unwrap_or_default();
            line["level"] == level && message.contains(words)
        })
    };
    assert!(says("WARN", "announcements are not built"), "{lines:?}");
    assert!(says("INFO", "stopping"), "{lines:?}");
    // The lines for whoever started it are on stdout, and have no braces.
    let text = |line: &&String| !line.starts_with(['{', ' ']) && !line.starts_with("orbit ");
    let strays: Vec<_> = process.log().iter().filter(text).collect();
    assert!(strays.is_empty(), "{strays:?}");
}
