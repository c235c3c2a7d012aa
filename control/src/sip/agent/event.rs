//! What passes between the agent and the layer above: events up, the contents of requests and
//! responses down.

use std::fmt;
use std::net::SocketAddr;

use crate::sip::header::Header;
use crate::sip::message::Message;
use crate::sip::status::Status;
use crate::sip::transport::{Listener, Ticket};
use crate::sip::write::Body;

/// What an agent is started with.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Our sockets, in order of preference.
    pub listeners: Vec<Listener>,
    /// Hosts we serve besides our own addresses, without ports, compared without case.
    pub domains: Vec<String>,
    /// The value of User-Agent and Server.
    pub product: String,
    /// Seeds tags, branches and Call-IDs. From the operating system, or a simulation's seed.
    pub seed: [u8; 32],
}

/// One INVITE dialog usage, early or confirmed: what a leg holds. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct DialogKey(pub u64);

/// A request outside our INVITE usages that waits for [`super::Agent::respond`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RequestKey(pub u64);

/// A subscription of a peer, by SUBSCRIBE or by REFER. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SubscriptionKey(pub u64);

/// Whether a state is followed by others (RFC 6665 §4.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stance {
    /// It is.
    Active,
    /// It is the last, for this reason.
    Terminated(Closing),
}

/// Why a subscription is over (RFC 6665 §4.1.3), and so what its subscriber does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closing {
    /// Subscribes anew at once.
    Deactivated,
    /// Subscribes anew, after so many seconds.
    Probation {
        /// Retry-After.
        retry_after_s: u32,
    },
    /// Does not try again: policy has changed.
    Rejected,
    /// Its time is over; it may try again.
    Timeout,
    /// There is nothing more to tell, ever.
    NoResource,
}

impl fmt::Display for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deactivated => f.write_str("deactivated"),
            Self::Probation { retry_after_s } => {
                write!(f, "probation;retry-after={retry_after_s}")
            }
            Self::Rejected => f.write_str("rejected"),
            Self::Timeout => f.write_str("timeout"),
            Self::NoResource => f.write_str("noresource"),
        }
    }
}

/// A request of ours that is neither INVITE nor BYE, until its [`AgentEvent::Response`]. Never
/// reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SentKey(pub u64);

/// What the agent tells the layer above. At most one for each packet; those of timeouts are polled.
#[derive(Debug)]
pub enum AgentEvent<'a> {
    /// A new INVITE for us, checked. Answer with `progress`, `accept` or `reject`; the agent sends
    /// 100 by itself after 200 ms.
    Invite {
        /// Its dialog to be.
        dialog: DialogKey,
        /// The INVITE.
        request: &'a Message<'a>,
        /// Who sent it.
        source: SocketAddr,
    },
    /// The peer cancelled an INVITE that was not answered yet; 487 is sent, the dialog is gone.
    Cancelled {
        /// The dialog.
        dialog: DialogKey,
    },
    /// The peer cancelled its re-INVITE that was not answered yet; 487 is sent, the dialog lives as
    /// it was before.
    ReinviteCancelled {
        /// The dialog.
        dialog: DialogKey,
    },
    /// The ACK of our 2xx, the first of its kind; it carries the answer where our 2xx carried an
    /// offer.
    Acked {
        /// The dialog.
        dialog: DialogKey,
        /// The ACK.
        request: &'a Message<'a>,
    },
    /// A re-INVITE. Answer with `accept` or `reject`. Glare was already answered with 491.
    Reinvite {
        /// The dialog.
        dialog: DialogKey,
        /// The re-INVITE.
        request: &'a Message<'a>,
    },
    /// An UPDATE, in a dialog of any state. Answer with `respond`. One with an offer that crosses
    /// another was already answered with 491 or 500 (RFC 3311 §5.2).
    Update {
        /// For the answer.
        key: RequestKey,
        /// The dialog.
        dialog: DialogKey,
        /// The UPDATE.
        request: &'a Message<'a>,
    },
    /// Offer again what is agreed, by `reinvite`: the session must be refreshed (RFC 4028 §7.4), or
    /// the peer did not take what [`super::Agent::tell`] told it.
    Refresh {
        /// The dialog.
        dialog: DialogKey,
    },
    /// 101 to 199 to our INVITE.
    Progress {
        /// The dialog.
        dialog: DialogKey,
        /// The response.
        response: &'a Message<'a>,
    },
    /// 2xx to our INVITE or re-INVITE. Call [`super::Agent::ack`] before anything else in this
    /// dialog.
    Answered {
        /// The dialog.
        dialog: DialogKey,
        /// The response.
        response: &'a Message<'a>,
    },
    /// Our INVITE failed (the dialog is gone), or our re-INVITE did (the dialog lives; where the
    /// RFC says that it does not, [`AgentEvent::Ended`] comes instead). After 491 to a re-INVITE,
    /// [`AgentEvent::Retry`] follows; until then `reinvite` is refused.
    Rejected {
        /// The dialog.
        dialog: DialogKey,
        /// 408 for a timeout, 503 for a failed transport (RFC 3261 §8.1.3.1).
        status: Status,
        /// `None` for a timeout or a failed transport.
        response: Option<&'a Message<'a>>,
    },
    /// The back-off after a 491 to our re-INVITE is over (RFC 3261 §14.1): offer again, or leave
    /// it.
    Retry {
        /// The dialog.
        dialog: DialogKey,
    },
    /// The dialog is gone, and not by our `bye`.
    Ended {
        /// The dialog.
        dialog: DialogKey,
        /// How.
        cause: EndCause,
        /// The BYE, already answered with 200.
        request: Option<&'a Message<'a>>,
    },
    /// Any other request for us whose method was [allowed](super::Agent::allow); answer with
    /// `respond`.
    Request {
        /// For the answer.
        key: RequestKey,
        /// The dialog it came in, if any.
        dialog: Option<DialogKey>,
        /// The request.
        request: &'a Message<'a>,
    },
    /// A SUBSCRIBE to an event package that is [served](super::Agent::serve). Answer with
    /// `accept_subscription`, then `notify`, or with `refuse_subscription`.
    Subscribe {
        /// The subscription to be.
        subscription: SubscriptionKey,
        /// The event package.
        event: &'static str,
        /// The SUBSCRIBE.
        request: &'a Message<'a>,
        /// Who sent it.
        source: SocketAddr,
    },
    /// A REFER with one Refer-To, where the method is [allowed](super::Agent::allow). Answer with
    /// `accept_subscription`, then `notify_referrer`, or with `refuse_subscription`.
    Refer {
        /// The subscription that reports how it goes.
        subscription: SubscriptionKey,
        /// The call it came in, if any.
        dialog: Option<DialogKey>,
        /// The REFER.
        request: &'a Message<'a>,
        /// Who sent it.
        source: SocketAddr,
    },
    /// The full state is due: somebody subscribed anew, wants no more, or did not subscribe anew in
    /// time. Once [`super::Agent::may_notify`], call `notify`.
    Refreshed {
        /// The subscription.
        subscription: SubscriptionKey,
    },
    /// What was told has arrived, and nothing waits.
    Notified {
        /// The subscription.
        subscription: SubscriptionKey,
    },
    /// The subscription is gone: its time is over and the last state on its way, or its subscriber
    /// is not there.
    Unsubscribed {
        /// The subscription.
        subscription: SubscriptionKey,
    },
    /// The final response to a request of [`super::Agent::request`] or
    /// [`super::Agent::request_in`]: once for each, also where its dialog has ended meanwhile.
    Response {
        /// The request.
        key: SentKey,
        /// 408 for a timeout, 503 for a failed transport (RFC 3261 §8.1.3.1).
        status: Status,
        /// `None` for a timeout or a failed transport.
        response: Option<&'a Message<'a>>,
    },
    /// Our BYE was answered, or gave up: nothing of this dialog is left.
    Forgotten {
        /// The dialog.
        dialog: DialogKey,
    },
}

/// How a dialog ended that we did not end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndCause {
    /// The peer's BYE.
    Bye,
    /// No ACK for our 2xx within 64·T1; a BYE was sent (RFC 3261 §13.3.1.4). Or no PRACK for our
    /// provisional response; 504 was sent (RFC 3262 §3).
    NoAck,
    /// Nobody refreshed the session in time; a BYE was sent (RFC 4028 §10).
    Expired,
    /// The peer answered 481 or 408 to a request in the dialog, or not at all (§12.2.1.2); a BYE
    /// was sent.
    Gone,
}

/// What one response carries besides what the agent writes by itself.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Additional header fields.
    pub headers: Vec<(Header, String)>,
    /// The body.
    pub body: Option<Body>,
}

/// A request of ours outside a dialog.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The Request-URI.
    pub target: String,
    /// From without tag, as name-addr.
    pub from: String,
    /// To without tag, as name-addr.
    pub to: String,
    /// Pre-loaded routes, first hop first.
    pub routes: Vec<String>,
    /// Additional header fields.
    pub headers: Vec<(Header, String)>,
    /// The body.
    pub body: Option<Body>,
}

/// A question to DNS: A and AAAA of a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolve {
    /// For the answer.
    pub ticket: Ticket,
    /// The host name.
    pub host: String,
}

/// A name for a DialogKey's identification in logs and for Replaces matching.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DialogName<'a> {
    /// Call-ID.
    pub call_id: &'a str,
    /// Our tag.
    pub local_tag: &'a str,
    /// The peer's tag, empty while early without one.
    pub remote_tag: &'a str,
}

/// Counters of what arrived wrong, by reason.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SipDrop {
    /// Not SIP at all, or too damaged to be answered.
    Unparseable,
    /// A response that matches no transaction and no 2xx in need of an ACK.
    StrayResponse,
    /// An ACK that matches nothing.
    StrayAck,
    /// From a peer that is not trusted.
    Untrusted,
    /// A table was full; answered 503 where possible.
    Full,
}

impl SipDrop {
    pub(super) const COUNT: usize = Self::Full.index() + 1;

    /// Every reason.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Unparseable,
        Self::StrayResponse,
        Self::StrayAck,
        Self::Untrusted,
        Self::Full,
    ];

    /// In metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unparseable => "unparseable",
            Self::StrayResponse => "stray_response",
            Self::StrayAck => "stray_ack",
            Self::Untrusted => "untrusted",
            Self::Full => "full",
        }
    }

    pub(super) const fn index(self) -> usize {
        match self {
            Self::Unparseable => 0,
            Self::StrayResponse => 1,
            Self::StrayAck => 2,
            Self::Untrusted => 3,
            Self::Full => 4,
        }
    }
}
