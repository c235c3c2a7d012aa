//! Socket addresses as the kernel writes them: `sockaddr_in` and `sockaddr_in6`, byte by byte.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::address::{Address, canonical};

/// Bytes of the longest of the two.
pub(super) const SOCKADDR_BYTES: usize = size_of::<libc::sockaddr_in6>();

/// An address as the kernel reads it.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(super) struct Sockaddr {
    bytes: [u8; SOCKADDR_BYTES],
    length: u32,
}

impl Sockaddr {
    pub(super) const EMPTY: Self = Self {
        bytes: [0; SOCKADDR_BYTES],
        length: 0,
    };

    /// No family: connecting to it ends a connection.
    pub(super) const UNSPECIFIED: Self = Self {
        bytes: [0; SOCKADDR_BYTES],
        length: SOCKADDR_IN_BYTES,
    };

    /// IPv4 in its own form, which IPv6 sockets take as well.
    pub(super) fn new(address: &Address) -> Self {
        let mut sockaddr = Self::EMPTY;
        let (ip, port, scope) = address.parts();
        let bytes = &mut sockaddr.bytes;
        bytes[2..4].copy_from_slice(&port.to_be_bytes());
        let family = match address.ipv4() {
            Some(v4) => {
                bytes[4..8].copy_from_slice(&v4);
                sockaddr.length = SOCKADDR_IN_BYTES;
                AF_INET
            }
            None => {
                bytes[8..24].copy_from_slice(ip);
                bytes[24..28].copy_from_slice(&scope.to_ne_bytes());
                sockaddr.length = SOCKADDR_IN6_BYTES;
                AF_INET6
            }
        };
        bytes[..2].copy_from_slice(&family.to_ne_bytes());
        sockaddr
    }

    pub(super) const fn as_ptr(&self) -> *const libc::sockaddr {
        self.bytes.as_ptr().cast()
    }

    pub(super) const fn length(&self) -> u32 {
        self.length
    }
}

/// Reads what the kernel wrote, in canonical form; `None` for another family.
pub(super) fn parse(bytes: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*bytes.first_chunk()?);
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    if family == AF_INET {
        let ip: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
        return Some(SocketAddrV4::new(Ipv4Addr::from(ip), port).into());
    }
    if family != AF_INET6 {
        return None;
    }
    let ip: [u8; 16] = *bytes.get(8..)?.first_chunk()?;
    let scope = u32::from_ne_bytes(*bytes.get(24..)?.first_chunk()?);
    Some(canonical(
        SocketAddrV6::new(Ipv6Addr::from(ip), port, 0, scope).into(),
    ))
}

#[expect(clippy::cast_possible_truncation, reason = "2 and 10")]
const AF_INET: u16 = libc::AF_INET as u16;
#[expect(clippy::cast_possible_truncation, reason = "2 and 10")]
const AF_INET6: u16 = libc::AF_INET6 as u16;
#[expect(clippy::cast_possible_truncation, reason = "16")]
const SOCKADDR_IN_BYTES: u32 = size_of::<libc::sockaddr_in>() as u32;
#[expect(clippy::cast_possible_truncation, reason = "28")]
const SOCKADDR_IN6_BYTES: u32 = size_of::<libc::sockaddr_in6>() as u32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_form_reads_back_as_written() {
        for text in ["192.0.2.7:4000", "[2001:db8::1]:4000", "[fe80::1%3]:9"] {
            let address: SocketAddr = text.parse().unwrap();
            let sockaddr = Sockaddr::new(&address.into());
            assert_eq!(parse(&sockaddr.bytes), Some(address));
        }
    }

    #[test]
    fn other_families_and_short_forms_are_nothing() {
        assert_eq!(parse(&[1, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(
            parse(&Sockaddr::new(&"[::1]:9".parse::<SocketAddr>().unwrap().into()).bytes[..20]),
            None
        );
        assert_eq!(parse(&[]), None);
    }
}
