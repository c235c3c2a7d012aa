//! A bed for others: the calling thread sends from one namespace into another, which drops it all.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};

use super::namespace::{self, Bed, DROPPED_PORTS, PHONES, SERVER};

/// A bed that the calling thread lies on. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Veth {
    _bed: Bed,
}

impl Veth {
    /// Moves the calling thread, and all that it starts from now on, into the sending namespace.
    ///
    /// # Errors
    /// What the system lacks, or this process may not do.
    pub(crate) fn build() -> Result<Self, Box<dyn Error>> {
        let bed = Bed::build()?;
        namespace::enter(&bed.server())?;
        Ok(Self { _bed: bed })
    }

    /// The sending end.
    pub(crate) const fn server(&self) -> IpAddr {
        SERVER
    }

    /// An address for this stream at the other end; some streams share one.
    pub(crate) fn remote(&self, index: u32) -> SocketAddr {
        let (first, last) = DROPPED_PORTS;
        let step = index % u32::from(last - first + 1);
        SocketAddr::new(PHONES, first + u16::try_from(step).unwrap_or(0))
    }
}
