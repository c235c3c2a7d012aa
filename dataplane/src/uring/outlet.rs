//! Sockets that all streams of a worker send whole packets through, with headers that are written
//! here (`envelope`): raw ones, whose packets are routed and filtered as any, past UDP; or packet
//! sockets (`frames`), past routing, too. Both are past the waiters of a stream's own socket, which
//! the kernel would wake for each packet that has left. Nothing is received through them.
//!
//! Absent on purpose: streams whose peer is not certain; they send from their own socket.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, socket_with};
use shared::{Dscp, Form};

use super::frames::Frames;
use super::lane::Lane;
use super::option::{enlarge, prioritise};
use super::request::Flow;
use super::ring::socket;
use crate::address::Address;
use crate::envelope::Envelope;
use crate::path::{Book, ETHERNET_BYTES};
use crate::port::Socket;

/// See the module.
pub(super) struct Outlet {
    envelope: Envelope,
    from: IpAddr,
    /// Of each stream, by the place of its RTP socket in the table of its lane; 0 for those that
    /// have another address.
    ports: Vec<u16>,
    door: Door,
}

#[expect(clippy::large_enum_variant, reason = "a worker has one")]
enum Door {
    Raw([Socket; SOCKETS]),
    Packet(Frames),
}

/// What a stream's packets take of memory here: its port, its peer.
pub(super) const STREAM_BYTES: usize = 2 * size_of::<u16>();

/// Several, since each holds no more packets on their way than fit into its buffer.
pub(super) const SOCKETS: usize = 8;

/// The protocol's number.
const UDP: u16 = 17;

/// How a packet leaves.
pub(super) struct Way<'a> {
    pub(super) envelope: &'a Envelope,
    /// From where.
    pub(super) port: u16,
    /// What takes it.
    pub(super) socket: Socket,
    /// The header of the frame, where it takes frames.
    pub(super) ethernet: Option<&'a [u8; ETHERNET_BYTES]>,
}

impl Way<'_> {
    /// What a raw socket sends to: a host, with the protocol's number in place of a port. Who gives
    /// frames to a socket has said where to already.
    pub(super) fn host(&self, to: &Address) -> Option<Address> {
        self.ethernet.is_none().then(|| to.with_port(UDP))
    }
}

/// Why packets cannot be sent that way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// This process may not.
    NoRight,
    /// It may not have sockets of the family.
    NoFamily,
    /// Sockets bind to any address, and so the kernel has to choose the source of each packet.
    AnyAddress,
    /// The kernel tells nothing of routes and neighbours.
    NoRoutes,
    /// The kernel's reason: a system error number.
    Kernel(i32),
}

impl Outlet {
    /// Of a form of sending, for packets from an address; its sockets are in the table of a lane.
    ///
    /// # Errors
    /// [`Refusal`]
    pub(super) fn open(
        form: Form,
        lane: &mut Lane,
        from: IpAddr,
        dscp: Dscp,
        book: Option<Book>,
    ) -> Result<Option<Self>, Refusal> {
        if matches!(form, Form::Socket | Form::Addressed) {
            return Ok(None);
        }
        let envelope = Envelope::new(from, dscp.traffic_class()).ok_or(Refusal::AnyAddress)?;
        let ports = vec![0; lane.files.len()];
        let door = if form == Form::Raw {
            Door::Raw(raw_sockets(lane, from, dscp)?)
        } else {
            let book = book.ok_or(Refusal::NoRoutes)?;
            Door::Packet(Frames::new(lane, book, dscp)?)
        };
        Ok(Some(Self {
            envelope,
            from,
            ports,
            door,
        }))
    }

    /// A stream's socket is about to be opened.
    pub(super) fn begin(&mut self, file: u32, local: SocketAddr) {
        if let Some(port) = self.ports.get_mut(file as usize) {
            *port = if local.ip() == self.from {
                local.port()
            } else {
                0
            };
        }
    }

    /// A stream's peer is certain from now on, or is not.
    pub(super) fn settle(&mut self, lane: &mut Lane, file: u32, peer: Option<&Address>) {
        let peer = peer.filter(|peer| self.envelope.reaches(peer));
        if let Door::Packet(frames) = &mut self.door {
            frames.settle(lane, file, peer);
        }
    }

    /// Takes up paths that have changed.
    pub(super) fn follow(&mut self, lane: &mut Lane) {
        if let Door::Packet(frames) = &mut self.door {
            frames.follow(lane);
        }
    }

    /// How the next packet of a stream's socket gets to a peer.
    pub(super) fn way(&mut self, file: u32, to: &Address) -> Option<Way<'_>> {
        let port = *self.ports.get(file as usize)?;
        if port == 0 || !self.envelope.reaches(to) {
            return None;
        }
        let (socket, ethernet) = match &mut self.door {
            Door::Raw(sockets) => (sockets[file as usize % SOCKETS], None),
            Door::Packet(frames) => {
                let (socket, ethernet) = frames.way(file, to)?;
                (socket, Some(ethernet))
            }
        };
        Some(Way {
            envelope: &self.envelope,
            port,
            socket,
            ethernet,
        })
    }
}

/// Takes places in the table of a lane: the last ones, which streams would take last.
pub(super) fn sockets(lane: &mut Lane) -> Result<[Socket; SOCKETS], Refusal> {
    let first = lane.files.len().checked_sub(SOCKETS);
    let first = first.ok_or(Refusal::Kernel(libc::EMFILE))?;
    let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    lane.files.retain(|file| *file < number(first));
    Ok(std::array::from_fn(|place| {
        socket(Flow::Rtp, number(first + place))
    }))
}

fn raw_sockets(lane: &mut Lane, from: IpAddr, dscp: Dscp) -> Result<[Socket; SOCKETS], Refusal> {
    let raw: io::Result<Vec<OwnedFd>> = (0..SOCKETS).map(|_| raw_socket(from, dscp)).collect();
    let raw = raw?;
    let files: Vec<_> = raw.iter().map(AsRawFd::as_raw_fd).collect();
    let sockets = sockets(lane)?;
    let first = super::ring::place(sockets[0]);
    lane.io.submitter().register_files_update(first, &files)?;
    Ok(sockets)
}

pub(super) fn raw_socket(from: IpAddr, dscp: Dscp) -> io::Result<OwnedFd> {
    let family = if from.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    // This protocol brings its own headers, and receives nothing (raw(7)).
    let socket = socket_with(
        family,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(ipproto::RAW),
    )?;
    prioritise(&socket, dscp)?;
    // For routing rules that go by the source.
    bind(&socket, &SocketAddr::new(from, 0))?;
    enlarge(&socket)?;
    Ok(socket)
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::NoRight,
            Some(libc::EAFNOSUPPORT) => Self::NoFamily,
            error => Self::Kernel(error.unwrap_or(libc::EIO)),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRight => f.write_str(
                "CAP_NET_RAW is missing; AmbientCapabilities=CAP_NET_RAW and \
                 CapabilityBoundingSet=CAP_NET_RAW in a drop-in of the unit give it",
            ),
            Self::NoFamily => f.write_str(
                "packet sockets are not allowed; RestrictAddressFamilies=AF_PACKET in a drop-in of \
                 the unit allows them",
            ),
            Self::AnyAddress => f.write_str("[media] address must be one address of this host"),
            Self::NoRoutes => f.write_str(
                "the kernel tells nothing of routes; RestrictAddressFamilies=AF_NETLINK in a \
                 drop-in of the unit allows to ask",
            ),
            Self::Kernel(error) => io::Error::from_raw_os_error(*error).fmt(f),
        }
    }
}
