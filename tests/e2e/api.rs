//! The HTTP API of the real binary: a caller that an operator sees, and whose call it ends; and all
//! of it as its own document describes it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::clock::PATIENCE;
use crate::harness::server::orbitd;
use crate::harness::{Server, Settings, Sipp};

/// A server with a store, and somebody who has a token for it.
struct Desk {
    server: Server,
    api: SocketAddr,
    token: String,
}

impl Desk {
    fn new(role: &str) -> Self {
        let made = orbitd().args(["token", "desk", role]).output();
        let made = made.expect("orbitd runs");
        let text = String::from_utf8(made.stdout).expect("text");
        let lines = text.find("[[api.token]]").expect("lines for the file");
        let mut words = text.split_whitespace();
        let token = words
            .find(|word| word.starts_with("orbit_"))
            .expect("a token");
        let mut server = Server::start(&Settings {
            park: format!("[api]\nlisten = \"127.0.0.1:0\"\n{}", &text[lines..]),
            store: true,
            ..Settings::default()
        });
        let line = server.process.line_with("http://", PATIENCE);
        let address = line.split("http://").nth(1).expect("an address");
        Self {
            api: address.trim_end_matches('/').parse().expect("an address"),
            token: token.to_owned(),
            server,
        }
    }

    /// Status and JSON.
    fn send(&self, method: &str, path: &str) -> (u16, Value) {
        let token = &self.token;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(self.api).expect("the API listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it answers");
        let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.expect("a status");
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

#[test]
fn row_49_an_operator_sees_a_call_and_ends_it() {
    let mut desk = Desk::new("operator");
    let mut caller = Sipp::new("parked_until_bye.xml").start(&desk.server);
    let orbit = caller.orbit();
    let (status, seen) = desk.send("GET", &format!("/v1/orbits/{orbit}"));
    assert_eq!(
        (status, &seen["state"]),
        (200, &Value::from("parked")),
        "{seen}"
    );
    let (_, all) = desk.send("GET", "/v1/orbits");
    assert_eq!(all["orbits"][0]["call"]["call"], seen["call"]["call"]);
    let (status, _) = desk.send("POST", &format!("/v1/orbits/{orbit}/hang-up"));
    assert_eq!(status, 204);
    caller.finish();
    let (_, seen) = desk.send("GET", &format!("/v1/orbits/{orbit}"));
    assert_eq!(seen["state"], "free");
    let log = desk.server.process.log();
    let audit = log.iter().find(|line| line.contains("audit:"));
    let audit = audit.expect("a line of the audit log");
    assert!(
        audit.contains("token=desk") && audit.contains("hang-up"),
        "{audit}"
    );
    assert!(
        !log.iter().any(|line| line.contains(&desk.token)),
        "a token in the log"
    );
    desk.server.stop();
}

/// It knows no TOML: what it makes up for a text is sent as it is.
const HOOKS: &str = r#"
import schemathesis

@schemathesis.serializer("application/toml")
def toml(ctx, value):
    return value.encode(errors="replace") if isinstance(value, str) else str(value).encode()
"#;

/// The tool that reads the document and tries whatever it allows, and what it does not.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

#[test]
fn the_api_is_as_its_document_says_whatever_it_is_sent() {
    let desk = Desk::new("admin");
    let mut tool = Command::new(schemathesis());
    // It leaves its memory where it runs.
    let folder = tempfile::tempdir().expect("a temporary folder");
    tool.current_dir(folder.path());
    fs::write(folder.path().join("hooks.py"), HOOKS).expect("a file in it");
    tool.env("SCHEMATHESIS_HOOKS", "hooks");
    tool.args(["run", &format!("http://{}/openapi.json", desk.api)]);
    tool.args(["-H", &format!("Authorization: Bearer {}", desk.token)]);
    // Events never end; and what the form allows may still not be so, such as a range's name.
    tool.args(["--exclude-path", "/v1/events"]);
    // After this one there is no server left to try.
    tool.args(["--exclude-path", "/v1/drain"]);
    tool.args(["--exclude-checks", "positive_data_acceptance"]);
    tool.args(["--max-examples", "40", "--seed", "1", "--no-color"]);
    let run = tool.output().expect("schemathesis runs");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}");
    assert!(said.contains("generated"), "it has tried something: {said}");
    assert_eq!(desk.send("GET", "/health/ready").0, 200);
    desk.server.stop();
}

/// The tool, got from PyPI into the folder of build products where it is not there yet.
fn schemathesis() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(SCHEMATHESIS);
    let tool = folder.join("bin/schemathesis");
    if !tool.exists() {
        let made = Command::new("python3")
            .args(["-m", "venv"])
            .arg(&folder)
            .status();
        assert!(made.expect("python3 is there").success(), "python3 -m venv");
        let mut pip = Command::new(folder.join("bin/pip"));
        let got = pip.args(["install", "--quiet", SCHEMATHESIS]).status();
        assert!(
            got.expect("pip is there").success(),
            "pip install {SCHEMATHESIS}"
        );
    }
    tool
}
