//! The state of one phone.

use std::net::SocketAddr;
use std::time::Duration;

use control::sip::status::Status;
use shared::Time;

use super::message::Peer;
use super::sdp::Media;

/// One phone.
#[derive(Debug)]
pub(super) struct Call {
    /// What it says of its media.
    pub(super) media: Media,
    /// Whom it calls, when that is another than all call.
    pub(super) target: Option<String>,
    /// Who has transferred it there, a URI.
    pub(super) referrer: Option<String>,
    pub(super) state: State,
    /// Of its last request.
    pub(super) cseq: u32,
    /// A re-INVITE of its own that waits for the answer.
    pub(super) reinvite: Option<Request>,
}

#[derive(Debug)]
pub(super) enum State {
    Idle,
    Calling { request: Request, began: Time },
    Parked(Peer),
    HangingUp { request: Request },
    Ended,
    Failed(Status),
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) bytes: Vec<u8>,
    due: Option<Time>,
    interval: Duration,
    over: Time,
}

/// RFC 3261 §17.1.1.1.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

impl Call {
    pub(super) fn new(rtp: SocketAddr, target: Option<String>) -> Self {
        Self {
            media: Media::new(rtp),
            target,
            referrer: None,
            state: State::Idle,
            cseq: 1,
            reinvite: None,
        }
    }

    /// Whether messages with its Call-ID can be for it.
    pub(super) fn has_called(&self) -> bool {
        !matches!(self.state, State::Idle)
    }
}

impl State {
    pub(super) fn calling(now: Time, bytes: Vec<u8>) -> Self {
        Self::Calling {
            request: Request::new(now, bytes),
            began: now,
        }
    }

    pub(super) fn hanging_up(now: Time, bytes: Vec<u8>) -> Self {
        Self::HangingUp {
            request: Request::new(now, bytes),
        }
    }
}

impl Request {
    pub(super) fn new(now: Time, bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            due: Some(now + T1),
            interval: T1,
            over: now + 64 * T1,
        }
    }

    /// A provisional response: an INVITE is not sent again (RFC 3261 §17.1.1.2).
    pub(super) fn pause(&mut self) {
        self.due = None;
    }

    /// Whether it is to be sent again now. Timer A doubles for ever, timer E up to T2.
    pub(super) fn is_due(&mut self, now: Time, is_invite: bool) -> bool {
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        self.interval *= 2;
        if !is_invite {
            self.interval = self.interval.min(T2);
        }
        self.due = Some(now + self.interval);
        true
    }

    /// Whether to give up.
    pub(super) fn is_over(&self, now: Time) -> bool {
        now >= self.over
    }
}
