//! A worker's own list of the peers it sends to, each with its path if there is one: what a packet
//! needs, in one cache line that all streams of the peer share.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use shared::Sender;

use super::{Hop, Known, Reader, Wish};
use crate::address::Address;

/// See the module.
pub(crate) struct Book {
    peers: Vec<Peer>,
    by_ip: HashMap<IpAddr, u16>,
    free: Vec<u16>,
    reader: Arc<Reader>,
    /// What the paths were read from.
    known: Arc<Known>,
    wishes: Sender<Wish>,
    /// Wishes that found no room.
    waiting: VecDeque<Wish>,
}

/// Peers of one worker that may have a path.
pub(crate) const PATHS_MAX: usize = 4_096;

/// One packet of 256 to a peer leaves by its stream's socket all the same: so the kernel goes on to
/// make sure of the neighbour, and a firewall that keeps states sees the stream.
const BY_SOCKET: u8 = u8::MAX;

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Peer {
    ip: IpAddr,
    streams: u32,
    hop: Option<Hop>,
    turn: u8,
}

const _: () = assert!(size_of::<Peer>() == 64);

impl Book {
    pub(super) fn new(reader: Arc<Reader>, wishes: Sender<Wish>) -> Self {
        Self {
            peers: Vec::with_capacity(PATHS_MAX),
            by_ip: HashMap::with_capacity(PATHS_MAX),
            free: Vec::with_capacity(PATHS_MAX),
            known: reader.0.known.load_full(),
            reader,
            wishes,
            waiting: VecDeque::new(),
        }
    }

    /// A stream begins to send to a peer; its place in the book, unless that is full.
    pub(crate) fn enter(&mut self, peer: &Address) -> Option<u16> {
        let ip = SocketAddr::from(*peer).ip();
        if let Some(place) = self.by_ip.get(&ip) {
            self.peers[usize::from(*place)].streams += 1;
            return Some(*place);
        }
        let peer = Peer {
            ip,
            streams: 1,
            hop: self.known.get(&ip).copied(),
            turn: 0,
        };
        let place = if let Some(place) = self.free.pop() {
            self.peers[usize::from(place)] = peer;
            place
        } else {
            let place = u16::try_from(self.peers.len()).ok();
            let place = place.filter(|place| usize::from(*place) < PATHS_MAX)?;
            self.peers.push(peer);
            place
        };
        self.by_ip.insert(ip, place);
        self.wish(Wish::Begin(ip));
        Some(place)
    }

    /// A stream sends to the peer in this place no more.
    pub(crate) fn leave(&mut self, place: u16) {
        let peer = &mut self.peers[usize::from(place)];
        peer.streams -= 1;
        if peer.streams > 0 {
            return;
        }
        peer.hop = None;
        let ip = peer.ip;
        self.by_ip.remove(&ip);
        self.free.push(place);
        self.wish(Wish::End(ip));
    }

    /// The path of the peer in this place for the next packet to an address, if it is the peer's.
    pub(crate) fn hop(&mut self, place: u16, to: &Address) -> Option<&Hop> {
        let peer = self.peers.get_mut(usize::from(place))?;
        peer.turn = peer.turn.wrapping_add(1);
        let is_peer = peer.turn != BY_SOCKET && to.is_at(&peer.ip.into());
        peer.hop.as_ref().filter(|_| is_peer)
    }

    /// Takes up what has changed; whether anything has.
    pub(crate) fn follow(&mut self) -> bool {
        while let Some(wish) = self.waiting.pop_front() {
            if let Err(wish) = self.wishes.push(wish) {
                self.waiting.push_front(wish);
                break;
            }
            self.wishes.ring();
        }
        let now = self.reader.0.known.load();
        if Arc::ptr_eq(&now, &self.known) {
            return false;
        }
        self.known = Arc::clone(&now);
        for peer in self.peers.iter_mut().filter(|peer| peer.streams > 0) {
            peer.hop = self.known.get(&peer.ip).copied();
        }
        true
    }

    /// The interface that the path of the peer in this place leads through.
    pub(crate) fn interface(&self, place: u16) -> Option<u32> {
        Some(self.peers.get(usize::from(place))?.hop?.interface)
    }

    /// The interfaces that paths lead through.
    pub(crate) fn interfaces(&self) -> HashSet<u32> {
        let hops = self.peers.iter().filter_map(|peer| peer.hop);
        hops.map(|hop| hop.interface).collect()
    }

    fn wish(&mut self, wish: Wish) {
        self.waiting.push_back(wish);
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book")
            .field("peers", &self.by_ip.len())
            .finish_non_exhaustive()
    }
}
