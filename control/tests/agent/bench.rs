//! One agent on a bench: text in, events and text out, time by hand.

use std::net::SocketAddr;
use std::time::Duration;

use control::sip::agent::{
    Agent, AgentConfig, AgentEvent, DialogKey, EndCause, Reply, RequestKey, SentKey,
    SubscriptionKey,
};
use control::sip::message::Message;
use control::sip::status::Status;
use control::sip::transport::{Flow, Listener, Packet, Ticket, Transmit, Transport};
use control::sip::write::Body;
use shared::Time;

/// The agent under test, listening at 192.0.2.9 and 2001:db8::9 by UDP and TCP.
pub(super) struct Bench {
    pub(super) agent: Agent,
    pub(super) now: Time,
}

/// An event without what it borrows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seen {
    Invite(DialogKey),
    Cancelled(DialogKey),
    ReinviteCancelled(DialogKey),
    Acked(DialogKey),
    Reinvite(DialogKey),
    Progress(DialogKey, u16),
    Answered(DialogKey),
    Rejected(DialogKey, u16),
    Retry(DialogKey),
    Ended(DialogKey, EndCause),
    Update(RequestKey, DialogKey),
    Refresh(DialogKey),
    Request(RequestKey, Option<DialogKey>),
    Forgotten(DialogKey),
    Response(SentKey, u16),
    Subscribe(SubscriptionKey),
    Refer(SubscriptionKey, Option<DialogKey>),
    Refreshed(SubscriptionKey),
    Notified(SubscriptionKey),
    Unsubscribed(SubscriptionKey),
}

pub(super) const PEER: &str = "192.0.2.1:5060";

pub(super) fn udp_listener(flow: u64, local: &str, advertise: &str) -> Listener {
    Listener {
        transport: Transport::Udp,
        flow: Flow(flow),
        local: local.parse().unwrap(),
        advertise: advertise.to_owned(),
    }
}

fn tcp_listener(flow: u64, local: &str, advertise: &str) -> Listener {
    Listener {
        transport: Transport::Tcp,
        ..udp_listener(flow, local, advertise)
    }
}

pub(super) fn config(seed: u8) -> AgentConfig {
    AgentConfig {
        listeners: vec![
            udp_listener(1, "192.0.2.9:5060", "192.0.2.9"),
            udp_listener(2, "[2001:db8::9]:5060", "2001:db8::9"),
            tcp_listener(3, "192.0.2.9:5060", "192.0.2.9"),
            tcp_listener(4, "[2001:db8::9]:5060", "2001:db8::9"),
        ],
        domains: ["park.example", "203.0.113.9"].map(str::to_owned).to_vec(),
        product: "orbit-test".to_owned(),
        seed: [seed; 32],
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            agent: Agent::new(config(1)),
            now: Time::from_millis(1_000),
        }
    }

    /// One message from [`PEER`] by UDP.
    pub(super) fn receive(&mut self, text: &str) -> Option<Seen> {
        self.receive_from(Transport::Udp, 1, PEER, text)
    }

    pub(super) fn receive_from(
        &mut self,
        transport: Transport,
        flow: u64,
        source: &str,
        text: &str,
    ) -> Option<Seen> {
        let source: SocketAddr = source.parse().unwrap();
        let local = if source.is_ipv4() {
            "192.0.2.9:5060"
        } else {
            "[2001:db8::9]:5060"
        };
        let packet = Packet {
            transport,
            flow: Flow(flow),
            local: local.parse().unwrap(),
            source,
            bytes: text.as_bytes(),
        };
        match Message::parse(text.as_bytes()) {
            Ok(message) => {
                let event = self.agent.receive(self.now, &packet, &message);
                event.as_ref().map(seen)
            }
            Err(malformed) => {
                self.agent.receive_malformed(self.now, &packet, &malformed);
                None
            }
        }
    }

    /// What was sent since the last call.
    pub(super) fn sent(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.agent.poll_transmit()).collect()
    }

    /// The texts of what was sent since the last call.
    pub(super) fn texts(&mut self) -> Vec<String> {
        self.sent()
            .into_iter()
            .map(|t| String::from_utf8(t.bytes).unwrap())
            .collect()
    }

    /// The one text that was sent since the last call.
    #[track_caller]
    pub(super) fn text(&mut self) -> String {
        let mut texts = self.texts();
        assert_eq!(texts.len(), 1, "{texts:#?}");
        texts.remove(0)
    }

    /// Start lines of what was sent since the last call.
    pub(super) fn lines(&mut self) -> Vec<String> {
        self.texts()
            .iter()
            .map(|text| first_line(text).to_owned())
            .collect()
    }

    /// Lets time pass, deadline by deadline; gives the events of it.
    pub(super) fn advance(&mut self, ms: u64) -> Vec<Seen> {
        let end = self.now + Duration::from_millis(ms);
        let mut events = Vec::new();
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.agent.handle_timeout(self.now);
            events.extend(self.events());
        }
        self.now = end;
        events
    }

    /// Lets time pass and gives when what was sent, in milliseconds from now.
    pub(super) fn timeline(&mut self, ms: u64) -> Vec<(u64, String)> {
        let (start, end) = (self.now, self.now + Duration::from_millis(ms));
        let mut lines = Vec::new();
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.agent.handle_timeout(self.now);
            let after = self.now.as_millis() - start.as_millis();
            lines.extend(self.lines().into_iter().map(|line| (after, line)));
        }
        self.now = end;
        lines
    }

    pub(super) fn events(&mut self) -> Vec<Seen> {
        std::iter::from_fn(|| self.agent.poll_event())
            .map(|event| seen(&event))
            .collect()
    }

    pub(super) fn fail(&mut self, ticket: Ticket) {
        self.agent.transmit_failed(self.now, ticket);
    }

    /// An incoming call, accepted and acknowledged. Gives its key and our tag.
    pub(super) fn confirmed(&mut self) -> (DialogKey, String) {
        let Some(Seen::Invite(dialog)) = self.receive(&invite()) else {
            panic!("no invite");
        };
        self.agent.accept(self.now, dialog, "701", sdp_reply());
        let tag = to_tag(&self.text());
        let acked = self.receive(&request("ACK", "a1", 10, &tag));
        assert_eq!(acked, Some(Seen::Acked(dialog)));
        (dialog, tag)
    }

    /// Nothing may be left once everything had its time.
    #[track_caller]
    pub(super) fn assert_empty(&mut self) {
        self.advance(600_000);
        assert_eq!((self.agent.transactions(), self.agent.dialogs()), (0, 0));
        assert_eq!(self.agent.poll_timeout(), None);
    }
}

pub(super) fn seen(event: &AgentEvent<'_>) -> Seen {
    match event {
        AgentEvent::Invite { dialog, .. } => Seen::Invite(*dialog),
        AgentEvent::Cancelled { dialog } => Seen::Cancelled(*dialog),
        AgentEvent::ReinviteCancelled { dialog } => Seen::ReinviteCancelled(*dialog),
        AgentEvent::Acked { dialog, .. } => Seen::Acked(*dialog),
        AgentEvent::Reinvite { dialog, .. } => Seen::Reinvite(*dialog),
        AgentEvent::Progress { dialog, response } => {
            Seen::Progress(*dialog, response.status().map_or(0, Status::code))
        }
        AgentEvent::Answered { dialog, .. } => Seen::Answered(*dialog),
        AgentEvent::Rejected { dialog, status, .. } => Seen::Rejected(*dialog, status.code()),
        AgentEvent::Retry { dialog } => Seen::Retry(*dialog),
        AgentEvent::Ended { dialog, cause, .. } => Seen::Ended(*dialog, *cause),
        AgentEvent::Update { key, dialog, .. } => Seen::Update(*key, *dialog),
        AgentEvent::Refresh { dialog } => Seen::Refresh(*dialog),
        AgentEvent::Request { key, dialog, .. } => Seen::Request(*key, *dialog),
        AgentEvent::Forgotten { dialog } => Seen::Forgotten(*dialog),
        AgentEvent::Subscribe { subscription, .. } => Seen::Subscribe(*subscription),
        AgentEvent::Refer {
            subscription,
            dialog,
            ..
        } => Seen::Refer(*subscription, *dialog),
        AgentEvent::Refreshed { subscription } => Seen::Refreshed(*subscription),
        AgentEvent::Notified { subscription } => Seen::Notified(*subscription),
        AgentEvent::Unsubscribed { subscription } => Seen::Unsubscribed(*subscription),
        AgentEvent::Response { key, status, .. } => Seen::Response(*key, status.code()),
    }
}

pub(super) fn sdp_reply() -> Reply {
    Reply {
        headers: Vec::new(),
        body: Some(Body {
            content_type: "application/sdp",
            bytes: b"v=0\r\n".to_vec(),
        }),
    }
}

/// A new call from [`PEER`], with an offer.
pub(super) fn invite() -> String {
    with_body(
        &request("INVITE", "i1", 10, ""),
        "application/sdp",
        "v=0\r\n",
    )
}

/// A request of the peer in the call of [`invite`]; `tag` is ours, empty outside the dialog.
pub(super) fn request(method: &str, branch: &str, cseq: u32, tag: &str) -> String {
    let tag = if tag.is_empty() {
        String::new()
    } else {
        format!(";tag={tag}")
    };
    let contact = if method == "INVITE" {
        "Contact: <sip:anna@192.0.2.1>\r\n"
    } else {
        ""
    };
    format!(
        "{method} sip:park@192.0.2.9 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch};rport\r\n\
         Max-Forwards: 70\r\nFrom: \"Anna\" <sip:anna@192.0.2.1>;tag=anna1\r\n\
         To: <sip:park@192.0.2.9>{tag}\r\nCall-ID: call-1@192.0.2.1\r\n\
         CSeq: {cseq} {method}\r\n{contact}Content-Length: 0\r\n\r\n"
    )
}

pub(super) fn with_body(message: &str, content_type: &str, body: &str) -> String {
    let head = format!(
        "Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    message.replace("Content-Length: 0\r\n\r\n", &(head + body))
}

pub(super) fn with_header(message: &str, line: &str) -> String {
    message.replacen("Content-Length:", &format!("{line}\r\nContent-Length:"), 1)
}

/// The peer's response to a request of ours; `extra` is header lines, each with its end.
pub(super) fn response(request: &str, status: &str, tag: &str, extra: &str) -> String {
    let message = Message::parse(request.as_bytes()).unwrap();
    let to = message.to().unwrap().text;
    let is_tagged = message.to_tag().is_some() || tag.is_empty();
    let to = if is_tagged {
        to.to_owned()
    } else {
        format!("{to};tag={tag}")
    };
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n{extra}\
         Content-Length: 0\r\n\r\n",
        message.top_via().unwrap().text,
        message.from().unwrap().text,
        message.call_id().unwrap(),
        header(request, "CSeq").unwrap(),
    )
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The value of the first header line of this name.
pub(super) fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    headers(text, name).into_iter().next()
}

pub(super) fn headers<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(": "))
        .filter(|(n, _)| *n == name)
        .map(|(_, value)| value)
        .collect()
}

pub(super) fn to_tag(text: &str) -> String {
    let message = Message::parse(text.as_bytes()).unwrap();
    message.to_tag().unwrap().to_owned()
}

pub(super) fn branch(text: &str) -> String {
    let message = Message::parse(text.as_bytes()).unwrap();
    message.top_via().unwrap().branch.unwrap().to_owned()
}
