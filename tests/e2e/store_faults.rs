//! Faults of the store: no room, no right to write, files that are not what they should be.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use control::driver::Sqlite;
use control::store::Store as _;

use crate::harness::clock::PATIENCE;
use crate::harness::server::orbitd;
use crate::harness::{Crowd, Ports, Process, Server, Settings};

/// A server whose store has a file system of its own, with this much room.
fn with_room(room: &'static str) -> Server {
    Server::start(&Settings {
        store: true,
        store_room: Some(room),
        api: true,
        ..Settings::default()
    })
}

#[test]
fn parking_goes_on_while_the_disk_is_full_and_is_written_when_there_is_room() {
    const CALLS: usize = 60;
    let mut server = with_room("2m");
    let mut crowd = Crowd::new(&server);
    let parks = |crowd: &mut Crowd| {
        let phone = crowd.parks(None);
        crowd.until("an orbit", PATIENCE, |crowd| crowd.phones().is_up(phone));
        phone
    };
    let mut phones = vec![parks(&mut crowd)];
    let filler = server.store().with_file_name("filler");
    fill(&filler);
    // More than the log still has room for.
    phones.extend((1..CALLS).map(|_| parks(&mut crowd)));
    server.process.line_with("the store is behind", PATIENCE);
    let log = server.process.log().join("\n");
    assert!(log.contains("make room on this disk"), "{log}");
    assert!(metrics(&server).contains("orbit_store_behind 1"));
    assert_eq!(parked(&server), CALLS);

    fs::remove_file(&filler).expect("a file of our own");
    server
        .process
        .line_with("the store has caught up", PATIENCE);
    assert!(metrics(&server).contains("orbit_store_behind 0"));
    // The file system ends with the server: what is on it is looked at before.
    server.process.freeze();
    let copy = tempfile::tempdir().expect("a temporary folder");
    for name in ["orbit.db", "orbit.db-wal"] {
        let from = server.store().with_file_name(name);
        fs::copy(from, copy.path().join(name)).expect("it is there");
    }
    let mut store = Sqlite::open(&copy.path().join("orbit.db")).expect("a store");
    assert_eq!(store.load().expect("calls").calls.len(), CALLS);
    server.process.kill();
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("a file of our own");
    while file.write_all(&[7; 1_024]).is_ok() {}
}

fn metrics(server: &Server) -> String {
    server.api().get("/metrics")
}

fn parked(server: &Server) -> usize {
    let list = server.api().get("/v1/orbits?limit=10000");
    list.matches("\"call_id\"").count()
}

#[test]
fn a_store_that_cannot_be_made_is_refused_with_the_remedy() {
    // Root may write everywhere but where nobody may.
    refused(Path::new("/proc/orbit.db"), "let orbitd's user write");
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("orbit.db");
    fs::write(&file, "dear diary, today I parked a call").expect("our own file");
    refused(&file, "not a store, or damaged");
    let text = fs::read_to_string(&file).expect("our own file");
    assert!(text.starts_with("dear diary"));
}

#[test]
fn stores_that_are_newer_foreign_or_torn_are_refused_and_left_as_they_are() {
    // The header of the file: user_version, application_id, and the first page's own.
    let damages: [(usize, &[u8], &str); 3] = [
        (60, &[0, 0, 0, 99], "written by a newer orbitd (version 99"),
        (68, b"diar", "a database of another program"),
        (100, &[0xff; 64], "damaged"),
    ];
    let made = made_store();
    for (place, bytes, why) in damages {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("orbit.db");
        let mut damaged = made.clone();
        damaged[place..place + bytes.len()].copy_from_slice(bytes);
        fs::write(&file, &damaged).expect("our own file");
        refused(&file, why);
        let left = fs::read(&file).expect("our own file");
        assert!(left == damaged, "{why}: the file has changed");
    }
}

/// The file of a store that a server has made and closed.
fn made_store() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("orbit.db");
    drop(Sqlite::open(&file).expect("a store"));
    fs::read(&file).expect("it is there")
}

#[test]
fn a_second_server_on_the_same_store_is_refused_and_the_first_is_named() {
    let server = Server::start(&Settings {
        store: true,
        ..Settings::default()
    });
    let first = format!("in use by another orbitd, process {}", server.process.id());
    refused(&server.store(), &first);
    server.stop();
}

/// A server does not start with this store, and says why.
fn refused(store: &Path, why: &str) {
    let ports = Ports::reserve();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("site.toml");
    let (port, store) = (ports.pair(), store.display());
    let text = format!("[sip]\nlisten = [\"udp:127.0.0.1:{port}\"]\n[store]\npath = \"{store}\"\n");
    fs::write(&file, text).expect("a file of our own");
    let mut command = orbitd();
    command.arg("--config").arg(&file);
    let mut process = Process::spawn("orbitd", &mut command);
    process.line_with(why, PATIENCE);
    assert!(!process.wait(PATIENCE).success());
}
