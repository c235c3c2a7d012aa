//! A UDP address in the fewest bytes: what a stream's hot line keeps, and what a socket is given.
//! IPv4 is kept as IPv4-mapped IPv6, so that the two kinds compare and copy alike.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// An address and a port; IPv6 with its scope, for link-local peers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Address {
    scope: u32,
    port: u16,
    ip: [u8; 16],
}

impl Address {
    /// No address at all: the state of a line that is not in use.
    pub const NONE: Self = Self {
        scope: 0,
        port: 0,
        ip: [0; 16],
    };

    /// In memory order: IPv6 octets, port, scope.
    #[must_use]
    pub const fn parts(&self) -> (&[u8; 16], u16, u32) {
        (&self.ip, self.port, self.scope)
    }

    /// The octets of an IPv4 address, if it is one.
    #[must_use]
    pub fn ipv4(&self) -> Option<[u8; 4]> {
        self.ip
            .strip_prefix(&MAPPED)
            .and_then(|rest| rest.try_into().ok())
    }
}

/// The prefix of an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2).
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// Without the forms that make equal addresses differ: IPv4 in IPv6 becomes IPv4, a flow label
/// becomes 0.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => (v4, v6.port()).into(),
            None => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
        },
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let (ip, scope) = match address {
            SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), 0),
            SocketAddr::V6(v6) => (*v6.ip(), v6.scope_id()),
        };
        Self {
            scope,
            port: address.port(),
            ip: ip.octets(),
        }
    }
}

impl From<Address> for SocketAddr {
    fn from(address: Address) -> Self {
        let ip = Ipv6Addr::from(address.ip);
        canonical(SocketAddrV6::new(ip, address.port, 0, address.scope).into())
    }
}

/// Whether two addresses are the same host, whatever their ports.
#[must_use]
pub fn same_host(one: SocketAddr, other: IpAddr) -> bool {
    canonical(one).ip() == other.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_round_trip() {
        for text in ["192.0.2.7:4000", "[2001:db8::1]:4000", "[fe80::1%3]:9"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(SocketAddr::from(Address::from(address)), address);
        }
    }

    #[test]
    fn ipv4_in_ipv6_is_ipv4() {
        let mapped: SocketAddr = "[::ffff:192.0.2.7]:4000".parse().unwrap();
        let plain: SocketAddr = "192.0.2.7:4000".parse().unwrap();
        assert_eq!(canonical(mapped), plain);
        assert_eq!(Address::from(mapped), Address::from(plain));
        assert_eq!(Address::from(plain).ipv4(), Some([192, 0, 2, 7]));
        assert!(same_host(mapped, plain.ip()));
    }
}
