//! Loopback ports that no other test has, also in another process.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};

/// Ports of one block.
const BLOCK: u16 = 400;
/// The first block. The last ends below the ports that a server takes for media by default (20,000)
/// and that the kernel hands out by itself (32,768).
const FIRST: u16 = 10_000;
const BLOCKS: u16 = 24;
/// Where the blocks' media ports begin.
const MEDIA: u16 = 60;

/// A block of ports. A listening socket on its first port is the lock on it: the kernel frees it
/// whatever becomes of the test.
#[derive(Debug)]
pub(crate) struct Ports {
    first: u16,
    next: Cell<u16>,
    _lock: TcpListener,
}

impl Ports {
    /// # Panics
    /// When all blocks are taken: that many tests at once are a mistake.
    pub(crate) fn reserve() -> Self {
        let start = u16::try_from(std::process::id() % u32::from(BLOCKS)).expect("below BLOCKS");
        for turn in 0..BLOCKS {
            let first = FIRST + (start + turn) % BLOCKS * BLOCK;
            if let Ok(lock) = TcpListener::bind((Ipv4Addr::LOCALHOST, first)) {
                return Self {
                    first,
                    next: Cell::new(first + 2),
                    _lock: lock,
                };
            }
        }
        panic!("all {BLOCKS} blocks of ports are taken");
    }

    /// A port whose successor is free as well, over UDP and TCP: phones take two.
    pub(crate) fn pair(&self) -> u16 {
        loop {
            let port = self.next.get();
            self.next.set(port + 2);
            assert!(
                port < self.first + MEDIA,
                "the block has no port left for signalling"
            );
            let free = |port| loopbacks().into_iter().all(|host| is_free(host, port));
            if free(port) && free(port + 1) {
                return port;
            }
        }
    }

    /// The server's media ports, first and last.
    pub(crate) fn server_media(&self) -> (u16, u16) {
        (self.first + MEDIA, self.first + MEDIA + 199)
    }

    /// Media ports of a phone, first and last; there are four such ranges.
    pub(crate) fn phone_media(&self, phone: u16) -> (u16, u16) {
        assert!(phone < 4, "the block has media ports for four phones");
        let first = self.first + 260 + phone * 32;
        (first, first + 31)
    }

    /// All ports of the block, first and last, for a capture.
    pub(crate) fn all(&self) -> (u16, u16) {
        (self.first, self.first + BLOCK - 1)
    }
}

/// Whether this machine speaks IPv6 to itself: containers often do not.
pub(crate) fn has_ipv6() -> bool {
    UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

fn loopbacks() -> Vec<IpAddr> {
    let mut hosts = vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
    if has_ipv6() {
        hosts.push(Ipv6Addr::LOCALHOST.into());
    }
    hosts
}

fn is_free(host: IpAddr, port: u16) -> bool {
    TcpListener::bind((host, port)).is_ok() && UdpSocket::bind((host, port)).is_ok()
}
