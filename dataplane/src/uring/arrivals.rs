//! Datagrams that arrive: multishot receives into provided buffers, kept armed.

use io_uring::types::{Fixed, RecvMsgOut};
use io_uring::{cqueue, opcode};
use shared::DropReason;

use super::buffer_ring::{BUFFER_BYTES, Filled, GROUP};
use super::clock;
use super::request::{Flow, Request, encode};
use super::ring::{Completion, Ring, told_by_icmp};
use super::sockaddr::{self, SOCKADDR_BYTES};
use crate::port::Owner;

/// The header the kernel puts before a received datagram: its own, and the source.
const RECEIVED_AT: usize = 16 + SOCKADDR_BYTES;

impl Ring {
    /// The bytes of a datagram.
    pub(crate) fn datagram(&mut self, filled: &Filled) -> &mut [u8] {
        let (start, length) = (usize::from(filled.start), usize::from(filled.length));
        &mut self.lane(filled.flow).buffers.buffer(filled.number)[start..start + length]
    }

    /// Gives the buffer of a datagram back.
    pub(crate) fn release(&mut self, filled: Filled) {
        self.lane(filled.flow).buffers.put(filled.number);
    }

    /// A receive brought something, or ended, or both.
    pub(super) fn received(
        &mut self,
        entry: &cqueue::Entry,
        flow: Flow,
        owner: Owner,
    ) -> Option<Completion> {
        let result = entry.result();
        let over = !cqueue::more(entry.flags());
        if over {
            let harmless = result == -libc::ENOBUFS || told_by_icmp(-result).is_some();
            let fault = (result < 0 && !harmless).then(clock::now);
            let again = self.pair(owner).and_then(|pair| pair.disarmed(flow, fault));
            match again {
                Some(file) => self.receive(owner, flow, file),
                None => self.step(owner),
            }
        }
        if result < 0 {
            let reason = match -result {
                libc::ENOBUFS => Some(DropReason::NoBuffer),
                error => told_by_icmp(error),
            };
            return reason.map(|reason| Completion::Dropped(owner, reason));
        }
        let number = cqueue::buffer_select(entry.flags())?;
        let length = usize::try_from(result).unwrap_or(0).min(BUFFER_BYTES);
        let buffer = &self.lanes[flow as usize].buffers.buffer(number)[..length];
        let parsed = RecvMsgOut::parse(buffer, &self.wanted)
            .ok()
            .and_then(|out| {
                let source = sockaddr::parse(out.name_data())?;
                Some((source, out.payload_data().len(), out.is_payload_truncated()))
            });
        let reason = match parsed {
            Some((source, length, false)) if length <= shared::limits::RTP_BYTES_MAX => {
                return Some(Completion::Received {
                    owner,
                    source,
                    datagram: Filled {
                        flow,
                        number,
                        start: u16::try_from(RECEIVED_AT).unwrap_or(0),
                        length: u16::try_from(length).unwrap_or(0),
                    },
                });
            }
            Some(_) => DropReason::TooLong,
            None => DropReason::Malformed,
        };
        self.lane(flow).buffers.put(number);
        Some(Completion::Dropped(owner, reason))
    }

    /// Arms a receive.
    pub(super) fn receive(&mut self, owner: Owner, flow: Flow, file: u32) {
        if let Some(pair) = self.pair(owner) {
            pair.armed(flow);
        }
        let entry = opcode::RecvMsgMulti::new(Fixed(file), &raw const *self.wanted, GROUP).build();
        self.lane(flow)
            .push(entry.user_data(encode(Request::Receive, flow, owner)));
    }
}
