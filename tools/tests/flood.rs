//! `rtpflood` as a process: what it refuses, and that Ctrl-C leaves no call behind. The server here
//! only answers; what a real one does is judged in `tests/e2e`.

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

fn rtpflood(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtpflood"));
    command.args(arguments).arg("--quiet");
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = rtpflood(arguments).output().expect("our own binary");
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// A SIP server that says yes to everything, and sends nothing.
struct Yes {
    socket: UdpSocket,
    /// The Call-IDs that began, and that ended.
    begun: HashSet<String>,
    ended: HashSet<String>,
}

impl Yes {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        Self {
            socket,
            begun: HashSet::new(),
            ended: HashSet::new(),
        }
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("bound")
    }

    /// Answers the next request, with audio at `media`.
    fn answer(&mut self, media: &str) {
        let mut bytes = [0; 4_096];
        let (length, from) = self.socket.recv_from(&mut bytes).expect("rtpflood goes on");
        let request = String::from_utf8_lossy(&bytes[..length]).into_owned();
        let call = request.lines().find(|line| line.starts_with("Call-ID:"));
        let call = call.expect("each request has one").to_owned();
        match request.split(' ').next() {
            Some("INVITE") => self.begun.insert(call),
            Some("BYE") => self.ended.insert(call),
            _ => return,
        };
        let copied = request.lines().filter(|line| {
            let names = ["Via:", "From:", "Call-ID:", "CSeq:"];
            names.iter().any(|name| line.starts_with(name))
        });
        let copied: String = copied.map(|line| format!("{line}\r\n")).collect();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {media}\r\ns=-\r\nc=IN IP4 {media}\r\nt=0 0\r\n\
             m=audio 9 RTP/AVP 0\r\n"
        );
        let answer = format!(
            "SIP/2.0 200 OK\r\n{copied}To: <sip:park@127.0.0.1>;tag=yes\r\n\
             Contact: <sip:701@{}>\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{sdp}",
            self.address(),
            sdp.len()
        );
        self.socket.send_to(answer.as_bytes(), from).expect("sent");
    }
}

/// A child that does not outlive its test.
struct Flood(Child);

impl Flood {
    fn start(arguments: &[&str]) -> Self {
        let child = rtpflood(arguments).stdout(Stdio::null()).spawn();
        Self(child.expect("our own binary"))
    }

    fn interrupt(&self) {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a pid"), Signal::INT).expect("our own child");
    }

    fn code(&mut self) -> Option<i32> {
        self.0.wait().expect("our own child").code()
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        // Gone already is as good as killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn ctrl_c_hangs_up_every_call() {
    let mut server = Yes::new();
    let sip = server.address().to_string();
    let arguments = ["park", "--sip", &sip, "--calls", "20", "--hold", "600"];
    let mut flood = Flood::start(&arguments);
    while server.begun.len() < 20 {
        server.answer("127.0.0.1");
    }
    flood.interrupt();
    while server.ended.len() < 20 {
        server.answer("127.0.0.1");
    }
    assert_eq!(flood.code(), Some(130));
}

#[test]
fn a_server_that_wants_audio_elsewhere_gets_none_and_the_call_ends() {
    let mut server = Yes::new();
    let sip = server.address().to_string();
    let mut flood = Flood::start(&["relay", "--sip", &sip, "--calls", "1", "--hold", "600"]);
    while server.ended.is_empty() {
        server.answer("10.77.77.77");
    }
    assert_eq!(flood.code(), Some(2));
}

#[test]
fn a_public_address_is_refused_before_anything_is_sent() {
    let (code, text) = run(&[
        "park",
        "--sip",
        "203.0.113.9:5060",
        "--calls",
        "1",
        "--hold",
        "1",
    ]);
    assert_eq!(code, Some(2));
    assert!(text.contains("--i-own-this-network"), "{text}");
}

#[test]
fn a_server_that_sends_nothing_is_not_clean() {
    let mut server = Yes::new();
    let sip = server.address().to_string();
    let mut flood = Flood::start(&["park", "--sip", &sip, "--calls", "3", "--hold", "1"]);
    while server.ended.len() < 3 {
        server.answer("127.0.0.1");
    }
    assert_eq!(flood.code(), Some(1));
}

#[test]
fn the_bounds_are_the_command_lines() {
    for arguments in [
        ["park", "--sip", "127.0.0.1:9", "--calls", "1000000"],
        ["attack", "--sip", "127.0.0.1:9", "--rate", "100000000"],
        ["sink", "--seconds", "999999", "--port", "40000"],
        ["attack", "--sip", "127.0.0.1:9", "--sweep", "30000-20000"],
    ] {
        let (code, text) = run(&arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
    }
}
