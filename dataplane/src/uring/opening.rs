//! Opening and closing sockets: what the book (`socket`) says is next, asked of the kernel. Through
//! the ring where it can make and bind sockets; else by system calls, after which the descriptor
//! stays in the ring's own table only.

use std::io;
use std::net::SocketAddr;

use io_uring::opcode;
use io_uring::squeue::Flags;
use io_uring::types::{DestinationSlot, Fixed};
use shared::{DropReason, Dscp, RefuseReason, RtcpPort};

use super::option::mark;
use super::request::{Flow, Request, encode};
use super::ring::{Completion, Ring};
use super::socket::{Pair, Step};
use crate::port::Owner;

impl Ring {
    pub(super) fn open_pair(&mut self, owner: Owner, local: SocketAddr, rtcp: RtcpPort) {
        let mut next = local;
        next.set_port(local.port().wrapping_add(1));
        let ends = [(Flow::Rtp, local), (Flow::Rtcp, next)];
        let ends = match rtcp {
            RtcpPort::Mux => &ends[..1],
            RtcpPort::Next => &ends[..],
        };
        if ends
            .iter()
            .any(|(flow, _)| self.lane(*flow).files.is_empty())
        {
            let refused = Err(RefuseReason::NoDescriptor);
            return self.ready.push_back(Completion::Opened(owner, refused));
        }
        let mut file = |flow| {
            let file = self.lane(flow).files.pop();
            file.unwrap_or_else(|| unreachable!("looked at above"))
        };
        let rtp = file(Flow::Rtp);
        let second = (rtcp == RtcpPort::Next).then(|| file(Flow::Rtcp));
        if let Some(outlet) = &mut self.outlet {
            outlet.begin(rtp, local);
        }
        let mut pair = Box::new(Pair::new(owner, rtp, second, local.is_ipv6()));
        pair.asked(if rtcp == RtcpPort::Next { 4 } else { 2 });
        self.pairs[owner.index as usize] = Some(pair);
        for ((flow, local), file) in ends.iter().zip([rtp].into_iter().chain(second)) {
            if self.features.ring_sockets {
                self.make_through_ring(owner, *flow, file, *local);
            } else {
                self.make_by_calls(owner, *flow, file, *local);
            }
        }
        self.step(owner);
    }

    pub(super) fn close_pair(&mut self, owner: Owner) {
        match self.pair(owner) {
            Some(pair) => {
                pair.close();
                self.step(owner);
            }
            None => self.ready.push_back(Completion::Closed(owner)),
        }
    }

    /// Does what a stream's sockets need next.
    pub(super) fn step(&mut self, owner: Owner) {
        loop {
            let Some(pair) = self.pair(owner) else {
                return;
            };
            match pair.step() {
                Step::Wait => return,
                Step::Receive(sockets) => {
                    let ends: Vec<_> = pair.ends().collect();
                    for (flow, end) in ends {
                        self.mark(owner, flow, end.file, end.ipv6);
                        self.receive(owner, flow, end.file);
                    }
                    self.ready.push_back(Completion::Opened(owner, Ok(sockets)));
                    return;
                }
                Step::Tally => self.count_drops(owner, DropReason::Screened),
                Step::Cancel(flow) => {
                    // By its name, which the kernel looks up; by its file it would walk them all.
                    let receive = encode(Request::Receive, flow, owner);
                    let entry = opcode::AsyncCancel::new(receive).build();
                    self.lane(flow)
                        .push(entry.user_data(encode(Request::Cancel, flow, owner)));
                }
                Step::Close(flow, file) => {
                    let entry = opcode::Close::new(Fixed(file)).build();
                    self.lane(flow)
                        .push(entry.user_data(encode(Request::Close, flow, owner)));
                }
                Step::Gone(result) => {
                    for (flow, end) in pair.ends() {
                        self.forget(flow, end.file);
                        self.lane(flow).files.push(end.file);
                    }
                    self.pairs[owner.index as usize] = None;
                    self.ready.push_back(match result {
                        Ok(()) => Completion::Closed(owner),
                        Err(reason) => Completion::Opened(owner, Err(reason)),
                    });
                    return;
                }
            }
        }
    }

    fn make_through_ring(&mut self, owner: Owner, flow: Flow, file: u32, local: SocketAddr) {
        let family = if local.is_ipv4() {
            libc::AF_INET
        } else {
            libc::AF_INET6
        };
        let slot = DestinationSlot::try_from_slot_target(file).ok();
        let make = opcode::Socket::new(family, libc::SOCK_DGRAM, libc::IPPROTO_UDP)
            .file_index(slot)
            .build()
            .flags(Flags::IO_LINK)
            .user_data(encode(Request::Make, flow, owner));
        // Both or none: a link must not be torn apart by a full queue.
        let lane = self.lane(flow);
        let place = match lane.make_room(2) {
            Ok(()) => lane.sends.take(),
            Err(_) => None,
        };
        let Some(place) = place else {
            return self.not_made(owner, flow);
        };
        let local = place.address(&local.into());
        let bind = opcode::Bind::new(Fixed(file), local.as_ptr(), local.length())
            .build()
            .user_data(encode(Request::Bind, flow, owner));
        // SAFETY: the address stays in its place until the kernel has taken the entry, and it
        // copies it then.
        let pushed = unsafe { lane.io.submission().push_multiple(&[make, bind]) };
        if pushed.is_err() {
            self.not_made(owner, flow);
        }
    }

    fn not_made(&mut self, owner: Owner, flow: Flow) {
        if let Some(pair) = self.pair(owner) {
            pair.made(flow, Err(libc::ENOBUFS));
            pair.bound(Err(libc::ECANCELED));
        }
    }

    /// For kernels that cannot bind through the ring: the descriptor is in the process's own table
    /// for a moment only.
    fn make_by_calls(&mut self, owner: Owner, flow: Flow, file: u32, local: SocketAddr) {
        let made = make_socket(local, self.dscp).and_then(|socket| {
            use std::os::fd::AsRawFd;
            let files = [socket.as_raw_fd()];
            self.lane(flow)
                .io
                .submitter()
                .register_files_update(file, &files)
        });
        let result = made
            .map(|_| ())
            .map_err(|error| error.raw_os_error().unwrap_or(libc::EIO));
        if let Some(pair) = self.pair(owner) {
            pair.made(flow, result);
            pair.bound(Ok(()));
        }
    }
}

fn make_socket(local: SocketAddr, dscp: Dscp) -> io::Result<rustix::fd::OwnedFd> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, socket_with};
    let family = if local.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let socket = socket_with(
        family,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(ipproto::UDP),
    )?;
    mark(&socket, dscp, local.is_ipv6())?;
    bind(&socket, &local)?;
    Ok(socket)
}
