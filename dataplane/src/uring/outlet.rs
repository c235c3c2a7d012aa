//! Raw sockets that all streams of a worker send whole IP packets through, with headers that are
//! written here (`envelope`): routed and filtered as any packet, but past UDP, and past the waiters
//! of a stream's own socket, which the kernel would wake for each packet that has left. Nothing is
//! received through them.
//!
//! Absent on purpose: streams whose peer is not certain; they send from their own socket.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use rustix::fd::OwnedFd;
use rustix::net::sockopt::{set_socket_send_buffer_size, set_socket_send_buffer_size_force};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, socket_with};
use shared::Dscp;

use super::lane::Lane;
use super::option::prioritise;
use super::request::Flow;
use super::ring::socket;
use crate::address::Address;
use crate::envelope::Envelope;
use crate::port::Socket;

/// See the module.
pub(super) struct Outlet {
    envelope: Envelope,
    from: IpAddr,
    /// Of each stream, by the place of its RTP socket in the table of its lane; 0 for those that
    /// have another address.
    ports: Vec<u16>,
    /// In the same table.
    sockets: [Socket; SOCKETS],
}

/// What a stream's packets take of memory here.
pub(super) const STREAM_BYTES: usize = size_of::<u16>();

/// Several, since each holds no more packets on their way than fit into its buffer.
const SOCKETS: usize = 8;

/// The protocol's number.
const UDP: u16 = 17;

/// As much as the kernel allows; net.core.wmem_max caps it for who is not CAP_NET_ADMIN.
const BUFFER_BYTES: usize = 4 << 20;

/// How a packet leaves.
pub(super) struct Way<'a> {
    pub(super) envelope: &'a Envelope,
    /// From where.
    pub(super) port: u16,
    /// What takes it.
    pub(super) socket: Socket,
}

impl Way<'_> {
    /// What a raw socket sends to: a host, with the protocol's number in place of a port.
    pub(super) const fn host(&self, to: &Address) -> Address {
        to.with_port(UDP)
    }
}

/// Why packets cannot be sent that way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// This process may not.
    NoRight,
    /// Sockets bind to any address, and so the kernel has to choose the source of each packet.
    AnyAddress,
    /// The kernel's reason: a system error number.
    Kernel(i32),
}

impl Outlet {
    /// Sockets that send from an address, in the table of a lane.
    ///
    /// # Errors
    /// [`Refusal`]
    pub(super) fn open(lane: &mut Lane, from: IpAddr, dscp: Dscp) -> Result<Option<Self>, Refusal> {
        let envelope = Envelope::new(from, dscp.traffic_class()).ok_or(Refusal::AnyAddress)?;
        let raw: io::Result<Vec<OwnedFd>> = (0..SOCKETS).map(|_| raw_socket(from, dscp)).collect();
        let raw = raw?;
        let files: Vec<_> = raw.iter().map(AsRawFd::as_raw_fd).collect();
        let ports = vec![0; lane.files.len()];
        // The last places, which streams would take last.
        let first = u32::try_from(lane.files.len().saturating_sub(SOCKETS)).unwrap_or(0);
        lane.io.submitter().register_files_update(first, &files)?;
        lane.files.retain(|file| *file < first);
        Ok(Some(Self {
            envelope,
            from,
            ports,
            sockets: std::array::from_fn(|number| {
                socket(Flow::Rtp, first + u32::try_from(number).unwrap_or(0))
            }),
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

    /// How packets of a stream's socket get to a peer.
    pub(super) fn way(&self, file: u32, to: &Address) -> Option<Way<'_>> {
        let port = *self.ports.get(file as usize)?;
        (port != 0 && self.envelope.reaches(to)).then(|| Way {
            envelope: &self.envelope,
            port,
            socket: self.sockets[file as usize % SOCKETS],
        })
    }
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
    if set_socket_send_buffer_size_force(&socket, BUFFER_BYTES).is_err() {
        set_socket_send_buffer_size(&socket, BUFFER_BYTES)?;
    }
    Ok(socket)
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::NoRight,
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
            Self::AnyAddress => f.write_str("[media] address must be one address of this host"),
            Self::Kernel(error) => io::Error::from_raw_os_error(*error).fmt(f),
        }
    }
}
