//! Options of sockets, set when they are made or through the ring.
//!
//! Absent on purpose: when and why.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;

use io_uring::opcode;
use io_uring::squeue::Flags;
use io_uring::types::Fixed;
use rustix::fd::AsFd;
use rustix::net::sockopt::{
    set_ip_tos, set_ipv6_tclass, set_socket_send_buffer_size, set_socket_send_buffer_size_force,
};
use shared::Dscp;

use super::request::{Flow, Request, encode};
use super::ring::Ring;
use crate::port::Owner;

impl Ring {
    /// Marks what a socket that was made through the ring sends with the class of service.
    pub(super) fn mark(&mut self, owner: Owner, flow: Flow, file: u32, ipv6: bool) {
        if !self.features.ring_sockets || *self.traffic_class == 0 {
            return;
        }
        let value = &raw const *self.traffic_class;
        let ipv4 = (libc::IPPROTO_IP, libc::IP_TOS);
        let ipv6 = ipv6.then_some((libc::IPPROTO_IPV6, libc::IPV6_TCLASS));
        // IPv6 sockets carry IPv4 too.
        for (level, name) in [ipv4].into_iter().chain(ipv6) {
            let (level, name) = (level.unsigned_abs(), name.unsigned_abs());
            let entry = opcode::SetSockOpt::new(Fixed(file), level, name, value.cast(), 4).build();
            let entry = entry.flags(Flags::SKIP_SUCCESS);
            self.lane(flow)
                .push(entry.user_data(encode(Request::Option, flow, owner)));
        }
    }
}

/// As [`Ring::mark`], by system calls.
pub(super) fn mark(socket: impl AsFd, dscp: Dscp, ipv6: bool) -> io::Result<()> {
    set_ip_tos(&socket, dscp.traffic_class())?;
    if ipv6 {
        set_ipv6_tclass(&socket, dscp.traffic_class().into())?;
    }
    Ok(())
}

/// Lets a socket hold as many packets on their way as the kernel allows; net.core.wmem_max caps it
/// for who is not CAP_NET_ADMIN.
pub(super) fn enlarge(socket: &impl AsFd) -> io::Result<()> {
    const BYTES: usize = 4 << 20;
    if set_socket_send_buffer_size_force(socket, BYTES).is_err() {
        set_socket_send_buffer_size(socket, BYTES)?;
    }
    Ok(())
}

/// Lets the queue of an interface treat what a socket sends with headers of its own as it treats
/// what sockets send that are marked with the class of service.
pub(super) fn prioritise(socket: &impl AsFd, dscp: Dscp) -> io::Result<()> {
    let marked = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    set_ip_tos(&marked, dscp.traffic_class())?;
    let mut priority: i32 = 0;
    let mut length: libc::socklen_t = 4;
    let (level, name) = (libc::SOL_SOCKET, libc::SO_PRIORITY);
    let value = (&raw mut priority).cast();
    // SAFETY: the kernel writes an int and its length, and reads an int; all live until then.
    let done = unsafe {
        libc::getsockopt(marked.as_raw_fd(), level, name, value, &raw mut length) == 0
            && libc::setsockopt(socket.as_fd().as_raw_fd(), level, name, value, length) == 0
    };
    if done {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
