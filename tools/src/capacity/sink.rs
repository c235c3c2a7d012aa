//! Where the packets go: nowhere, as cheaply as this process is allowed to arrange.

use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use socket2::SockRef;

use crate::bed::Veth;

/// A place that drops what it gets.
#[derive(Debug)]
pub(super) enum Sink {
    /// Another network namespace, that drops at its interface.
    Veth(Veth),
    /// Sockets on loopback that nobody reads.
    Loopback(Vec<UdpSocket>),
}

/// Sockets on loopback: one lock each, that the worker takes for each packet.
const SOCKETS: usize = 64;

impl Sink {
    /// The best that is allowed. The calling thread may find itself in another network namespace.
    pub(super) fn find() -> Result<Self, Box<dyn Error>> {
        if let Ok(veth) = Veth::build() {
            return Ok(Self::Veth(veth));
        }
        let sockets = (0..SOCKETS).map(|_| {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            // Full at once, and for ever: what comes then is dropped where it is cheapest.
            SockRef::from(&socket).set_recv_buffer_size(0)?;
            Ok(socket)
        });
        Ok(Self::Loopback(sockets.collect::<io::Result<_>>()?))
    }

    /// Where the worker binds.
    pub(super) fn server(&self) -> IpAddr {
        match self {
            Self::Veth(veth) => veth.server(),
            Self::Loopback(_) => Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// Where stream `index` sends to.
    pub(super) fn remote(&self, index: u32) -> io::Result<SocketAddr> {
        match self {
            Self::Veth(veth) => Ok(veth.remote(index)),
            Self::Loopback(sockets) => sockets[index as usize % SOCKETS].local_addr(),
        }
    }

    pub(super) const fn in_words(&self) -> &'static str {
        match self {
            Self::Veth(_) => "a network namespace that drops what arrives",
            Self::Loopback(_) => "sockets on loopback",
        }
    }

    pub(super) const fn remark(&self) -> Option<&'static str> {
        match self {
            Self::Veth(_) => None,
            Self::Loopback(_) => Some(
                "on loopback a worker also pays for what receivers do; run it as root, with \
                 iproute2 and nftables, for what a network card allows: up to three times as much",
            ),
        }
    }
}
