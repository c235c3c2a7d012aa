//! The network between the phones and the server: it loses, doubles, delays and reorders datagrams,
//! by its seed.
//!
//! It never loses the same bytes in the same direction more than [`LOST_MAX`] times, so that
//! whoever retransmits as RFC 3261 wants is heard in the end: what then stays without an answer is
//! a fault of a peer, not bad luck.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use shared::Time;

use super::seed::Seed;

/// How often one and the same datagram can be lost.
const LOST_MAX: u8 = 3;

/// How bad the network is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quality {
    pub(crate) loss_percent: u64,
    pub(crate) duplicate_percent: u64,
    /// Each datagram takes its own time between these two: a spread reorders.
    pub(crate) delay: (Duration, Duration),
}

impl Quality {
    /// 5 ms each way, always.
    pub(crate) const GOOD: Self = Self {
        loss_percent: 0,
        duplicate_percent: 0,
        delay: (Duration::from_millis(5), Duration::from_millis(5)),
    };

    /// Some network between good and dreadful.
    pub(crate) fn any(seed: &mut Seed) -> Self {
        Self {
            loss_percent: seed.pick(&[0, 2, 10, 25]),
            duplicate_percent: seed.pick(&[0, 2, 10]),
            delay: seed.pick(&[
                (Duration::from_millis(1), Duration::from_millis(3)),
                (Duration::from_millis(5), Duration::from_millis(80)),
                (Duration::from_millis(20), Duration::from_millis(900)),
            ]),
        }
    }
}

/// Which way a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Way {
    ToServer,
    ToPhone,
}

/// The network.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) quality: Quality,
    seed: Seed,
    lost: HashMap<u64, u8>,
    ordered: HashMap<(u64, Way), Time>,
    to_lose: Vec<Loss>,
}

#[derive(Debug)]
struct Loss {
    way: Way,
    start: String,
    count: u32,
}

impl Link {
    pub(crate) fn new(seed: Seed, quality: Quality) -> Self {
        Self {
            quality,
            seed,
            lost: HashMap::new(),
            ordered: HashMap::new(),
            to_lose: Vec::new(),
        }
    }

    /// Loses the next `count` datagrams that go `way` and begin with `start`, whatever the quality.
    pub(crate) fn lose(&mut self, way: Way, start: &str, count: u32) {
        self.to_lose.push(Loss {
            way,
            start: start.to_owned(),
            count,
        });
    }

    /// Loses nothing on demand any more.
    pub(crate) fn lose_no_more(&mut self) {
        self.to_lose.clear();
    }

    /// When a datagram arrives: never, once, or twice.
    pub(crate) fn datagram(&mut self, now: Time, way: Way, bytes: &[u8]) -> Vec<Time> {
        if self.is_to_be_lost(way, bytes) || self.is_lost(way, bytes) {
            return Vec::new();
        }
        let (low, high) = self.quality.delay;
        let mut arrivals = vec![now + self.seed.between(low, high)];
        if self.seed.chance(self.quality.duplicate_percent) {
            arrivals.push(now + self.seed.between(low, high));
        }
        arrivals
    }

    /// When a message arrives over a connection: once, and after those before it.
    pub(crate) fn stream(&mut self, now: Time, way: Way, connection: u64) -> Time {
        let (low, high) = self.quality.delay;
        let at = now + self.seed.between(low, high);
        let last = self.ordered.entry((connection, way)).or_insert(at);
        *last = at.max(*last);
        *last
    }

    fn is_to_be_lost(&mut self, way: Way, bytes: &[u8]) -> bool {
        let wanted = self.to_lose.iter_mut().find(|loss| {
            loss.count > 0 && loss.way == way && bytes.starts_with(loss.start.as_bytes())
        });
        if let Some(loss) = wanted {
            loss.count -= 1;
            return true;
        }
        false
    }

    fn is_lost(&mut self, way: Way, bytes: &[u8]) -> bool {
        if !self.seed.chance(self.quality.loss_percent) {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        (way, bytes).hash(&mut hasher);
        let times = self.lost.entry(hasher.finish()).or_insert(0);
        *times += 1;
        *times <= LOST_MAX
    }
}
