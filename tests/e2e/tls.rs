//! The HTTP API over TLS, with certificates that openssl has made for the test: who believes it,
//! how it is renewed, and what is said of one that cannot be used.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use control::config::Role;
use control::driver::http::NewToken;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::clock::PATIENCE;
use crate::harness::server::orbitd;
use crate::harness::{Ports, Server, Settings};

/// A CA, and what it has signed.
struct Authority(TempDir);

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ca = Self(folder);
        ca.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out \
             ca.pem -subj /CN=test-ca -days 2",
        );
        fs::write(
            ca.path("names"),
            "subjectAltName=IP:127.0.0.1,DNS:localhost\n",
        )
        .expect("a file");
        ca
    }

    /// `NAME.pem` and `NAME.key` of a server that listens on this host.
    fn issue(&self, name: &str, days: u32) {
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out \
             {name}.csr -subj /CN=orbit"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -out \
             {name}.pem -days {days}"
        ));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.args(arguments.split_whitespace());
        let made = command.current_dir(self.0.path()).output();
        let made = made.expect("openssl is installed");
        assert!(made.status.success(), "{arguments}: {made:?}");
    }
}

/// A server that shows the certificate of this name.
struct Home {
    ca: Authority,
    server: Server,
    port: u16,
    token: NewToken,
}

impl Home {
    fn new() -> Self {
        let ca = Authority::new();
        ca.issue("api", 30);
        let (ports, token) = (Ports::reserve(), token());
        let port = ports.pair();
        let server = Server::start(&Settings {
            park: lines(&ca, port, "api", "api", &token),
            ..Settings::default()
        });
        Self {
            ca,
            server,
            port,
            token,
        }
    }

    fn orbitctl(&self, scheme: &str, ca: Option<&Path>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orbitctl"));
        command.env("ORBIT_TOKEN", self.token.token());
        command.args(["--url", &format!("{scheme}://127.0.0.1:{}", self.port)]);
        if let Some(ca) = ca {
            command.arg("--ca").arg(ca);
        }
        command.arg("orbits").output().expect("the binary")
    }

    /// `/metrics`, as a client has it that believes nobody but the CA.
    fn metrics(&self) -> String {
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_return_error", "-CAfile"])
            .arg(self.ca.path("ca.pem"))
            .args(["-connect", &format!("127.0.0.1:{}", self.port)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is installed");
        let request = format!(
            "GET /metrics HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {}\r\n\
             Connection: close\r\n\r\n",
            self.token.token()
        );
        let mut stdin = client.stdin.take().expect("it is piped");
        stdin.write_all(request.as_bytes()).expect("it reads");
        let mut text = String::new();
        let mut stdout = client.stdout.take().expect("it is piped");
        stdout.read_to_string(&mut text).expect("text");
        drop(stdin);
        client.wait().expect("it ends");
        text
    }

    fn expiry(&self) -> f64 {
        let text = self.metrics();
        let family = "orbit_api_certificate_expiry_timestamp_seconds ";
        let line = text.lines().find_map(|line| line.strip_prefix(family));
        let line = line.unwrap_or_else(|| panic!("{family} is not in {text}"));
        line.parse().expect("a number")
    }
}

fn token() -> NewToken {
    NewToken::make("test", Role::Admin).expect("entropy")
}

fn lines(ca: &Authority, port: u16, certificate: &str, key: &str, token: &NewToken) -> String {
    format!(
        "[api]\nlisten = \"0.0.0.0:{port}\"\ncertificate = {:?}\nkey = {:?}\n{}",
        ca.path(&format!("{certificate}.pem")),
        ca.path(&format!("{key}.key")),
        token.lines()
    )
}

#[test]
fn who_knows_the_ca_speaks_with_the_api_and_nobody_else_does() {
    let home = Home::new();
    let ca = home.ca.path("ca.pem");
    let said = home.orbitctl("https", Some(&ca));
    assert!(said.status.success(), "{said:?}");
    assert_eq!(String::from_utf8_lossy(&said.stdout), "nobody waits\n");
    let stranger = Authority::new();
    let other = stranger.path("ca.pem");
    for (scheme, ca) in [("https", None), ("https", Some(&*other)), ("http", None)] {
        let refused = home.orbitctl(scheme, ca);
        assert!(!refused.status.success(), "{scheme} {ca:?}");
        if scheme == "https" {
            let text = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(text.contains("certificate"), "{text}");
        }
    }
    assert!(home.metrics().contains("orbit_api_handshakes_failed_total"));
    home.server.stop();
}

#[test]
fn who_says_nothing_is_let_go() {
    let home = Home::new();
    let mut silent = TcpStream::connect(("127.0.0.1", home.port)).expect("it listens");
    silent.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut nothing = [0; 16];
    assert_eq!(silent.read(&mut nothing).expect("the end"), 0);
    home.server.stop();
}

#[test]
fn a_renewed_certificate_is_read_on_sighup_and_a_wrong_one_changes_nothing() {
    let mut home = Home::new();
    let before = home.expiry();
    home.ca.issue("api", 90);
    home.server.process.signal(Signal::HUP);
    home.server
        .process
        .line_with("read its certificate anew", PATIENCE);
    let renewed = home.expiry();
    assert!(renewed > before + 50.0 * 86_400.0, "{before} {renewed}");
    home.ca.issue("other", 90);
    fs::copy(home.ca.path("other.key"), home.ca.path("api.key")).expect("a copy");
    home.server.process.signal(Signal::HUP);
    home.server
        .process
        .line_with("the certificate of before", PATIENCE);
    assert!((home.expiry() - renewed).abs() < 1.0, "it is still served");
    home.server.stop();
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_with_what_to_do() {
    let ca = Authority::new();
    ca.issue("api", 30);
    ca.issue("other", 30);
    ca.issue("old", 0);
    ca.openssl("pkcs8 -topk8 -in api.key -passout pass:x -out secret.key");
    fs::write(ca.path("empty.pem"), "").expect("a file");
    let file = ca.path("orbit.toml");
    for (certificate, key, parts) in [
        ("api", "other", ["is not the key of", "belong together"]),
        ("old", "old", ["has expired", "renew"]),
        ("empty", "api", ["no certificate", "PEM"]),
        ("none", "api", ["cannot be read", "certificate"]),
        ("api", "secret", ["is encrypted", "openssl pkey"]),
    ] {
        fs::write(&file, lines(&ca, 0, certificate, key, &token())).expect("a file");
        let checked = orbitd().args(["check", "--config"]).arg(&file).output();
        let checked = checked.expect("orbitd runs");
        assert!(!checked.status.success(), "{certificate} {key}");
        let text = String::from_utf8_lossy(&checked.stderr).into_owned();
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
    }
    fs::write(&file, lines(&ca, 0, "api", "api", &token())).expect("a file");
    let checked = orbitd().args(["check", "--config"]).arg(&file).output();
    assert!(checked.expect("orbitd runs").status.success());
}
