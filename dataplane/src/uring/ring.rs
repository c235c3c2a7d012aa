//! One worker's ring: everything that is asked of the kernel, and everything it says. One system call submits, sleeps until
//! the deadline or the next completion, and collects.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{
    CancelBuilder, DestinationSlot, Fd, Fixed, RecvMsgOut, SubmitArgs, Timespec,
};
use io_uring::{EnterFlags, IoUring, cqueue, opcode};
use shared::{DropReason, RefuseReason, RtcpPort, Time};

use super::buffer_ring::{BUFFER_BYTES, BufferRing, Filled, GROUP};
use super::clock;
use super::doorbell::Doorbell;
use super::probe::{self, Features};
use super::sends::Sends;
use super::sockaddr::{self, SOCKADDR_BYTES, Sockaddr};
use super::socket::{Pair, Step};
use crate::address::Address;
use crate::port::{Owner, Port, Socket, Sockets};

/// A ring with its sockets and buffers. It stays on the thread that made it.
pub(crate) struct Ring {
    io: IoUring,
    features: Features,
    doorbell: Arc<Doorbell>,
    /// Where the doorbell's counter is read to.
    rung: Box<u64>,
    /// What a receive wants to know; read by the kernel while one is armed.
    wanted: Box<libc::msghdr>,
    sends: Sends,
    buffers: BufferRing,
    /// Buffers being sent from; free when the submission queue is empty.
    forwarded: Vec<u16>,
    /// Requests other than sends that found the submission queue full.
    waiting: VecDeque<Entry>,
    pairs: Vec<Option<Box<Pair>>>,
    /// Places of the descriptor table that are free.
    files: Vec<u32>,
    /// What came to pass without a completion of its own.
    ready: VecDeque<Completion>,
    enters: u64,
}

/// What a ring is made of.
#[derive(Debug)]
pub(crate) struct RingConfig {
    /// Places in the table of streams.
    pub(crate) streams_max: u32,
    /// Places in the descriptor table; RLIMIT_NOFILE caps it.
    pub(crate) descriptors: u32,
    /// What wakes it.
    pub(crate) doorbell: Arc<Doorbell>,
    /// Whether sockets may be made through the ring where the kernel can do that.
    pub(crate) ring_sockets: bool,
}

/// Which of a stream's two sockets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// RTP, and RTCP where both share a port.
    Rtp = 0,
    /// RTCP on a port of its own.
    Rtcp = 1,
}

/// Something the kernel said.
#[derive(Debug)]
pub(crate) enum Completion {
    /// The doorbell was rung.
    Rung,
    /// The answer to [`Port::open`].
    Opened(Owner, Result<Sockets, RefuseReason>),
    /// The answer to [`Port::close`].
    Closed(Owner),
    /// A datagram; to be given back by [`Ring::release`] or [`Ring::forward`].
    Received {
        /// Whose.
        owner: Owner,
        /// From where, in canonical form.
        source: SocketAddr,
        /// What.
        datagram: Filled,
    },
    /// A datagram was lost, on its way in or out.
    Dropped(Owner, DropReason),
}

/// What a completion belongs to; travels through the kernel as 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Request {
    Doorbell,
    Send,
    Make,
    Bind,
    Receive,
    Cancel,
    Close,
}

/// The header the kernel puts before a received datagram: its own, and the source.
const RECEIVED_AT: usize = 16 + SOCKADDR_BYTES;

impl Ring {
    /// A ring for the calling thread.
    ///
    /// # Errors
    /// The kernel's; [`probe::remedy`] explains it.
    pub(crate) fn new(config: RingConfig) -> io::Result<Self> {
        let (io, setup) = probe::ring()?;
        let features = Features {
            setup,
            ring_sockets: config.ring_sockets && probe::has_ring_sockets(&io),
            absolute_deadlines: has_absolute_deadlines(&io),
        };
        io.submitter().register_files_sparse(config.descriptors)?;
        let buffers = BufferRing::new(&io.submitter())?;
        // SAFETY: a msghdr of zeros is one without address, buffers and control data.
        let mut wanted: Box<libc::msghdr> = Box::new(unsafe { mem::zeroed() });
        wanted.msg_namelen = u32::try_from(SOCKADDR_BYTES).unwrap_or(0);
        let mut pairs = Vec::new();
        pairs.resize_with(config.streams_max as usize, || None);
        let mut ring = Self {
            io,
            features,
            doorbell: config.doorbell,
            rung: Box::new(0),
            wanted,
            sends: Sends::new(),
            buffers,
            forwarded: Vec::new(),
            waiting: VecDeque::new(),
            pairs,
            files: (0..config.descriptors).rev().collect(),
            ready: VecDeque::new(),
            enters: 0,
        };
        ring.listen_to_doorbell();
        Ok(ring)
    }

    /// How it works on this kernel.
    #[must_use]
    pub(crate) const fn features(&self) -> Features {
        self.features
    }

    /// Calls of `io_uring_enter` so far.
    #[must_use]
    pub(crate) const fn enters(&self) -> u64 {
        self.enters
    }

    /// Submits everything, and sleeps until something completes or the deadline (`None`: as long as it takes).
    ///
    /// # Errors
    /// The ring is broken: the kernel refuses what it took before.
    pub(crate) fn wait(&mut self, deadline: Option<Time>) -> io::Result<()> {
        let idle = self.ready.is_empty() && self.io.completion().is_empty();
        let deadline = if idle && self.flush_waiting() {
            deadline
        } else {
            Some(Time::ZERO)
        };
        self.enter(
            deadline
                .map(|deadline| (1, deadline))
                .or(Some((1, FOREVER))),
        )
    }

    /// Submits everything without sleeping, so that the places of sends are free again.
    ///
    /// # Errors
    /// As [`Ring::wait`].
    pub(crate) fn submit(&mut self) -> io::Result<()> {
        self.flush_waiting();
        self.enter(None)
    }

    /// The next thing the kernel said.
    pub(crate) fn completion(&mut self) -> Option<Completion> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            let entry = self.io.completion().next()?;
            if let Some(completion) = self.understand(&entry) {
                return Some(completion);
            }
        }
    }

    /// The bytes of a datagram.
    pub(crate) fn datagram(&mut self, filled: &Filled) -> &mut [u8] {
        let (start, length) = (usize::from(filled.start), usize::from(filled.length));
        &mut self.buffers.buffer(filled.number)[start..start + length]
    }

    /// Gives the buffer of a datagram back.
    pub(crate) fn release(&mut self, filled: Filled) {
        self.buffers.put(filled.number);
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
        let range = usize::from(filled.start) + part.start..usize::from(filled.start) + part.end;
        let bytes = &self.buffers.buffer(filled.number)[range];
        let (start, length) = (bytes.as_ptr(), bytes.len());
        if let Err(reason) = self.make_room(1) {
            self.release(filled);
            return Err(reason);
        }
        let Some(place) = self.sends.take(to) else {
            self.release(filled);
            return Err(DropReason::RingFull);
        };
        let entry = send_entry(socket, start, length, &place.to, owner);
        self.forwarded.push(filled.number);
        self.push_send(&entry)
    }

    fn understand(&mut self, entry: &cqueue::Entry) -> Option<Completion> {
        let (request, flow, owner) = decode(entry.user_data())?;
        let result = entry.result();
        let outcome = if result < 0 { Err(-result) } else { Ok(()) };
        match request {
            Request::Doorbell => {
                self.listen_to_doorbell();
                return Some(Completion::Rung);
            }
            Request::Send => {
                return outcome
                    .err()
                    .map(|error| Completion::Dropped(owner, send_failure(error)));
            }
            Request::Receive => return self.received(entry, flow, owner),
            Request::Cancel => return None,
            Request::Make => self.pair(owner)?.made(flow, outcome),
            Request::Bind => self.pair(owner)?.bound(outcome),
            Request::Close => self.pair(owner)?.closed(flow),
        }
        self.step(owner);
        None
    }

    fn received(&mut self, entry: &cqueue::Entry, flow: Flow, owner: Owner) -> Option<Completion> {
        let result = entry.result();
        let over = !cqueue::more(entry.flags());
        if result >= 0
            && let Some(pair) = self.pair(owner)
        {
            pair.received(flow);
        }
        if over {
            let fault = result < 0 && result != -libc::ENOBUFS;
            let again = self.pair(owner).and_then(|pair| pair.disarmed(flow, fault));
            match again {
                Some(file) => self.receive(owner, flow, file),
                None => self.step(owner),
            }
        }
        if result < 0 {
            let starved = result == -libc::ENOBUFS;
            return starved.then_some(Completion::Dropped(owner, DropReason::NoBuffer));
        }
        let number = cqueue::buffer_select(entry.flags())?;
        let length = usize::try_from(result).unwrap_or(0).min(BUFFER_BYTES);
        let buffer = &self.buffers.buffer(number)[..length];
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
                        number,
                        start: u16::try_from(RECEIVED_AT).unwrap_or(0),
                        length: u16::try_from(length).unwrap_or(0),
                    },
                });
            }
            Some(_) => DropReason::TooLong,
            None => DropReason::Malformed,
        };
        self.buffers.put(number);
        Some(Completion::Dropped(owner, reason))
    }

    /// Does what a stream's sockets need next.
    fn step(&mut self, owner: Owner) {
        loop {
            let Some(pair) = self.pair(owner) else {
                return;
            };
            match pair.step() {
                Step::Wait => return,
                Step::Receive(sockets) => {
                    let ends: Vec<_> = pair.ends().collect();
                    for (flow, end) in ends {
                        self.receive(owner, flow, end.file);
                    }
                    self.ready.push_back(Completion::Opened(owner, Ok(sockets)));
                    return;
                }
                Step::Cancel(flow, file) => {
                    let all = CancelBuilder::fd(Fixed(file)).all();
                    let entry = opcode::AsyncCancel2::new(all).build();
                    self.push(entry.user_data(encode(Request::Cancel, flow, owner)));
                }
                Step::Close(flow, file) => {
                    let entry = opcode::Close::new(Fixed(file)).build();
                    self.push(entry.user_data(encode(Request::Close, flow, owner)));
                }
                Step::Gone(result) => {
                    let files: Vec<_> = pair.ends().map(|(_, end)| end.file).collect();
                    self.files.extend(files);
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

    fn receive(&mut self, owner: Owner, flow: Flow, file: u32) {
        if let Some(pair) = self.pair(owner) {
            pair.armed(flow);
        }
        let entry = opcode::RecvMsgMulti::new(Fixed(file), &raw const *self.wanted, GROUP).build();
        self.push(entry.user_data(encode(Request::Receive, flow, owner)));
    }

    fn listen_to_doorbell(&mut self) {
        let fd = Fd(self.doorbell.raw_fd());
        let nobody = Owner {
            index: 0,
            generation: 0,
        };
        let entry = opcode::Read::new(fd, (&raw mut *self.rung).cast(), 8).build();
        self.push(entry.user_data(encode(Request::Doorbell, Flow::Rtp, nobody)));
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
        if self.make_room(2).is_err() {
            return self.not_made(owner, flow);
        }
        let Some(place) = self.sends.take(&local.into()) else {
            return self.not_made(owner, flow);
        };
        let bind = opcode::Bind::new(Fixed(file), place.to.as_ptr(), place.to.length())
            .build()
            .user_data(encode(Request::Bind, flow, owner));
        // SAFETY: the address stays in its place until the kernel has taken the entry, and it copies it then.
        let pushed = unsafe { self.io.submission().push_multiple(&[make, bind]) };
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

    /// For kernels that cannot bind through the ring: the descriptor is in the process's own table for a moment only.
    fn make_by_calls(&mut self, owner: Owner, flow: Flow, file: u32, local: SocketAddr) {
        let made = make_socket(local).and_then(|socket| {
            use std::os::fd::AsRawFd;
            let files = [socket.as_raw_fd()];
            self.io.submitter().register_files_update(file, &files)
        });
        let result = made
            .map(|_| ())
            .map_err(|error| error.raw_os_error().unwrap_or(libc::EIO));
        if let Some(pair) = self.pair(owner) {
            pair.made(flow, result);
            pair.bound(Ok(()));
        }
    }

    /// Submits what is queued if there is no place for a datagram and for `entries` more submissions.
    fn make_room(&mut self, entries: usize) -> Result<(), DropReason> {
        if self.has_room(entries) {
            return Ok(());
        }
        self.submit().map_err(|_| DropReason::RingFull)?;
        if self.has_room(entries) {
            Ok(())
        } else {
            Err(DropReason::RingFull)
        }
    }

    fn has_room(&mut self, entries: usize) -> bool {
        let queue = self.io.submission();
        !self.sends.is_full() && queue.capacity() - queue.len() >= entries
    }

    fn push_send(&mut self, entry: &Entry) -> Result<(), DropReason> {
        // SAFETY: bytes and address stay as they are until the submission queue is empty (`Sends`, `forwarded`), and the
        // kernel is done with them then, because the entry is flagged MSG_DONTWAIT.
        unsafe { self.io.submission().push(entry) }.map_err(|_| DropReason::RingFull)
    }

    /// Queues a request that must not be lost.
    fn push(&mut self, entry: Entry) {
        self.waiting.push_back(entry);
        self.flush_waiting();
    }

    /// Whether nothing waits.
    fn flush_waiting(&mut self) -> bool {
        while let Some(entry) = self.waiting.front() {
            // SAFETY: such entries point to nothing, or to `rung`, `wanted` and the buffer ring, which live as long as the
            // ring and are not moved.
            if unsafe { self.io.submission().push(entry) }.is_err() {
                return false;
            }
            self.waiting.pop_front();
        }
        true
    }

    /// One `io_uring_enter`; with `(count, deadline)` it sleeps for that many completions until then.
    fn enter(&mut self, wait: Option<(u32, Time)>) -> io::Result<()> {
        self.buffers.publish();
        self.enters += 1;
        let submissions = u32::try_from(self.io.submission().len()).unwrap_or(u32::MAX);
        let (want, deadline) = wait.unwrap_or((0, Time::ZERO));
        let mut flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG;
        let time = if self.features.absolute_deadlines {
            flags |= EnterFlags::ABS_TIMER;
            Duration::from_nanos(deadline.as_nanos())
        } else {
            deadline - clock::now()
        };
        let time = Timespec::from(time);
        let mut arguments = SubmitArgs::new();
        if deadline != FOREVER {
            arguments = arguments.timespec(&time);
        }
        // SAFETY: the argument is what EXT_ARG announces, and it lives until the call returns.
        let entered = unsafe {
            self.io
                .submitter()
                .enter(submissions, want, flags.bits(), Some(&arguments))
        };
        if self.io.submission().is_empty() {
            self.sends.free();
            while let Some(number) = self.forwarded.pop() {
                self.buffers.put(number);
            }
        }
        match entered {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // The deadline, a signal, or completions to be collected first.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    fn pair(&mut self, owner: Owner) -> Option<&mut Pair> {
        let pair = self.pairs.get_mut(owner.index as usize)?.as_deref_mut()?;
        (pair.owner == owner).then_some(pair)
    }
}

impl Port for Ring {
    fn send(
        &mut self,
        socket: Socket,
        to: &Address,
        owner: Owner,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<(), DropReason> {
        self.make_room(1)?;
        let place = self.sends.take(to).ok_or(DropReason::RingFull)?;
        let length = fill(&mut place.bytes);
        let entry = send_entry(socket, place.bytes.as_ptr(), length, &place.to, owner);
        self.push_send(&entry)
    }

    fn open(&mut self, owner: Owner, local: SocketAddr, rtcp: RtcpPort) {
        let count = match rtcp {
            RtcpPort::Mux => 1,
            RtcpPort::Next => 2,
        };
        if self.files.len() < count {
            let refused = Err(RefuseReason::NoDescriptor);
            return self.ready.push_back(Completion::Opened(owner, refused));
        }
        let mut next = local;
        next.set_port(local.port().wrapping_add(1));
        let mut file = || {
            self.files
                .pop()
                .unwrap_or_else(|| unreachable!("counted above"))
        };
        let rtp = (file(), local);
        let second = (rtcp == RtcpPort::Next).then(|| (file(), next));
        let mut pair = Box::new(Pair::new(owner, rtp, second));
        let ends: Vec<_> = pair.ends().collect();
        pair.asked(if rtcp == RtcpPort::Next { 4 } else { 2 });
        self.pairs[owner.index as usize] = Some(pair);
        for (flow, end) in ends {
            if self.features.ring_sockets {
                self.make_through_ring(owner, flow, end.file, end.local);
            } else {
                self.make_by_calls(owner, flow, end.file, end.local);
            }
        }
        self.step(owner);
    }

    fn close(&mut self, owner: Owner) {
        match self.pair(owner) {
            Some(pair) => {
                pair.close();
                self.step(owner);
            }
            None => self.ready.push_back(Completion::Closed(owner)),
        }
    }
}

impl Drop for Ring {
    /// Nothing may be written to memory that is about to be freed.
    fn drop(&mut self) {
        let everything = CancelBuilder::any();
        let submitter = self.io.submitter();
        if let Err(error) = submitter.register_sync_cancel(None, everything) {
            tracing::debug!(%error, "nothing was left to cancel");
        }
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring")
            .field("features", &self.features)
            .field("enters", &self.enters)
            .finish_non_exhaustive()
    }
}

/// A deadline that is none.
const FOREVER: Time = Time::from_nanos(u64::MAX);

fn send_entry(
    socket: Socket,
    start: *const u8,
    length: usize,
    to: &Sockaddr,
    owner: Owner,
) -> Entry {
    opcode::Send::new(Fixed(socket.0), start, u32::try_from(length).unwrap_or(0))
        .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
        .dest_addr(to.as_ptr())
        .dest_addr_len(to.length())
        .build()
        .flags(Flags::SKIP_SUCCESS)
        .user_data(encode(Request::Send, Flow::Rtp, owner))
}

const fn send_failure(error: i32) -> DropReason {
    match error {
        libc::ECONNREFUSED => DropReason::PeerRefused,
        _ => DropReason::SendFailed,
    }
}

fn make_socket(local: SocketAddr) -> io::Result<rustix::fd::OwnedFd> {
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
    bind(&socket, &local)?;
    Ok(socket)
}

/// Asks for nothing with a deadline long past: a kernel that does not know the flag refuses it.
fn has_absolute_deadlines(io: &IoUring) -> bool {
    let flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG | EnterFlags::ABS_TIMER;
    let past = Timespec::new();
    let arguments = SubmitArgs::new().timespec(&past);
    // SAFETY: the argument is what EXT_ARG announces, and it lives until the call returns.
    let entered = unsafe { io.submitter().enter(0, 1, flags.bits(), Some(&arguments)) };
    entered.is_err_and(|error| error.raw_os_error() == Some(libc::ETIME))
}

const fn encode(request: Request, flow: Flow, owner: Owner) -> u64 {
    (request as u64) << 60
        | (flow as u64) << 56
        | (owner.index as u64 & 0xff_ffff) << 32
        | owner.generation as u64
}

fn decode(data: u64) -> Option<(Request, Flow, Owner)> {
    let request = match data >> 60 {
        0 => Request::Doorbell,
        1 => Request::Send,
        2 => Request::Make,
        3 => Request::Bind,
        4 => Request::Receive,
        5 => Request::Cancel,
        6 => Request::Close,
        _ => return None,
    };
    let flow = if data >> 56 & 1 == 0 {
        Flow::Rtp
    } else {
        Flow::Rtcp
    };
    let owner = Owner {
        index: u32::try_from(data >> 32 & 0xff_ffff).unwrap_or(0),
        generation: u32::try_from(data & 0xffff_ffff).unwrap_or(0),
    };
    Some((request, flow, owner))
}

const _: () = assert!(shared::limits::STREAMS_PER_WORKER_MAX <= 0xff_ffff);
