//! The IP and UDP headers of packets, where they are written here and not by the kernel (RFC 791,
//! 8200, 768, 1071).
//!
//! Absent on purpose: what a packet holds, and which socket takes it (`uring`).

use std::net::IpAddr;

use crate::address::Address;

/// The headers that all packets of a worker have in common.
#[derive(Clone, Copy, Debug)]
pub struct Envelope {
    /// Against the end, so that the payload follows in either family. Ports, lengths, checksums and
    /// the peer's address are 0.
    headers: [u8; HEADERS_BYTES],
    /// The sum of what the UDP checksum covers of these.
    pseudo: u64,
    /// The sum of the IPv4 header.
    ip: u64,
    is_ipv4: bool,
}

/// Room for the headers before a payload: IPv6 and UDP.
pub const HEADERS_BYTES: usize = IPV6_BYTES + UDP_BYTES;

impl Envelope {
    /// For packets from a local address. `None` where the kernel chooses the address of each packet
    /// (`0.0.0.0`, `::`).
    #[must_use]
    pub fn new(local: IpAddr, traffic_class: u8) -> Option<Self> {
        if local.is_unspecified() {
            return None;
        }
        let mut headers = [0; HEADERS_BYTES];
        let pseudo = match local {
            IpAddr::V4(ip) => {
                let header = &mut headers[IPV4_AT..UDP_AT];
                header[0] = 0x45;
                header[1] = traffic_class;
                header[6] = DO_NOT_FRAGMENT;
                header[8] = HOPS;
                header[9] = UDP;
                header[12..16].copy_from_slice(&ip.octets());
                sum(&ip.octets())
            }
            IpAddr::V6(ip) => {
                headers[0] = 0x60 | traffic_class >> 4;
                headers[1] = traffic_class << 4;
                headers[6] = UDP;
                headers[7] = HOPS;
                headers[8..24].copy_from_slice(&ip.octets());
                sum(&ip.octets())
            }
        };
        Some(Self {
            headers,
            pseudo: pseudo + word([0, UDP]),
            ip: sum(&headers[IPV4_AT..UDP_AT]),
            is_ipv4: local.is_ipv4(),
        })
    }

    /// Whether packets can be addressed to a peer: not to one of the other family, nor to one that
    /// only a scope tells from others.
    #[must_use]
    pub fn reaches(&self, peer: &Address) -> bool {
        let (_, _, scope) = peer.parts();
        self.is_ipv4 == peer.ipv4().is_some() && scope == 0
    }

    /// Writes the headers of a packet from a local port to a peer within reach against the end of
    /// `room`, which its payload follows; gives their length.
    pub fn seal(
        &self,
        room: &mut [u8; HEADERS_BYTES],
        from: u16,
        to: &Address,
        payload: &[u8],
    ) -> usize {
        *room = self.headers;
        let (ip, port, _) = to.parts();
        let [from, port] = [from, port].map(u16::to_be_bytes);
        let length = octets(UDP_BYTES + payload.len());
        room[UDP_AT..UDP_AT + 2].copy_from_slice(&from);
        room[UDP_AT + 2..UDP_AT + 4].copy_from_slice(&port);
        room[UDP_AT + 4..UDP_AT + 6].copy_from_slice(&length);
        let (bytes, peer) = if self.is_ipv4 {
            let peer = sum(&ip[12..]);
            let length = octets(IPV4_BYTES + UDP_BYTES + payload.len());
            room[IPV4_AT + 2..IPV4_AT + 4].copy_from_slice(&length);
            let checksum = !fold(self.ip + peer + word(length));
            room[IPV4_AT + 10..IPV4_AT + 12].copy_from_slice(&checksum.to_ne_bytes());
            room[IPV4_AT + 16..UDP_AT].copy_from_slice(&ip[12..]);
            (IPV4_BYTES + UDP_BYTES, peer)
        } else {
            room[4..6].copy_from_slice(&length);
            room[24..UDP_AT].copy_from_slice(ip);
            (HEADERS_BYTES, sum(ip))
        };
        // The length counts twice: in the UDP header and in the pseudo-header.
        let header = self.pseudo + peer + word(from) + word(port) + 2 * word(length);
        let checksum = match !fold(header + sum(payload)) {
            // 0 would say that there is none (RFC 768).
            0 => u16::MAX,
            checksum => checksum,
        };
        room[UDP_AT + 6..].copy_from_slice(&checksum.to_ne_bytes());
        bytes
    }
}

/// The sum of 16-bit words, unfolded, in the byte order of this machine, which is all the same to
/// it (RFC 1071 §2). An octet left over has a 0 beside it.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let sum: u64 = words
        .iter()
        .map(|word| u64::from(u32::from_ne_bytes(*word)))
        .sum();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    sum + u64::from(u32::from_ne_bytes(last))
}

/// A sum in 16 bits, with all carries added in.
pub(crate) fn fold(sum: u64) -> u16 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    truncated(sum)
}

#[expect(clippy::cast_possible_truncation, reason = "folded to 16 bits")]
const fn truncated(sum: u64) -> u16 {
    sum as u16
}

pub(crate) fn word(octets: [u8; 2]) -> u64 {
    u16::from_ne_bytes(octets).into()
}

/// As they stand in a header.
pub(crate) fn octets(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

const IPV6_BYTES: usize = 40;
const IPV4_BYTES: usize = 20;
const UDP_BYTES: usize = 8;

/// Where the headers begin in an envelope.
const UDP_AT: usize = IPV6_BYTES;
const IPV4_AT: usize = UDP_AT - IPV4_BYTES;

const UDP: u8 = 17;

/// Linux's own default for what it sends.
const HOPS: u8 = 64;

/// As on UDP sockets, which discover the path's MTU (RFC 791 §3.1, flags).
const DO_NOT_FRAGMENT: u8 = 0x40;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::*;

    /// Of RFC 1071 by the letter: 16 bits at a time, each carry added at once.
    fn plain_sum(bytes: &[u8]) -> u16 {
        bytes.chunks(2).fold(0, |sum: u16, pair| {
            let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
            let (sum, carry) = sum.overflowing_add(word);
            sum + u16::from(carry)
        })
    }

    /// From one end to the other.
    fn packet((local, peer): (&str, &str), payload: &[u8]) -> Vec<u8> {
        let [local, peer] = [local, peer].map(|end| end.parse::<SocketAddr>().unwrap());
        let envelope = Envelope::new(local.ip(), 0xb8).unwrap();
        let peer = Address::from(peer);
        assert!(envelope.reaches(&peer));
        let mut room = [0xee; HEADERS_BYTES];
        let length = envelope.seal(&mut room, local.port(), &peer, payload);
        [&room[HEADERS_BYTES - length..], payload].concat()
    }

    /// Checks a packet as its receiver does: all sums come out as ones.
    fn verify(packet: &[u8], header: usize) {
        let udp = &packet[header..];
        let length = u16::try_from(udp.len()).unwrap().to_be_bytes();
        let addresses = match header {
            20 => {
                assert_eq!(plain_sum(&packet[..20]), u16::MAX);
                &packet[12..20]
            }
            _ => &packet[8..40],
        };
        let covered = [addresses, &[0, 17], &length, udp].concat();
        assert_eq!(plain_sum(&covered), u16::MAX);
        assert_ne!(udp[6..8], [0, 0], "0 would be none");
        assert_eq!(udp[4..6], length);
    }

    const V4: (&str, &str) = ("192.0.2.1:20000", "198.51.100.7:4000");
    const V6: (&str, &str) = ("[2001:db8::1]:20000", "[2001:db8:1::7]:4000");

    #[test]
    fn headers_are_those_the_kernel_would_write() {
        let v4 = packet(V4, &[7; 160]);
        let udp = [0x4e, 0x20, 0x0f, 0xa0, 0, 168];
        assert_eq!(v4[..10], [0x45, 0xb8, 0, 188, 0, 0, 0x40, 0, 64, 17]);
        assert_eq!(v4[12..20], [192, 0, 2, 1, 198, 51, 100, 7]);
        assert_eq!(v4[20..26], udp);
        let v6 = packet(V6, &[7; 160]);
        assert_eq!(v6[..8], [0x6b, 0x80, 0, 0, 0, 168, 17, 64]);
        assert_eq!(v6[8..12], [0x20, 1, 0x0d, 0xb8]);
        assert_eq!((v6[23], v6[39]), (1, 7));
        assert_eq!(v6[40..46], udp);
        assert_eq!((v4.len(), v6.len()), (188, 208));
    }

    #[test]
    fn a_checksum_that_comes_out_as_none_is_written_as_ones() {
        for (ends, header) in [(V4, 20), (V6, 40)] {
            // What is missing from the sum of all ones makes the checksum 0.
            let with_zeros = packet(ends, &[0, 0]);
            let packet = packet(ends, &with_zeros[header + 6..header + 8]);
            assert_eq!(packet[header + 6..header + 8], [0xff, 0xff]);
            verify(&packet, header);
        }
    }

    #[test]
    fn carries_are_never_lost() {
        for length in [0, 1, 2, 3, 5, 160, 1_471, 1_472] {
            for octet in [0, 1, 0x7f, 0xff] {
                for (ends, header) in [(V4, 20), (V6, 40)] {
                    verify(&packet(ends, &vec![octet; length]), header);
                }
            }
        }
        let ones = ("255.255.255.254:65535", "255.255.255.253:65535");
        verify(&packet(ones, &[0xff; 512]), 20);
    }

    #[test]
    fn whom_the_headers_do_not_name_alone_is_not_reached() {
        let reaches = |local: &str, peer: &str| {
            let envelope = Envelope::new(local.parse().unwrap(), 0);
            let peer = Address::from(peer.parse::<SocketAddr>().unwrap());
            envelope.is_some_and(|envelope| envelope.reaches(&peer))
        };
        assert!(!reaches("0.0.0.0", V4.1), "the kernel knows the source");
        assert!(!reaches("::", V6.1));
        assert!(!reaches("2001:db8::1", V4.1) && !reaches("192.0.2.1", V6.1));
        assert!(!reaches("fe80::1", "[fe80::2%3]:9"));
        assert!(reaches("2001:db8::1", V6.1) && reaches("192.0.2.1", V4.1));
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_valid(
            ports in any::<[u16; 2]>(),
            v4 in any::<[[u8; 4]; 2]>(),
            v6 in any::<[[u8; 16]; 2]>(),
            class in any::<u8>(),
            payload in proptest::collection::vec(any::<u8>(), 0..1_472),
        ) {
            let pairs = [v4.map(IpAddr::from), v6.map(IpAddr::from)];
            for ([local, peer], header) in pairs.into_iter().zip([20, 40]) {
                prop_assume!(!local.is_unspecified());
                let envelope = Envelope::new(local, class).unwrap();
                let to = Address::from(SocketAddr::new(peer, ports[1]));
                // IPv4 within IPv6 belongs to the other family.
                prop_assume!(envelope.reaches(&to));
                let mut room = [0xee; HEADERS_BYTES];
                let length = envelope.seal(&mut room, ports[0], &to, &payload);
                prop_assert_eq!(length, header + 8);
                let packet = [&room[HEADERS_BYTES - length..], &payload].concat();
                verify(&packet, header);
                prop_assert_eq!(&packet[header + 8..], &payload);
            }
        }
    }
}
