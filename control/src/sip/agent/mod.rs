//! The user agent core (RFC 3261 §8, §9, §11 to §15): gives requests to the layer above, once each
//! and checked, and carries out its verbs. It composes transactions and dialogs, owns
//! retransmission of 2xx until ACK, ACK of 2xx, CANCEL, BYE, glare and its back-off, and answers by
//! itself everything that is wrong.
//!
//! Absent on purpose: calls, orbits, SDP (a body is bytes), sockets, a clock, unseeded randomness.

mod accept;
mod ack;
mod adopt;
mod bye;
mod cancel;
mod check;
mod clients;
mod destination;
mod event;
mod in_dialog;
mod invite;
mod non_invite;
mod notify;
mod options;
mod random;
mod reliable;
mod repetition;
mod request;
mod respond;
mod send;
mod servers;
mod session_timer;
mod subscribe;
mod subscription;

mod uac;
mod uas;
mod update;
mod usage;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use shared::Time;

pub use adopt::{PathRecord, SubscriptionRecord, UsageRecord};
pub use check::session_description;
pub use event::{
    AgentConfig, AgentEvent, Closing, DialogKey, DialogName, EndCause, Outgoing, Reply, RequestKey,
    Resolve, SentKey, SipDrop, Stance, SubscriptionKey,
};
pub use session_timer::TimerRecord;
pub use subscription::Package;

use self::clients::{ClientId, Clients};
use self::random::Random;
use self::request::Signature;
use self::respond::Answer;
use self::servers::{ServerId, Servers};
use self::subscription::Subscriptions;
use self::usage::Usages;
use super::dialog::{Dialog, Role};
use super::limits::{
    DIALOGS_MAX, OVERLOAD_RETRY_S, SESSION_EXPIRES, SUBSCRIPTIONS_MAX, TRANSACTIONS_MAX,
};
use super::message::{Malformed, Message, Start};
use super::messages::Messages;
use super::method::Method;
use super::status::Status;
use super::transaction::timer::Deadlines;
use super::transport::{Packet, Ticket, Transmit};

pub use super::limits::TRYING_DELAY;

/// The agent.
#[derive(Debug)]
pub struct Agent {
    config: AgentConfig,
    random: Random,
    /// Goes into tags that are computed instead of kept.
    secret: [u64; 2],
    methods: Vec<Method>,
    /// Types of bodies that an INVITE may have besides SDP.
    bodies: Vec<&'static str>,
    /// The value of Allow.
    allow: String,
    session_expires: Duration,
    dialogs_max: usize,
    transactions_max: usize,
    servers: Servers,
    clients: Clients,
    usages: Usages,
    deadlines: Deadlines<Deadline>,
    transmits: VecDeque<Transmit>,
    resolves: VecDeque<Resolve>,
    events: VecDeque<AgentEvent<'static>>,
    drops: [u64; SipDrop::COUNT],
    messages: Messages,
    options_answered: u64,
    last_sent: u64,
    packages: Vec<Package>,
    subscriptions: Subscriptions,
    subscriptions_max: usize,
}

/// Whose deadline it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Deadline {
    Server(ServerId),
    Client(ClientId),
    Dialog(DialogKey),
    Subscription(SubscriptionKey),
}

impl Agent {
    /// An agent without dialogs.
    #[must_use]
    pub fn new(config: AgentConfig) -> Self {
        let mut random = Random::new(config.seed);
        let secret = random.secret();
        let methods = vec![
            Method::Invite,
            Method::Ack,
            Method::Bye,
            Method::Cancel,
            Method::Options,
            Method::Prack,
            Method::Update,
        ];
        let allow = allow_value(&methods);
        Self {
            config,
            random,
            secret,
            methods,
            bodies: Vec::new(),
            allow,
            session_expires: SESSION_EXPIRES,
            dialogs_max: DIALOGS_MAX,
            transactions_max: TRANSACTIONS_MAX,
            servers: Servers::default(),
            clients: Clients::default(),
            usages: Usages::default(),
            deadlines: Deadlines::default(),
            transmits: VecDeque::new(),
            resolves: VecDeque::new(),
            events: VecDeque::new(),
            drops: [0; SipDrop::COUNT],
            messages: Messages::default(),
            options_answered: 0,
            last_sent: 0,
            packages: Vec::new(),
            subscriptions: Subscriptions::default(),
            subscriptions_max: SUBSCRIPTIONS_MAX,
        }
    }

    /// Lets a method up as [`AgentEvent::Request`] that the agent would answer with 405.
    /// REFER brings SUBSCRIBE along: what it begins can be refreshed.
    pub fn allow(&mut self, method: Method) {
        if method == Method::Refer {
            self.allow(Method::Subscribe);
        }
        if !self.methods.contains(&method) {
            self.methods.push(method);
            self.allow = allow_value(&self.methods);
        }
    }

    /// Lets INVITEs up with a body of this type, which the agent would answer with 415.
    pub fn take_bodies(&mut self, content_type: &'static str) {
        self.bodies.push(content_type);
    }

    /// Narrows the limits of [`super::limits`]; for small hosts and for tests.
    pub fn limit(&mut self, dialogs_max: usize, transactions_max: usize) {
        self.dialogs_max = dialogs_max.min(DIALOGS_MAX);
        self.transactions_max = transactions_max.min(TRANSACTIONS_MAX);
    }

    /// As [`Self::limit`], for subscriptions.
    pub fn limit_subscriptions(&mut self, max: usize) {
        self.subscriptions_max = max.min(SUBSCRIPTIONS_MAX);
    }

    /// Takes one message from the network.
    pub fn receive<'a>(
        &mut self,
        now: Time,
        packet: &Packet<'a>,
        message: &'a Message<'a>,
    ) -> Option<AgentEvent<'a>> {
        match message.start() {
            Start::Request { method, .. } => {
                self.messages.received_request(method);
                self.receive_request(now, packet, message, method)
            }
            Start::Response { status, .. } => {
                let method = message.cseq().map_or(Method::Other, |cseq| cseq.method);
                self.messages.received_response(method, status.code());
                self.receive_response(now, packet, message, status)
            }
        }
    }

    /// Answers what could not be parsed, as far as it can be answered.
    pub fn receive_malformed(&mut self, _now: Time, packet: &Packet<'_>, malformed: &Malformed) {
        match Message::parse_lenient(packet.bytes) {
            Some(message) => self.refuse_malformed(packet, &message, *malformed),
            None => self.count(SipDrop::Unparseable),
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(deadline) = self.deadlines.pop(now) {
            match deadline {
                Deadline::Server(id) => self.server_expired(now, id),
                Deadline::Client(id) => self.client_expired(now, id),
                Deadline::Dialog(dialog) => self.usage_expired(now, dialog),
                Deadline::Subscription(key) => self.subscription_expired(now, key),
            }
        }
    }

    /// When to call `handle_timeout` next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.deadlines.earliest()
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let transmit = self.transmits.pop_front()?;
        self.messages.sent(&transmit.bytes);
        Some(transmit)
    }

    /// The next question to DNS.
    pub fn poll_resolve(&mut self) -> Option<Resolve> {
        self.resolves.pop_front()
    }

    /// The next event that no packet caused.
    pub fn poll_event(&mut self) -> Option<AgentEvent<'static>> {
        self.events.pop_front()
    }

    /// The name of a dialog, if it exists.
    #[must_use]
    pub fn name(&self, dialog: DialogKey) -> Option<DialogName<'_>> {
        let usage = self.usages.get(dialog)?;
        Some(DialogName {
            call_id: usage.dialog.call_id(),
            local_tag: usage.dialog.local_tag(),
            remote_tag: usage.dialog.remote_tag(),
        })
    }

    /// A dialog, if it exists.
    pub(crate) fn dialog(&self, dialog: DialogKey) -> Option<&Dialog> {
        Some(&self.usages.get(dialog)?.dialog)
    }

    /// Who began a dialog.
    #[must_use]
    pub fn role(&self, dialog: DialogKey) -> Option<Role> {
        Some(self.usages.get(dialog)?.dialog.role())
    }

    /// The Call-ID of a dialog, for who keeps it longer than the dialog lives; empty where there is
    /// no such dialog.
    #[must_use]
    pub fn call_id(&self, dialog: DialogKey) -> Arc<str> {
        let usage = self.usages.get(dialog);
        usage.map_or_else(|| "".into(), |usage| Arc::clone(usage.dialog.call_id()))
    }

    /// The peer of a dialog as it named itself: From of its requests, To of ours.
    #[must_use]
    pub fn remote(&self, dialog: DialogKey) -> Option<&str> {
        Some(self.usages.get(dialog)?.dialog.remote())
    }

    /// Whether the peer knows INFO (RFC 6086), as far as it has said.
    #[must_use]
    pub fn sends_info(&self, dialog: DialogKey) -> bool {
        self.usages.get(dialog).is_some_and(|usage| usage.peer.info)
    }

    /// The dialog that a Replaces names (RFC 3891 §3). One that is about to end is not found.
    #[must_use]
    pub fn find(&self, name: &DialogName<'_>) -> Option<DialogKey> {
        let dialog = self
            .usages
            .find(name.call_id, name.local_tag, name.remote_tag)?;
        let usage = self.usages.get(dialog)?;
        (!usage.is_ending()).then_some(dialog)
    }

    /// Whether a dialog is confirmed (as against early).
    #[must_use]
    pub fn is_confirmed(&self, dialog: DialogKey) -> bool {
        self.usages
            .get(dialog)
            .is_some_and(usage::Usage::is_confirmed)
    }

    /// Dialogs that exist, in any state.
    #[must_use]
    pub fn dialogs(&self) -> usize {
        self.usages.len()
    }

    /// Transactions that exist, in any state. Both fall to zero when nothing happens for
    /// [`super::limits::TIMEOUT`].
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    /// How often a reason occurred.
    #[must_use]
    pub fn dropped(&self, reason: SipDrop) -> u64 {
        self.drops[reason.index()]
    }

    /// How many messages went which way.
    #[must_use]
    pub const fn messages(&self) -> &Messages {
        &self.messages
    }

    fn count(&mut self, reason: SipDrop) {
        self.drops[reason.index()] += 1;
    }

    fn is_full(&self) -> bool {
        self.transactions() >= self.transactions_max
    }

    fn overloaded(&self) -> Answer {
        Answer::new(Status::SERVICE_UNAVAILABLE).with("Retry-After", OVERLOAD_RETRY_S)
    }
}

impl AgentConfig {
    fn signature<'a>(&'a self, allow: &'a str) -> Signature<'a> {
        Signature {
            product: &self.product,
            allow,
            supported: check::SUPPORTED,
        }
    }
}

fn allow_value(methods: &[Method]) -> String {
    let names: Vec<_> = methods.iter().map(|method| method.name()).collect();
    names.join(", ")
}
