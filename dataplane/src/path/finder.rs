//! The thread that looks paths up: for each peer that a worker asks for, and all of them whenever
//! it is time for that (`review`).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{ip_mtu, ipv6_mtu};
use shared::{Dscp, Receiver};

use super::netlink::{Change, Changes, Netlink, Route};
use super::review::Review;
use super::{ETHERNET_BYTES, Hop, Known, Shared, Wish};
use crate::envelope::HEADERS_BYTES;
use crate::port::SEND_BYTES_MAX;
use crate::uring::clock;

/// See the module.
pub(super) struct Finder {
    from: IpAddr,
    traffic_class: u8,
    shared: Arc<Shared>,
    wishes: Vec<Receiver<Wish>>,
    netlink: Netlink,
    changes: Changes,
    peers: HashMap<IpAddr, Peer>,
    review: Review,
}

/// A peer that somebody sends to.
#[derive(Clone, Copy, Debug)]
struct Peer {
    workers: u32,
    found: Option<Found>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Found {
    route: Route,
    /// `None` while its neighbour is not known.
    hop: Option<Hop>,
}

/// The largest packet that leaves by a path.
const PACKET_BYTES_MAX: usize = HEADERS_BYTES + SEND_BYTES_MAX;

impl Finder {
    pub(super) fn new(
        from: IpAddr,
        dscp: Dscp,
        shared: Arc<Shared>,
        wishes: Vec<Receiver<Wish>>,
    ) -> io::Result<Self> {
        Ok(Self {
            from,
            traffic_class: dscp.traffic_class(),
            shared,
            wishes,
            netlink: Netlink::new()?,
            changes: Changes::new()?,
            peers: HashMap::new(),
            review: Review::new(clock::now()),
        })
    }

    /// Looks up paths until no worker is left.
    pub(super) fn run(mut self) {
        while !self.shared.ended.load(Ordering::SeqCst) {
            if let Err(error) = self.sleep() {
                tracing::error!(%error, "paths cannot be looked up: all packets leave by sockets");
                return;
            }
            let mut is_new = self.take_changes();
            is_new |= self.take_wishes();
            is_new |= self.review();
            // What may be wrong is not told: the kernel routes meanwhile.
            if is_new && !self.review.is_stale() {
                self.publish();
            }
        }
    }

    /// Looks all up if it is time; whether anything is another now.
    fn review(&mut self) -> bool {
        let now = clock::now();
        if !self.review.is_due(now) {
            return false;
        }
        let is_stale = self.review.is_stale();
        let is_new = self.find_all();
        self.review.done(now, clock::now());
        // The table was emptied when it became stale.
        is_new || is_stale
    }

    fn sleep(&self) -> io::Result<()> {
        let bell = self.shared.bell.as_ref();
        let mut files = [
            PollFd::new(&self.changes, PollFlags::IN),
            PollFd::new(bell, PollFlags::IN),
        ];
        let timeout = self.review.wait(clock::now());
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        match poll(&mut files, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if files[1].revents().contains(PollFlags::IN) {
            bell.hear()?;
        }
        bell.answer();
        Ok(())
    }

    /// Whether the table is another now.
    fn take_changes(&mut self) -> bool {
        let mut is_new = false;
        while let Some(changes) = self.changes.next() {
            for change in changes {
                match change {
                    Change::Neighbour { interface, ip, mac } => {
                        is_new |= self.take_neighbour(
                            Route {
                                interface,
                                next: ip,
                            },
                            mac,
                        );
                    }
                    Change::Anything => self.distrust(),
                }
            }
        }
        is_new
    }

    /// Until it is known what has changed, the kernel shall route.
    fn distrust(&mut self) {
        if !self.review.is_stale() && !self.peers.is_empty() {
            self.review.hasten();
            self.shared.known.store(Arc::default());
        }
    }

    fn take_neighbour(&mut self, route: Route, mac: Option<[u8; 6]>) -> bool {
        let changed = |peer: &Peer| {
            peer.found.is_some_and(|found| {
                let known = found.hop.map(|hop| hop.ethernet[..6].to_vec());
                found.route == route && known.as_deref() != mac.as_ref().map(<[u8; 6]>::as_slice)
            })
        };
        let peers = self.peers.iter().filter(|(_, peer)| changed(peer));
        let peers: Vec<IpAddr> = peers.map(|(ip, _)| *ip).collect();
        for ip in &peers {
            self.find(*ip);
        }
        !peers.is_empty()
    }

    fn take_wishes(&mut self) -> bool {
        let mut is_new = false;
        for number in 0..self.wishes.len() {
            while let Some(wish) = self.wishes[number].pop() {
                is_new |= self.take_wish(wish);
            }
        }
        is_new
    }

    fn take_wish(&mut self, wish: Wish) -> bool {
        match wish {
            Wish::Begin(ip) => {
                let nobody = Peer {
                    workers: 0,
                    found: None,
                };
                let peer = self.peers.entry(ip).or_insert(nobody);
                peer.workers += 1;
                peer.workers == 1 && self.find(ip)
            }
            Wish::End(ip) => {
                let Some(peer) = self.peers.get_mut(&ip) else {
                    return false;
                };
                peer.workers -= 1;
                peer.workers == 0 && self.peers.remove(&ip).is_some()
            }
        }
    }

    /// Whether anything is another now.
    fn find_all(&mut self) -> bool {
        let peers: Vec<IpAddr> = self.peers.keys().copied().collect();
        let found = peers.into_iter().map(|ip| self.find(ip));
        found.fold(false, |is_new, one| is_new | one)
    }

    /// Looks one up; whether it is another now.
    fn find(&mut self, ip: IpAddr) -> bool {
        let found = self.look_up(ip).unwrap_or_else(|error| {
            tracing::debug!(%ip, %error, "no path to a peer");
            None
        });
        let Some(peer) = self.peers.get_mut(&ip) else {
            return false;
        };
        std::mem::replace(&mut peer.found, found) != found
    }

    fn look_up(&mut self, ip: IpAddr) -> io::Result<Option<Found>> {
        let Some(route) = self.netlink.route(self.from, ip, self.traffic_class)? else {
            return Ok(None);
        };
        let Some(link) = self.netlink.link(route.interface)? else {
            return Ok(None);
        };
        let mtu = usize::try_from(link.mtu).unwrap_or(0);
        if mtu < PACKET_BYTES_MAX || self.mtu_of_a_socket(ip)? < link.mtu {
            return Ok(None);
        }
        let mac = self.netlink.neighbour(&route)?;
        let hop = mac.map(|mac| Hop {
            interface: route.interface,
            ethernet: ethernet(mac, link.mac, ip),
        });
        Ok(Some(Found { route, hop }))
    }

    /// What the kernel lets a UDP socket send to a peer in one piece: less than the interface does
    /// where something is put around it, which no route tells (IPsec), or where the way is narrow.
    fn mtu_of_a_socket(&self, ip: IpAddr) -> io::Result<u32> {
        let socket = UdpSocket::bind((self.from, 0))?;
        socket.connect(SocketAddr::new(ip, DISCARD))?;
        Ok(match ip {
            IpAddr::V4(_) => ip_mtu(&socket)?,
            IpAddr::V6(_) => ipv6_mtu(&socket)?,
        })
    }

    fn publish(&self) {
        let known = self.peers.iter();
        let known = known.filter_map(|(ip, peer)| Some((*ip, peer.found?.hop?)));
        self.shared.known.store(Arc::new(known.collect::<Known>()));
    }
}

impl Drop for Finder {
    /// However it ends: nobody would say any more that a path has changed.
    fn drop(&mut self) {
        self.shared.known.store(Arc::default());
    }
}

/// Nothing is ever sent there; a socket has to be connected to some port.
const DISCARD: u16 = 9;

fn ethernet(to: [u8; 6], from: [u8; 6], ip: IpAddr) -> [u8; ETHERNET_BYTES] {
    let protocol: [u8; 2] = match ip {
        IpAddr::V4(_) => [0x08, 0x00],
        IpAddr::V6(_) => [0x86, 0xdd],
    };
    let mut header = [0; ETHERNET_BYTES];
    header[..6].copy_from_slice(&to);
    header[6..12].copy_from_slice(&from);
    header[12..].copy_from_slice(&protocol);
    header
}
