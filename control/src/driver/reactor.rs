//! The loop of the driver: wait for the first of datagram, message, worker, answer, deadline and
//! signal; hand it to the state machine; do what it says.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use shared::Time;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};

use super::bell::Bell;
use super::capture::{CaptureWish, Captures};
use super::clock;
use super::configuration::Step;
use super::dns::Resolver;
use super::http::{Asked, Reply};
use super::keeper::Keeper;
use super::metrics::Figures;
use super::news::News;
use super::server::{Report, RunError};
use super::signals::Signals;
use super::store::Work;
use super::supervisor::Supervisor;
use super::tcp::Connections;
use super::terminate::Ending;
use super::udp::UdpListener;
use super::workers::Workers;
use crate::ask::Ask;
use crate::config::ConfigError;
use crate::control::{Control, Input, Output};
use crate::sip::limits::MESSAGE_BYTES_MAX;
use crate::sip::transport::{Flow, Packet, Ticket, Transmit, Transport};

/// What the tasks around the reactor bring it.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A trusted peer has connected.
    Accepted(TcpStream, SocketAddr),
    /// A message, or the head of one that broke its stream.
    Message {
        flow: Flow,
        local: SocketAddr,
        peer: SocketAddr,
        bytes: Vec<u8>,
    },
    /// A connection that we made is there, with this address of ours.
    Connected(Flow, SocketAddr),
    /// A connection has ended.
    Closed(Flow),
    /// A message could not be sent.
    Unsent(Ticket),
    /// DNS answered.
    Resolved(Ticket, Vec<IpAddr>),
    /// Every batch up to this number is durable.
    Stored(u64),
    /// The store could not be written.
    StoreFailed,
    /// Somebody changes the configuration.
    Configure(Step),
    /// Somebody wants to capture a call.
    Capture(CaptureWish),
    /// Somebody asks something of the control plane.
    Ask(Ask, Reply),
    /// Somebody wants to know how things stand.
    Report(oneshot::Sender<Report>),
    /// Work for the store's thread, where there is one.
    ForStore(Work),
    /// Somebody counts.
    Figures(oneshot::Sender<Figures>),
    /// Somebody wants the server to take no more calls, and to end with the last.
    Drain,
    /// Somebody wants the server to end.
    Stop,
}

/// Everything the loop works with.
#[derive(Debug)]
pub(super) struct Reactor {
    pub(super) control: Control,
    pub(super) udp: Vec<UdpListener>,
    pub(super) connections: Connections,
    pub(super) workers: Workers,
    pub(super) resolver: Resolver,
    pub(super) keeper: Option<Keeper>,
    pub(super) asked: Asked,
    pub(super) captures: Captures,
    /// Who waits for [`Output::Configured`].
    pub(super) configuring: Option<oneshot::Sender<Result<(), ConfigError>>>,
    pub(super) bell: Bell,
    pub(super) arrivals: mpsc::Receiver<Arrival>,
    pub(super) signals: Signals,
    /// Tells the API to read its certificate anew.
    pub(super) reload: Arc<Notify>,
    pub(super) supervisor: Supervisor,
    pub(super) ending: Ending,
    pub(super) phase: Phase,
    pub(super) news: News,
}

/// How far the server is from its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Running,
    /// No more calls are taken; at the latest at this time it ends.
    Draining(Time),
    /// Calls are being ended.
    Stopping,
    /// No call is left; the workers end, at the latest at this time.
    Ending(Time),
    Ended,
}

enum Wake {
    Udp,
    Arrival(Arrival),
    Media,
    Deadline,
    Interrupt,
    Terminate,
    Hangup,
}

/// Datagrams and events taken in one turn before the others are looked at again.
const BATCH: usize = 64;
/// How soon commands that found a queue full are tried again.
const BACKLOG_RETRY: Duration = Duration::from_millis(1);
/// How long the workers may take to end.
const WORKERS_END_TIMEOUT: Duration = Duration::from_secs(2);
/// How far ahead the loop sleeps when nothing is due.
const IDLE_SLEEP: Duration = Duration::from_secs(3_600);

impl Reactor {
    /// Runs until the server has ended.
    ///
    /// # Errors
    /// [`RunError`] when a worker ended by itself: a server without its media path must not go on.
    pub(super) async fn run(mut self) -> Result<(), RunError> {
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        self.carry_out();
        if let Some(keeper) = &mut self.keeper {
            keeper.all_adopted();
        }
        self.supervisor.ready();
        while self.phase != Phase::Ended {
            let wake = self.wait().await;
            match wake {
                Wake::Udp => self.take_datagrams(&mut buffer),
                Wake::Arrival(arrival) => self.take_arrivals(arrival),
                Wake::Media => self.take_events()?,
                Wake::Interrupt => self.end_by_signal(),
                Wake::Terminate => self.terminate(),
                Wake::Hangup => self.reload.notify_one(),
                Wake::Deadline => {}
            }
            let now = clock::now();
            if self
                .control
                .poll_timeout()
                .is_some_and(|deadline| deadline <= now)
            {
                self.handle(Input::Timeout);
            }
            self.look_at_captures(now);
            self.workers.flush();
            self.end_when_over(now);
            let stopping = self.phase != Phase::Running;
            let control = &self.control;
            self.supervisor.turn(now, stopping, || control.status());
        }
        Ok(())
    }

    fn end_when_over(&mut self, now: Time) {
        self.end_late_drain(now);
        let Phase::Ending(end) = self.phase else {
            return;
        };
        let all_ended = self.workers.all_ended();
        if now >= end && !all_ended {
            tracing::warn!("a media worker did not end in time");
        }
        if now >= end || all_ended {
            self.phase = Phase::Ended;
        }
    }

    async fn wait(&mut self) -> Wake {
        let until = tokio::time::Instant::now() + self.sleep_for(clock::now());
        let may_take_on = !self.workers.is_congested();
        let Self {
            udp,
            arrivals,
            bell,
            signals,
            ..
        } = self;
        let readable = poll_fn(|cx| {
            // Every socket is polled, so that each wakes this task.
            let ready = udp
                .iter()
                .filter(|socket| socket.poll_ready(cx).is_ready())
                .count();
            if ready > 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        tokio::select! {
            () = bell.rung() => Wake::Media,
            () = readable, if may_take_on => Wake::Udp,
            Some(arrival) = arrivals.recv(), if may_take_on => Wake::Arrival(arrival),
            () = tokio::time::sleep_until(until) => Wake::Deadline,
            _ = signals.interrupt.recv() => Wake::Interrupt,
            _ = signals.terminate.recv() => Wake::Terminate,
            _ = signals.hangup.recv() => Wake::Hangup,
        }
    }

    fn sleep_for(&self, now: Time) -> Duration {
        let mut sleep = IDLE_SLEEP.min(self.captures.wait());
        if let Some(deadline) = self.control.poll_timeout() {
            sleep = sleep.min(deadline - now);
        }
        if let Phase::Ending(end) | Phase::Draining(end) = self.phase {
            sleep = sleep.min(end - now);
        }
        if let Some(wait) = self.supervisor.wait(now) {
            sleep = sleep.min(wait);
        }
        if self.workers.has_backlog() {
            sleep = sleep.min(BACKLOG_RETRY);
        }
        sleep
    }

    fn take_datagrams(&mut self, buffer: &mut [u8]) {
        for index in 0..self.udp.len() {
            for ticket in self.udp[index].flush() {
                self.handle(Input::TransmitFailed(ticket));
            }
            for _ in 0..BATCH {
                let socket = &self.udp[index];
                let Some((count, source)) = socket.receive(buffer) else {
                    break;
                };
                let packet = Packet {
                    transport: Transport::Udp,
                    flow: socket.flow,
                    local: socket.local,
                    source,
                    bytes: &buffer[..count],
                };
                self.handle(Input::Packet(packet));
            }
        }
    }

    fn take_arrivals(&mut self, first: Arrival) {
        let mut next = Some(first);
        for _ in 0..BATCH {
            let Some(arrival) = next else { return };
            self.take_arrival(arrival);
            next = self.arrivals.try_recv().ok();
        }
        if let Some(arrival) = next {
            self.take_arrival(arrival);
        }
    }

    fn take_arrival(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Accepted(stream, peer) => self.connections.accepted(stream, peer),
            Arrival::Message {
                flow,
                local,
                peer,
                bytes,
            } => self.handle(Input::Packet(Packet {
                transport: Transport::Tcp,
                flow,
                local,
                source: peer,
                bytes: &bytes,
            })),
            Arrival::Connected(flow, local) => self.connections.connected(flow, local),
            Arrival::Closed(flow) => self.connections.closed(flow),
            Arrival::Unsent(ticket) => self.handle(Input::TransmitFailed(ticket)),
            Arrival::Resolved(ticket, addresses) => self.handle(Input::Resolved(ticket, addresses)),
            Arrival::Stored(up_to) => self.handle(Input::Stored(up_to)),
            Arrival::StoreFailed => self.handle(Input::StoreFailed),
            Arrival::Configure(step) => self.configure(step),
            Arrival::Capture(wish) => self.capture(wish),
            Arrival::Ask(ask, reply) => {
                let id = self.asked.enter(reply);
                self.handle(Input::Ask(id, ask));
            }
            Arrival::Report(reply) => {
                let report = Report {
                    status: self.control.status(),
                    orbits: self.control.orbits(),
                    tally: self.news.tally().clone(),
                };
                // Whoever asked may have gone away.
                let _ = reply.send(report);
            }
            Arrival::ForStore(work) => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.give(work);
                }
            }
            Arrival::Figures(reply) => {
                // Whoever asked may have gone away.
                let _ = reply.send(Figures::of(&self.control, self.news.tally()));
            }
            Arrival::Drain => self.drain(),
            Arrival::Stop => self.stop(),
        }
    }

    fn take_events(&mut self) -> Result<(), RunError> {
        while let Some((worker, event)) = self.workers.event() {
            if matches!(self.phase, Phase::Running | Phase::Draining(_))
                && let Some(ended) = self.workers.ended()
            {
                return Err(RunError::WorkerEnded(ended));
            }
            self.handle(Input::Media(worker, event));
        }
        Ok(())
    }

    pub(super) fn handle(&mut self, input: Input<'_>) {
        let seen = self.seen(&input);
        self.control.handle(clock::now(), input);
        // A message may have made the leg that it belongs to.
        let changes = self.follow_captures();
        if let Some(packet) = seen {
            self.show_arrived(&packet);
        }
        self.carry_out();
        // A stream is opened before anybody wants to see its packets.
        self.change_captures(changes);
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.control.poll_output() {
            match output {
                Output::Transmit(transmit) => {
                    if let Err(ticket) = self.transmit(transmit) {
                        self.control
                            .handle(clock::now(), Input::TransmitFailed(ticket));
                    }
                }
                Output::Command(worker, command) => self.workers.command(worker, command),
                Output::Resolve(question) => self.resolver.ask(question),
                Output::Configured(result) => {
                    if let Some(reply) = self.configuring.take() {
                        // Whoever asked may have gone away.
                        let _ = reply.send(result);
                    }
                }
                Output::Answer(id, answer) => self.asked.answer(id, answer),
                Output::Store(batch) => {
                    if let Some(keeper) = &mut self.keeper {
                        keeper.write(batch);
                    }
                }
                Output::Happened(happening) => {
                    let happening = self.news.tell(happening);
                    if let Some(keeper) = &mut self.keeper {
                        keeper.record(happening);
                    }
                }
                Output::Stopped => {
                    self.phase = Phase::Ending(clock::now() + WORKERS_END_TIMEOUT);
                }
            }
        }
    }

    fn transmit(&mut self, transmit: Transmit) -> Result<(), Ticket> {
        self.show_sent(&transmit);
        if transmit.transport == Transport::Tcp {
            return self.connections.send(transmit);
        }
        let socket = self
            .udp
            .iter_mut()
            .find(|socket| Some(socket.flow) == transmit.flow);
        match socket {
            Some(socket) => socket.send(transmit),
            None => Err(transmit.ticket),
        }
    }
}
