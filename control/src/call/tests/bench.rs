//! A control plane with two media workers that do as they are told, and phones whose every message
//! a test writes.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use shared::{Command, Event, Media, RefuseReason, Source, StreamId, Time, WorkerId};

use crate::config::{Config, OrbitRange};
use crate::control::{Control, Input, Output, Setup};
use crate::sip::header::Header;
use crate::sip::message::Message;
use crate::sip::transport::{Flow, Listener, Packet, Transport};

pub(super) const SERVER: &str = "127.0.0.1:5060";
pub(super) const PICKUP_TIMEOUT: Duration = Duration::from_secs(90);

/// The server and what it did.
pub(super) struct Bench {
    pub(super) control: Control,
    pub(super) now: Time,
    /// Messages that phones have not looked at, by phone.
    inbox: BTreeMap<SocketAddr, VecDeque<String>>,
    /// What each open stream was told last.
    pub(super) streams: BTreeMap<(WorkerId, u32), Told>,
    pub(super) stopped: bool,
    /// Reasons that the next `Open`s are refused with.
    pub(super) refusals: VecDeque<RefuseReason>,
    /// `Open`s that no worker has answered yet.
    pub(super) unanswered: Vec<StreamId>,
    /// Whether workers answer `Open`.
    pub(super) are_workers_deaf: bool,
}

/// One stream as its worker knows it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) stream: StreamId,
    pub(super) media: Option<Media>,
    pub(super) source: Source,
}

/// One phone in one dialog.
#[derive(Debug)]
pub(super) struct Phone {
    pub(super) address: SocketAddr,
    pub(super) call_id: String,
    pub(super) uri: String,
    pub(super) remote_tag: String,
    /// The user part of the server's Contact.
    pub(super) orbit: String,
    cseq: u32,
    port: u16,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(config())
    }

    pub(super) fn with(config: Config) -> Self {
        let setup = Setup {
            kept: None,
            config,
            listeners: vec![Listener {
                transport: Transport::Udp,
                flow: Flow(0),
                local: SERVER.parse().unwrap(),
                advertise: "127.0.0.1".to_owned(),
            }],
            workers: vec![(WorkerId(0), 100), (WorkerId(1), 100)],
            seed: [9; 32],
        };
        Self {
            control: Control::new(setup, Time::ZERO),
            now: Time::from_millis(1),
            inbox: BTreeMap::new(),
            streams: BTreeMap::new(),
            stopped: false,
            refusals: VecDeque::new(),
            unanswered: Vec::new(),
            are_workers_deaf: false,
        }
    }

    pub(super) fn input(&mut self, input: Input<'_>) {
        self.control.handle(self.now, input);
        let mut events = Vec::new();
        while let Some(output) = self.control.poll_output() {
            match output {
                Output::Transmit(transmit) => {
                    let text = String::from_utf8(transmit.bytes).unwrap();
                    self.inbox
                        .entry(transmit.destination)
                        .or_default()
                        .push_back(text);
                }
                Output::Command(worker, command) => {
                    events.extend(self.obey(command).map(|event| (worker, event)));
                }
                Output::Resolve(_) => panic!("no names here"),
                Output::Configured(_) => unreachable!("nobody configures"),
                Output::Answer(..) => unreachable!("nobody asks"),
                Output::Store(_) => panic!("no store here"),
                Output::Happened(_) => {}
                Output::Stopped => self.stopped = true,
            }
        }
        self.control.check();
        for (worker, event) in events {
            self.input(Input::Media(worker, event));
        }
    }

    fn obey(&mut self, command: Command) -> Option<Event> {
        match command {
            Command::Open { stream, .. } if self.are_workers_deaf => {
                self.unanswered.push(stream);
                None
            }
            Command::Open { stream, .. } => {
                if let Some(reason) = self.refusals.pop_front() {
                    return Some(Event::Refused { stream, reason });
                }
                let told = Told {
                    stream,
                    media: None,
                    source: Source::Silent,
                };
                let before = self.streams.insert((stream.worker, stream.index), told);
                assert!(before.is_none(), "{stream} is open already");
                Some(Event::Opened { stream })
            }
            Command::Describe { stream, media } => {
                self.told(stream).media = Some(media);
                None
            }
            Command::Send { stream, source } => {
                self.told(stream).source = source;
                None
            }
            Command::Close { stream } => {
                self.streams.remove(&(stream.worker, stream.index));
                let stats = shared::StreamStats::default();
                Some(Event::Closed { stream, stats })
            }
            Command::Capture { .. } | Command::Stop => None,
        }
    }

    fn told(&mut self, stream: StreamId) -> &mut Told {
        let told = self
            .streams
            .get_mut(&(stream.worker, stream.index))
            .unwrap();
        assert_eq!(told.stream, stream, "a stale name");
        told
    }

    /// The stream that sends to a phone.
    pub(super) fn stream_to(&self, phone: &Phone) -> &Told {
        let here = |told: &&Told| {
            let remote = told.media.and_then(|media| media.remote);
            remote.is_some_and(|remote| remote.port() == phone.port)
        };
        self.streams
            .values()
            .find(here)
            .expect("a stream sends to this phone")
    }

    /// Whether two phones hear each other.
    pub(super) fn is_bridged(&self, one: &Phone, other: &Phone) -> bool {
        let (one, other) = (self.stream_to(one), self.stream_to(other));
        one.source == Source::Bridge { peer: other.stream }
            && other.source == Source::Bridge { peer: one.stream }
    }

    pub(super) fn hears_music(&self, phone: &Phone) -> bool {
        let told = self.stream_to(phone);
        matches!(told.source, Source::Prompt { .. }) && told.media.unwrap().send
    }

    /// Lets time pass, with all that falls due in it.
    pub(super) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.control.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
        }
        self.now = end;
    }

    pub(super) fn send(&mut self, phone: &Phone, text: &str) {
        let packet = Packet {
            transport: Transport::Udp,
            flow: Flow(0),
            local: SERVER.parse().unwrap(),
            source: phone.address,
            bytes: text.as_bytes(),
        };
        self.input(Input::Packet(packet));
    }

    /// The next message for a phone, but for 100s and repetitions of the one before.
    pub(super) fn next(&mut self, phone: &Phone) -> Option<String> {
        let inbox = self.inbox.entry(phone.address).or_default();
        let text = loop {
            let text = inbox.pop_front()?;
            if !text.starts_with("SIP/2.0 100") {
                break text;
            }
        };
        inbox.retain(|other| *other != text);
        Some(text)
    }

    /// How many messages a phone has not looked at.
    pub(super) fn waiting(&self, phone: &Phone) -> usize {
        self.inbox.get(&phone.address).map_or(0, VecDeque::len)
    }

    /// Forgets what phones have not looked at.
    pub(super) fn clear(&mut self) {
        self.inbox.clear();
    }

    /// Parks a phone.
    pub(super) fn park(&mut self, number: u16) -> Phone {
        let mut phone = Phone::new(number);
        let offer = phone.sdp("0 8", "sendrecv");
        let answer = self.invite(&mut phone, "park", "", &offer);
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        self.ack(&mut phone, "");
        phone
    }

    /// INVITEs and gives the final answer, if there is one at once.
    pub(super) fn invite(
        &mut self,
        phone: &mut Phone,
        user: &str,
        more: &str,
        sdp: &str,
    ) -> String {
        phone.uri = format!("sip:{user}@{SERVER}");
        let text = phone.request("INVITE", more, sdp);
        self.send(phone, &text);
        let answer = self.next(phone).unwrap_or_default();
        phone.learn(&answer);
        answer
    }

    pub(super) fn ack(&mut self, phone: &mut Phone, sdp: &str) {
        let text = phone.request("ACK", "", sdp);
        self.send(phone, &text);
    }

    /// Answers the re-INVITE that waits for a phone, and takes the ACK of it.
    pub(super) fn answer_reinvite(
        &mut self,
        phone: &Phone,
        formats: &str,
        direction: &str,
    ) -> String {
        let request = self.next(phone).expect("a re-INVITE");
        assert!(request.starts_with("INVITE"), "{request}");
        let answer = phone.response(&request, "200 OK", &sdp(phone.port, formats, direction));
        self.send(phone, &answer);
        let ack = self.next(phone).expect("an ACK");
        assert!(ack.starts_with("ACK"), "{ack}");
        request
    }

    /// Dials an orbit and lets the parkee agree.
    pub(super) fn retrieve(&mut self, number: u16, parkee: &Phone) -> Phone {
        let mut phone = Phone::new(number);
        let offer = phone.sdp("0 8", "sendrecv");
        let early = self.invite(&mut phone, &parkee.orbit, "", &offer);
        assert_eq!(early, "", "not answered before the parkee agrees");
        self.answer_reinvite(parkee, "0 8", "sendrecv");
        let answer = self.next(&phone).expect("an answer");
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        phone.learn(&answer);
        self.ack(&mut phone, "");
        phone
    }

    /// Takes a BYE for a phone and answers it.
    pub(super) fn take_bye(&mut self, phone: &Phone) -> String {
        let bye = self.next(phone).expect("a BYE");
        assert!(bye.starts_with("BYE"), "{bye}");
        let answer = phone.response(&bye, "200 OK", "");
        self.send(phone, &answer);
        bye
    }

    /// Everything is as before the first call.
    pub(super) fn expect_empty(&mut self) {
        self.wait(Duration::from_secs(70));
        let status = self.control.status();
        let left = (status.calls, status.legs, status.parked, status.streams);
        assert_eq!(left, (0, 0, 0, 0));
        assert_eq!((status.dialogs, status.transactions), (0, 0));
    }
}

impl Phone {
    pub(super) fn new(number: u16) -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 6000 + number)),
            call_id: format!("call-{number}"),
            uri: String::new(),
            remote_tag: String::new(),
            orbit: String::new(),
            cseq: 1,
            port: 40_000 + 2 * number,
        }
    }

    pub(super) fn sdp(&self, formats: &str, direction: &str) -> String {
        sdp(self.port, formats, direction)
    }

    /// A request in its dialog, or the one that begins it.
    pub(super) fn request(&mut self, method: &str, more: &str, body: &str) -> String {
        if !matches!(method, "ACK" | "CANCEL") {
            self.cseq += 1;
        }
        let cseq = self.cseq;
        // RFC 3261 §17.1.1.3: only the ACK of a 2xx is a transaction of its own.
        let own = if method == "ACK" { "ack" } else { "" };
        let to_tag = match (method, &*self.remote_tag) {
            ("CANCEL", _) | (_, "") => String::new(),
            (_, tag) => format!(";tag={tag}"),
        };
        let content = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {address};branch=z9hG4bK{call_id}{cseq}{own};rport\r\n\
             From: \"Phone {call_id}\" <sip:{call_id}@{address}>;tag=f-{call_id}\r\n\
             To: <{uri}>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Max-Forwards: 70\r\nContact: <sip:{call_id}@{address}>\r\n\
             {more}{content}Content-Length: {length}\r\n\r\n{body}",
            uri = self.uri,
            address = self.address,
            call_id = self.call_id,
            length = body.len(),
        )
    }

    /// A response to a request of the server.
    pub(super) fn response(&self, request: &str, status: &str, body: &str) -> String {
        let message = Message::parse(request.as_bytes()).unwrap();
        let field = |header| message.header(header).unwrap();
        let content = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <sip:{}@{}>\r\n{content}Content-Length: {}\r\n\r\n{body}",
            field(Header::Via),
            field(Header::From),
            field(Header::To),
            field(Header::CallId),
            field(Header::CSeq),
            self.call_id,
            self.address,
            body.len(),
        )
    }

    /// Notes what a 2xx says of the dialog.
    pub(super) fn learn(&mut self, answer: &str) {
        if !answer.starts_with("SIP/2.0 200") {
            return;
        }
        let message = Message::parse(answer.as_bytes()).unwrap();
        message.to_tag().unwrap().clone_into(&mut self.remote_tag);
        let uri = message.contact().unwrap().uri;
        uri.clone_into(&mut self.uri);
        let user = uri.trim_start_matches("sip:").split('@').next().unwrap();
        user.clone_into(&mut self.orbit);
    }

    /// The Replaces header field that names its dialog, as a third party writes it.
    pub(super) fn replaces(&self) -> String {
        format!(
            "Replaces: {};to-tag={};from-tag=f-{}\r\n",
            self.call_id, self.remote_tag, self.call_id
        )
    }
}

/// A description with one audio stream.
pub(super) fn sdp(port: u16, formats: &str, direction: &str) -> String {
    format!(
        "v=0\r\no=- {port} 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {formats}\r\na={direction}\r\n"
    )
}

/// The defaults, with few orbits and ports.
pub(super) fn config() -> Config {
    let mut config = Config::default();
    config.sip.trusted = vec!["127.0.0.0/8".parse().unwrap()];
    config.media.ports = (20_000, 20_199);
    config.park.pickup_timeout = PICKUP_TIMEOUT;
    config.orbit_ranges = vec![OrbitRange {
        name: "few".to_owned(),
        prefix: None,
        start: 700,
        end: 709,
        ..OrbitRange::default()
    }];
    config
}
