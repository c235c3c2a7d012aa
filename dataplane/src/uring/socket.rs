//! Opening and closing the sockets of a stream: which steps were asked for, which came back, what
//! is next. The steps themselves are the ring's; this is the book of them.

use std::mem;

use shared::{DropReason, RefuseReason, Time};

use super::request::Flow;
use super::ring::socket;
use crate::port::{Owner, Sockets};

/// The sockets of one stream.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) owner: Owner,
    flows: [Option<End>; 2],
    /// Steps of opening that have not come back.
    pending: u8,
    failed: Option<i32>,
    state: State,
    /// A filter keeps speech away.
    pub(super) screened: bool,
    /// The kernel is being asked what it dropped.
    tally: Option<Box<Asked>>,
    /// What it had dropped when it was asked last.
    drops: u32,
}

/// Where the kernel writes what it dropped, and why that was dropped.
#[derive(Debug)]
struct Asked {
    tally: Tally,
    reason: DropReason,
}

/// `SO_MEMINFO`: the last figure is what was dropped, for a filter or for want of room.
pub(super) type Tally = [u32; 9];

/// What the ring keeps of a stream, the kernel's sockets aside.
pub(crate) const STREAM_BYTES: usize =
    size_of::<Pair>() + size_of::<Option<Box<Pair>>>() + super::outlet::STREAM_BYTES;

/// One socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// Its place in the descriptor table of its lane.
    pub(super) file: u32,
    pub(super) ipv6: bool,
    /// It exists in the kernel.
    exists: bool,
    /// A receive is armed on it.
    receiving: bool,
    cancelled: bool,
    closing: bool,
    /// Failures to receive, each soon after the one before.
    faults: u8,
    /// When the last one was: the second, modulo 2^16.
    failed_at: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Opening,
    Open,
    Closing,
}

/// What is to be done next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Wait for what was asked for.
    Wait,
    /// Arm a receive on each socket: all are bound.
    Receive(Sockets),
    /// Ask what the filter has dropped.
    Tally,
    /// End the receive of this socket.
    Cancel(Flow),
    /// Close this socket.
    Close(Flow, u32),
    /// All is closed: after a request to close, or because opening failed.
    Gone(Result<(), RefuseReason>),
}

/// After this many failures, each in the same second as the one before or in the next, no further
/// receive is armed. (To take note of every datagram instead would cost each a look at this book.)
const FAULTS_MAX: u8 = 16;

impl Pair {
    pub(super) fn new(owner: Owner, rtp: u32, rtcp: Option<u32>, ipv6: bool) -> Self {
        let end = |file| End {
            file,
            ipv6,
            exists: false,
            receiving: false,
            cancelled: false,
            closing: false,
            faults: 0,
            failed_at: 0,
        };
        Self {
            owner,
            flows: [Some(end(rtp)), rtcp.map(end)],
            pending: 0,
            failed: None,
            state: State::Opening,
            screened: false,
            tally: None,
            drops: 0,
        }
    }

    /// The place of its RTP socket, while that is open.
    pub(super) fn rtp(&self) -> Option<u32> {
        let [rtp, _] = self.flows;
        rtp.filter(|end| end.exists && !end.closing)
            .map(|end| end.file)
    }

    /// Where the kernel shall write what it dropped, for that reason; `None` while it is asked.
    pub(super) fn ask(&mut self, reason: DropReason) -> Option<*mut Tally> {
        if self.tally.is_some() {
            return None;
        }
        let tally = Tally::default();
        let asked = self.tally.insert(Box::new(Asked { tally, reason }));
        Some(&raw mut asked.tally)
    }

    /// The kernel answered, or did not; what was dropped since it was asked last.
    pub(super) fn tallied(&mut self, outcome: Result<(), i32>) -> Option<(DropReason, u32)> {
        let Asked { tally, reason } = *self.tally.take()?;
        outcome.ok()?;
        let now = tally[8];
        let lost = now.wrapping_sub(mem::replace(&mut self.drops, now));
        (lost > 0).then_some((reason, lost))
    }

    /// Its sockets.
    pub(super) fn ends(&self) -> impl Iterator<Item = (Flow, End)> + use<> {
        let [rtp, rtcp] = self.flows;
        let rtp = rtp.map(|end| (Flow::Rtp, end));
        rtp.into_iter().chain(rtcp.map(|end| (Flow::Rtcp, end)))
    }

    /// Steps of opening were asked for.
    pub(super) const fn asked(&mut self, steps: u8) {
        self.pending += steps;
    }

    /// A socket was made, or not; a system error number.
    pub(super) fn made(&mut self, flow: Flow, result: Result<(), i32>) {
        self.pending -= 1;
        match result {
            Ok(()) => self.with(flow, |end| end.exists = true),
            Err(error) => self.fail(error),
        }
    }

    /// A socket was bound, or not.
    pub(super) fn bound(&mut self, result: Result<(), i32>) {
        self.pending -= 1;
        if let Err(error) = result {
            self.fail(error);
        }
    }

    /// A receive was armed.
    pub(super) fn armed(&mut self, flow: Flow) {
        self.with(flow, |end| end.receiving = true);
    }

    /// A receive ended, by a fault at some time or in order; whether another shall be armed.
    pub(super) fn disarmed(&mut self, flow: Flow, fault: Option<Time>) -> Option<u32> {
        let open = self.state == State::Open;
        let end = self.flows[flow as usize].as_mut()?;
        end.receiving = false;
        if let Some(at) = fault {
            let at = u16::try_from(at.as_millis() / 1_000 % (1 << 16)).unwrap_or(0);
            let soon = at.wrapping_sub(end.failed_at) <= 1;
            end.faults = if soon { end.faults + 1 } else { 1 };
            end.failed_at = at;
        }
        (open && end.faults < FAULTS_MAX).then_some(end.file)
    }

    /// A socket was closed.
    pub(super) fn closed(&mut self, flow: Flow) {
        self.with(flow, |end| end.exists = false);
    }

    /// Asks for the end.
    pub(super) const fn close(&mut self) {
        self.state = State::Closing;
    }

    /// What to do now; to be asked again until it says [`Step::Wait`], [`Step::Receive`] or
    /// [`Step::Gone`].
    pub(super) fn step(&mut self) -> Step {
        if self.pending > 0 || self.tally.is_some() {
            return Step::Wait;
        }
        match self.state {
            State::Open => return Step::Wait,
            State::Opening if self.failed.is_none() => {
                self.state = State::Open;
                return Step::Receive(self.sockets());
            }
            State::Opening | State::Closing => {}
        }
        if mem::take(&mut self.screened) {
            return Step::Tally;
        }
        for flow in [Flow::Rtp, Flow::Rtcp] {
            let Some(end) = &mut self.flows[flow as usize] else {
                continue;
            };
            if end.receiving && !end.cancelled {
                end.cancelled = true;
                return Step::Cancel(flow);
            }
            if !end.receiving && end.exists && !end.closing {
                end.closing = true;
                return Step::Close(flow, end.file);
            }
        }
        if self
            .flows
            .iter()
            .flatten()
            .any(|end| end.receiving || end.exists)
        {
            return Step::Wait;
        }
        match (self.state, self.failed) {
            (State::Opening, Some(error)) => Step::Gone(Err(refuse_reason(error))),
            _ => Step::Gone(Ok(())),
        }
    }

    fn sockets(&self) -> Sockets {
        let [Some(rtp), rtcp] = self.flows else {
            unreachable!("a pair has a socket for RTP")
        };
        Sockets {
            rtp: socket(Flow::Rtp, rtp.file),
            rtcp: match rtcp {
                Some(end) => socket(Flow::Rtcp, end.file),
                None => socket(Flow::Rtp, rtp.file),
            },
        }
    }

    /// The first failure is the reason; the steps linked to it are cancelled by the kernel.
    fn fail(&mut self, error: i32) {
        self.failed = match self.failed {
            None | Some(libc::ECANCELED) => Some(error),
            earlier => earlier,
        };
    }

    fn with(&mut self, flow: Flow, change: impl FnOnce(&mut End)) {
        if let Some(end) = &mut self.flows[flow as usize] {
            change(end);
        }
    }
}

pub(super) fn refuse_reason(error: i32) -> RefuseReason {
    match error {
        libc::EADDRINUSE => RefuseReason::PortTaken,
        libc::EADDRNOTAVAIL => RefuseReason::AddressUnavailable,
        libc::EMFILE | libc::ENFILE => RefuseReason::NoDescriptor,
        _ => {
            let error = std::io::Error::from_raw_os_error(error);
            tracing::warn!(%error, "the kernel refused a media socket");
            RefuseReason::Kernel
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner {
        index: 3,
        generation: 1,
    };

    fn pair() -> Pair {
        let mut pair = Pair::new(OWNER, 7, Some(7), false);
        pair.asked(4);
        pair
    }

    #[test]
    fn both_sockets_are_bound_before_any_receives() {
        let mut pair = pair();
        pair.made(Flow::Rtp, Ok(()));
        pair.bound(Ok(()));
        pair.made(Flow::Rtcp, Ok(()));
        assert_eq!(pair.step(), Step::Wait);
        pair.bound(Ok(()));
        let sockets = Sockets {
            rtp: socket(Flow::Rtp, 7),
            rtcp: socket(Flow::Rtcp, 7),
        };
        assert_eq!(pair.step(), Step::Receive(sockets));
        assert_eq!(pair.step(), Step::Wait);
    }

    #[test]
    fn a_port_that_is_taken_closes_what_was_made() {
        let mut pair = pair();
        pair.made(Flow::Rtp, Ok(()));
        pair.bound(Ok(()));
        pair.made(Flow::Rtcp, Ok(()));
        pair.bound(Err(libc::EADDRINUSE));
        assert_eq!(pair.step(), Step::Close(Flow::Rtp, 7));
        assert_eq!(pair.step(), Step::Close(Flow::Rtcp, 7));
        assert_eq!(pair.step(), Step::Wait);
        pair.closed(Flow::Rtp);
        pair.closed(Flow::Rtcp);
        assert_eq!(pair.step(), Step::Gone(Err(RefuseReason::PortTaken)));
    }

    #[test]
    fn closing_waits_for_the_receives_to_end() {
        let mut pair = pair();
        pair.made(Flow::Rtp, Ok(()));
        pair.bound(Ok(()));
        pair.made(Flow::Rtcp, Ok(()));
        pair.bound(Ok(()));
        pair.step();
        pair.armed(Flow::Rtp);
        pair.armed(Flow::Rtcp);
        pair.close();
        assert_eq!(pair.step(), Step::Cancel(Flow::Rtp));
        assert_eq!(pair.step(), Step::Cancel(Flow::Rtcp));
        assert_eq!(pair.step(), Step::Wait);
        assert_eq!(pair.disarmed(Flow::Rtp, None), None);
        assert_eq!(pair.step(), Step::Close(Flow::Rtp, 7));
        assert_eq!(pair.step(), Step::Wait);
        pair.closed(Flow::Rtp);
        pair.disarmed(Flow::Rtcp, None);
        assert_eq!(pair.step(), Step::Close(Flow::Rtcp, 7));
        pair.closed(Flow::Rtcp);
        assert_eq!(pair.step(), Step::Gone(Ok(())));
    }

    #[test]
    fn a_stream_closed_while_it_opens_is_closed_once_it_is_open() {
        let mut pair = pair();
        pair.close();
        assert_eq!(pair.step(), Step::Wait);
        pair.made(Flow::Rtp, Ok(()));
        pair.bound(Ok(()));
        pair.made(Flow::Rtcp, Err(libc::ENFILE));
        pair.bound(Err(libc::ECANCELED));
        assert_eq!(pair.step(), Step::Close(Flow::Rtp, 7));
        pair.closed(Flow::Rtp);
        assert_eq!(
            pair.step(),
            Step::Gone(Ok(())),
            "it was closed, not refused"
        );
    }

    #[test]
    fn a_socket_that_only_fails_is_not_armed_for_ever() {
        let mut pair = pair();
        for _ in 0..2 {
            pair.made(Flow::Rtp, Ok(()));
            pair.bound(Ok(()));
        }
        pair.step();
        let armed = |pair: &mut Pair, faults: u64, apart_ms: u64| {
            (0..faults)
                .map(|fault| Time::from_millis(10_000 + fault * apart_ms))
                .take_while(|at| pair.disarmed(Flow::Rtp, Some(*at)).is_some())
                .count()
        };
        assert_eq!(armed(&mut pair, 100, 2_000), 100, "now and then");
        let soon = armed(&mut pair, 100, 1);
        assert!(soon < usize::from(FAULTS_MAX), "{soon}");
    }
}
