//! What the kernel says of routes, neighbours and interfaces, and that something of it has changed
//! (rtnetlink(7)).

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteType, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

/// Where packets to a peer go next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Route {
    /// The interface, by its number.
    pub(super) interface: u32,
    /// The neighbour: a gateway, or the peer itself.
    pub(super) next: IpAddr,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// A neighbour has another Ethernet address, or none.
    Neighbour {
        interface: u32,
        ip: IpAddr,
        mac: Option<Mac>,
    },
    /// Anything else may be otherwise now.
    Anything,
}

pub(super) type Mac = [u8; 6];

/// An interface that frames can be given to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Link {
    pub(super) mac: Mac,
    pub(super) mtu: u32,
}

/// A socket that answers questions.
pub(super) struct Netlink {
    socket: Socket,
    sequence: u32,
}

/// A socket that tells of changes.
pub(super) struct Changes {
    socket: Socket,
}

impl Netlink {
    pub(super) fn new() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self {
            socket,
            sequence: 0,
        })
    }

    /// The route of packets of a class of service; `None` where they do not simply go to a
    /// neighbour.
    pub(super) fn route(
        &mut self,
        from: IpAddr,
        to: IpAddr,
        traffic_class: u8,
    ) -> io::Result<Option<Route>> {
        let mut question = RouteMessage::default();
        let bits = if to.is_ipv4() { 32 } else { 128 };
        question.header.address_family = family(to);
        question.header.destination_prefix_length = bits;
        question.header.source_prefix_length = bits;
        question.header.tos = traffic_class;
        question.attributes = vec![
            RouteAttribute::Destination(to.into()),
            RouteAttribute::Source(from.into()),
            RouteAttribute::IpProto(UDP),
        ];
        let answer = self.ask(RouteNetlinkMessage::GetRoute(question))?;
        Ok(match answer {
            RouteNetlinkMessage::NewRoute(route) => read_route(&route, to),
            _ => None,
        })
    }

    /// An interface; `None` if frames cannot be given to it.
    pub(super) fn link(&mut self, interface: u32) -> io::Result<Option<Link>> {
        let mut question = LinkMessage::default();
        question.header.index = interface;
        let answer = self.ask(RouteNetlinkMessage::GetLink(question))?;
        Ok(match answer {
            RouteNetlinkMessage::NewLink(link) => read_link(&link),
            _ => None,
        })
    }

    /// The Ethernet address of a neighbour, if it has one now.
    pub(super) fn neighbour(&mut self, route: &Route) -> io::Result<Option<Mac>> {
        let mut question = NeighbourMessage::default();
        question.header.family = family(route.next);
        question.header.ifindex = route.interface;
        let address = match route.next {
            IpAddr::V4(ip) => NeighbourAddress::Inet(ip),
            IpAddr::V6(ip) => NeighbourAddress::Inet6(ip),
        };
        question.attributes = vec![NeighbourAttribute::Destination(address)];
        let answer = self.ask(RouteNetlinkMessage::GetNeighbour(question));
        match answer {
            Ok(RouteNetlinkMessage::NewNeighbour(neighbour)) => Ok(read_mac(&neighbour)),
            Ok(_) => Ok(None),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn ask(&mut self, question: RouteNetlinkMessage) -> io::Result<RouteNetlinkMessage> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(question));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        loop {
            // The kernel answers within the system call that asks.
            let (bytes, _) = self.socket.recv_from_full()?;
            let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&bytes)
                .map_err(io::Error::other)?;
            if answer.header.sequence_number != self.sequence {
                continue;
            }
            return match answer.payload {
                NetlinkPayload::InnerMessage(message) => Ok(message),
                NetlinkPayload::Error(error) => Err(error.to_io()),
                _ => Err(io::ErrorKind::InvalidData.into()),
            };
        }
    }
}

impl Changes {
    pub(super) fn new() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        for group in GROUPS {
            socket.add_membership(group)?;
        }
        socket.set_non_blocking(true)?;
        Ok(Self { socket })
    }

    /// The next changes, if there are any.
    pub(super) fn next(&mut self) -> Option<Vec<Change>> {
        match self.socket.recv_from_full() {
            Ok((bytes, _)) => Some(read_changes(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Some(Vec::new()),
            // Some were lost.
            Err(_) => Some(vec![Change::Anything]),
        }
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What may make another path of one.
const GROUPS: [u32; 9] = [
    libc::RTNLGRP_LINK,
    libc::RTNLGRP_NEIGH,
    libc::RTNLGRP_IPV4_IFADDR,
    libc::RTNLGRP_IPV4_ROUTE,
    libc::RTNLGRP_IPV4_RULE,
    libc::RTNLGRP_IPV6_IFADDR,
    libc::RTNLGRP_IPV6_ROUTE,
    libc::RTNLGRP_IPV6_RULE,
    libc::RTNLGRP_NEXTHOP,
];

const UDP: u8 = 17;

const fn family(ip: IpAddr) -> AddressFamily {
    match ip {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn read_route(route: &RouteMessage, to: IpAddr) -> Option<Route> {
    if route.header.kind != RouteType::Unicast {
        return None;
    }
    let (mut interface, mut next) = (None, to);
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Oif(index) => interface = Some(*index),
            RouteAttribute::Gateway(RouteAddress::Inet(ip))
            | RouteAttribute::Via(RouteVia::Inet(ip)) => next = (*ip).into(),
            RouteAttribute::Gateway(RouteAddress::Inet6(ip))
            | RouteAttribute::Via(RouteVia::Inet6(ip)) => next = (*ip).into(),
            // Something is put around the packet on its way out.
            RouteAttribute::Encap(_)
            | RouteAttribute::EncapType(_)
            | RouteAttribute::NewDestination(_)
            | RouteAttribute::MultiPath(_)
            | RouteAttribute::Gateway(_)
            | RouteAttribute::Via(_) => return None,
            _ => {}
        }
    }
    interface.map(|interface| Route { interface, next })
}

fn read_link(link: &LinkMessage) -> Option<Link> {
    let header = &link.header;
    let is_up = header.flags.contains(LinkFlags::Up | LinkFlags::Running);
    let is_other = header
        .flags
        .intersects(LinkFlags::Loopback | LinkFlags::Noarp);
    if header.link_layer_type != LinkLayerType::Ether || !is_up || is_other {
        return None;
    }
    let (mut mac, mut mtu) = (None, None);
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::Address(bytes) => mac = Mac::try_from(bytes.as_slice()).ok(),
            LinkAttribute::Mtu(bytes) => mtu = Some(*bytes),
            _ => {}
        }
    }
    Some(Link {
        mac: mac?,
        mtu: mtu?,
    })
}

/// Its address in the states in which the kernel itself would use it.
fn read_mac(neighbour: &NeighbourMessage) -> Option<Mac> {
    use NeighbourState::{Delay, Permanent, Probe, Reachable, Stale};
    if !matches!(
        neighbour.header.state,
        Reachable | Stale | Delay | Probe | Permanent
    ) {
        return None;
    }
    neighbour
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => Mac::try_from(bytes.as_slice()).ok(),
            _ => None,
        })
}

fn read_changes(mut bytes: &[u8]) -> Vec<Change> {
    let mut changes = Vec::new();
    while !bytes.is_empty() {
        let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes) else {
            changes.push(Change::Anything);
            break;
        };
        changes.push(read_change(&message.payload));
        // Each message begins at a multiple of four.
        let length = message.header.length.next_multiple_of(4);
        let length = usize::try_from(length).unwrap_or(usize::MAX).max(4);
        bytes = bytes.get(length..).unwrap_or_default();
    }
    changes
}

fn read_change(payload: &NetlinkPayload<RouteNetlinkMessage>) -> Change {
    let NetlinkPayload::InnerMessage(message) = payload else {
        return Change::Anything;
    };
    let (neighbour, mac) = match message {
        RouteNetlinkMessage::NewNeighbour(neighbour) => (neighbour, read_mac(neighbour)),
        RouteNetlinkMessage::DelNeighbour(neighbour) => (neighbour, None),
        _ => return Change::Anything,
    };
    let ip = neighbour
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => Some(IpAddr::V4(*ip)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => Some(IpAddr::V6(*ip)),
            _ => None,
        });
    match ip {
        Some(ip) => Change::Neighbour {
            interface: neighbour.header.ifindex,
            ip,
            mac,
        },
        // Of a bridge's table.
        None => Change::Anything,
    }
}
