//! Speech for relays: phones that talk, and the bare loop that only sends everything back.

use std::error::Error;
use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec};

use super::bare::{BATCH, Moved, PACKET_BYTES, Place, SLOT, on_thread, thread_cpu};
use super::namespace::{DROPPED_PORTS, PHONES, SERVER};
use crate::clock;

/// Where all phones that talk have their RTP: what is sent back to them is counted and dropped.
pub(super) const TALKER: SocketAddr = SocketAddr::new(PHONES, DROPPED_PORTS.0);

/// Where the bare loop listens.
pub(super) const ECHO: SocketAddr = SocketAddr::new(SERVER, 5_998);

/// How fast phones talk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    /// A packet each 20 ms to each destination, spread over the milliseconds.
    Speech,
    /// As fast as it goes.
    Rush,
}

/// Talks to all destinations for so long; gives how many packets were sent.
pub(super) fn talk(
    place: &Place,
    destinations: &[SocketAddr],
    pace: Pace,
    time: Duration,
) -> Result<u64, Box<dyn Error>> {
    let mut lines: Vec<Talk> = destinations.iter().zip(1..).filter_map(Talk::new).collect();
    on_thread(place, &|| Ok(()), move || {
        let socket = UdpSocket::bind(TALKER)?;
        let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
        let share = lines.len().div_ceil(SLOTS).max(1);
        let (mut packets, mut due) = (0, clock::now());
        let end = due + time;
        loop {
            for slot in lines.chunks_mut(share) {
                if pace == Pace::Speech {
                    due += SLOT;
                    let until = Timespec::try_from(Duration::from_nanos(due.as_nanos()))?;
                    let _ = clock_nanosleep_absolute(ClockId::Monotonic, &until);
                }
                for batch in slot.chunks_mut(BATCH) {
                    batch.iter_mut().for_each(Talk::next);
                    let parts: Vec<_> = batch
                        .iter()
                        .map(|talk| [IoSlice::new(&talk.bytes)])
                        .collect();
                    let to: Vec<_> = batch.iter().map(|talk| Some(talk.to)).collect();
                    // It waits for room, so all of the batch are sent.
                    sendmmsg(
                        socket.as_raw_fd(),
                        &mut headers,
                        &parts,
                        &to,
                        [],
                        MsgFlags::empty(),
                    )?;
                    packets += batch.len() as u64;
                }
                // Speech ends with a round, so that each destination had as many.
                if pace == Pace::Rush && clock::now() >= end {
                    return Ok(packets);
                }
            }
            if clock::now() >= end {
                return Ok(packets);
            }
        }
    })
}

/// Milliseconds between two packets to the same destination.
const SLOTS: usize = 20;

/// One phone's words.
struct Talk {
    to: SockaddrIn,
    bytes: [u8; PACKET_BYTES],
    sequence: u16,
}

impl Talk {
    fn new((to, ssrc): (&SocketAddr, u32)) -> Option<Self> {
        let SocketAddr::V4(to) = to else {
            return None;
        };
        let mut bytes = [0x55; PACKET_BYTES];
        bytes[..12].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes[8..12].copy_from_slice(&ssrc.to_be_bytes());
        Some(Self {
            to: SocketAddrV4::into(*to),
            bytes,
            sequence: 0,
        })
    }

    fn next(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
        self.bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        let timestamp = u32::from(self.sequence).wrapping_mul(160);
        self.bytes[4..8].copy_from_slice(&timestamp.to_be_bytes());
    }
}

/// Sends back whatever comes for so long.
pub(super) fn echo(place: &Place, time: Duration) -> Result<Moved, Box<dyn Error>> {
    on_thread(place, &|| Ok(()), move || {
        let socket = UdpSocket::bind(ECHO)?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        socket2::SockRef::from(&socket).set_recv_buffer_size(SOCKET_BYTES)?;
        let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
        let mut buffers = vec![[0; 2_048]; BATCH];
        let (mut packets, mut addresses) = (0, Vec::with_capacity(BATCH));
        let end = clock::now() + time;
        let before = thread_cpu();
        while clock::now() < end {
            addresses.clear();
            {
                let mut parts: Vec<_> = buffers
                    .iter_mut()
                    .map(|bytes| [IoSliceMut::new(bytes)])
                    .collect();
                let flags = MsgFlags::MSG_WAITFORONE;
                match recvmmsg(socket.as_raw_fd(), &mut headers, &mut parts, flags, None) {
                    Ok(received) => addresses.extend(received.map(|message| message.address)),
                    Err(Errno::EAGAIN | Errno::EINTR) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            let sent = buffers.iter().take(addresses.len());
            let parts: Vec<_> = sent
                .map(|bytes| [IoSlice::new(&bytes[..PACKET_BYTES])])
                .collect();
            sendmmsg(
                socket.as_raw_fd(),
                &mut headers,
                &parts,
                &addresses,
                [],
                MsgFlags::empty(),
            )?;
            packets += addresses.len() as u64;
        }
        Ok(Moved {
            packets,
            cpu: thread_cpu() - before,
            warm_up: 0,
        })
    })
}

/// What arrives while the loop sends.
const SOCKET_BYTES: usize = 4 << 20;
