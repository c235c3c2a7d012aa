//! Where messages go: responses (RFC 3261 §18.2.2, RFC 3581) and requests (§8.1.2, §18.1.1), and by
//! which of our sockets.
//!
//! Absent on purpose: DNS itself. A `maddr` in Via is not followed: it would let a request aim our
//! answers at others.

use std::net::{IpAddr, SocketAddr};

use crate::sip::header::Via;
use crate::sip::transport::{Flow, Listener, Packet, Transport};
use crate::sip::uri::{Host, Scheme, Uri};

/// The port of SIP where none is written.
const PORT: u16 = 5060;

/// Where a message goes, as far as the driver must know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hop {
    pub(super) transport: Transport,
    pub(super) flow: Option<Flow>,
    pub(super) destination: SocketAddr,
}

/// The way a dialog's messages came, to be taken back where it leads there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Path {
    pub(super) transport: Transport,
    pub(super) flow: Flow,
    pub(super) peer: SocketAddr,
    pub(super) listener: usize,
}

/// One way to send a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Attempt {
    pub(super) hop: Hop,
    /// Index of the listener whose address goes into Via.
    pub(super) via: usize,
    /// Index of the listener whose address goes into Contact.
    pub(super) contact: usize,
    pub(super) size: SizeRule,
}

/// Whether a long request may leave UDP (§18.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SizeRule {
    /// Above the limit TCP is tried first.
    Apply,
    /// It was; this is the fall back.
    Waive,
}

/// The next hop of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NextHop {
    pub(super) host: NextHost,
    pub(super) port: u16,
    /// `None` where the URI leaves it to us.
    pub(super) transport: Option<Transport>,
}

/// Its host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum NextHost {
    Address(IpAddr),
    Name(String),
}

impl NextHop {
    /// `None` for what we cannot reach: other schemes, `sips`, other transports.
    pub(super) fn of(uri: &str) -> Option<Self> {
        let uri = Uri::parse(uri).ok()?;
        if uri.scheme != Scheme::Sip {
            return None;
        }
        let transport = match uri.parameter("transport") {
            None => None,
            Some(name) if name.eq_ignore_ascii_case("udp") => Some(Transport::Udp),
            Some(name) if name.eq_ignore_ascii_case("tcp") => Some(Transport::Tcp),
            Some(_) => return None,
        };
        let host = match uri.parameter("maddr").and_then(parse_address) {
            Some(address) => NextHost::Address(address),
            None => match uri.host {
                Host::Address(address) => NextHost::Address(address),
                Host::Name(name) => NextHost::Name(name.to_owned()),
            },
        };
        Some(Self {
            host,
            port: uri.port.unwrap_or(PORT),
            transport,
        })
    }

    /// The way to one of its addresses, or `None` when no socket of ours leads there.
    pub(super) fn attempt(
        &self,
        address: IpAddr,
        listeners: &[Listener],
        path: Option<&Path>,
    ) -> Option<Attempt> {
        let destination = SocketAddr::new(address, self.port);
        let transport = self.transport.unwrap_or_else(|| preferred(listeners));
        if let Some(attempt) = path.and_then(|path| back_along(path, transport, destination)) {
            return Some(attempt);
        }
        let listener = choose(listeners, transport, destination)?;
        let flow = match transport {
            Transport::Udp => Some(listeners[listener].flow),
            Transport::Tcp => None,
        };
        Some(Attempt {
            hop: Hop {
                transport,
                flow,
                destination,
            },
            via: listener,
            contact: listener,
            size: SizeRule::Apply,
        })
    }
}

/// The dialog's own way, where the next hop is at its other end. A TCP connection that the peer
/// opened has another port than its Contact; the host decides.
fn back_along(path: &Path, transport: Transport, destination: SocketAddr) -> Option<Attempt> {
    let leads_there = match transport {
        Transport::Udp => path.peer.is_ipv4() == destination.is_ipv4(),
        Transport::Tcp => path.peer.ip() == destination.ip(),
    };
    if path.transport != transport || !leads_there {
        return None;
    }
    Some(Attempt {
        hop: Hop {
            transport,
            flow: Some(path.flow),
            destination,
        },
        via: path.listener,
        contact: path.listener,
        size: SizeRule::Apply,
    })
}

/// The first listener of the protocol and of the destination's family.
pub(super) fn choose(
    listeners: &[Listener],
    transport: Transport,
    destination: SocketAddr,
) -> Option<usize> {
    listeners.iter().position(|listener| {
        listener.transport == transport && listener.local.is_ipv4() == destination.is_ipv4()
    })
}

/// UDP where we have it (RFC 3263 §4.1 without NAPTR).
fn preferred(listeners: &[Listener]) -> Transport {
    match listeners
        .iter()
        .any(|listener| listener.transport == Transport::Udp)
    {
        true => Transport::Udp,
        false => Transport::Tcp,
    }
}

/// Where the responses to a request go: by the connection it came by, else to its source; to the
/// port it came from only where Via asks for that (RFC 3581 §4), else to that of Via.
pub(super) fn response_hop(packet: &Packet<'_>, via: &Via<'_>) -> Hop {
    let port = match (packet.transport, via.rport) {
        (Transport::Udp, Some(_)) => packet.source.port(),
        _ => via.port.unwrap_or(PORT),
    };
    Hop {
        transport: packet.transport,
        flow: Some(packet.flow),
        destination: with_port(packet.source, port),
    }
}

/// The listener a packet came by: the socket itself for UDP, the one with its address for TCP.
pub(super) fn listener_of(listeners: &[Listener], packet: &Packet<'_>) -> usize {
    let of_protocol = |listener: &&Listener| listener.transport == packet.transport;
    let is_exact = |listener: &Listener| match packet.transport {
        Transport::Udp => listener.flow == packet.flow,
        Transport::Tcp => listener.local == packet.local,
    };
    let is_near = |listener: &Listener| {
        listener.local.port() == packet.local.port()
            && listener.local.is_ipv4() == packet.local.is_ipv4()
    };
    let position = |wanted: &dyn Fn(&Listener) -> bool| {
        listeners
            .iter()
            .position(|listener| of_protocol(&listener) && wanted(listener))
    };
    position(&is_exact)
        .or_else(|| position(&is_near))
        .or_else(|| position(&|_| true))
        .unwrap_or(0)
}

impl Path {
    pub(super) fn of(listeners: &[Listener], packet: &Packet<'_>) -> Self {
        Self {
            transport: packet.transport,
            flow: packet.flow,
            peer: packet.source,
            listener: listener_of(listeners, packet),
        }
    }
}

/// `host:port` of a listener as peers reach it.
pub(super) fn sent_by(listener: &Listener) -> String {
    let port = listener.local.port();
    match listener.advertise.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        _ => format!("{}:{port}", listener.advertise),
    }
}

/// Our Contact by a listener.
pub(super) fn contact(listener: &Listener, user: &str) -> String {
    let at = if user.is_empty() { "" } else { "@" };
    let parameter = match listener.transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
    };
    format!(
        "<sip:{}{at}{}{parameter}>",
        escape_user(user),
        sent_by(listener)
    )
}

/// §25.1 `user`: what may not stand there is escaped.
fn escape_user(user: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(user.len());
    for byte in user.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte);
        if is_plain {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

fn parse_address(text: &str) -> Option<IpAddr> {
    text.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}
