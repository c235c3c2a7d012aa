//! A control plane among workers that do at once as they are told, and phones that park and
//! retrieve: what control costs without any network.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use control::config::{Config, OrbitRange};
use control::control::{ControlStatus, Setup};
use control::sip::header::Header;
use control::sip::message::Message;
use control::sip::transport::{Flow, Listener, Packet, Transport};
use control::store::{Batch, Kept};
use control::{Control, Input, Output};
use shared::{Command, Event, StreamStats, Time, WorkerId};

/// Reads a clock. The benchmark's own; a virtual one will do where nothing is measured.
pub type Clock = fn() -> Time;

/// The control plane, and what it spent.
#[derive(Debug)]
pub struct House {
    control: Control,
    now: Time,
    clock: Clock,
    /// Inside the control plane, since [`House::reset`].
    spent: Duration,
    /// What phones have not looked at.
    inbox: VecDeque<String>,
    phones: u32,
    /// What a store was told, which has it at once.
    batches: Vec<Batch>,
}

/// One phone in one call.
#[derive(Clone, Debug)]
pub struct Phone {
    number: u32,
    call_id: String,
    /// The server's Contact.
    target: String,
    server_tag: String,
    cseq: u32,
}

/// How many calls the house holds.
pub const CALLS_MAX: u32 = 10_000;
const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5060);

impl House {
    /// An empty house without a store.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::open(clock, None)
    }

    /// An empty house whose store is [`House::take_batches`].
    #[must_use]
    pub fn with_store(clock: Clock) -> Self {
        let empty = Kept {
            // Any day will do.
            origin_unix_ms: 1_750_000_000_000,
            calls: Vec::new(),
            watches: Vec::new(),
        };
        Self::open(clock, Some(empty))
    }

    fn open(clock: Clock, kept: Option<Kept>) -> Self {
        let mut config = Config::default();
        config.media.ports = (2_000, 61_999);
        config.orbit_ranges = vec![OrbitRange {
            name: "all".to_owned(),
            start: 10_000,
            end: 10_000 + CALLS_MAX - 1,
            ..OrbitRange::default()
        }];
        let setup = Setup {
            config,
            listeners: vec![Listener {
                transport: Transport::Udp,
                flow: Flow(0),
                local: SERVER,
                advertise: SERVER.ip().to_string(),
            }],
            workers: vec![(WorkerId(0), 2 * CALLS_MAX + 1_000)],
            seed: [7; 32],
            kept,
        };
        Self {
            control: Control::new(setup, Time::ZERO),
            now: Time::from_millis(1),
            clock,
            spent: Duration::ZERO,
            inbox: VecDeque::new(),
            phones: 0,
            batches: Vec::new(),
        }
    }

    /// What the store was told since the last time.
    pub fn take_batches(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.batches)
    }

    /// Forgets what was spent, and gives it.
    pub const fn reset(&mut self) -> Duration {
        std::mem::replace(&mut self.spent, Duration::ZERO)
    }

    /// Figures of the moment.
    #[must_use]
    pub fn status(&self) -> ControlStatus {
        self.control.status()
    }

    /// Parks a new caller and gives what was spent between its INVITE and its 200.
    ///
    /// # Panics
    /// When it is not parked.
    pub fn park(&mut self) -> (Phone, Duration) {
        let mut phone = self.phone();
        let before = self.spent;
        self.hear(
            phone.number,
            &phone.request("INVITE", "sip:park@127.0.0.1", OFFER),
        );
        let answer = self.inbox.pop_front().expect("an answer");
        let spent = self.spent.saturating_sub(before);
        phone.learn(&answer);
        self.hear(phone.number, &phone.request("ACK", "", ""));
        (phone, spent)
    }

    /// Retrieves a parked call and gives what was spent between INVITE and 200.
    ///
    /// # Panics
    /// When it is not retrieved.
    pub fn retrieve(&mut self, parkee: &Phone) -> (Phone, Duration) {
        let mut phone = self.phone();
        let before = self.spent;
        let orbit = parkee.target.split('@').next().unwrap_or_default();
        let uri = format!("{orbit}@127.0.0.1");
        self.hear(phone.number, &phone.request("INVITE", &uri, OFFER));
        let reinvite = self.inbox.pop_front().expect("a re-INVITE of the parkee");
        self.hear(parkee.number, &response(&reinvite, ANSWER));
        let ack = self.inbox.pop_front().expect("its ACK");
        assert!(ack.starts_with("ACK "), "{ack}");
        let answer = self.inbox.pop_front().expect("an answer");
        let spent = self.spent.saturating_sub(before);
        phone.learn(&answer);
        self.hear(phone.number, &phone.request("ACK", "", ""));
        (phone, spent)
    }

    /// The first of two hangs up.
    ///
    /// # Panics
    /// When the other is not told.
    pub fn hang_up(&mut self, mut phone: Phone, other: Option<&Phone>) {
        phone.cseq += 1;
        self.hear(phone.number, &phone.request("BYE", "", ""));
        let mut texts = std::mem::take(&mut self.inbox);
        assert!(texts.iter().any(|text| text.starts_with("SIP/2.0 200")));
        texts.retain(|text| text.starts_with("BYE "));
        assert_eq!(texts.len(), usize::from(other.is_some()));
        if let (Some(bye), Some(other)) = (texts.pop_front(), other) {
            self.hear(other.number, &response(&bye, ""));
        }
    }

    /// Lets time pass, with all that falls due in it.
    pub fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.control.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.give(Input::Timeout);
        }
        self.now = end;
    }

    fn phone(&mut self) -> Phone {
        self.phones += 1;
        Phone {
            number: self.phones,
            call_id: format!("8f7e6d5c4b3a{:012x}@203.0.113.55", self.phones),
            target: String::new(),
            server_tag: String::new(),
            cseq: 1,
        }
    }

    fn hear(&mut self, phone: u32, text: &str) {
        let packet = Packet {
            transport: Transport::Udp,
            flow: Flow(0),
            local: SERVER,
            source: address(phone),
            bytes: text.as_bytes(),
        };
        self.give(Input::Packet(packet));
    }

    fn give(&mut self, input: Input<'_>) {
        let (mut events, mut stored) = (Vec::new(), None);
        let before = (self.clock)();
        self.control.handle(self.now, input);
        let mut outputs = Vec::with_capacity(8);
        outputs.extend(std::iter::from_fn(|| self.control.poll_output()));
        self.spent += (self.clock)().since(before);
        for output in outputs {
            match output {
                Output::Transmit(transmit) => {
                    let text = String::from_utf8(transmit.bytes).expect("we write UTF-8");
                    self.inbox.push_back(text);
                }
                Output::Command(worker, Command::Open { stream, .. }) => {
                    events.push((worker, Event::Opened { stream }));
                }
                Output::Command(worker, Command::Close { stream }) => {
                    let stats = StreamStats::default();
                    events.push((worker, Event::Closed { stream, stats }));
                }
                Output::Store(batch) => {
                    stored = Some(batch.number);
                    self.batches.push(batch);
                }
                _ => {}
            }
        }
        if let Some(number) = stored {
            self.give(Input::Stored(number));
        }
        for (worker, event) in events {
            self.give(Input::Media(worker, event));
        }
    }
}

impl Phone {
    fn request(&self, method: &str, uri: &str, body: &str) -> String {
        let Self {
            number,
            call_id,
            cseq,
            ..
        } = self;
        let uri = if uri.is_empty() { &self.target } else { uri };
        let to_tag = match &*self.server_tag {
            "" => String::new(),
            tag => format!(";tag={tag}"),
        };
        let content = match body {
            "" => "",
            _ => "Content-Type: application/sdp\r\n",
        };
        let at = address(*number);
        format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {at};branch=z9hG4bK{method}{number}x{cseq};rport\r\n\
             Max-Forwards: 69\r\n\
             Record-Route: <sip:{at};lr;ftag=1f2e3d4c5b>\r\n\
             From: \"Anna Example\" <sip:anna.example@example.com>;tag=1f2e3d4c5b{number}\r\n\
             To: <sip:park@127.0.0.1>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:anna.example@{at};ob>\r\nUser-Agent: Phone 7.9.3.1\r\n\
             Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, NOTIFY, REFER, UPDATE\r\n\
             Supported: replaces, timer, 100rel\r\n\
             {content}Content-Length: {}\r\n\r\n{body}",
            body.len(),
        )
    }

    fn learn(&mut self, answer: &str) {
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        let message = Message::parse(answer.as_bytes()).expect("we write what we read");
        let tag = message.to_tag().expect("a tag in a 200");
        tag.clone_into(&mut self.server_tag);
        let contact = message.contact().expect("a Contact in a 200");
        contact.uri.clone_into(&mut self.target);
    }
}

/// 200 to a request of the server.
fn response(request: &str, body: &str) -> String {
    let message = Message::parse(request.as_bytes()).expect("we write what we read");
    let mut text = "SIP/2.0 200 OK\r\n".to_owned();
    for header in [
        Header::Via,
        Header::From,
        Header::To,
        Header::CallId,
        Header::CSeq,
    ] {
        let value = message.header(header).expect("every request has these");
        text += &format!("{}: {value}\r\n", header.name());
    }
    let content = match body {
        "" => "",
        _ => "Content-Type: application/sdp\r\n",
    };
    text + &format!("{content}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn address(phone: u32) -> SocketAddr {
    // Not the server's own.
    let [_, high, middle, low] = (phone + 0x1_0000).to_be_bytes();
    SocketAddr::from(([127, high, middle, low], 5_060))
}

/// What a desk phone offers.
const OFFER: &str = "v=0\r\no=- 3857462 3857462 IN IP4 127.0.0.1\r\ns=Phone\r\n\
    c=IN IP4 127.0.0.1\r\nt=0 0\r\na=sendrecv\r\n\
    m=audio 49170 RTP/AVP 9 0 8 18 96 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n\
    a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\na=ptime:20\r\na=rtcp:49171\r\n";

const ANSWER: &str = "v=0\r\no=- 3857462 3857463 IN IP4 127.0.0.1\r\ns=Phone\r\n\
    c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

/// An INVITE as it comes from a desk phone by way of a proxy.
#[must_use]
pub fn invite() -> String {
    let phone = Phone {
        number: 1,
        call_id: "8f7e6d5c4b3a000000000001@203.0.113.55".to_owned(),
        target: String::new(),
        server_tag: String::new(),
        cseq: 1,
    };
    phone.request("INVITE", "sip:park@127.0.0.1", OFFER)
}
