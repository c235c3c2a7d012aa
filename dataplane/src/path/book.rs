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

#[cfg(test)]
mod tests {
    use shared::{Receiver, Wake, pair};

    use super::*;
    use crate::path::Shared;
    use crate::uring::doorbell::Doorbell;

    /// A book, and the finder's side of it.
    fn book(wishes: usize) -> (Book, Receiver<Wish>, Arc<Shared>) {
        let bell = Arc::new(Doorbell::new().unwrap());
        let shared = Arc::new(Shared {
            known: arc_swap::ArcSwap::default(),
            bell: Arc::clone(&bell),
            ended: std::sync::atomic::AtomicBool::new(false),
        });
        let (wish, wished) = pair(wishes, bell as Arc<dyn Wake>);
        let reader = Arc::new(Reader(Arc::clone(&shared)));
        (Book::new(reader, wish), wished, shared)
    }

    fn address(last: u16, port: u16) -> Address {
        let [high, low] = last.to_be_bytes();
        Address::from(SocketAddr::from(([10, 0, high, low], port)))
    }

    fn ip(last: u16) -> IpAddr {
        SocketAddr::from(address(last, 0)).ip()
    }

    fn hop(interface: u32) -> Hop {
        Hop {
            interface,
            ethernet: [7; super::super::ETHERNET_BYTES],
        }
    }

    fn publish(shared: &Shared, hops: &[(IpAddr, Hop)]) {
        shared.known.store(Arc::new(hops.iter().copied().collect()));
    }

    fn wishes(book: &mut Book, wished: &mut Receiver<Wish>) -> Vec<Wish> {
        book.follow();
        std::iter::from_fn(|| wished.pop()).collect()
    }

    #[test]
    fn streams_of_one_peer_share_its_place_and_one_wish() {
        let (mut book, mut wished, _shared) = book(8);
        let place = book.enter(&address(1, 4_000)).unwrap();
        assert_eq!(book.enter(&address(1, 4_002)), Some(place));
        assert_ne!(book.enter(&address(2, 4_000)), Some(place));
        let begun = wishes(&mut book, &mut wished);
        assert_eq!(begun, [Wish::Begin(ip(1)), Wish::Begin(ip(2))]);
        book.leave(place);
        assert_eq!(wishes(&mut book, &mut wished), []);
        book.leave(place);
        assert_eq!(wishes(&mut book, &mut wished), [Wish::End(ip(1))]);
    }

    #[test]
    fn a_path_is_used_once_it_is_known_and_not_once_it_is_gone() {
        let (mut book, _wished, shared) = book(8);
        let to = address(1, 4_000);
        let place = book.enter(&to).unwrap();
        assert_eq!(book.hop(place, &to), None);
        publish(&shared, &[(ip(1), hop(3))]);
        assert!(book.follow() && !book.follow());
        assert_eq!(book.hop(place, &to), Some(&hop(3)));
        assert_eq!(book.interface(place), Some(3));
        assert_eq!(book.interfaces(), HashSet::from([3]));
        publish(&shared, &[]);
        assert!(book.follow());
        assert_eq!(book.hop(place, &to), None);
    }

    #[test]
    fn a_path_leads_to_its_own_peer_only() {
        let (mut book, _wished, shared) = book(8);
        publish(&shared, &[(ip(1), hop(3))]);
        let place = book.enter(&address(1, 4_000)).unwrap();
        book.follow();
        assert_eq!(book.hop(place, &address(2, 4_000)), None);
    }

    #[test]
    fn one_packet_of_two_hundred_and_fifty_six_leaves_by_the_socket() {
        let (mut book, _wished, shared) = book(8);
        let to = address(1, 4_000);
        publish(&shared, &[(ip(1), hop(3))]);
        let place = book.enter(&to).unwrap();
        book.follow();
        let paths = (0..1_024).filter(|_| book.hop(place, &to).is_some());
        assert_eq!(paths.count(), 1_020);
    }

    #[test]
    fn a_place_that_is_taken_again_has_nothing_of_its_last_peer() {
        let (mut book, _wished, shared) = book(8);
        publish(&shared, &[(ip(1), hop(3))]);
        let place = book.enter(&address(1, 4_000)).unwrap();
        book.follow();
        book.leave(place);
        assert_eq!(book.interface(place), None);
        let other = address(2, 4_000);
        assert_eq!(book.enter(&other), Some(place));
        assert_eq!(book.hop(place, &other), None);
    }

    #[test]
    fn a_full_book_has_no_place_until_a_peer_has_left() {
        let (mut book, _wished, _shared) = book(8);
        let peers = u16::try_from(PATHS_MAX).unwrap();
        let places: Vec<_> = (0..peers)
            .map(|peer| book.enter(&address(peer, 9)))
            .collect();
        assert!(places.iter().all(Option::is_some));
        assert_eq!(book.enter(&address(peers, 9)), None);
        book.leave(places[5].unwrap());
        assert_eq!(book.enter(&address(peers, 9)), places[5]);
    }

    #[test]
    fn wishes_that_find_no_room_are_told_later_in_order() {
        let (mut book, mut wished, _shared) = book(2);
        for peer in 0..5 {
            book.enter(&address(peer, 9));
        }
        let mut told = Vec::new();
        for _ in 0..5 {
            told.extend(wishes(&mut book, &mut wished));
        }
        assert_eq!(
            told,
            (0..5).map(|peer| Wish::Begin(ip(peer))).collect::<Vec<_>>()
        );
    }
}
