//! The messages of a phone, written and read. Its Call-ID carries its number, so that nothing needs
//! to be looked up.

use std::fmt::Write as _;

use control::sip::header::Header;
use control::sip::message::Message;
use control::sip::status::Status;

use super::Line;

/// The far end of a dialog.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// To with its tag, as written.
    to: String,
    /// Their Contact: the Request-URI of what follows.
    target: String,
}

/// Dialog fields of a 2xx; `None` when it has no tag or no Contact.
pub(super) fn peer_of(message: &Message<'_>) -> Option<Peer> {
    message.to_tag()?;
    Some(Peer {
        to: message.header(Header::To)?.to_owned(),
        target: message.contact().ok()?.uri.to_owned(),
    })
}

/// Whose call this is.
pub(super) fn number_of(line: &Line, call_id: &str) -> Option<usize> {
    let (number, rest) = call_id.split_once('.')?;
    (rest == tail(line)).then(|| number.parse().ok())?
}

pub(super) fn invite(line: &Line, number: usize, rtp_port: u16) -> Vec<u8> {
    let host = line.local.ip();
    let family = if host.is_ipv6() { 6 } else { 4 };
    let sdp = format!(
        "v=0\r\no=caller {number} 1 IN IP{family} {host}\r\ns=-\r\n\
         c=IN IP{family} {host}\r\nt=0 0\r\n\
         m=audio {rtp_port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n\
         a=ptime:20\r\na=rtcp-mux\r\na=sendrecv\r\n"
    );
    let to = format!("<{}>", line.target);
    let mut text = head(line, number, "INVITE 1", &line.target, &to);
    let local = line.local;
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "Contact: <sip:caller-{number}@{local}>\r\nAllow: INVITE, ACK, BYE, OPTIONS\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    text.into_bytes()
}

/// For a 2xx: a request of its own (RFC 3261 §13.2.2.4).
pub(super) fn ack(line: &Line, number: usize, peer: &Peer) -> Vec<u8> {
    bare(head(line, number, "ACK 1", &peer.target, &peer.to))
}

/// For any other final response: part of the INVITE transaction (RFC 3261 §17.1.1.3).
pub(super) fn ack_refusal(line: &Line, number: usize, refusal: &Message<'_>) -> Vec<u8> {
    let to = refusal.header(Header::To).unwrap_or_default();
    let text = head(line, number, "ACK 1", &line.target, to);
    bare(text.replacen(
        &branch(line, number, "ACK 1"),
        &branch(line, number, "INVITE 1"),
        1,
    ))
}

pub(super) fn bye(line: &Line, number: usize, peer: &Peer) -> Vec<u8> {
    bare(head(line, number, "BYE 2", &peer.target, &peer.to))
}

/// A response to a request of the server's.
pub(super) fn answer(request: &Message<'_>, status: Status) -> Vec<u8> {
    let mut text = format!("SIP/2.0 {} {}\r\n", status.code(), status.reason());
    for (name, value) in request.fields() {
        let is_copied = ["via", "v", "from", "f", "to", "t", "call-id", "i", "cseq"]
            .iter()
            .any(|copied| name.eq_ignore_ascii_case(copied));
        if is_copied {
            let _ = write!(text, "{name}: {value}\r\n");
        }
    }
    bare(text)
}

fn head(line: &Line, number: usize, cseq: &str, uri: &str, to: &str) -> String {
    let (method, sequence) = cseq.split_once(' ').expect("a method and its number");
    let local = line.local;
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch={}\r\nMax-Forwards: 70\r\n\
         From: <sip:caller-{number}@{}>;tag=c{number}\r\nTo: {to}\r\nCall-ID: {number}.{}\r\n\
         CSeq: {sequence} {method}\r\n",
        branch(line, number, cseq),
        local.ip(),
        tail(line)
    )
}

fn branch(line: &Line, number: usize, cseq: &str) -> String {
    format!(
        "z9hG4bK-{:08x}-{number}-{}",
        line.seed,
        cseq.replace(' ', "-")
    )
}

fn tail(line: &Line) -> String {
    format!("{:08x}@{}", line.seed, line.local.ip())
}

fn bare(mut text: String) -> Vec<u8> {
    text.push_str("Content-Length: 0\r\n\r\n");
    text.into_bytes()
}
