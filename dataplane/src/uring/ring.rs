//! One worker's ring: everything that is asked of the kernel, and everything it says. One system
//! call submits, sleeps until the deadline or the next completion, and collects.
//!
//! It has two lanes, each an io_uring: one for the RTP sockets, and one for the RTCP sockets of
//! streams whose RTCP has a port of its own. So the limit of descriptors, which the kernel applies
//! to the table of each io_uring, caps the streams and not half of them. The worker sleeps in the
//! first; the second rings an eventfd that the first reads.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use io_uring::types::Fd;
use io_uring::{cqueue, opcode};
use rustix::event::{EventfdFlags, eventfd};
use shared::{DropReason, Dscp, Form, RefuseReason, RtcpPort, Time};

use super::buffer_ring::Filled;
use super::doorbell::Doorbell;
use super::lane::{FOREVER, Lane};
use super::outlet::Outlet;
use super::probe::{self, Features};
use super::request::{Flow, Request, decode, encode};
use super::sending::{Sent, send_failure};
use super::sockaddr::SOCKADDR_BYTES;
use super::socket::Pair;
use crate::Kernel;
use crate::address::Address;
use crate::intake::Intake;
use crate::path::Book;
use crate::port::{Owner, Port, Socket, Sockets};

/// A ring with its sockets and buffers. It stays on the thread that made it.
pub(crate) struct Ring {
    /// Dropped first: the kernel writes to what follows.
    pub(super) lanes: [Lane; 2],
    pub(super) features: Features,
    doorbell: Arc<Doorbell>,
    /// Rung by the kernel when the second lane has completions.
    bell: OwnedFd,
    /// Completions of the second lane wait for a call that collects them.
    rtcp_waits: bool,
    /// Where the counters of the doorbell and of the bell are read to.
    rung: Box<[u64; 2]>,
    /// What [`Ring::mark`] sets; read by the kernel.
    pub(super) traffic_class: Box<i32>,
    /// The class of service of what is sent.
    pub(super) dscp: Dscp,
    /// What a receive wants to know; read by the kernel while one is armed.
    pub(super) wanted: Box<libc::msghdr>,
    /// RTP sockets that are connected, a bit for each place of the table.
    pub(super) connected: Vec<u64>,
    /// Where packets leave whose headers are written here.
    pub(super) outlet: Option<Outlet>,
    pub(super) pairs: Vec<Option<Box<Pair>>>,
    pub(super) sent: Sent,
    /// What came to pass without a completion of its own.
    pub(super) ready: VecDeque<Completion>,
}

/// What a ring is made of.
#[derive(Debug)]
pub(crate) struct RingConfig {
    /// Places in the table of streams.
    pub(crate) streams_max: u32,
    /// Places in each of the two descriptor tables; RLIMIT_NOFILE caps them.
    pub(crate) descriptors: u32,
    /// What wakes it.
    pub(crate) doorbell: Arc<Doorbell>,
    /// No newer kernel's features are used.
    pub(crate) kernel: Kernel,
    /// How packets are sent.
    pub(crate) form: Form,
    /// Where sockets bind.
    pub(crate) address: IpAddr,
    /// For [`Form::Packet`].
    pub(crate) book: Option<Book>,
    /// The class of service of what is sent.
    pub(crate) dscp: Dscp,
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
    /// The kernel dropped so many datagrams on their way in.
    Lost(Owner, DropReason, u32),
}

impl Ring {
    /// A ring for the calling thread.
    ///
    /// # Errors
    /// The kernel's; [`probe::remedy`] explains it.
    pub(crate) fn new(config: RingConfig) -> io::Result<Self> {
        let (mut io, setup) = probe::ring(config.kernel, SUBMISSIONS, COMPLETIONS)?;
        let (second, _) = probe::ring(config.kernel, RTCP_SUBMISSIONS, RTCP_COMPLETIONS)?;
        let mut features = Features::of(&mut io, setup, config.kernel, config.form)?;
        let absolute = features.absolute_deadlines;
        let bell = eventfd(0, EventfdFlags::CLOEXEC)?;
        second.submitter().register_eventfd(bell.as_raw_fd())?;
        let mut lanes = [
            Lane::new(io, config.descriptors, BUFFERS, absolute)?,
            Lane::new(second, config.descriptors, RTCP_BUFFERS, absolute)?,
        ];
        let (form, lane) = (config.form, &mut lanes[0]);
        let outlet = Outlet::open(form, lane, config.address, config.dscp, config.book);
        let outlet = outlet.unwrap_or_else(|refusal| {
            features.sends_otherwise(refusal);
            None
        });
        // SAFETY: a msghdr of zeros is one without address, buffers and control data.
        let mut wanted: Box<libc::msghdr> = Box::new(unsafe { mem::zeroed() });
        wanted.msg_namelen = u32::try_from(SOCKADDR_BYTES).unwrap_or(0);
        let mut pairs = Vec::new();
        pairs.resize_with(config.streams_max as usize, || None);
        let mut ring = Self {
            lanes,
            features,
            doorbell: config.doorbell,
            bell,
            rtcp_waits: false,
            rung: Box::default(),
            traffic_class: Box::new(config.dscp.traffic_class().into()),
            dscp: config.dscp,
            wanted,
            connected: vec![0; config.descriptors.div_ceil(64) as usize],
            outlet,
            pairs,
            sent: Sent::default(),
            ready: VecDeque::new(),
        };
        ring.listen(Flow::Rtp);
        ring.listen(Flow::Rtcp);
        Ok(ring)
    }

    /// How it works on this kernel.
    #[must_use]
    pub(crate) const fn features(&self) -> Features {
        self.features
    }

    /// Calls of `io_uring_enter` so far.
    #[must_use]
    pub(crate) fn enters(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.enters).sum()
    }

    /// Packets sent so far.
    #[must_use]
    pub(crate) const fn sent(&self) -> Sent {
        self.sent
    }

    /// Takes up paths that have changed.
    pub(crate) fn follow_paths(&mut self) {
        if let Some(outlet) = &mut self.outlet {
            outlet.follow(&mut self.lanes[0]);
        }
    }

    /// Submits everything, and sleeps until something completes or the deadline (`None`: as long as
    /// it takes).
    ///
    /// # Errors
    /// The ring is broken: the kernel refuses what it took before.
    pub(crate) fn wait(&mut self, deadline: Option<Time>) -> io::Result<()> {
        self.attend_second_lane()?;
        let idle = self.ready.is_empty() && self.lanes.iter_mut().all(|it| !it.has_completions());
        let submitted = self.lanes.iter_mut().all(Lane::flush_waiting);
        let deadline = if idle && submitted {
            deadline.unwrap_or(FOREVER)
        } else {
            Time::ZERO
        };
        self.lanes[0].enter(Some(deadline))
    }

    /// Submits everything without sleeping, so that the places of sends are free again.
    ///
    /// # Errors
    /// As [`Ring::wait`].
    pub(crate) fn submit(&mut self) -> io::Result<()> {
        self.lanes.iter_mut().try_for_each(Lane::submit)
    }

    /// The next thing the kernel said.
    pub(crate) fn completion(&mut self) -> Option<Completion> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            let [first, second] = &mut self.lanes;
            let entry = first.next().or_else(|| second.next())?;
            if let Some(completion) = self.understand(&entry) {
                return Some(completion);
            }
        }
    }

    /// Submits what the second lane has, and lets the kernel put its completions into the queue.
    fn attend_second_lane(&mut self) -> io::Result<()> {
        let second = &mut self.lanes[1];
        if mem::take(&mut self.rtcp_waits) || second.has_submissions() {
            second.submit()?;
        }
        Ok(())
    }

    fn understand(&mut self, entry: &cqueue::Entry) -> Option<Completion> {
        let (request, flow, owner) = decode(entry.user_data())?;
        let result = entry.result();
        let outcome = if result < 0 { Err(-result) } else { Ok(()) };
        match request {
            Request::Doorbell => {
                self.listen(flow);
                self.rtcp_waits |= flow == Flow::Rtcp;
                return (flow == Flow::Rtp).then_some(Completion::Rung);
            }
            Request::Send => {
                return outcome
                    .err()
                    .map(|error| Completion::Dropped(owner, send_failure(error)));
            }
            Request::Receive => return self.received(entry, flow, owner),
            Request::Cancel => return None,
            Request::Connect => {
                let error = io::Error::from_raw_os_error(-result);
                tracing::debug!(%error, "a media socket stays unconnected");
                self.not_connected(owner);
                return None;
            }
            Request::Tally => {
                let lost = self.pair(owner)?.tallied(outcome);
                self.step(owner);
                return lost.map(|(reason, count)| Completion::Lost(owner, reason, count));
            }
            Request::Option => {
                let error = io::Error::from_raw_os_error(-result);
                tracing::warn!(%error, "the kernel refused an option of a media socket");
                return None;
            }
            Request::Make => self.pair(owner)?.made(flow, outcome),
            Request::Bind => self.pair(owner)?.bound(outcome),
            Request::Close => self.pair(owner)?.closed(flow),
        }
        self.step(owner);
        None
    }

    /// Reads the doorbell, or the bell of the second lane.
    fn listen(&mut self, flow: Flow) {
        let fd = match flow {
            Flow::Rtp => self.doorbell.raw_fd(),
            Flow::Rtcp => self.bell.as_raw_fd(),
        };
        let counter = &raw mut self.rung[flow as usize];
        let nobody = Owner {
            index: 0,
            generation: 0,
        };
        let entry = opcode::Read::new(Fd(fd), counter.cast(), 8).build();
        self.lanes[0].push(entry.user_data(encode(Request::Doorbell, flow, nobody)));
    }

    /// The lane with the sockets of a flow.
    pub(super) const fn lane(&mut self, flow: Flow) -> &mut Lane {
        &mut self.lanes[flow as usize]
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
        self.send_datagram(socket, to, owner, fill)
    }

    fn open(&mut self, owner: Owner, local: SocketAddr, rtcp: RtcpPort) {
        self.open_pair(owner, local, rtcp);
    }

    fn aim(&mut self, owner: Owner, intake: &Intake) -> bool {
        self.connect(owner, intake.from.as_ref());
        self.screen(owner, intake.without)
    }

    fn tally(&mut self, owner: Owner) {
        self.count_drops(owner, DropReason::Screened);
    }

    fn close(&mut self, owner: Owner) {
        self.close_pair(owner);
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring")
            .field("features", &self.features)
            .field("enters", &self.enters())
            .finish_non_exhaustive()
    }
}

/// A socket as the core knows it: its place in the table of its lane.
pub(super) const fn socket(flow: Flow, file: u32) -> Socket {
    match flow {
        Flow::Rtp => Socket(file),
        Flow::Rtcp => Socket(file | SECOND_LANE),
    }
}

/// The place of a socket in the table of its lane.
pub(super) const fn place(socket: Socket) -> u32 {
    socket.0 & !SECOND_LANE
}

/// The place of a socket in the table of the first lane, if it is there.
pub(super) const fn file(socket: Socket) -> Option<u32> {
    match flow(socket) {
        Flow::Rtp => Some(socket.0),
        Flow::Rtcp => None,
    }
}

pub(super) const fn flow(socket: Socket) -> Flow {
    if socket.0 & SECOND_LANE == 0 {
        Flow::Rtp
    } else {
        Flow::Rtcp
    }
}

const SECOND_LANE: u32 = 1 << 31;

/// Submissions that may wait. Sends, and the few requests that open, arm and close sockets.
const SUBMISSIONS: u32 = 1_024;

/// Completions that may wait; the kernel keeps more than that, at a price.
pub(super) const COMPLETIONS: u32 = 8_192;

/// Receive buffers: what may arrive while the worker is busy with one slot, at a few packets a
/// stream.
const BUFFERS: u16 = 2_048;

/// As [`SUBMISSIONS`], for RTCP: a few packets a stream and minute.
const RTCP_SUBMISSIONS: u32 = 256;

/// As [`COMPLETIONS`].
const RTCP_COMPLETIONS: u32 = 4_096;

/// As [`BUFFERS`].
const RTCP_BUFFERS: u16 = 512;

/// What an ICMP message said of something that was sent before, if that is what ended a receive:
/// the socket is as good as before.
pub(super) const fn told_by_icmp(error: i32) -> Option<DropReason> {
    match error {
        libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ENOPROTOOPT | libc::EPROTO => {
            Some(DropReason::PeerRefused)
        }
        libc::EMSGSIZE | libc::ENETUNREACH | libc::EOPNOTSUPP => Some(DropReason::SendFailed),
        _ => None,
    }
}
