//! What a leg has agreed to before anybody looked, as two messages that were never sent: an INVITE
//! with our description and its 200 with the peer's. Whoever reads the file needs them, or it would
//! not know which packets are RTP, nor of what codec; and they say that they were made up.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use shared::PayloadType;

use crate::call::Exchange;
use crate::sdp::{Agreed, Direction};
use crate::sip::agent::DialogKey;
use crate::sip::dialog::Dialog;
use crate::sip::uri::{Host, Uri};

/// What is said beside each of the two.
pub const COMMENT: &str = "Never sent: orbit writes what it remembers of this dialog, in which \
                           this was agreed before it was looked at.";

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prologue {
    /// Our INVITE.
    pub invite: Vec<u8>,
    /// The peer's 200.
    pub ok: Vec<u8>,
    /// Where the next request of ours would go, where that needs no DNS.
    pub peer: Option<SocketAddr>,
}

impl Exchange {
    /// What is remembered of a leg; `None` where nothing is agreed yet.
    pub(crate) fn prologue(&self, dialog: DialogKey) -> Option<Prologue> {
        let leg = self.legs.get(&dialog)?;
        let agreed = leg.session.agreed()?;
        let ports = self.streams.ports(leg.stream)?;
        let ours = (self.rules.media.advertise, ports.rtp()).into();
        Some(written(self.agent.dialog(dialog)?, agreed, ours))
    }
}

fn written(dialog: &Dialog, agreed: &Agreed, ours: SocketAddr) -> Prologue {
    let plan = dialog.plan();
    let theirs = agreed
        .remote
        .unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, DISCARD).into());
    let offer = Side {
        address: ours,
        speech: agreed.receive_payload_type,
        events: agreed.receive_event_payload_type,
        direction: agreed.direction,
    };
    let answer = Side {
        address: theirs,
        speech: agreed.send_payload_type,
        events: agreed.send_event_payload_type,
        direction: Direction::new(agreed.direction.receives(), agreed.direction.sends()),
    };
    let head = |start: &str, description: &str| {
        format!(
            "{start}\r\nVia: SIP/2.0/UDP invalid.;branch=z9hG4bK-remembered\r\n\
             From: {local}\r\nTo: {remote}\r\nCall-ID: {call_id}\r\nCSeq: 0 INVITE\r\n\
             Subject: {COMMENT}\r\nContent-Type: application/sdp\r\n\
             Content-Length: {length}\r\n\r\n{description}",
            local = dialog.local(),
            remote = dialog.remote(),
            call_id = dialog.call_id(),
            length = description.len(),
        )
        .into_bytes()
    };
    let start = format!("INVITE {} SIP/2.0", plan.request_uri);
    Prologue {
        invite: head(&start, &offer.description(agreed)),
        ok: head("SIP/2.0 200 OK", &answer.description(agreed)),
        peer: address(&plan.next_hop),
    }
}

/// What one side takes.
struct Side {
    address: SocketAddr,
    speech: PayloadType,
    events: Option<PayloadType>,
    direction: Direction,
}

impl Side {
    fn description(&self, agreed: &Agreed) -> String {
        let (ip, port) = (self.address.ip(), self.address.port());
        let family = if ip.is_ipv4() { 4 } else { 6 };
        let speech = self.speech.number();
        let codec = agreed.codec;
        let mut text = format!(
            "v=0\r\no=- 0 0 IN IP{family} {ip}\r\ns=-\r\nc=IN IP{family} {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {speech}"
        );
        let events = self.events.map(PayloadType::number);
        // Writing to a string does not fail.
        let _ = events.map(|number| write!(text, " {number}"));
        let rate = codec.clock_hz();
        let _ = write!(text, "\r\na=rtpmap:{speech} {}/{rate}\r\n", codec.name());
        let _ = events.map(|number| write!(text, "a=rtpmap:{number} telephone-event/{rate}\r\n"));
        let _ = write!(text, "a=ptime:{}\r\n", agreed.ptime.as_millis());
        if agreed.rtcp_mux {
            text.push_str("a=rtcp-mux\r\n");
        }
        let _ = write!(text, "a={}\r\n", self.direction.name());
        text
    }
}

fn address(uri: &str) -> Option<SocketAddr> {
    let uri = Uri::parse(uri).ok()?;
    match uri.host {
        Host::Address(ip) => Some((ip, uri.port.unwrap_or(SIP)).into()),
        Host::Name(_) => None,
    }
}

/// The port of RFC 863: where there is nobody.
const DISCARD: u16 = 9;
/// RFC 3261 §19.1.2.
const SIP: u16 = 5060;
