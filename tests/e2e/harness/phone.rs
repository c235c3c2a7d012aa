//! A socket that says what it is told to: for requests that no proper phone would send.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::time::Duration;

use super::Server;
use super::clock::PATIENCE;

/// The payload type of its telephone-events.
const EVENTS: u8 = 101;

/// A UDP socket with a few words of SIP.
#[derive(Debug)]
pub(crate) struct Phone {
    socket: UdpSocket,
    server: SocketAddr,
    name: &'static str,
    /// How many digits it has dialled: each is an event of its own.
    pressed: Cell<u32>,
}

impl Phone {
    /// `name` makes its Call-IDs, tags and branches its own.
    pub(crate) fn new(server: &Server, name: &'static str) -> Self {
        Self::at(server.address, name)
    }

    /// One that speaks to whatever listens there, from the address that leads there.
    pub(crate) fn at(server: SocketAddr, name: &'static str) -> Self {
        let any = match server {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).expect("a port");
        socket.connect(server).expect("a way there");
        Self {
            socket,
            server,
            name,
            pressed: Cell::new(0),
        }
    }

    /// Where it is called.
    pub(crate) fn uri(&self) -> String {
        let here = self.socket.local_addr().expect("bound");
        format!("sip:{}@{here}", self.name)
    }

    /// A request outside any dialog, as it should be, with more header fields and a body.
    pub(crate) fn request(&self, method: &str, user: &str, more: &str, body: &str) -> String {
        let Self { server, name, .. } = self;
        let here = self.socket.local_addr().expect("bound");
        let content = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        format!(
            "{method} sip:{user}@{server} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {here};rport;branch=z9hG4bK-{name}-{method}\r\n\
             From: <sip:{name}@{here}>;tag={name}\r\n\
             To: <sip:{user}@{server}>\r\n\
             Call-ID: {name}-{method}-{port}\r\n\
             CSeq: 1 {method}\r\n\
             Contact: <sip:{name}@{here}>\r\n\
             Max-Forwards: 70\r\n\
             {more}{content}Content-Length: {length}\r\n\r\n{body}",
            port = here.port(),
            length = body.len(),
        )
    }

    /// An offer of two-way PCMU, and of digits.
    pub(crate) fn offer(&self) -> String {
        let here = self.socket.local_addr().expect("bound");
        let (address, port) = (connection(here.ip()), here.port());
        format!(
            "v=0\r\no=- 1 1 {address}\r\ns=-\r\nc={address}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0 {EVENTS}\r\na=rtpmap:0 PCMU/8000\r\n\
             a=rtpmap:{EVENTS} telephone-event/8000\r\n"
        )
    }

    /// A re-INVITE in the dialog that `response` has made: offers one codec, in a direction.
    pub(crate) fn reoffer(
        &self,
        cseq: u32,
        (request, response): (&str, &str),
        (payload, direction): (u8, &str),
    ) -> String {
        let here = self.socket.local_addr().expect("bound");
        let name = if payload == 8 { "PCMA" } else { "PCMU" };
        let address = connection(here.ip());
        let body = format!(
            "v=0\r\no=- 1 {cseq} {address}\r\ns=-\r\nc={address}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {payload}\r\na=rtpmap:{payload} {name}/8000\r\n\
             a={direction}\r\n",
            port = here.port()
        );
        let head = self.in_dialog("INVITE", cseq, request, response);
        let content = format!(
            "Contact: <sip:{}@{here}>\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.name,
            body.len()
        );
        head.replace("Content-Length: 0\r\n\r\n", &content)
    }

    /// Sends noise for a while, as a phone does that never stops sending.
    pub(crate) fn noise(&self, payload: u8, packets: Range<u16>, response: &str) {
        let to = self.media(response);
        for number in packets {
            let mut packet = vec![0x80, payload, 0, 0, 0, 0, 0, 0, b'n', b'o', b'i', b's'];
            packet[2..4].copy_from_slice(&number.to_be_bytes());
            packet[4..8].copy_from_slice(&(u32::from(number) * 160).to_be_bytes());
            packet.extend((0..160_u8).map(|byte| byte.wrapping_mul(37) & 0x8f));
            self.socket.send_to(&packet, to).expect("loopback");
            super::clock::pause(Duration::from_millis(20));
        }
    }

    /// Where an answer wants its media.
    fn media(&self, response: &str) -> SocketAddr {
        let media = response.split("m=audio ").nth(1).expect("media");
        let port = media.split(' ').next().and_then(|port| port.parse().ok());
        SocketAddr::from((self.server.ip(), port.expect("a port")))
    }

    /// Dials digits in the media of a call that `response` has answered.
    pub(crate) fn press(&self, digits: &str, response: &str) {
        let to = self.media(response);
        let before = self.pressed.get();
        let count = u32::try_from(digits.len()).expect("a few digits");
        self.pressed.set(before + count);
        for packet in events(before, digits) {
            self.socket.send_to(&packet, to).expect("loopback");
            super::clock::pause(Duration::from_millis(20));
        }
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        self.socket.send(bytes).expect("loopback");
    }

    /// The next datagram that is SIP: music may arrive at the same port.
    pub(crate) fn receive(&self, wait: Duration) -> Option<String> {
        let deadline = super::clock::Deadline::after(wait);
        let mut buffer = vec![0; 65_536];
        while !deadline.has_passed() {
            let left = deadline.left().max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left)).expect("a timeout");
            // A refused earlier datagram is reported here: that is the server's absence, seen
            // below.
            let Ok(length) = self.socket.recv(&mut buffer) else {
                continue;
            };
            if buffer[0].is_ascii_alphabetic() {
                return Some(String::from_utf8_lossy(&buffer[..length]).into_owned());
            }
        }
        None
    }

    /// The final response to what was sent last.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn final_response(&self) -> String {
        loop {
            let response = self.receive(PATIENCE).expect("a final response");
            if response.starts_with("SIP/2.0 ") && !response.starts_with("SIP/2.0 1") {
                return response;
            }
        }
    }

    /// The ACK to a final response other than 2xx, which stops its retransmission.
    pub(crate) fn ack(&self, request: &str, response: &str) {
        let target = request.split(' ').nth(1).unwrap_or_default();
        let via = field(request, "Via").unwrap_or_default();
        self.send(follow_up("ACK", 1, target, via, request, response).as_bytes());
    }

    /// Waits until it is called; the INVITE.
    ///
    /// # Panics
    /// When nobody calls.
    pub(crate) fn called(&self) -> String {
        loop {
            let request = self.receive(PATIENCE).expect("an INVITE");
            if request.starts_with("INVITE ") {
                return request;
            }
        }
    }

    /// The 200 to an INVITE that it got.
    pub(crate) fn answer(&self, invite: &str) -> String {
        let copied = |name: &str| field(invite, name).unwrap_or_default();
        let body = self.offer();
        format!(
            "SIP/2.0 200 OK\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to};tag={name}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq}\r\nContact: <{here}>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}",
            via = copied("Via"),
            from = copied("From"),
            to = copied("To"),
            name = self.name,
            call_id = copied("Call-ID"),
            cseq = copied("CSeq"),
            here = self.uri(),
            length = body.len(),
        )
    }

    /// The BYE of who was called, and has answered.
    pub(crate) fn leaves(&self, invite: &str, answer: &str) -> String {
        let here = self.socket.local_addr().expect("bound");
        let contact = field(invite, "Contact").unwrap_or_default();
        let target = contact.split(['<', '>']).nth(1).unwrap_or_default();
        let said = |name: &str| field(answer, name).unwrap_or_default();
        format!(
            "BYE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {here};rport;branch=z9hG4bK-{name}-BYE\r\n\
             From: {to}\r\nTo: {from}\r\nCall-ID: {call_id}\r\nCSeq: 1 BYE\r\n\
             Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            name = self.name,
            from = said("From"),
            to = said("To"),
            call_id = said("Call-ID"),
        )
    }

    /// A request in the dialog that `response`, a 2xx, made of `request`.
    pub(crate) fn in_dialog(
        &self,
        method: &str,
        cseq: u32,
        request: &str,
        response: &str,
    ) -> String {
        let contact = field(response, "Contact").unwrap_or_default();
        let target = contact.split(['<', '>']).nth(1).unwrap_or_default();
        let via = field(request, "Via").unwrap_or_default();
        let via = format!("{via}-{method}-{cseq}");
        follow_up(method, cseq, target, &via, request, response)
    }
}

/// An address as SDP writes it (RFC 8866 §5.7).
fn connection(ip: IpAddr) -> String {
    let family = if ip.is_ipv4() { 4 } else { 6 };
    format!("IN IP{family} {ip}")
}

/// Digits as events of RFC 4733, each for 80 ms and said to be over three times.
fn events(before: u32, digits: &str) -> Vec<[u8; 16]> {
    let mut packets = Vec::new();
    for (place, digit) in (before..).zip(digits.chars()) {
        let event = "0123456789*#".find(digit).expect("a key of a phone");
        for turn in 1..=6_u32 {
            let mut packet = [0; 16];
            packet[0] = 0x80;
            packet[1] = EVENTS | if turn == 1 { 0x80 } else { 0 };
            packet[2..4].copy_from_slice(&(place * 6 + turn).to_be_bytes()[2..]);
            packet[4..8].copy_from_slice(&(place * 1_600).to_be_bytes());
            packet[8..12].copy_from_slice(b"keys");
            packet[12] = u8::try_from(event).expect("one of twelve");
            packet[13] = 10 | if turn > 3 { 0x80 } else { 0 };
            packet[14..].copy_from_slice(&(turn.min(4) * 160).to_be_bytes()[2..]);
            packets.push(packet);
        }
    }
    packets
}

/// A request that belongs to an earlier one.
fn follow_up(
    method: &str,
    cseq: u32,
    target: &str,
    via: &str,
    request: &str,
    response: &str,
) -> String {
    format!(
        "{method} {target} SIP/2.0\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}\r\n\
         Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\
         Content-Length: 0\r\n\r\n",
        from = field(request, "From").unwrap_or_default(),
        to = field(response, "To").unwrap_or_default(),
        call_id = field(request, "Call-ID").unwrap_or_default(),
    )
}

/// The status code of a response.
pub(crate) fn status(response: &str) -> u16 {
    response
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_default()
}

/// The value of a header field.
pub(crate) fn field<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let head = message.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found
            .trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim())
    })
}
