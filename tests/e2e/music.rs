//! Music by `orbitctl`: uploaded, set for a range, replaced under a call, judged by what a real
//! phone has heard, and there again after a kill.

use std::fs;
use std::time::Duration;

use crate::harness::baresip::Baresip;
use crate::harness::clock::pause;
use crate::harness::wav::{self, RATE};
use crate::harness::{Server, Settings};
use crate::orbitctl::{fails, orbitctl, said};

const VOICE_HERTZ: f64 = 440.0;

/// What is heard of a recording this long.
const WINDOW: usize = RATE;

fn server() -> Server {
    Server::start(&Settings {
        api: true,
        store: true,
        ..Settings::default()
    })
}

/// Two pieces that are unlike each other, each as long as its number of seconds.
fn pieces() -> [Vec<i16>; 2] {
    let all = wav::test_music(13 * RATE);
    [all[..6 * RATE].to_vec(), all[6 * RATE..].to_vec()]
}

fn file(server: &Server, name: &str, samples: &[i16]) -> String {
    let path = server.folder().join(name);
    wav::write(&path, samples);
    path.display().to_string()
}

/// How like a recording's part, which ends so many seconds before its end, is to a piece.
fn likeness(heard: &[i16], seconds_before_end: usize, piece: &[i16]) -> f64 {
    let end = heard.len() - seconds_before_end * RATE - RATE / 4;
    wav::find(&heard[end - WINDOW..end], piece).1
}

#[test]
fn row_46_a_recording_is_uploaded_set_replaced_during_a_call_and_heard_again_after_a_kill() {
    let mut server = server();
    let [first, second] = pieces();
    let (one, other) = (
        file(&server, "1.wav", &first),
        file(&server, "2.wav", &second),
    );
    let added = said(&orbitctl(&server, &["music", "add", "jazz", &one]));
    assert!(added.contains("from                store"), "{added}");
    said(&orbitctl(
        &server,
        &["ranges", "set", "test", "--music", "jazz"],
    ));
    let listed = said(&orbitctl(&server, &["music"]));
    let row = listed.lines().find(|line| line.starts_with("jazz"));
    assert!(
        row.is_some_and(|row| row.contains("range test")),
        "{listed}"
    );
    assert!(row.is_some_and(|row| row.contains("0:06")), "{listed}");

    let mut phone = Baresip::start(&server.ports, 0, VOICE_HERTZ);
    phone.dial(&server.uri("park"));
    phone.wait_for("CALL_ESTABLISHED");
    pause(Duration::from_secs(4));
    said(&orbitctl(&server, &["music", "replace", "jazz", &other]));
    pause(Duration::from_secs(4));
    phone.command("hangup", "");
    let heard = phone.quit();
    let before = likeness(&heard, 5, &first);
    assert!(before > 0.9, "the first piece, before: {before:.3}");
    let after = likeness(&heard, 0, &second);
    assert!(after > 0.9, "the second piece, afterwards: {after:.3}");
    assert!(likeness(&heard, 0, &first) < 0.3, "and no more the first");

    server.kill_and_restart();
    let back = server.folder().join("back.wav");
    let path = back.display().to_string();
    let listen = ["music", "listen", "jazz", "--output", &path];
    said(&orbitctl(&server, &listen));
    let there = |path: &str| fs::read(path).expect("a file of our own");
    assert_eq!(there(&path), there(&other), "byte by byte");
    let mut phone = Baresip::start(&server.ports, 1, VOICE_HERTZ);
    phone.dial(&server.uri("park"));
    phone.wait_for("CALL_ESTABLISHED");
    pause(Duration::from_secs(4));
    phone.command("hangup", "");
    let again = likeness(&phone.quit(), 0, &second);
    assert!(again > 0.9, "the second piece, after a kill: {again:.3}");

    let used = orbitctl(&server, &["music", "remove", "jazz"]);
    fails(&used, 1, &["in use", "range test"]);
    said(&orbitctl(&server, &["ranges", "revert", "test"]));
    said(&orbitctl(&server, &["music", "remove", "jazz"]));
    let folder = server.folder().join("orbit.db.music");
    let left = fs::read_dir(folder)
        .expect("the folder of recordings")
        .count();
    assert_eq!(left, 0, "no recording is left");
    server.stop();
}

#[test]
fn row_47_what_is_no_recording_is_refused_with_what_would_be_right() {
    let server = server();
    let path = server.folder().join("bad");
    let bad = path.display().to_string();
    let riff = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0";
    let short = file(&server, "short.wav", &wav::tone(440.0, 1)[..400]);
    let cases: [(&[u8], &str); 3] = [
        (
            b"<html>404 Not Found</html>",
            "WAV (PCM, float, A-law, µ-law), FLAC, MP3",
        ),
        (b"", "play one of WAV"),
        (riff, "play one of WAV"),
    ];
    for (bytes, answer) in cases {
        fs::write(&path, bytes).expect("a file of our own");
        let refused = orbitctl(&server, &["music", "add", "bad", &bad]);
        fails(&refused, 1, &["The configuration would be wrong", answer]);
    }
    let refused = orbitctl(&server, &["music", "add", "bad", &short]);
    fails(&refused, 1, &["0.050 s long", "at least 100 ms"]);
    let large = fs::File::create(&path).expect("a file of our own");
    large.set_len(33 << 20).expect("a sparse file");
    let refused = orbitctl(&server, &["music", "add", "bad", &bad]);
    fails(&refused, 2, &["longer than 32 MiB"]);
    let missing = orbitctl(&server, &["music", "replace", "never", &short]);
    fails(&missing, 1, &["Nothing of this name"]);
    let listed = said(&orbitctl(&server, &["music"]));
    assert!(!listed.contains("bad"), "{listed}");
    server.stop();
}

#[test]
fn a_lost_recording_keeps_no_call_from_its_server() {
    let mut server = server();
    let [piece, _] = pieces();
    let path = file(&server, "1.wav", &piece);
    said(&orbitctl(&server, &["music", "add", "jazz", &path]));
    let folder = server.folder().join("orbit.db.music");
    fs::remove_dir_all(folder).expect("the folder of recordings");
    server.kill_and_restart();
    let lost = "a recording is missing or damaged";
    let has = |line: &String| line.contains(lost);
    assert!(server.process.log().iter().any(has), "it is said");
    // What is not about it can be changed all the same.
    said(&orbitctl(
        &server,
        &["ranges", "set", "test", "--music", "default"],
    ));
    said(&orbitctl(&server, &["music", "replace", "jazz", &path]));
    let shown = said(&orbitctl(&server, &["music", "list"]));
    assert!(shown.contains("0:06"), "{shown}");
    server.stop();
}
