//! Datagrams that leave: from the stream's own socket, with an address or connected, or by way of
//! the outlet with headers of our own; written into a place, or sent on from where they arrived.

use std::ops::Range;

use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fixed;
use shared::DropReason;

use super::buffer_ring::Filled;
use super::request::{Flow, Request, encode};
use super::ring::{Ring, file, flow, place};
use super::sockaddr::Sockaddr;
use crate::address::Address;
use crate::port::{Owner, SEND_BYTES_MAX, Socket};

/// Packets by the way they took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) by_socket: u64,
    pub(crate) by_raw: u64,
    pub(crate) by_packet: u64,
}

impl Ring {
    /// As [`crate::port::Port::send`].
    pub(super) fn send_datagram(
        &mut self,
        socket: Socket,
        to: &Address,
        owner: Owner,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<(), DropReason> {
        let connected = self.is_connected(socket);
        let lane = &mut self.lanes[flow(socket) as usize];
        lane.make_room(1)?;
        // Headers are written here once the peer is certain, so that the stream's own socket hears
        // what becomes of the packets.
        let file = file(socket).filter(|_| connected);
        let outlet = self.outlet.as_mut().zip(file);
        let way = outlet.and_then(|(outlet, file)| outlet.way(file, to));
        let place = lane.sends.take().ok_or(DropReason::RingFull)?;
        let length = fill(place.bytes());
        let entry = if let Some(way) = way {
            let (start, length) = place.seal(&way, to, length);
            let host = way.host(to);
            match host {
                Some(_) => self.sent.by_raw += 1,
                None => self.sent.by_packet += 1,
            }
            let host = host.map(|host| place.address(&host));
            send_entry(way.socket, start, length, host, owner)
        } else {
            self.sent.by_socket += 1;
            let start = place.bytes().as_ptr();
            let to = (!connected).then(|| place.address(to));
            send_entry(socket, start, length, to, owner)
        };
        lane.push_send(&entry)
    }

    /// Sends a part of a datagram from the buffer it arrived in, which is given back after that.
    ///
    /// # Errors
    /// Why it is not sent.
    pub(crate) fn forward(
        &mut self,
        filled: Filled,
        part: Range<usize>,
        socket: Socket,
        to: &Address,
        owner: Owner,
    ) -> Result<(), DropReason> {
        if filled.flow == Flow::Rtcp {
            // It came to an RTCP port, where RTP has no business (RFC 3550 §11).
            self.release(filled);
            return Err(DropReason::CannotRelay);
        }
        let connected = self.is_connected(socket);
        if part.len() <= SEND_BYTES_MAX && connected && self.outlet.is_some() {
            return self.forward_copy(filled, part, socket, to, owner);
        }
        let lane = &mut self.lanes[Flow::Rtp as usize];
        let range = usize::from(filled.start) + part.start..usize::from(filled.start) + part.end;
        let bytes = &lane.buffers.buffer(filled.number)[range];
        let (start, length) = (bytes.as_ptr(), bytes.len());
        let place = lane
            .make_room(1)
            .and_then(|()| lane.sends.take().ok_or(DropReason::RingFull));
        let place = match place {
            Ok(place) => place,
            Err(reason) => {
                self.release(filled);
                return Err(reason);
            }
        };
        let to = (!connected).then(|| place.address(to));
        let entry = send_entry(socket, start, length, to, owner);
        lane.forwarded.push(filled.number);
        self.sent.by_socket += 1;
        lane.push_send(&entry)
    }

    /// As [`Ring::forward`], where headers of our own may go before the part: from a place with
    /// room for them.
    fn forward_copy(
        &mut self,
        filled: Filled,
        part: Range<usize>,
        socket: Socket,
        to: &Address,
        owner: Owner,
    ) -> Result<(), DropReason> {
        let mut bytes = [0; SEND_BYTES_MAX];
        let length = part.len();
        bytes[..length].copy_from_slice(&self.datagram(&filled)[part]);
        self.release(filled);
        self.send_datagram(socket, to, owner, |place| {
            place[..length].copy_from_slice(&bytes[..length]);
            length
        })
    }
}

fn send_entry(
    socket: Socket,
    start: *const u8,
    length: usize,
    to: Option<&Sockaddr>,
    owner: Owner,
) -> Entry {
    let file = Fixed(place(socket));
    let mut send = opcode::Send::new(file, start, u32::try_from(length).unwrap_or(0))
        .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
    if let Some(to) = to {
        send = send.dest_addr(to.as_ptr()).dest_addr_len(to.length());
    }
    send.build()
        .flags(Flags::SKIP_SUCCESS)
        .user_data(encode(Request::Send, Flow::Rtp, owner))
}

pub(super) const fn send_failure(error: i32) -> DropReason {
    match error {
        libc::ECONNREFUSED => DropReason::PeerRefused,
        _ => DropReason::SendFailed,
    }
}
