//! Where the server stands: its configuration, listeners and workers, as a test wants them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use control::config::{Config, Media, Music, Node, OrbitRange, Park, ReferTo, Sip};
use control::sip::transport::{Flow, Listener, Transport};
use shared::WorkerId;

use super::link::Quality;
use super::media::MediaHabits;

pub(crate) const SERVER: &str = "192.0.2.1:5060";
pub(crate) const SERVER_V6: &str = "[2001:db8::1]:5060";

/// Everything that is decided before the world begins.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) seed: u64,
    pub(crate) config: Config,
    pub(crate) quality: Quality,
    pub(crate) media: MediaHabits,
    pub(crate) workers: Vec<(WorkerId, u32)>,
    /// How long until a batch is durable; `None` without a store.
    pub(crate) store_delay: Option<Duration>,
    /// How much longer it may take.
    pub(crate) store_spread: Duration,
    /// Of a hundred deaths, after how many one record cannot be read.
    pub(crate) torn_percent: u64,
    /// What DNS knows.
    pub(crate) names: BTreeMap<String, Vec<IpAddr>>,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            seed: 1,
            config: config(),
            quality: Quality::GOOD,
            media: MediaHabits::default(),
            workers: vec![(WorkerId(0), 512), (WorkerId(1), 512)],
            store_delay: Some(Duration::from_millis(3)),
            store_spread: Duration::ZERO,
            torn_percent: 0,
            names: BTreeMap::new(),
        }
    }
}

impl Site {
    /// Orbits `start` to `end`, and no others.
    pub(crate) fn orbits(mut self, start: u32, end: u32) -> Self {
        self.config.orbit_ranges = vec![range("only", start, end)];
        self
    }

    pub(crate) fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// One worker for each number of streams.
    pub(crate) fn workers(mut self, streams_max: &[u32]) -> Self {
        self.workers = (0..)
            .map(WorkerId)
            .zip(streams_max.iter().copied())
            .collect();
        self
    }

    pub(crate) fn pickup_timeout(mut self, timeout: Duration) -> Self {
        self.config.park.pickup_timeout = timeout;
        self
    }
}

/// The listeners of every world: UDP and TCP, over both families.
pub(crate) fn listeners() -> Vec<Listener> {
    let addresses = [SERVER, SERVER_V6].map(|text| text.parse::<SocketAddr>().unwrap());
    let mut listeners = Vec::new();
    for local in addresses {
        for transport in [Transport::Udp, Transport::Tcp] {
            let flow = Flow(listeners.len() as u64 + 1);
            let advertise = local.ip().to_string();
            listeners.push(Listener {
                transport,
                flow,
                local,
                advertise,
            });
        }
    }
    listeners
}

fn config() -> Config {
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    let music = Music {
        file: None,
        programme: true,
        ..Music::default()
    };
    Config {
        node: Node {
            id: "edge-1".to_owned(),
            ..Node::default()
        },
        sip: Sip {
            listen: listeners()
                .into_iter()
                .map(|l| (l.transport, l.local))
                .collect(),
            advertise: None,
            domains: vec!["example.com".to_owned()],
            trusted: ["198.51.100.0/24", "2001:db8::/32"]
                .map(|net| net.parse().unwrap())
                .to_vec(),
            ..Sip::default()
        },
        media: Media {
            address,
            advertise: address,
            ports: (20_000, 29_999),
            ..Media::default()
        },
        music: BTreeMap::from([("default".to_owned(), music)]),
        park: Park {
            user: "park".to_owned(),
            pickup_timeout: Duration::from_secs(90),
            max_pickup_attempts: 1,
            recall_ring_timeout: Duration::from_secs(20),
            music_on_hold: true,
            music: "default".to_owned(),
            on_timeout_uri: None,
            ..Park::default()
        },
        refer_to: ReferTo {
            networks: vec!["198.51.100.0/24".parse().unwrap()],
            names: vec!["example.com".to_owned()],
        },
        orbit_ranges: vec![range("front-desk", 700, 799)],
        ..Config::default()
    }
}

fn range(name: &str, start: u32, end: u32) -> OrbitRange {
    OrbitRange {
        name: name.to_owned(),
        prefix: None,
        start,
        end,
        ..OrbitRange::default()
    }
}
