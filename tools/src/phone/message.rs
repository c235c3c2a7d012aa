//! The messages of a phone, written and read. Its Call-ID carries its number, so that nothing needs
//! to be looked up.

use std::fmt::Write as _;
use std::net::SocketAddr;

use control::sip::header::Header;
use control::sip::message::Message;
use control::sip::status::Status;
use control::sip::uri::Uri;

use super::Line;
use super::call::Call;
use super::sdp;

/// The far end of a dialog.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// To with its tag, as written.
    to: String,
    tag: String,
    /// Their Contact: the Request-URI of what follows.
    target: String,
    /// Through whom (RFC 3261 §12.1.2), the nearest first.
    routes: Vec<String>,
    /// Where its audio is.
    pub(super) media: Option<SocketAddr>,
}

/// Proxies that a dialog may go through; a response with more is not believed.
const ROUTES_MAX: usize = 16;

impl Peer {
    /// Dialog fields of a 2xx; `None` when it has no tag or no Contact.
    pub(super) fn read(message: &Message<'_>) -> Option<Self> {
        let tag = message.to_tag()?.to_owned();
        let recorded = message.values(Header::RecordRoute);
        let mut routes: Vec<String> = recorded.take(ROUTES_MAX + 1).map(str::to_owned).collect();
        if routes.len() > ROUTES_MAX {
            return None;
        }
        routes.reverse();
        Some(Self {
            to: message.header(Header::To)?.to_owned(),
            tag,
            target: message.contact().ok()?.uri.to_owned(),
            routes,
            media: sdp::audio_at(message.body()),
        })
    }

    /// Whether a request of theirs is in this dialog: a server that was started anew may have had
    /// the INVITE twice, and two dialogs of it (RFC 3261 §12.2.2).
    pub(super) fn sends(&self, request: &Message<'_>) -> bool {
        request.from_tag() == Some(&*self.tag)
    }

    /// The user of their Contact: the orbit of a parked call.
    pub(super) fn user(&self) -> Option<String> {
        let uri = Uri::parse(&self.target).ok()?;
        uri.user_unescaped().map(std::borrow::Cow::into_owned)
    }

    /// They describe themselves anew.
    pub(super) fn refresh(&mut self, message: &Message<'_>) {
        if let Ok(contact) = message.contact() {
            contact.uri.clone_into(&mut self.target);
        }
        if !message.body().is_empty() {
            self.media = sdp::audio_at(message.body());
        }
    }
}

/// Whose call this is.
pub(super) fn number_of(line: &Line, call_id: &str) -> Option<usize> {
    let (number, rest) = call_id.split_once('.')?;
    (rest == tail(line)).then(|| number.parse().ok())?
}

/// The INVITE that begins a call.
pub(super) fn invite(line: &Line, number: usize, call: &Call) -> Vec<u8> {
    let target = call.target.as_ref().unwrap_or(&line.target);
    let to = format!("<{target}>");
    let mut text = head(
        line,
        number,
        &Outgoing::new("INVITE", call.cseq, target, &to),
    );
    if let Some(referrer) = &call.referrer {
        let _ = write!(text, "Referred-By: <{referrer}>\r\n");
    }
    with_description(text, line, number, call)
}

/// An INVITE within the call.
pub(super) fn reinvite(line: &Line, number: usize, call: &Call, peer: &Peer) -> Vec<u8> {
    let text = head(line, number, &Outgoing::within("INVITE", call.cseq, peer));
    with_description(text, line, number, call)
}

/// For a 2xx: a request of its own (RFC 3261 §13.2.2.4).
pub(super) fn ack(line: &Line, number: usize, cseq: u32, peer: &Peer) -> Vec<u8> {
    bare(head(line, number, &Outgoing::within("ACK", cseq, peer)))
}

/// For any other final response: part of the INVITE transaction (RFC 3261 §17.1.1.3).
pub(super) fn ack_refusal(
    line: &Line,
    number: usize,
    refusal: &Message<'_>,
    call: &Call,
) -> Vec<u8> {
    let to = refusal.header(Header::To).unwrap_or_default();
    let cseq = refusal.cseq().map_or(call.cseq, |cseq| cseq.number);
    let mut request = match &call.state {
        super::State::Parked(peer) => Outgoing::within("ACK", cseq, peer),
        _ => Outgoing::new(
            "ACK",
            cseq,
            call.target.as_ref().unwrap_or(&line.target),
            to,
        ),
    };
    request.branch_of = "INVITE";
    bare(head(line, number, &request))
}

pub(super) fn bye(line: &Line, number: usize, cseq: u32, peer: &Peer) -> Vec<u8> {
    bare(head(line, number, &Outgoing::within("BYE", cseq, peer)))
}

/// A response to a request of the server's.
pub(super) fn answer(request: &Message<'_>, status: Status) -> Vec<u8> {
    bare(response(request, status))
}

/// The 200 to a re-INVITE of the server's.
pub(super) fn accept(line: &Line, number: usize, request: &Message<'_>, call: &Call) -> Vec<u8> {
    with_description(response(request, Status::OK), line, number, call)
}

fn response(request: &Message<'_>, status: Status) -> String {
    let mut text = format!("SIP/2.0 {} {}\r\n", status.code(), status.reason());
    for (name, value) in request.fields() {
        let is_copied = [
            "via",
            "v",
            "from",
            "f",
            "to",
            "t",
            "call-id",
            "i",
            "cseq",
            "record-route",
        ]
        .iter()
        .any(|copied| name.eq_ignore_ascii_case(copied));
        if is_copied {
            let _ = write!(text, "{name}: {value}\r\n");
        }
    }
    text
}

/// What tells one request from another.
struct Outgoing<'a> {
    method: &'static str,
    cseq: u32,
    /// The method of the transaction it belongs to.
    branch_of: &'static str,
    uri: &'a str,
    to: &'a str,
    routes: &'a [String],
}

impl<'a> Outgoing<'a> {
    fn new(method: &'static str, cseq: u32, uri: &'a str, to: &'a str) -> Self {
        Self {
            method,
            cseq,
            branch_of: method,
            uri,
            to,
            routes: &[],
        }
    }

    fn within(method: &'static str, cseq: u32, peer: &'a Peer) -> Self {
        Self {
            routes: &peer.routes,
            ..Self::new(method, cseq, &peer.target, &peer.to)
        }
    }
}

fn head(line: &Line, number: usize, request: &Outgoing<'_>) -> String {
    let Outgoing {
        method,
        cseq,
        uri,
        to,
        ..
    } = request;
    let local = line.local;
    let mut text = format!(
        "{method} {uri} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {local};rport;branch=z9hG4bK-{:08x}-{number}-{}-{cseq}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:caller-{number}@{}>;tag=c{number}\r\nTo: {to}\r\n\
         Call-ID: {number}.{}\r\nCSeq: {cseq} {method}\r\n",
        line.seed,
        request.branch_of,
        host(local),
        tail(line)
    );
    for route in request.routes {
        // Writing to a String cannot fail.
        let _ = write!(text, "Route: {route}\r\n");
    }
    text
}

fn with_description(mut text: String, line: &Line, number: usize, call: &Call) -> Vec<u8> {
    let sdp = call.media.describe(number);
    let local = line.local;
    let _ = write!(
        text,
        "Contact: <sip:caller-{number}@{local}>\r\nAllow: INVITE, ACK, BYE, OPTIONS\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    text.into_bytes()
}

/// As a host of a URI.
fn host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(four) => four.ip().to_string(),
        SocketAddr::V6(six) => format!("[{}]", six.ip()),
    }
}

fn tail(line: &Line) -> String {
    format!("{:08x}@{}", line.seed, line.local.ip())
}

fn bare(mut text: String) -> Vec<u8> {
    text.push_str("Content-Length: 0\r\n\r\n");
    text.into_bytes()
}
