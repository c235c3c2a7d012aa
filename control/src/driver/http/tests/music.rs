//! Music by the API, in front of workers that a test plays.

use std::collections::BTreeMap;
use std::path::Path;

use shared::PromptId;

use super::configure::of_file;
use super::*;
use crate::driver::{Prompts, Ready};

/// Workers that play every file that begins as a WAV file does.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::disallowed_types,
    reason = "what two threads of a test look at"
)]
pub(super) struct Jukebox(Arc<std::sync::Mutex<BTreeMap<PromptId, Vec<u8>>>>);

impl Prompts for Jukebox {
    fn ready(&self, file: Option<&Path>) -> Result<Ready, String> {
        let bytes = file.map_or_else(|| Ok(self.shipped().to_vec()), std::fs::read);
        let bytes = bytes.map_err(|error| format!("cannot be read: {error}"))?;
        if !bytes.starts_with(b"RIFF") {
            return Err("not a recording: play one of WAV".to_owned());
        }
        let all = Arc::clone(&self.0);
        Ok(Ready {
            length: Duration::from_secs(bytes.len() as u64),
            put: Box::new(move |prompt| drop(all.lock().unwrap().insert(prompt, bytes))),
        })
    }

    fn length(&self, prompt: PromptId) -> Option<Duration> {
        let all = self.0.lock().unwrap();
        { all.get(&prompt) }.map(|bytes| Duration::from_secs(bytes.len() as u64))
    }

    fn remove(&self, prompt: PromptId) {
        self.0.lock().unwrap().remove(&prompt);
    }

    fn shipped(&self) -> &'static [u8] {
        b"RIFF shipped"
    }
}

/// A server with a store in a folder of its own.
struct Hall {
    folder: tempfile::TempDir,
    bench: Bench,
}

const WAV: &str = "audio/wav";

impl Hall {
    fn new(says: Says) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orbit.db");
        let text = format!(
            "[[orbit_range]]\nname = \"test\"\nstart = \"700\"\nend = \"799\"\n\
             [store]\npath = \"{}\"\n",
            path.display()
        );
        let bench = of_file(&text, says);
        Self { folder, bench }
    }

    fn upload(&self, role: Role, name: &str, (kind, head): (&str, &str), bytes: &str) -> Reply {
        let token = self.bench.token(role);
        let request = format!(
            "PUT /v1/music/{name}/recording HTTP/1.1\r\nHost: here\r\n\
             Authorization: Bearer {token}\r\nContent-Type: {kind}\r\n{head}\
             Content-Length: {}\r\nConnection: close\r\n\r\n{bytes}",
            bytes.len()
        );
        self.bench.raw(request.as_bytes())
    }

    fn files(&self) -> usize {
        let folder = self.folder.path().join("orbit.db.music");
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    }
}

#[test]
fn row_46_a_recording_is_uploaded_replaced_heard_and_removed() {
    let hall = Hall::new(Says::default());
    let new = "If-None-Match: *\r\n";
    let added = hall.upload(Role::Admin, "jazz", (WAV, new), "RIFF one");
    assert_eq!(added.status, 200, "{}", added.body);
    let seen = added.json();
    assert_eq!(
        (&seen["name"], &seen["origin"]),
        (&"jazz".into(), &"store".into())
    );
    assert_eq!(seen["length_ms"], 8_000, "of the file's own length, here");
    assert_eq!(seen["used_by"], serde_json::json!([]));
    let again = hall.upload(Role::Admin, "jazz", (WAV, new), "RIFF one");
    assert_eq!(again.problem(), (412, "meanwhile".to_owned()));

    let mode = r#"{"recording":"RECORDING","mode":"from-start","numbers":["2000-2999"]}"#;
    let recording = seen["definition"]["recording"].as_str().unwrap();
    let mode = mode.replace("RECORDING", recording);
    let path = "/v1/music/jazz";
    assert_eq!(hall.bench.admin("PUT", path, "", &mode).status, 200);
    let replaced = hall.upload(Role::Admin, "jazz", (WAV, ""), "RIFF another");
    assert_eq!(replaced.json()["length_ms"], 12_000, "{}", replaced.body);
    assert_eq!(
        replaced.json()["definition"]["mode"],
        "from-start",
        "it stays"
    );
    assert_eq!(hall.files(), 1, "the old file is gone");
    let heard = hall.bench.get("/v1/music/jazz/recording");
    assert_eq!((heard.status, &*heard.body), (200, "RIFF another"));
    assert!(
        heard.head.contains("content-type: audio/wav"),
        "{}",
        heard.head
    );
    let shipped = hall.bench.get("/v1/music/default/recording");
    assert_eq!((shipped.status, &*shipped.body), (200, "RIFF shipped"));

    let range = r#"{"start":"700","end":"799","music":"jazz"}"#;
    assert_eq!(
        hall.bench.admin("PUT", "/v1/ranges/test", "", range).status,
        200
    );
    let list = hall.bench.get("/v1/music").json();
    assert_eq!(list["music"][0]["name"], "default");
    assert_eq!(
        list["music"][1]["used_by"],
        serde_json::json!(["range test"])
    );
    for (method, path) in [("DELETE", path), ("POST", "/v1/music/jazz/revert")] {
        let used = hall.bench.admin(method, path, "", "");
        assert_eq!(used.problem(), (409, "in-use".to_owned()));
        assert!(used.body.contains("range test"), "{}", used.body);
    }
    let default = hall.bench.admin("DELETE", "/v1/music/default", "", "");
    assert_eq!(default.problem(), (409, "in-use".to_owned()));
    assert_eq!(
        hall.bench
            .admin("POST", "/v1/ranges/test/revert", "", "")
            .status,
        204
    );
    assert_eq!(hall.bench.admin("DELETE", path, "", "").status, 204);
    assert_eq!(hall.bench.get(path).status, 404);
    assert_eq!(hall.bench.get("/v1/music/jazz/recording").status, 404);
    assert_eq!(hall.files(), 0);
    hall.bench.end();
}

#[test]
fn row_47_what_is_no_recording_is_refused_with_what_would_be_right_and_leaves_nothing() {
    let hall = Hall::new(Says::default());
    for bytes in ["", "not music", "RIF"] {
        let refused = hall.upload(Role::Admin, "jazz", (WAV, ""), bytes);
        let wrong = (422, "configuration".to_owned(), "recording".to_owned());
        assert_eq!(refused.wrong(), wrong, "{}", refused.body);
        assert!(refused.body.contains("play one of WAV"), "{}", refused.body);
    }
    let text = hall.upload(Role::Admin, "jazz", ("text/plain", ""), "RIFF");
    assert_eq!(text.problem(), (415, "not-audio".to_owned()));
    let name = hall.upload(Role::Admin, "a%20b", (WAV, ""), "RIFF");
    assert_eq!(name.problem(), (422, "configuration".to_owned()));
    for role in [Role::Viewer, Role::Operator] {
        let refused = hall.upload(role, "jazz", (WAV, ""), "RIFF");
        assert_eq!(refused.problem(), (403, "role".to_owned()));
    }
    let elsewhere =
        r#"{"recording":"0000000000000000000000000000000000000000000000000000000000000000"}"#;
    let missing = hall.bench.admin("PUT", "/v1/music/jazz", "", elsewhere);
    assert_eq!(missing.wrong().2, "recording");
    assert!(missing.body.contains("upload it"), "{}", missing.body);
    assert_eq!(hall.files(), 0);
    assert_eq!(hall.bench.get("/v1/music/jazz").status, 404);
    hall.bench.end();

    let bench = of_file("", Says::default());
    let nowhere = Hall {
        folder: tempfile::tempdir().unwrap(),
        bench,
    };
    let refused = nowhere.upload(Role::Admin, "jazz", (WAV, ""), "RIFF");
    assert_eq!(refused.problem(), (409, "no-store".to_owned()));
    nowhere.bench.end();
}

#[test]
fn a_recording_that_calls_do_not_allow_now_is_not_heard_and_the_old_one_stays() {
    let hall = Hall::new(Says {
        take: |config| match config.music["jazz"].programme {
            true => Ok(()),
            false => Err(config.problem(&["music"], "a call came between")),
        },
        ..Says::default()
    });
    let added = hall.upload(Role::Admin, "jazz", (WAV, ""), "RIFF one");
    assert_eq!(added.status, 200, "{}", added.body);
    let other = r#"{"file":"builtin","mode":"from-start"}"#;
    let refused = hall.bench.admin("PUT", "/v1/music/jazz", "", other);
    assert_eq!(refused.problem(), (409, "not-now".to_owned()));
    let heard = hall.bench.get("/v1/music/jazz/recording");
    assert_eq!((heard.status, &*heard.body), (200, "RIFF one"));
    let length = hall.bench.get("/v1/music/jazz").json()["length_ms"].clone();
    assert_eq!(length, 8_000);
    hall.bench.end();
}
