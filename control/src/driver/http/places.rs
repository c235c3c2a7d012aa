//! Places for connections: so many in all, and so many of one stranger, so that no one of them
//! keeps everybody else out. On this host there are no strangers.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{CONNECTIONS_MAX, CONNECTIONS_PER_PEER_MAX};

#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    /// The strangers that have some, and maybe some that have had.
    strangers: BTreeMap<IpAddr, Arc<Semaphore>>,
}

/// A place; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_peer: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(super) fn new() -> Self {
        Self {
            all: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            strangers: BTreeMap::new(),
        }
    }

    /// Waits until a connection may be taken; whose it is shows then.
    pub(super) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// A place for this peer; `None` where it has too many.
    pub(super) fn give(&mut self, free: OwnedSemaphorePermit, peer: IpAddr) -> Option<Place> {
        let of_peer = match stranger(peer) {
            Some(peer) => Some(self.share_of(peer).try_acquire_owned().ok()?),
            None => None,
        };
        Some(Place {
            _of_all: free,
            _of_peer: of_peer,
        })
    }

    fn share_of(&mut self, peer: IpAddr) -> Arc<Semaphore> {
        // Who has no place any more is forgotten: those that are left have one each at least.
        self.strangers
            .retain(|_, share| share.available_permits() < CONNECTIONS_PER_PEER_MAX);
        let share = self.strangers.entry(peer);
        let share = share.or_insert_with(|| Arc::new(Semaphore::new(CONNECTIONS_PER_PEER_MAX)));
        Arc::clone(share)
    }
}

/// Whom places are counted for: an address of IPv4, or a network of IPv6, which one host has whole.
fn stranger(peer: IpAddr) -> Option<IpAddr> {
    match peer.to_canonical() {
        peer if peer.is_loopback() => None,
        IpAddr::V4(peer) => Some(peer.into()),
        IpAddr::V6(peer) => {
            let [a, b, c, d, ..] = peer.segments();
            Some(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn give(places: &mut Places, peer: &str) -> Option<Place> {
        let free = Arc::clone(&places.all).try_acquire_owned().unwrap();
        places.give(free, peer.parse().unwrap())
    }

    #[test]
    fn one_stranger_leaves_places_for_others_and_gets_its_own_back() {
        let mut places = Places::new();
        let mut held: Vec<_> = (0..CONNECTIONS_PER_PEER_MAX)
            .map(|n| give(&mut places, &format!("2001:db8::{n}")).expect("a place"))
            .collect();
        let more = give(&mut places, "2001:db8:0:0:1::1");
        assert!(more.is_none(), "one network");
        assert!(give(&mut places, "2001:db8:0:1::1").is_some());
        assert!(give(&mut places, "192.0.2.1").is_some());
        held.pop();
        assert!(give(&mut places, "2001:db8::1").is_some());
        held.clear();
        assert!(give(&mut places, "192.0.2.2").is_some());
        assert_eq!(places.strangers.len(), 1, "the others are forgotten");
        assert_eq!(places.all.available_permits(), CONNECTIONS_MAX);
    }

    #[test]
    fn this_host_has_all_places() {
        let mut places = Places::new();
        let held: Vec<_> = (0..CONNECTIONS_MAX)
            .map(|_| give(&mut places, "127.0.0.1").expect("a place"))
            .collect();
        assert_eq!(held.len(), CONNECTIONS_MAX);
    }
}
