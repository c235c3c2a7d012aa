//! A UDP address in the fewest bytes: what a stream's hot line keeps, and what a socket is given.
//! IPv4 is kept as IPv4-mapped IPv6, so that the two kinds compare and copy alike.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// An address and a port; IPv6 with its scope, for link-local peers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Address {
    port: u16,
    ip: [u8; 16],
    /// In bytes, so that an address needs no alignment and no padding.
    scope: [u8; 4],
}

const _: () = assert!(size_of::<Address>() == 22);

impl Address {
    /// No address at all: the state of a line that is not in use.
    pub const NONE: Self = Self {
        port: 0,
        ip: [0; 16],
        scope: [0; 4],
    };

    /// Whether it is one at all.
    #[must_use]
    pub fn is_known(&self) -> bool {
        *self != Self::NONE
    }

    /// Whether a datagram that says it is from `other` is from here. The scope does not count: what
    /// was signalled has none.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.is_at(other) && self.port == other.port
    }

    /// Whether it is the same host, whatever the ports.
    #[must_use]
    pub fn is_at(&self, other: &Self) -> bool {
        u128::from_ne_bytes(self.ip) == u128::from_ne_bytes(other.ip)
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The same host with another port.
    #[must_use]
    pub const fn with_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// In memory order: IPv6 octets, port, scope.
    #[must_use]
    pub const fn parts(&self) -> (&[u8; 16], u16, u32) {
        (&self.ip, self.port, u32::from_ne_bytes(self.scope))
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
            scope: scope.to_ne_bytes(),
            port: address.port(),
            ip: ip.octets(),
        }
    }
}

impl From<Address> for SocketAddr {
    fn from(address: Address) -> Self {
        let ip = Ipv6Addr::from(address.ip);
        let (_, port, scope) = address.parts();
        canonical(SocketAddrV6::new(ip, port, 0, scope).into())
    }
}

impl From<IpAddr> for Address {
    /// Without a port.
    fn from(ip: IpAddr) -> Self {
        SocketAddr::new(ip, 0).into()
    }
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
    fn a_neighbour_is_itself_with_and_without_a_scope() {
        let [signalled, seen] = ["[fe80::1]:9", "[fe80::1%3]:9"]
            .map(|text| Address::from(text.parse::<SocketAddr>().unwrap()));
        assert!(signalled.is(&seen) && seen.is_known());
        assert!(!Address::NONE.is_known() && !Address::NONE.is(&seen));
    }

    #[test]
    fn ipv4_in_ipv6_is_ipv4() {
        let mapped: SocketAddr = "[::ffff:192.0.2.7]:4000".parse().unwrap();
        let plain: SocketAddr = "192.0.2.7:4000".parse().unwrap();
        assert_eq!(canonical(mapped), plain);
        assert_eq!(Address::from(mapped), Address::from(plain));
        assert_eq!(Address::from(plain).ipv4(), Some([192, 0, 2, 7]));
        assert!(Address::from(mapped).is_at(&Address::from(plain.ip())));
        let other = Address::from(plain).with_port(4_001);
        assert!(other.is_at(&plain.into()) && !other.is(&plain.into()));
        assert_eq!(other.port(), 4_001);
    }
}
