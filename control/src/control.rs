//! The whole control plane as one state machine: what goes in, what comes out.
//!
//! Absent on purpose: anything that decides (`call`, `park`, `sip`); this file only joins them.

mod look;

use std::collections::VecDeque;
use std::net::IpAddr;

use shared::{Command, Event, Time, WorkerId};

use crate::ask::{Answer, Ask, AskError, AskId};
use crate::call::{Exchange, Keeping, Phase, Random};
use crate::config::{Config, ConfigError};
use crate::happening::Happening;
use crate::policy::Trust;
use crate::sip::agent::{Agent, AgentConfig, Resolve};
use crate::sip::message::Message;
use crate::sip::transport::{Listener, Packet, Ticket, Transmit};
use crate::store::batches::Batches;
use crate::store::gate::Gate;
use crate::store::{Batch, Kept};

/// What the control plane is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// A message arrived.
    Packet(Packet<'a>),
    /// A message was not sent: connection refused, no route, queue full.
    TransmitFailed(Ticket),
    /// A worker said something.
    Media(WorkerId, Event),
    /// DNS answered; empty when it has nothing.
    Resolved(Ticket, Vec<IpAddr>),
    /// Every batch up to this number is durable.
    Stored(u64),
    /// The store cannot write now; what it has not written it will try again.
    StoreFailed,
    /// The deadline of `poll_timeout` has passed.
    Timeout,
    /// The operator has changed something. Answered by [`Output::Configured`].
    Configure(&'a Config),
    /// Somebody asks. Answered by exactly one [`Output::Answer`].
    Ask(AskId, Ask),
    /// Take no more calls, let those that are there run to their end, then say
    /// [`Output::Stopped`].
    Drain,
    /// End every call with BYE, then say [`Output::Stopped`].
    Stop,
}

/// What the control plane wants done. In order.
#[derive(Debug)]
pub enum Output {
    /// Send a message.
    Transmit(Transmit),
    /// Tell a worker. The driver keeps it while the queue is full.
    Command(WorkerId, Command),
    /// Ask DNS.
    Resolve(Resolve),
    /// The change is made, or nothing is and this says why.
    Configured(Result<(), ConfigError>),
    /// To [`Input::Ask`].
    Answer(AskId, Result<Answer, AskError>),
    /// Make it durable, in order, and say so by [`Input::Stored`]. What is sent because of it is
    /// held back until then; where calls only end, it comes before.
    Store(Batch),
    /// This has happened. Nothing need be done about it.
    Happened(Happening),
    /// After [`Input::Stop`] or [`Input::Drain`]: every call has ended, every stream is closed.
    Stopped,
}

/// What the control plane is built from.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The operator's.
    pub config: Config,
    /// The sockets the driver opened.
    pub listeners: Vec<Listener>,
    /// The workers, with the streams each can hold.
    pub workers: Vec<(WorkerId, u32)>,
    /// From the operating system, or a simulation's.
    pub seed: [u8; 32],
    /// `None` when calls need not outlive the process.
    pub kept: Option<Kept>,
}

/// The control plane.
#[derive(Debug)]
pub struct Control {
    exchange: Exchange,
    trust: Trust,
    untrusted: u64,
    gate: Gate<Output>,
    /// What an operator is told of what this input has done, when that is durable.
    done: Option<Output>,
    batches: Batches,
    outputs: VecDeque<Output>,
}

/// One taken orbit, for pages, tests and the demo.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrbitStatus {
    /// As dialled.
    pub orbit: String,
    /// The Call-ID of the parkee's leg.
    pub call_id: String,
    /// Since when.
    pub parked_at: Time,
    /// Whether a retriever is being connected.
    pub retrieving: bool,
    /// Whether the parker, or the fallback, is being called.
    pub recalling: bool,
    /// Whether it is of an earlier process, and its phone has not yet agreed to our new address.
    pub adopting: bool,
}

/// Figures of the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ControlStatus {
    /// Orbits taken.
    pub parked: usize,
    /// Orbits free.
    pub free: usize,
    /// Calls: parked, bridged or between.
    pub calls: usize,
    /// Calls of two whose phones send RTP to each other, past us.
    pub released: usize,
    /// Legs: one dialog and one stream each.
    pub legs: usize,
    /// SIP transactions.
    pub transactions: usize,
    /// SIP dialogs.
    pub dialogs: usize,
    /// Subscriptions to orbits, and reports on transfers.
    pub subscriptions: usize,
    /// Streams open, opening or closing.
    pub streams: usize,
    /// Retrievals since the start.
    pub retrieved: u64,
    /// Calls parked since the start.
    pub parked_total: u64,
    /// Alarms since the start: calls parked again because nobody came, whoever was called.
    pub forsaken: u64,
    /// Whether there is a store and it cannot keep up: what changes now would be lost with the
    /// process.
    pub store_behind: bool,
    /// How often that began.
    pub store_falls: u64,
    /// Whether no more calls are taken, and those that are there run to their end.
    pub is_draining: bool,
}

impl Control {
    /// A control plane without calls, but for those that a store has kept.
    #[must_use]
    pub fn new(setup: Setup, now: Time) -> Self {
        let mut random = Random::from_seed(setup.seed);
        let mut agent = Agent::new(AgentConfig {
            listeners: setup.listeners.clone(),
            domains: setup.config.sip.domains.clone(),
            product: PRODUCT.to_owned(),
            seed: random.seed(),
        });
        agent.expire_sessions(setup.config.sip.session_expires);
        let host = setup
            .listeners
            .first()
            .map_or(setup.config.node.id.as_str(), |listener| {
                &listener.advertise
            });
        let mut exchange = Exchange::new(agent, &setup.config, &setup.workers, host, random);
        exchange.now = now;
        if let Some(kept) = setup.kept {
            exchange.keeping = Some(Keeping::new(kept.origin_unix_ms));
            exchange.adopt(now, &kept.calls);
            exchange.adopt_watches(now, &kept.watches);
        }
        let mut control = Self {
            exchange,
            trust: Trust::new(setup.config.sip.trusted),
            untrusted: 0,
            gate: Gate::default(),
            done: None,
            batches: Batches::default(),
            outputs: VecDeque::new(),
        };
        control.settle(now);
        control
    }

    /// Takes one input. Drain `poll_output` afterwards.
    pub fn handle(&mut self, now: Time, input: Input<'_>) {
        self.exchange.now = now;
        self.exchange.news.begin();
        match input {
            Input::Packet(packet) => self.packet(now, &packet),
            Input::TransmitFailed(ticket) => self.exchange.agent.transmit_failed(now, ticket),
            Input::Media(worker, event) => self.exchange.media(now, worker, event),
            Input::Resolved(ticket, addresses) => {
                self.exchange.agent.resolved(now, ticket, &addresses);
            }
            Input::Stored(up_to) => self.gate.stored(up_to),
            Input::StoreFailed => self.gate.failed(),
            Input::Timeout => self.exchange.agent.handle_timeout(now),
            Input::Configure(config) => {
                let configured = self.exchange.configure(now, config);
                self.outputs.push_back(Output::Configured(configured));
            }
            Input::Ask(id, ask) => {
                let figures = self.status();
                let answer = self.exchange.answer(now, &ask, figures);
                let answer = Output::Answer(id, answer);
                match ask.is_act() {
                    true => self.done = Some(answer),
                    false => self.outputs.push_back(answer),
                }
            }
            Input::Drain => self.exchange.drain(),
            Input::Stop => self.exchange.stop(now),
        }
        self.settle(now);
    }

    /// What [`Input::Configure`] would be answered now. A call may come between.
    ///
    /// # Errors
    /// Its own.
    pub fn may_configure(&self, config: &Config) -> Result<(), ConfigError> {
        self.exchange.orbits_by(config).map(drop)
    }

    /// The next thing to do, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to hand in [`Input::Timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let stop = match self.exchange.phase {
            Phase::Stopping(until) => Some(until),
            Phase::Serving | Phase::Draining | Phase::Stopped => None,
        };
        [
            self.exchange.agent.poll_timeout(),
            self.exchange.next_deadline(),
            self.exchange.next_adoption(),
            self.gate.deadline(),
            stop,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Invariants that hold after every input: an orbit holds at most one call, no leg outlives its
    /// call, every leg has a dialog and a stream of its own, a call's legs are on one worker.
    ///
    /// # Panics
    /// When one does not hold, naming it. For tests and simulators.
    pub fn check(&self) {
        self.exchange.check();
    }

    fn packet(&mut self, now: Time, packet: &Packet<'_>) {
        if !self.trust.trusts(packet.source.ip()) {
            self.untrusted += 1;
            tracing::debug!(source = %packet.source, "dropped: not trusted");
            return;
        }
        let agent = &mut self.exchange.agent;
        match Message::parse_packet(packet) {
            Ok(message) => {
                if let Some(event) = agent.receive(now, packet, &message) {
                    self.exchange.signalled(now, event);
                }
            }
            Err(malformed) => agent.receive_malformed(now, packet, &malformed),
        }
    }

    /// Lets everything follow that the input has caused, and collects what is to be done.
    fn settle(&mut self, now: Time) {
        self.exchange.adopt_some(now);
        self.gate.expire(now);
        loop {
            self.exchange.expire(now);
            self.exchange.light_lamps(now);
            self.exchange.tell_parkers(now);
            match self.exchange.agent.poll_event() {
                Some(event) => self.exchange.signalled(now, event),
                None => break,
            }
        }
        self.exchange.stop_when_drained(now);
        // Streams first: whoever is answered shall find its port open and its music playing.
        let commands = std::iter::from_fn(|| self.exchange.poll_command());
        self.outputs
            .extend(commands.map(|(to, command)| Output::Command(to, command)));
        // A call is safe before anybody is told of it.
        self.outputs.extend(std::iter::from_fn(|| self.gate.poll()));
        let (mut puts, mut ends) = self.exchange.changes();
        puts.extend(self.exchange.watch_changes());
        if let Some(batch) = self.batches.of_changes(puts, &mut ends) {
            self.gate.close(batch.number);
            self.outputs.push_back(Output::Store(batch));
        }
        while let Some(transmit) = self.exchange.agent.poll_transmit() {
            self.warn_of_untrusted(&transmit);
            let passed = self.gate.pass(now, Output::Transmit(transmit));
            self.outputs.extend(passed);
        }
        if let Some(done) = self.done.take() {
            self.outputs.extend(self.gate.pass(now, done));
        }
        // Its end is told before it is forgotten: who was not told would be on its own for ever.
        self.batches.ended(&self.gate, ends);
        let ends = self.batches.of_ends(&self.gate);
        self.outputs.extend(ends.map(Output::Store));
        let resolves = std::iter::from_fn(|| self.exchange.agent.poll_resolve());
        self.outputs.extend(resolves.map(Output::Resolve));
        let happened = std::iter::from_fn(|| self.exchange.news.poll());
        self.outputs.extend(happened.map(Output::Happened));
        self.stop_when_done(now);
    }

    /// Whoever we call must be trusted: what it answers is dropped otherwise, and nobody would know
    /// why the call back came to nothing.
    fn warn_of_untrusted(&self, transmit: &Transmit) {
        let destination = transmit.destination;
        if transmit.bytes.starts_with(b"INVITE ") && !self.trust.trusts(destination.ip()) {
            tracing::warn!(%destination, "called, but not in [sip] trusted: answers are dropped");
        }
    }

    fn stop_when_done(&mut self, now: Time) {
        let Phase::Stopping(until) = self.exchange.phase else {
            return;
        };
        let status = self.status();
        if now < until && status.dialogs + status.streams + status.subscriptions > 0 {
            return;
        }
        self.exchange.phase = Phase::Stopped;
        let stop = |worker| Output::Command(worker, Command::Stop);
        self.outputs
            .extend(self.exchange.streams.workers().map(stop));
        self.outputs.push_back(Output::Stopped);
    }
}

/// In User-Agent and Server.
const PRODUCT: &str = concat!("orbit/", env!("CARGO_PKG_VERSION"));
