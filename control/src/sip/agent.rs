//! The user agent core (RFC 3261 §8, §9, §11 to §15): gives requests to the layer above, once each and checked,
//! and carries out its verbs. It composes transactions and dialogs, owns retransmission of 2xx until ACK,
//! ACK of 2xx, CANCEL, BYE, glare and its back-off, and answers by itself everything that is wrong.
//!
//! Absent on purpose: calls, orbits, SDP (a body is bytes), sockets, a clock, unseeded randomness.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use shared::Time;

use super::header::Header;
use super::message::Message;
use super::status::Status;
use super::transport::{Listener, Packet, Ticket, Transmit};
use super::write::Body;

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

/// A request outside our INVITE usages that waits for [`Agent::respond`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RequestKey(pub u64);

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
    /// The ACK of our 2xx, the first of its kind; it carries the answer where our 2xx carried an offer.
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
    /// 101 to 199 to our INVITE.
    Progress {
        /// The dialog.
        dialog: DialogKey,
        /// The response.
        response: &'a Message<'a>,
    },
    /// 2xx to our INVITE or re-INVITE. Call [`Agent::ack`] before anything else in this dialog.
    Answered {
        /// The dialog.
        dialog: DialogKey,
        /// The response.
        response: &'a Message<'a>,
    },
    /// Our INVITE failed (the dialog is gone), or our re-INVITE did (the dialog lives; where the RFC says
    /// that it does not, [`AgentEvent::Ended`] comes instead).
    Rejected {
        /// The dialog.
        dialog: DialogKey,
        /// 408 for a timeout, 503 for a failed transport (RFC 3261 §8.1.3.1).
        status: Status,
        /// `None` for a timeout or a failed transport.
        response: Option<&'a Message<'a>>,
    },
    /// The back-off after a 491 to our re-INVITE is over (RFC 3261 §14.1): offer again, or leave it.
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
    /// Any other request for us whose method is in `AgentConfig`'s allowed set; answer with `respond`.
    Request {
        /// For the answer.
        key: RequestKey,
        /// The dialog it came in, if any.
        dialog: Option<DialogKey>,
        /// The request.
        request: &'a Message<'a>,
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
    /// No ACK for our 2xx within 64·T1; a BYE was sent (RFC 3261 §13.3.1.4).
    NoAck,
    /// The peer answered 481 or 408 to a request in the dialog, or not at all (§12.2.1.2); a BYE was sent.
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

/// An INVITE of ours.
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

/// The agent.
#[derive(Debug)]
pub struct Agent {
    _private: (),
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

#[allow(unused_variables, reason = "signatures first")]
impl Agent {
    /// An agent without dialogs.
    #[must_use]
    pub fn new(config: AgentConfig) -> Self {
        unimplemented!()
    }

    /// Takes one message from the network.
    pub fn receive<'a>(
        &mut self,
        now: Time,
        packet: &Packet<'a>,
        message: &'a Message<'a>,
    ) -> Option<AgentEvent<'a>> {
        unimplemented!()
    }

    /// Answers what could not be parsed, as far as it can be answered.
    pub fn receive_malformed(
        &mut self,
        now: Time,
        packet: &Packet<'_>,
        malformed: &super::message::Malformed,
    ) {
        unimplemented!()
    }

    /// The driver could not send.
    pub fn transmit_failed(&mut self, now: Time, ticket: Ticket) {
        unimplemented!()
    }

    /// The answer of DNS; empty when there is none.
    pub fn resolved(&mut self, now: Time, ticket: Ticket, addresses: &[IpAddr]) {
        unimplemented!()
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Time) {
        unimplemented!()
    }

    /// When to call `handle_timeout` next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        unimplemented!()
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        unimplemented!()
    }

    /// The next question to DNS.
    pub fn poll_resolve(&mut self) -> Option<Resolve> {
        unimplemented!()
    }

    /// The next event that no packet caused.
    pub fn poll_event(&mut self) -> Option<AgentEvent<'static>> {
        unimplemented!()
    }

    /// Sends a provisional response to an incoming INVITE. Without effect once it is answered.
    pub fn progress(&mut self, now: Time, dialog: DialogKey, status: Status, reply: Reply) {
        unimplemented!()
    }

    /// Answers an INVITE or re-INVITE with 200, retransmitted until ACK. `contact_user` is the user part of our Contact.
    pub fn accept(&mut self, now: Time, dialog: DialogKey, contact_user: &str, reply: Reply) {
        unimplemented!()
    }

    /// Answers an INVITE (the dialog is gone) or a re-INVITE (the dialog lives) with a final failure.
    pub fn reject(&mut self, now: Time, dialog: DialogKey, status: Status, reply: Reply) {
        unimplemented!()
    }

    /// Calls somebody. Fails by event, never here.
    pub fn invite(&mut self, now: Time, outgoing: Outgoing) -> DialogKey {
        unimplemented!()
    }

    /// Gives up an INVITE of ours that has no final answer (RFC 3261 §9.1): CANCEL now or as soon as a
    /// provisional arrived; a 2xx that crosses is acknowledged and ended with BYE. No further event but `Forgotten`.
    pub fn cancel(&mut self, now: Time, dialog: DialogKey) {
        unimplemented!()
    }

    /// Acknowledges a 2xx, with the answer where the 2xx carried the offer.
    pub fn ack(&mut self, now: Time, dialog: DialogKey, body: Option<Body>) {
        unimplemented!()
    }

    /// Offers anew in a dialog. False, without effect, while an INVITE of either side is pending: wait for its end.
    pub fn reinvite(&mut self, now: Time, dialog: DialogKey, reply: Reply) -> bool {
        unimplemented!()
    }

    /// Ends a dialog, whatever state it is in: BYE (after the ACK of our 2xx, or its timeout, where we are UAS and it is
    /// outstanding: RFC 3261 §15), CANCEL, or 487/480 to an unanswered INVITE. No further event but `Forgotten`.
    pub fn bye(&mut self, now: Time, dialog: DialogKey, reply: Reply) {
        unimplemented!()
    }

    /// Answers a request that came as [`AgentEvent::Request`].
    pub fn respond(&mut self, now: Time, key: RequestKey, status: Status, reply: Reply) {
        unimplemented!()
    }

    /// The name of a dialog, if it exists.
    #[must_use]
    pub fn name(&self, dialog: DialogKey) -> Option<DialogName<'_>> {
        unimplemented!()
    }

    /// The dialog that a Replaces names (RFC 3891 §3).
    #[must_use]
    pub fn find(&self, name: &DialogName<'_>) -> Option<DialogKey> {
        unimplemented!()
    }

    /// Whether a dialog is confirmed (as against early).
    #[must_use]
    pub fn is_confirmed(&self, dialog: DialogKey) -> bool {
        unimplemented!()
    }

    /// Dialogs that exist, in any state.
    #[must_use]
    pub fn dialogs(&self) -> usize {
        unimplemented!()
    }

    /// Transactions that exist, in any state. Both fall to zero when nothing happens for [`super::limits::TIMEOUT`].
    #[must_use]
    pub fn transactions(&self) -> usize {
        unimplemented!()
    }

    /// How often a reason occurred.
    #[must_use]
    pub fn dropped(&self, reason: SipDrop) -> u64 {
        unimplemented!()
    }
}

/// After this long without an answer from the layer above, 100 is sent (RFC 3261 §17.2.1).
pub const TRYING_DELAY: Duration = Duration::from_millis(200);
