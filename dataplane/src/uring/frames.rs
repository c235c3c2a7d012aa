//! Packet sockets (packet(7)): one interface each, which whole Ethernet frames are given to. No
//! route is looked up for them, and no netfilter hook sees them on their way out. Where a frame
//! goes, the book of paths says (`path`); a peer that is not in it has no frames.

use std::io;
use std::mem;
use std::os::fd::AsRawFd;

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use shared::Dscp;

use super::lane::Lane;
use super::option::{enlarge, prioritise};
use super::outlet::{Refusal, SOCKETS, sockets};
use crate::address::Address;
use crate::path::{Book, ETHERNET_BYTES};
use crate::port::Socket;

/// See the module.
pub(super) struct Frames {
    book: Book,
    /// Where a stream's peer is in the book, by the place of its RTP socket.
    peers: Vec<u16>,
    /// Some sockets each.
    interfaces: [Interface; INTERFACES],
    dscp: Dscp,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    /// 0 while it is none.
    number: u32,
    sockets: [Socket; EACH],
}

/// Interfaces that media leaves by at the same time.
const INTERFACES: usize = 4;

/// As many frames are on their way to one interface as their buffers hold.
const EACH: usize = SOCKETS / INTERFACES;

/// The stream has no peer, or the book is full.
const NOBODY: u16 = u16::MAX;

const _: () = assert!(crate::path::PATHS_MAX < NOBODY as usize);

impl Frames {
    /// With places for sockets in the table of a lane.
    ///
    /// # Errors
    /// [`Refusal`]
    pub(super) fn new(lane: &mut Lane, book: Book, dscp: Dscp) -> Result<Self, Refusal> {
        // Whether it may is found out now, not at the first call.
        packet_socket(0, dscp)?;
        let peers = vec![NOBODY; lane.files.len()];
        let sockets = sockets(lane)?;
        let interfaces = std::array::from_fn(|number| Interface {
            number: 0,
            sockets: std::array::from_fn(|socket| sockets[number * EACH + socket]),
        });
        Ok(Self {
            book,
            peers,
            interfaces,
            dscp,
        })
    }

    /// A stream sends to this peer from now on, or to none.
    pub(super) fn settle(&mut self, lane: &mut Lane, file: u32, peer: Option<&Address>) {
        let Some(place) = self.peers.get_mut(file as usize) else {
            return;
        };
        match mem::replace(place, NOBODY) {
            NOBODY => {}
            before => self.book.leave(before),
        }
        if let Some(peer) = peer {
            *place = self.book.enter(peer).unwrap_or(NOBODY);
            let interface = self.book.interface(*place);
            if interface.is_some_and(|number| !self.has(number)) {
                self.open_interfaces(lane);
            }
        }
    }

    /// Takes up paths that have changed.
    pub(super) fn follow(&mut self, lane: &mut Lane) {
        if self.book.follow() {
            self.open_interfaces(lane);
        }
    }

    /// The socket that takes a stream's next frame, and the frame's header.
    pub(super) fn way(
        &mut self,
        file: u32,
        to: &Address,
    ) -> Option<(Socket, &[u8; ETHERNET_BYTES])> {
        let peer = *self.peers.get(file as usize)?;
        let hop = self.book.hop(peer, to)?;
        let mut interfaces = self.interfaces.iter();
        let interface = interfaces.find(|interface| interface.number == hop.interface)?;
        Some((interface.sockets[file as usize % EACH], &hop.ethernet))
    }

    fn has(&self, interface: u32) -> bool {
        self.interfaces.iter().any(|it| it.number == interface)
    }

    /// Opens sockets on interfaces that paths lead through now, in the place of those that none
    /// leads through any more.
    fn open_interfaces(&mut self, lane: &mut Lane) {
        let used = self.book.interfaces();
        for number in used.iter().copied() {
            if self.has(number) {
                continue;
            }
            let mut interfaces = self.interfaces.iter_mut();
            let Some(interface) = interfaces.find(|it| !used.contains(&it.number)) else {
                return;
            };
            interface.number = match open(lane, number, &interface.sockets, self.dscp) {
                Ok(()) => number,
                Err(error) => {
                    tracing::warn!(%error, interface = number, "packets to it leave by sockets");
                    0
                }
            };
        }
    }
}

fn open(lane: &Lane, interface: u32, places: &[Socket], dscp: Dscp) -> io::Result<()> {
    for place in places {
        let socket = packet_socket(interface, dscp)?;
        let files = [socket.as_raw_fd()];
        let submitter = lane.io.submitter();
        submitter.register_files_update(super::ring::place(*place), &files)?;
    }
    Ok(())
}

/// A socket for frames to an interface; 0: to none yet.
pub(super) fn packet_socket(interface: u32, dscp: Dscp) -> io::Result<OwnedFd> {
    // Without a protocol it receives nothing.
    let (kind, flags) = (SocketType::RAW, SocketFlags::CLOEXEC);
    let socket = socket_with(AddressFamily::PACKET, kind, flags, None)?;
    prioritise(&socket, dscp)?;
    enlarge(&socket)?;
    if interface == 0 {
        return Ok(socket);
    }
    // SAFETY: a sockaddr_ll of zeros is one without protocol, interface and address.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or(0);
    address.sll_ifindex = i32::try_from(interface).unwrap_or(0);
    let length = u32::try_from(size_of_val(&address)).unwrap_or(0);
    // SAFETY: the kernel reads the address, which lives until then.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    if bound == 0 {
        Ok(socket)
    } else {
        Err(io::Error::last_os_error())
    }
}
