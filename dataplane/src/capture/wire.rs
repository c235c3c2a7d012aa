//! The headers that what was captured gets in the file: IP with UDP or TCP, with the true
//! addresses, ports and lengths. The kernel has written or read the real ones; what was not seen of
//! them (identification, hops, the numbers of TCP) is made up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::address::canonical;
use crate::envelope::{fold, octets, sum, word};

/// Where from and where to, of one family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Route {
    from: SocketAddr,
    to: SocketAddr,
}

/// The numbers of a segment of TCP (RFC 9293 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Numbers {
    pub(crate) sequence: u32,
    pub(crate) acknowledged: u32,
}

impl Route {
    /// An end that is of another family than the one that is known becomes unspecified.
    pub(crate) fn new(from: SocketAddr, to: SocketAddr) -> Self {
        let (from, to) = (canonical(from), canonical(to));
        if from.is_ipv4() == to.is_ipv4() {
            return Self { from, to };
        }
        match from.ip().is_unspecified() {
            true => Self {
                from: unspecified(from, to),
                to,
            },
            false => Self {
                from,
                to: unspecified(to, from),
            },
        }
    }
}

/// The port of an end, at no address of the other's family.
fn unspecified(end: SocketAddr, other: SocketAddr) -> SocketAddr {
    let ip = match other {
        SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    (ip, end.port()).into()
}

/// Writes a datagram of `length` bytes, of which `head` was kept.
pub(crate) fn udp(out: &mut Vec<u8>, route: &Route, head: &[u8], length: usize) {
    ip(out, route, UDP, UDP_BYTES + length);
    let start = out.len();
    ports(out, route);
    out.extend(octets(UDP_BYTES + length));
    out.extend([0; 2]);
    out.extend(head);
    // Of what is not whole no sum can be right; IPv4 can say that there is none (RFC 768).
    if head.len() == length || route.from.is_ipv6() {
        let checksum = checksum(route, UDP, &out[start..], UDP_BYTES + length);
        let checksum = if checksum == 0 { u16::MAX } else { checksum };
        out[start + 6..start + 8].copy_from_slice(&checksum.to_ne_bytes());
    }
}

/// Writes a segment, which is at most [`SEGMENT_BYTES_MAX`] long.
pub(crate) fn tcp(out: &mut Vec<u8>, route: &Route, numbers: Numbers, payload: &[u8]) {
    ip(out, route, TCP, TCP_BYTES + payload.len());
    let start = out.len();
    ports(out, route);
    out.extend(numbers.sequence.to_be_bytes());
    out.extend(numbers.acknowledged.to_be_bytes());
    out.extend([TCP_WORDS << 4, PUSH | ACKNOWLEDGE]);
    out.extend(WINDOW.to_be_bytes());
    out.extend([0; 4]);
    out.extend(payload);
    let checksum = checksum(route, TCP, &out[start..], TCP_BYTES + payload.len());
    out[start + 16..start + 18].copy_from_slice(&checksum.to_ne_bytes());
}

fn ip(out: &mut Vec<u8>, route: &Route, protocol: u8, length: usize) {
    match (route.from.ip(), route.to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let start = out.len();
            out.extend([0x45, 0]);
            out.extend(octets(IPV4_BYTES + length));
            out.extend([0, 0, DO_NOT_FRAGMENT, 0, HOPS, protocol, 0, 0]);
            out.extend(from.octets());
            out.extend(to.octets());
            let checksum = !fold(sum(&out[start..]));
            out[start + 10..start + 12].copy_from_slice(&checksum.to_ne_bytes());
        }
        (from, to) => {
            out.extend([0x60, 0, 0, 0]);
            out.extend(octets(length));
            out.extend([protocol, HOPS]);
            for end in [from, to] {
                let IpAddr::V6(ip) = end else {
                    unreachable!("both ends are of one family")
                };
                out.extend(ip.octets());
            }
        }
    }
}

fn ports(out: &mut Vec<u8>, route: &Route) {
    out.extend(route.from.port().to_be_bytes());
    out.extend(route.to.port().to_be_bytes());
}

/// Over the pseudo-header and what follows it (RFC 9293 §3.1, RFC 8200 §8.1), in the byte order of
/// this machine.
fn checksum(route: &Route, protocol: u8, bytes: &[u8], length: usize) -> u16 {
    let ends = [route.from.ip(), route.to.ip()].map(|ip| match ip {
        IpAddr::V4(ip) => sum(&ip.octets()),
        IpAddr::V6(ip) => sum(&ip.octets()),
    });
    let pseudo = ends[0] + ends[1] + word([0, protocol]) + word(octets(length));
    !fold(pseudo + sum(bytes))
}

/// What fits into one packet of either family.
pub(crate) const SEGMENT_BYTES_MAX: usize = 65_000;

const IPV4_BYTES: usize = 20;
const UDP_BYTES: usize = 8;
const TCP_BYTES: usize = 20;
const TCP_WORDS: u8 = 5;
const UDP: u8 = 17;
const TCP: u8 = 6;
const PUSH: u8 = 0x08;
const ACKNOWLEDGE: u8 = 0x10;
const WINDOW: u16 = u16::MAX;
/// Linux's own default for what it sends.
const HOPS: u8 = 64;
const DO_NOT_FRAGMENT: u8 = 0x40;

#[cfg(test)]
mod tests {
    use super::*;

    fn route(from: &str, to: &str) -> Route {
        Route::new(from.parse().unwrap(), to.parse().unwrap())
    }

    #[test]
    fn a_datagram_cut_off_says_how_long_it_was() {
        let mut out = Vec::new();
        udp(
            &mut out,
            &route("192.0.2.1:4000", "192.0.2.2:5000"),
            &[0x80; 12],
            172,
        );
        assert_eq!(out.len(), 20 + 8 + 12);
        assert_eq!(out[2..4], 200_u16.to_be_bytes(), "length of the packet");
        assert_eq!(out[24..26], 180_u16.to_be_bytes(), "length of the datagram");
        assert_eq!(out[26..28], [0; 2], "no sum");
        assert_eq!(fold(sum(&out[..20])), u16::MAX, "the header's own sum");
        assert_eq!(out[20..24], [0x0f, 0xa0, 0x13, 0x88]);
    }

    #[test]
    fn what_is_whole_has_a_right_sum_in_either_family() {
        for (from, to, header) in [
            ("192.0.2.1:4000", "192.0.2.2:5000", 20),
            ("[2001:db8::1]:4000", "[2001:db8::2]:5000", 40),
        ] {
            let route = route(from, to);
            let numbers = Numbers {
                sequence: 7,
                acknowledged: 9,
            };
            let (mut datagram, mut segment) = (Vec::new(), Vec::new());
            udp(&mut datagram, &route, b"hello", 5);
            tcp(&mut segment, &route, numbers, b"hello");
            for (packet, protocol) in [(datagram, UDP), (segment, TCP)] {
                let bytes = &packet[header..];
                assert_eq!(checksum(&route, protocol, bytes, bytes.len()), 0, "{from}");
            }
        }
    }

    #[test]
    fn an_end_of_the_other_family_becomes_unspecified() {
        let one = route("[::]:4000", "192.0.2.2:5000");
        assert_eq!(one, route("0.0.0.0:4000", "192.0.2.2:5000"));
        assert_eq!(
            route("[::ffff:192.0.2.1]:1", "192.0.2.2:2").from.ip(),
            IpAddr::from([192, 0, 2, 1])
        );
    }
}
