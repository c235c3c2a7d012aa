//! `orbitctl capture` of real calls, and what tshark reads in its files: the messages, RTP of both
//! directions without a gap, and nothing that is nobody's business.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use control::config::Role;
use control::driver::http::NewToken;
use tempfile::TempDir;

use crate::harness::clock::{PATIENCE, pause, since_epoch};
use crate::harness::link::{self, End};
use crate::harness::phone::{Phone, field, status};
use crate::harness::ports::has_ipv6;
use crate::harness::sipp::Over;
use crate::harness::{Link, Process, Server, Settings, Sipp};
use crate::orbitctl::{fails, orbitctl, with_token};

/// What a phone of ours says in each packet: its SSRC, as tshark writes it.
const NOISE: &str = "0x6e6f6973";

/// A phone that has SIP and RTP on one port makes tshark take the one for the other.
const RTP: &str = "rtp && frame.interface_name == \"rtp\"";

/// Never to be found in a file.
const SECRET: &str = "s3cret0fAnna";

/// A running `orbitctl capture`, and its file.
struct Capturing {
    process: Process,
    server: SocketAddr,
    file: PathBuf,
    _folder: TempDir,
}

/// A file that tshark reads.
struct Pcapng {
    path: PathBuf,
    /// Where the server has SIP: tshark may have a protocol of its own for that port.
    server: SocketAddr,
    _folder: TempDir,
}

fn settings() -> Settings {
    Settings {
        api: true,
        store: true,
        ..Settings::default()
    }
}

fn server() -> Server {
    Server::start(&settings())
}

impl Capturing {
    fn start(server: &Server, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("call.pcapng");
        let mut command = Command::new(env!("CARGO_BIN_EXE_orbitctl"));
        command.env("ORBIT_TOKEN", server.api().token());
        command
            .arg("--server")
            .arg(format!("http://{}", server.api().address));
        command.arg("capture").args(arguments).arg("-o").arg(&file);
        let mut process = Process::spawn("orbitctl", &mut command);
        process.line_with("Ctrl-C ends it", PATIENCE);
        Self {
            process,
            server: server.address,
            file,
            _folder: folder,
        }
    }

    /// Waits for its good end; what it says, and the file.
    fn finish(self) -> (String, Pcapng) {
        let (code, said, file) = self.end();
        assert_eq!(code, Some(0), "{said}");
        (said, file)
    }

    /// Waits for its end: its exit code, what it says, and the file.
    fn end(mut self) -> (Option<i32>, String, Pcapng) {
        let status = self.process.wait(PATIENCE);
        let said = self.process.log().join("\n");
        let file = Pcapng {
            path: self.file,
            server: self.server,
            _folder: self._folder,
        };
        (status.code(), said, file)
    }
}

impl Pcapng {
    /// The lines of tshark's answer, which must not find anything wrong with the file.
    fn read(&self, arguments: &[&str]) -> Vec<String> {
        let mut command = Command::new("tshark");
        command.arg("-r").arg(&self.path).args(arguments);
        let port = self.server.port();
        for over in ["udp", "tcp"] {
            command.arg("-d").arg(format!("{over}.port=={port},sip"));
        }
        let output = command.output().expect("tshark: run `make packages`");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !said.contains("cut short"),
            "{said}"
        );
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().map(str::to_owned).collect()
    }

    /// The call of one phone, parked and then ended by it, is in the file as it was.
    fn has_a_parked_call(&self) {
        let answers = self.fields(
            "sip.CSeq.method == BYE && sip.Status-Code",
            &["sip.Status-Code"],
        );
        assert_eq!(answers, ["200"]);
        let streams = self.streams();
        assert_eq!(streams.len(), 2, "{streams:?}");
        for (ssrc, packets, lost) in &streams {
            let is_whole = *packets > 40 && *lost == 0;
            assert!(is_whole, "{ssrc}: {packets} packets, {lost} lost");
        }
        assert!(
            streams.iter().any(|(ssrc, ..)| ssrc == NOISE),
            "{streams:?}"
        );
        self.has_no_payload();
    }

    /// Some fields of the frames that match, a line each.
    fn fields(&self, filter: &str, fields: &[&str]) -> Vec<String> {
        let mut arguments = vec!["-Y", filter, "-T", "fields"];
        arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
        self.read(&arguments)
    }

    /// Each frame, of SIP and of RTP, has the time of day at which it was seen.
    fn has_frames_since(&self, begin: Duration) {
        let times = self.fields("frame", &["frame.time_epoch"]);
        let seconds = times.iter().map(|time| time.parse().expect("a number"));
        let times: Vec<_> = seconds.map(Duration::from_secs_f64).collect();
        // The clock of the day may be set a little meanwhile.
        const SET: Duration = Duration::from_secs(2);
        let span = begin - SET..since_epoch() + SET;
        assert!(!times.is_empty(), "no frames");
        let strange = times.iter().find(|time| !span.contains(time));
        assert_eq!(strange, None, "not within {span:?}");
    }

    /// SSRC, packets and lost packets of each stream of RTP, as Wireshark's analysis has them.
    fn streams(&self) -> Vec<(String, u32, i32)> {
        let lines = self.read(&["-q", "-z", "rtp,streams"]);
        let stream = |line: &String| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let ssrc = words.iter().position(|word| word.starts_with("0x"))?;
            // SSRC, payload, packets, lost; the name of a payload is one word here.
            let packets = words.get(ssrc + 2)?.parse().ok()?;
            let lost = words.get(ssrc + 3)?.parse().ok()?;
            Some((words[ssrc].to_ascii_lowercase(), packets, lost))
        };
        lines.iter().filter_map(stream).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).expect("the file")
    }

    fn has(&self, needle: &[u8]) -> bool {
        let bytes = self.bytes();
        bytes.windows(needle.len()).any(|window| window == needle)
    }

    /// What workers have copied of RTP ends with its header.
    fn has_no_payload(&self) {
        let frames = self.fields(RTP, &["frame.cap_len"]);
        let lengths: BTreeSet<_> = frames.into_iter().collect();
        let ip = if self.server.is_ipv4() { 20 } else { 40 };
        let headers = (ip + 8 + 12).to_string();
        assert_eq!(lengths, [headers].into(), "IP, UDP, RTP");
    }
}

/// Calls a number; the request, and its answer.
fn dial(phone: &Phone, number: &str) -> (String, String) {
    let secret = format!("Authorization: Digest username=\"a\", response=\"{SECRET}\"\r\n");
    let request = phone.request("INVITE", number, &secret, &phone.offer());
    phone.send(request.as_bytes());
    let answer = phone.final_response();
    assert_eq!(status(&answer), 200, "{answer}");
    phone.send(phone.in_dialog("ACK", 1, &request, &answer).as_bytes());
    (request, answer)
}

fn orbit(answer: &str) -> String {
    let contact = field(answer, "Contact").expect("a contact");
    let user = contact.split(['@', ':']).nth(1);
    user.expect("an orbit").to_owned()
}

#[test]
fn a_parked_call_is_captured_with_both_directions_and_no_word_of_it() {
    let server = server();
    let anna = Phone::new(&server, "anna");
    let begin = since_epoch();
    let (request, answer) = dial(&anna, "park");
    let capturing = Capturing::start(&server, &[&orbit(&answer), "--seconds", "60"]);
    anna.noise(0, 0..100, &answer);
    let bye = anna.in_dialog("BYE", 2, &request, &answer);
    let secret = format!("Proxy-Authorization: Digest response=\"{SECRET}\"\r\nMax-Forwards:");
    anna.send(bye.replacen("Max-Forwards:", &secret, 1).as_bytes());
    assert_eq!(status(&anna.final_response()), 200);
    let (said, file) = capturing.finish();
    assert!(said.contains("the call is over"), "{said}");
    file.has_frames_since(begin);

    let methods = file.fields("sip.Request-Line", &["sip.Method"]);
    assert_eq!(
        methods,
        ["INVITE", "BYE"],
        "what is remembered, and what came"
    );
    let made_up = file.fields("sip && pkt_comment contains \"Never sent\"", &["sip.CSeq"]);
    assert_eq!(made_up, ["0 INVITE"; 2]);
    let answers = file.fields(
        "sip.CSeq.method == BYE && sip.Status-Code",
        &["sip.Status-Code"],
    );
    assert_eq!(answers, ["200"]);
    assert!(file.has(b"Proxy-Authorization: xxxx"));
    assert!(!file.has(SECRET.as_bytes()));

    let streams = file.streams();
    assert_eq!(streams.len(), 2, "{streams:?}");
    for (ssrc, packets, lost) in &streams {
        assert!(
            *packets > 80 && *lost == 0,
            "{ssrc}: {packets} packets, {lost} lost"
        );
    }
    assert!(
        streams.iter().any(|(ssrc, ..)| ssrc == NOISE),
        "{streams:?}"
    );
    file.has_no_payload();
    server.stop();
}

/// Parks, is heard for a while, and hangs up.
fn speaks_in_an_orbit(anna: &Phone, (request, answer): &(String, String)) {
    anna.noise(0, 0..60, answer);
    anna.send(anna.in_dialog("BYE", 2, request, answer).as_bytes());
    assert_eq!(status(&anna.final_response()), 200);
}

#[test]
fn a_call_over_ipv6_is_captured_like_any_other() {
    if !has_ipv6() {
        println!("nothing is shown: this machine has no IPv6 loopback");
        return;
    }
    let server = Server::start(&Settings {
        address: Ipv6Addr::LOCALHOST.into(),
        ..settings()
    });
    let anna = Phone::new(&server, "anna");
    let dialog = dial(&anna, "park");
    let capturing = Capturing::start(&server, &[&orbit(&dialog.1)]);
    speaks_in_an_orbit(&anna, &dialog);
    let (_, file) = capturing.finish();
    file.has_a_parked_call();
    let others = file.fields("ip || !ipv6.addr == ::1", &["frame.number"]);
    assert!(others.is_empty(), "of another address: {others:?}");
    let made_up = file.fields("sdp", &["sdp.connection_info"]);
    assert_eq!(made_up, ["IN IP6 ::1"; 2], "what is remembered");
    server.stop();
}

#[test]
fn what_leaves_as_frames_is_captured_like_any_other() {
    let link = Link::build();
    link.go_to(End::Server);
    let server = Server::start(&Settings {
        address: link::SERVER,
        trusted: Some("198.18.7.0/24"),
        media: "send = \"packet\"\n",
        ..settings()
    });
    link.go_to(End::Phones);
    let anna = Phone::new(&server, "anna");
    let dialog = dial(&anna, "park");
    link.go_to(End::Server);
    let capturing = Capturing::start(&server, &[&orbit(&dialog.1)]);
    speaks_in_an_orbit(&anna, &dialog);
    let (_, file) = capturing.finish();
    let metrics = server.api().get("/metrics");
    file.has_a_parked_call();
    let by_packet = "orbit_media_sent_by_form_total{worker=\"0\",form=\"packet\"} ";
    let sent = metrics
        .lines()
        .find_map(|line| line.strip_prefix(by_packet));
    let sent: u64 = sent.and_then(|sent| sent.parse().ok()).expect("it counts");
    assert!(sent > 40, "{sent} frames");
    server.stop();
}

#[test]
fn a_recall_is_captured_with_the_dialog_and_the_streams_of_the_parker() {
    let server = Server::start(&Settings {
        park: "pickup_timeout = \"10s\"\n".to_owned(),
        ..settings()
    });
    let parker = Phone::new(&server, "parker");
    let mut parkee = Sipp::new("parkee_recalled.xml")
        .dials(&[parker.uri()])
        .echoes()
        .start(&server);
    let capturing = Capturing::start(&server, &[&parkee.orbit()]);
    let invite = parker.called();
    let answer = parker.answer(&invite);
    parker.send(answer.as_bytes());
    parkee.logged("retrieved");
    parker.noise(0, 0..50, &invite);
    parker.send(parker.leaves(&invite, &answer).as_bytes());
    assert_eq!(status(&parker.final_response()), 200);
    parkee.finish();
    let (said, file) = capturing.finish();
    assert!(said.contains("the call is over"), "{said}");
    // Both are called by the server: the one anew, the other in its dialog.
    let recall = "sip.Method == INVITE && sip.From contains \"Recall\"";
    let recalls: BTreeSet<_> = file.fields(recall, &["sip.Call-ID"]).into_iter().collect();
    assert_eq!(recalls.len(), 1, "{recalls:?}");
    let of_parker = |message: &str| {
        let of_it = recalls.iter().map(|id| format!("sip.Call-ID == \"{id}\""));
        let filter = of_it.collect::<Vec<_>>().join(" || ");
        let filter = format!("({filter}) && {message}");
        file.fields(&filter, &["frame.number"]).len()
    };
    for message in ["INVITE", "ACK", "BYE"].map(|method| format!("sip.Method == {method}")) {
        assert!(of_parker(&message) > 0, "{message}");
    }
    for method in ["INVITE", "BYE"] {
        let message = format!("sip.Status-Code == 200 && sip.CSeq.method == {method}");
        assert!(of_parker(&message) > 0, "{message}");
    }
    let ways = file.fields(RTP, &["udp.srcport", "udp.dstport"]);
    let ways: BTreeSet<_> = ways.into_iter().collect();
    assert_eq!(ways.len(), 4, "both directions of two streams: {ways:?}");
    for (ssrc, packets, lost) in file.streams() {
        assert_eq!(lost, 0, "{ssrc}: {packets} packets");
    }
    file.has_no_payload();
    server.stop();
}

#[test]
fn a_retrieval_is_captured_with_the_dialogs_and_streams_of_both() {
    let server = server();
    let mut parkee = Sipp::new("parkee_until_bye.xml").echoes().start(&server);
    let orbit = parkee.orbit();
    let capturing = Capturing::start(&server, &[&orbit]);
    let carol = Phone::new(&server, "carol");
    let (request, answer) = dial(&carol, &orbit);
    carol.noise(0, 0..50, &answer);
    carol.send(carol.in_dialog("BYE", 2, &request, &answer).as_bytes());
    assert_eq!(status(&carol.final_response()), 200);
    parkee.finish();
    let (_, file) = capturing.finish();

    for method in ["INVITE", "ACK", "BYE"] {
        let of = format!("sip.Method == {method}");
        let dialogs: BTreeSet<_> = file.fields(&of, &["sip.Call-ID"]).into_iter().collect();
        assert_eq!(dialogs.len(), 2, "{method}: {dialogs:?}");
    }
    let answered = "sip.CSeq.method == INVITE && sip.Status-Code == 200 && sdp";
    let answered: BTreeSet<_> = file
        .fields(answered, &["sip.Call-ID"])
        .into_iter()
        .collect();
    assert_eq!(answered.len(), 2);
    let ways = file.fields(RTP, &["udp.srcport", "udp.dstport"]);
    let ways: BTreeSet<_> = ways.into_iter().collect();
    assert_eq!(ways.len(), 4, "both directions of two streams: {ways:?}");
    file.has_no_payload();
    server.stop();
}

#[test]
fn ctrl_c_ends_a_capture_and_its_file_is_whole() {
    let server = server();
    let mut parkee = Sipp::new("parked_until_bye.xml").start(&server);
    let orbit = parkee.orbit();
    let capturing = Capturing::start(&server, &[&orbit]);
    let already = orbitctl(&server, &["capture", &orbit, "-o", "/nonexistent/x.pcapng"]);
    fails(&already, 1, &["being captured"]);
    pause(Duration::from_millis(500));
    capturing.process.terminate();
    let (said, file) = capturing.finish();
    assert!(
        said.contains(" 2 messages, "),
        "what was agreed before: {said}"
    );
    let sent = file.fields("udp", &["frame.interface_name"]);
    assert!(sent.len() > 10, "music: {sent:?}");
    // Nothing is left of it at the server.
    let again = Capturing::start(&server, &[&orbit, "--seconds", "1"]);
    let (said, _) = again.finish();
    assert!(said.contains("its time is over"), "{said}");
    orbitctl(&server, &["hang-up", &orbit]);
    parkee.finish();
    server.stop();
}

#[test]
fn what_cannot_be_captured_is_said_with_what_would_be_right() {
    let viewer = NewToken::make("viewer", Role::Viewer).expect("entropy");
    let server = Server::start(&Settings {
        api: true,
        park: viewer.lines(),
        ..Settings::default()
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("x.pcapng");
    let into = file.to_str().expect("text");
    let capture = |what: &[&str]| {
        let arguments: Vec<_> = [&["capture", "-o", into], what].concat();
        orbitctl(&server, &arguments)
    };
    fails(&capture(&["999"]), 1, &["999", "no orbit of this node"]);
    fails(&capture(&["701"]), 1, &["nobody waits in 701"]);
    fails(
        &capture(&["--call", "00000000000000ff"]),
        1,
        &["no call 00000000000000ff"],
    );
    fails(&capture(&["--call", "x"]), 1, &["16 digits"]);
    assert!(!file.exists(), "a file of nothing");
    let url = format!("http://{}", server.api().address);
    let refused = with_token(viewer.token(), &url, &["capture", "701", "-o", into]);
    fails(&refused, 4, &["viewer", "operator"]);
    fs::write(&file, "mine").expect("a file of our own");
    fails(&capture(&["701"]), 2, &["already", "not there yet"]);
    assert_eq!(fs::read(Path::new(into)).expect("it is there"), b"mine");
    server.stop();
}

#[test]
fn a_call_over_tcp_is_read_as_one() {
    let server = server();
    let mut parkee = Sipp::new("parked_until_bye.xml")
        .over(Over::Tcp)
        .start(&server);
    let orbit = parkee.orbit();
    let capturing = Capturing::start(&server, &[&orbit]);
    orbitctl(&server, &["hang-up", &orbit]);
    parkee.finish();
    let (_, file) = capturing.finish();
    let over_tcp = file.fields("sip && tcp", &["sip.CSeq.method", "sip.Status-Code"]);
    assert_eq!(over_tcp, ["BYE\t", "BYE\t200"]);
    let wrong = file.fields("tcp.analysis.lost_segment", &["frame.number"]);
    assert!(wrong.is_empty(), "{wrong:?}");
    server.stop();
}

#[test]
fn a_full_disk_ends_a_capture_and_is_said() {
    let server = Server::start(&Settings {
        api: true,
        store: true,
        store_room: Some("4m"),
        ..Settings::default()
    });
    let mut parkee = Sipp::new("parked_until_bye.xml").start(&server);
    let orbit = parkee.orbit();
    let filler = server.store().with_file_name("filler");
    let capturing = Capturing::start(&server, &[&orbit]);
    let fill = vec![0; 8 << 20];
    fs::write(&filler, fill).expect_err("no room for that");
    let (status, said, file) = capturing.end();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
    file.has_no_payload();
    fs::remove_file(filler).expect("it is there");
    orbitctl(&server, &["hang-up", &orbit]);
    parkee.finish();
    server.stop();
}
