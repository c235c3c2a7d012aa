//! Bytes and addresses of datagrams that are being submitted. All places are free again once the
//! submission queue is empty, since a send is over when `io_uring_enter` returns.

use super::outlet::Way;
use super::sockaddr::Sockaddr;
use crate::address::Address;
use crate::envelope::HEADERS_BYTES;
use crate::path::ETHERNET_BYTES;
use crate::port::SEND_BYTES_MAX;

/// For an Ethernet header, and those of IPv6 and UDP.
const ROOM: usize = 64;

const _: () = assert!(ETHERNET_BYTES + HEADERS_BYTES <= ROOM);

/// Datagrams in one submission: enough that the system call costs little of each, few enough to
/// stay in the cache.
pub(super) const SENDS: usize = 256;

/// The places.
#[derive(Debug)]
pub(super) struct Sends {
    places: Box<[Place]>,
    used: usize,
}

/// One datagram and where it goes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Place {
    to: Sockaddr,
    /// Headers of our own, against the end: the payload follows.
    room: [u8; ROOM],
    bytes: [u8; SEND_BYTES_MAX],
}

// So that the filter of a socket, which is handed over in a place, is aligned there.
const _: () = assert!(std::mem::offset_of!(Place, bytes).is_multiple_of(8));

impl Sends {
    pub(super) fn new() -> Self {
        let place = Place {
            to: Sockaddr::EMPTY,
            room: [0; ROOM],
            bytes: [0; SEND_BYTES_MAX],
        };
        Self {
            places: vec![place; SENDS].into_boxed_slice(),
            used: 0,
        }
    }

    /// Whether the next [`Sends::take`] gives nothing.
    pub(super) const fn is_full(&self) -> bool {
        self.used == SENDS
    }

    /// A free place; its memory does not move.
    pub(super) fn take(&mut self) -> Option<&mut Place> {
        let place = self.places.get_mut(self.used)?;
        self.used += 1;
        Some(place)
    }

    /// The kernel has taken everything.
    pub(super) const fn free(&mut self) {
        self.used = 0;
    }
}

impl Place {
    /// Where the payload is written to.
    pub(super) const fn bytes(&mut self) -> &mut [u8; SEND_BYTES_MAX] {
        &mut self.bytes
    }

    /// Puts headers before the first `length` bytes; where the whole begins, and how long it is.
    pub(super) fn seal(
        &mut self,
        way: &Way<'_>,
        to: &Address,
        length: usize,
    ) -> (*const u8, usize) {
        let payload = &self.bytes[..length];
        let (_, room) = self.room.split_at_mut(ROOM - HEADERS_BYTES);
        let Some(room) = room.first_chunk_mut() else {
            unreachable!("it is as long as the headers")
        };
        let mut headers = way.envelope.seal(room, way.port, to, payload);
        if let Some(ethernet) = way.ethernet {
            let end = ROOM - headers;
            headers += ethernet.len();
            self.room[ROOM - headers..end].copy_from_slice(ethernet);
        }
        let start = std::mem::offset_of!(Self, bytes) - headers;
        let place = (&raw const *self).cast::<u8>();
        (place.wrapping_add(start), headers + length)
    }

    /// Writes where it goes.
    pub(super) fn address(&mut self, to: &Address) -> &Sockaddr {
        self.to = Sockaddr::new(to);
        &self.to
    }

    /// Writes that it goes to no peer in particular.
    pub(super) fn nowhere(&mut self) -> &Sockaddr {
        self.to = Sockaddr::UNSPECIFIED;
        &self.to
    }
}
