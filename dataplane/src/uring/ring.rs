//! One worker's ring: everything that is asked of the kernel, and everything it says. One system
//! call submits, sleeps until the deadline or the next completion, and collects.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{CancelBuilder, Fd, Fixed, SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue, opcode};
use shared::{DropReason, RefuseReason, RtcpPort, Time};

use super::buffer_ring::{BufferRing, Filled};
use super::clock;
use super::doorbell::Doorbell;
use super::probe::{self, Features};
use super::request::{Flow, Request, decode, encode};
use super::sends::Sends;
use super::sockaddr::{SOCKADDR_BYTES, Sockaddr};
use super::socket::Pair;
use crate::address::Address;
use crate::port::{Owner, Port, Socket, Sockets};

/// A ring with its sockets and buffers. It stays on the thread that made it.
pub(crate) struct Ring {
    pub(super) io: IoUring,
    pub(super) features: Features,
    pub(super) doorbell: Arc<Doorbell>,
    /// Where the doorbell's counter is read to.
    pub(super) rung: Box<u64>,
    /// What a receive wants to know; read by the kernel while one is armed.
    pub(super) wanted: Box<libc::msghdr>,
    pub(super) sends: Sends,
    pub(super) buffers: BufferRing,
    /// Buffers being sent from; free when the submission queue is empty.
    pub(super) forwarded: Vec<u16>,
    /// Requests other than sends that found the submission queue full.
    pub(super) waiting: VecDeque<Entry>,
    pub(super) pairs: Vec<Option<Box<Pair>>>,
    /// Places of the descriptor table that are free.
    pub(super) files: Vec<u32>,
    /// What came to pass without a completion of its own.
    pub(super) ready: VecDeque<Completion>,
    pub(super) enters: u64,
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

    /// Submits everything, and sleeps until something completes or the deadline (`None`: as long as
    /// it takes).
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

    fn listen_to_doorbell(&mut self) {
        let fd = Fd(self.doorbell.raw_fd());
        let nobody = Owner {
            index: 0,
            generation: 0,
        };
        let entry = opcode::Read::new(fd, (&raw mut *self.rung).cast(), 8).build();
        self.push(entry.user_data(encode(Request::Doorbell, Flow::Rtp, nobody)));
    }

    /// Submits what is queued if there is no place for a datagram and for `entries` more
    /// submissions.
    pub(super) fn make_room(&mut self, entries: usize) -> Result<(), DropReason> {
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

    pub(super) fn push_send(&mut self, entry: &Entry) -> Result<(), DropReason> {
        // SAFETY: bytes and address stay as they are until the submission queue is empty (`Sends`,
        // `forwarded`), and the kernel is done with them then, because the entry is flagged
        // MSG_DONTWAIT.
        unsafe { self.io.submission().push(entry) }.map_err(|_| DropReason::RingFull)
    }

    /// Queues a request that must not be lost.
    pub(super) fn push(&mut self, entry: Entry) {
        self.waiting.push_back(entry);
        self.flush_waiting();
    }

    /// Whether nothing waits.
    fn flush_waiting(&mut self) -> bool {
        while let Some(entry) = self.waiting.front() {
            // SAFETY: such entries point to nothing, or to `rung`, `wanted` and the buffer ring,
            // which live as long as the ring and are not moved.
            if unsafe { self.io.submission().push(entry) }.is_err() {
                return false;
            }
            self.waiting.pop_front();
        }
        true
    }

    /// One `io_uring_enter`; with `(count, deadline)` it sleeps for that many completions until
    /// then.
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

    pub(super) fn pair(&mut self, owner: Owner) -> Option<&mut Pair> {
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
        self.open_pair(owner, local, rtcp);
    }

    fn close(&mut self, owner: Owner) {
        self.close_pair(owner);
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

pub(super) fn send_entry(
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

/// Asks for nothing with a deadline long past: a kernel that does not know the flag refuses it.
fn has_absolute_deadlines(io: &IoUring) -> bool {
    let flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG | EnterFlags::ABS_TIMER;
    let past = Timespec::new();
    let arguments = SubmitArgs::new().timespec(&past);
    // SAFETY: the argument is what EXT_ARG announces, and it lives until the call returns.
    let entered = unsafe { io.submitter().enter(0, 1, flags.bits(), Some(&arguments)) };
    entered.is_err_and(|error| error.raw_os_error() == Some(libc::ETIME))
}
