//! The event loop of a simulated world: what is due next happens next, and after each step
//! everything is checked.

use std::net::SocketAddr;
use std::time::Duration;

use control::config::Config;
use control::control::{ControlStatus, OrbitStatus, Setup};
use control::sip::transport::{Flow, Listener, Packet, Ticket, Transport};
use control::store::{Batch, Operation};
use control::{Control, Input, Output};
use shared::{Command, Event, Share, Source, SyncSource, Time, WorkerId};

use super::checks;
use super::clock::Agenda;
use super::death::Past;
use super::history::History;
use super::link::Link;
use super::media::{Stream, Workers};
use super::phone::Phone;
use super::phone::call::{Call, View};
use super::phone::elsewhere::{Elsewhere, refer_to};
use super::questions::Questions;
use super::seed::Seed;
use super::site::{self, Site};
use super::store::{self, Store};
use super::trace::Trace;
use super::transport::Connection;
use super::wire::Wire;

/// Timeouts at one moment after which the control plane counts as spinning.
const TIMEOUTS_AT_ONCE_MAX: u32 = 10_000;

/// One call of one phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CallRef {
    pub(crate) phone: usize,
    pub(crate) call: usize,
}

/// A control plane among phones and workers.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) control: Control,
    pub(crate) phones: Vec<Phone>,
    pub(crate) link: Link,
    pub(crate) workers: Workers,
    pub(crate) trace: Trace,
    pub(crate) site: Site,
    pub(crate) store: Store,
    /// Start lines of what the server sent, with the phone it went to.
    pub(crate) sent: Vec<(usize, String)>,
    pub(crate) history: History,
    /// NOTIFYs that the network has lost.
    pub(crate) lost_notifies: u64,
    pub(crate) is_stopped: bool,
    pub(crate) questions: Questions,
    /// What the processes before this one have done.
    pub(crate) past: Past,
    /// When the last of them died.
    pub(super) died_at: Option<Time>,
    /// Outputs until this one dies.
    pub(crate) doom: Option<u32>,
    configured: Option<Result<(), String>>,
    pub(super) seed: Seed,
    pub(super) agenda: Agenda<Happening>,
    pub(super) wakes: Vec<Option<Time>>,
    pub(super) listeners: Vec<Listener>,
    pub(super) connections: Vec<Connection>,
    /// SIP messages under way.
    pub(super) in_flight: u32,
    /// Batches that are not written yet; messages wait for them.
    pub(super) unwritten: u32,
    timeouts: (Time, u32),
}

#[derive(Debug)]
pub(super) enum Happening {
    ToServer {
        phone: usize,
        transport: Transport,
        flow: Flow,
        to: SocketAddr,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    ToPhone {
        phone: usize,
        bytes: Vec<u8>,
    },
    Media(WorkerId, Event),
    Failed(Ticket),
    Resolved(Ticket, Vec<std::net::IpAddr>),
    Written(Batch),
    WriteAgain,
    Wake(usize),
    Unheard(usize),
}

impl World {
    pub(crate) fn new(site: Site) -> Self {
        let mut seed = Seed::new(site.seed);
        let listeners = site::listeners();
        let setup = Setup {
            config: site.config.clone(),
            listeners: listeners.clone(),
            workers: site.workers.clone(),
            seed: seed.bytes(),
            kept: site.store_delay.map(|_| Store::default().kept()),
        };
        Self {
            now: Time::ZERO,
            control: Control::new(setup, Time::ZERO),
            phones: Vec::new(),
            link: Link::new(seed.fork(), site.quality),
            workers: Workers::new(seed.fork(), &site.workers, site.media.clone()),
            trace: Trace::default(),
            site,
            store: Store::default(),
            sent: Vec::new(),
            history: History::default(),
            lost_notifies: 0,
            is_stopped: false,
            questions: Questions::default(),
            past: Past::default(),
            died_at: None,
            doom: None,
            configured: None,
            seed,
            agenda: Agenda::new(),
            wakes: Vec::new(),
            listeners,
            connections: Vec::new(),
            in_flight: 0,
            unwritten: 0,
            timeouts: (Time::ZERO, 0),
        }
    }

    /// A new phone, by UDP over IPv4, in a trusted network.
    pub(crate) fn phone(&mut self, name: &str) -> usize {
        let number = self.phones.len();
        let address = format!("198.51.100.{}:5060", number + 1).parse().unwrap();
        self.phone_at(name, address, site::SERVER.parse().unwrap())
    }

    pub(crate) fn phone_at(&mut self, name: &str, at: SocketAddr, server: SocketAddr) -> usize {
        let seed = self.seed.fork();
        self.phones.push(Phone::new(name, at, server, seed));
        self.wakes.push(None);
        self.phones.len() - 1
    }

    /// Lets a phone do something, and sends what it wants sent.
    pub(crate) fn with<R>(&mut self, phone: usize, act: impl FnOnce(&mut Phone, Time) -> R) -> R {
        let result = act(&mut self.phones[phone], self.now);
        self.flush(phone);
        result
    }

    pub(crate) fn dial(&mut self, phone: usize, user: &str) -> CallRef {
        self.dial_with(phone, user, &[])
    }

    pub(crate) fn dial_with(
        &mut self,
        phone: usize,
        user: &str,
        extra: &[(&str, String)],
    ) -> CallRef {
        let call = self.with(phone, |phone, now| phone.dial(now, user, extra));
        CallRef { phone, call }
    }

    /// Dials the park address and waits until the call is parked.
    pub(crate) fn park(&mut self, phone: usize) -> CallRef {
        let call = self.dial(phone, "park");
        self.run_until(Duration::from_secs(5), "parked", |world| {
            world.view(call) == View::Listening && world.is_quiet()
        });
        call
    }

    /// Two phones speak with each other, past the server. How the first is named to be replaced.
    pub(crate) fn call_elsewhere(&mut self, one: usize, other: usize) -> String {
        let number = self.seed.next();
        let there = Elsewhere {
            call_id: format!("{number:x}@elsewhere"),
            local_tag: format!("one{number:x}"),
            remote_tag: format!("other{number:x}"),
            is_over: false,
        };
        let here = Elsewhere {
            local_tag: there.remote_tag.clone(),
            remote_tag: there.local_tag.clone(),
            ..there.clone()
        };
        let replaces = there.replaces();
        self.phones[one].elsewhere.push(there);
        self.phones[other].elsewhere.push(here);
        let uri = format!("sip:phone@{}", self.phones[one].address);
        refer_to(&uri, &replaces)
    }

    /// The last call that a phone got.
    pub(crate) fn last_call(&self, phone: usize) -> CallRef {
        let call = self.phones[phone].calls.len() - 1;
        CallRef { phone, call }
    }

    /// Dials the orbit of a parked call and waits until both speak.
    pub(crate) fn retrieve(&mut self, phone: usize, parked: CallRef) -> CallRef {
        let orbit = self.orbit(parked).expect("a parked call");
        let call = self.dial(phone, &orbit);
        self.run_until(Duration::from_secs(10), "retrieved", |world| {
            [call, parked]
                .iter()
                .all(|call| world.view(*call) == View::Talking)
                && world.is_quiet()
        });
        call
    }

    pub(crate) fn hang_up(&mut self, call: CallRef) {
        self.with(call.phone, |phone, now| phone.hang_up(now, call.call));
    }

    /// Switches a phone off. Its streams are reported unheard after the media timeout.
    pub(crate) fn switch_off(&mut self, phone: usize) {
        self.trace.line(
            self.now,
            format_args!("{} is switched off", self.phones[phone].name),
        );
        self.phones[phone].is_dead = true;
        self.agenda.note(
            self.now + self.site.config.media.timeout,
            Happening::Unheard(phone),
        );
    }

    /// Sends anything at all from a phone's address.
    pub(crate) fn inject(&mut self, phone: usize, bytes: &[u8]) {
        let to = self.phones[phone].server;
        self.send_datagram(phone, to, bytes);
    }

    /// Presses keys of a phone in a call, one every 200 ms.
    pub(crate) fn press(&mut self, call: CallRef, keys: &str) {
        for key in keys.chars() {
            let code = "0123456789*#".find(key).expect("a key of a phone");
            let stream = self.stream(call);
            let (worker, event) = (
                stream.id.worker,
                Event::Digit {
                    stream: stream.id,
                    code: u8::try_from(code).unwrap(),
                    duration_ms: 100,
                },
            );
            self.give(Input::Media(worker, event));
            self.run(Duration::from_millis(200));
        }
    }

    /// The audio of a call comes from somewhere else than its phone says, and its stream has
    /// learned it.
    pub(crate) fn translate(&mut self, call: CallRef) {
        let stream = self.stream(call).id;
        let remote = "203.0.113.9:40000".parse().unwrap();
        let event = Event::Latched { stream, remote };
        self.give(Input::Media(stream.worker, event));
    }

    /// Presses keys of a phone in a call, one every 200 ms, while other things happen. What is
    /// pressed when the call has no stream any more is heard by nobody.
    pub(crate) fn begin_to_press(&mut self, call: CallRef, keys: &str) {
        let settled = self.call(call).settled.as_ref();
        let stream = settled.and_then(|settled| self.workers.behind(settled));
        let Some(stream) = stream.map(|stream| stream.id) else {
            return;
        };
        let mut at = self.now;
        for key in keys.chars() {
            let code = "0123456789*#".find(key).expect("a key of a phone");
            let event = Event::Digit {
                stream,
                code: u8::try_from(code).unwrap(),
                duration_ms: 100,
            };
            at += Duration::from_millis(200);
            self.agenda.note(at, Happening::Media(stream.worker, event));
        }
    }

    /// Closes the TCP connections of a phone.
    pub(crate) fn disconnect(&mut self, phone: usize) {
        for connection in self.connections.iter_mut().filter(|c| c.phone == phone) {
            connection.is_open = false;
        }
    }

    /// Ends a worker, as a fault would.
    pub(crate) fn lose_worker(&mut self, worker: WorkerId) {
        let (at, event) = self.workers.lose(self.now, worker);
        self.agenda.note(at, Happening::Media(worker, event));
    }

    /// Changes the configuration; the message where the server will not have it.
    pub(crate) fn configure(&mut self, config: &Config) -> Result<(), String> {
        let ranges = config.orbit_ranges.iter();
        let ranges: Vec<_> = ranges.map(|r| (&*r.name, r.start, r.end)).collect();
        self.trace
            .line(self.now, format_args!("configured: {ranges:?}"));
        let may = self.control.may_configure(config);
        self.give(Input::Configure(config));
        let configured = self.configured.take().expect("each change is answered");
        assert_eq!(
            may.map_err(|error| error.message),
            configured,
            "as announced"
        );
        if configured.is_ok() {
            self.site.config = config.clone();
        }
        configured
    }

    /// From now on a worker needs this part of its time.
    pub(crate) fn utilise(&mut self, worker: WorkerId, share: Share) {
        let (at, event) = self.workers.utilise(self.now, worker, share);
        self.agenda.note(at, Happening::Media(worker, event));
    }

    /// Asks the server to take no more calls.
    pub(crate) fn drain(&mut self) {
        self.give(Input::Drain);
    }

    /// Asks the server to end.
    pub(crate) fn stop(&mut self) {
        self.give(Input::Stop);
    }

    pub(crate) fn call(&self, call: CallRef) -> &Call {
        &self.phones[call.phone].calls[call.call]
    }

    pub(crate) fn view(&self, call: CallRef) -> View {
        self.call(call).view()
    }

    /// The orbit a call is parked under.
    pub(crate) fn orbit(&self, call: CallRef) -> Option<String> {
        self.parked(call).map(|status| status.orbit)
    }

    pub(crate) fn parked(&self, call: CallRef) -> Option<OrbitStatus> {
        let call_id = &self.call(call).call_id;
        self.control
            .orbits()
            .into_iter()
            .find(|status| status.call_id == *call_id)
    }

    pub(crate) fn status(&self) -> ControlStatus {
        self.control.status()
    }

    /// The worker's stream behind a call.
    pub(crate) fn stream(&self, call: CallRef) -> &Stream {
        let settled = self.call(call).settled.as_ref().expect("offer and answer");
        self.workers.behind(settled).expect("a stream")
    }

    /// Whether the stream of a call plays a recording.
    pub(crate) fn hears_music(&self, call: CallRef) -> bool {
        matches!(self.stream(call).source, Source::Prompt { .. })
    }

    /// Who sends to the phone, as RTP says it.
    pub(crate) fn sync_source(&self, call: CallRef) -> SyncSource {
        self.stream(call).sync_source
    }

    /// Whether the streams of two calls send each other what they receive.
    pub(crate) fn are_joined(&self, one: CallRef, other: CallRef) -> bool {
        let (one, other) = (self.stream(one), self.stream(other));
        one.source == Source::Bridge { peer: other.id }
            && other.source == Source::Bridge { peer: one.id }
    }

    /// Whether two calls send their audio to each other, past the server.
    pub(crate) fn are_released(&self, one: CallRef, other: CallRef) -> bool {
        let [one, other] = [one, other].map(|call| self.call(call).settled.as_ref());
        let (Some(one), Some(other)) = (one, other) else {
            return false;
        };
        one.remote == other.local && other.remote == one.local
    }

    /// How often the server sent something that begins so to a phone, repetitions included.
    pub(crate) fn sent(&self, phone: usize, start: &str) -> usize {
        self.sent
            .iter()
            .filter(|(to, line)| *to == phone && line.starts_with(start))
            .count()
    }

    /// Whether no SIP message is under way or waits for the store.
    pub(crate) fn is_quiet(&self) -> bool {
        self.in_flight == 0 && self.unwritten == 0
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass until something holds.
    ///
    /// # Panics
    /// When it does not within `span`.
    pub(crate) fn run_until(&mut self, span: Duration, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = self.now + span;
        while !holds(self) {
            assert!(self.step(end), "within {span:?}: {what}");
        }
    }

    pub(super) fn fork_seed(&mut self) -> Seed {
        self.seed.fork()
    }

    pub(super) fn seed_bytes(&mut self) -> [u8; 32] {
        self.seed.bytes()
    }

    fn step(&mut self, end: Time) -> bool {
        let agenda = self.agenda.next_at().unwrap_or(Time::from_nanos(u64::MAX));
        let timeout = self
            .control
            .poll_timeout()
            .unwrap_or(Time::from_nanos(u64::MAX));
        if agenda.min(timeout) > end {
            return false;
        }
        self.now = self.now.max(agenda.min(timeout));
        if timeout <= agenda {
            self.count_timeout();
            self.give(Input::Timeout);
        } else if let Some(happening) = self.agenda.pop() {
            self.happen(happening);
        }
        checks::after_step(self);
        true
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::ToServer {
                phone,
                transport,
                flow,
                to,
                from,
                bytes,
            } => {
                self.in_flight -= 1;
                let packet = Packet {
                    transport,
                    flow,
                    local: to,
                    source: from,
                    bytes: &bytes,
                };
                let name = &self.phones[phone].name;
                self.trace.message(self.now, "->", name, &bytes);
                self.give(Input::Packet(packet));
                self.note_ack(phone, &bytes);
            }
            Happening::ToPhone { phone, bytes } => {
                self.in_flight -= 1;
                self.trace
                    .message(self.now, "<-", &self.phones[phone].name, &bytes);
                self.with(phone, |phone, now| phone.receive(now, &bytes));
            }
            Happening::Media(worker, event) => {
                if !self.workers.happens(self.now, &event) {
                    return;
                }
                self.trace
                    .line(self.now, format_args!("{worker} {}", news(&event)));
                self.workers.told(worker, &event);
                self.give(Input::Media(worker, event));
            }
            Happening::Failed(ticket) => self.give(Input::TransmitFailed(ticket)),
            Happening::Resolved(ticket, found) => self.give(Input::Resolved(ticket, found)),
            Happening::Written(batch) => {
                self.unwritten -= 1;
                let what = brief_batch(&batch);
                let news = self.store.write(batch);
                self.trace.line(self.now, format_args!("{what}: {news:?}"));
                self.stored(news);
            }
            Happening::WriteAgain if self.store.is_written() => {}
            Happening::WriteAgain => {
                let news = self.store.write_again();
                self.stored(news);
            }
            Happening::Wake(phone) => {
                self.wakes[phone] = None;
                self.with(phone, Phone::handle_timeout);
            }
            Happening::Unheard(phone) => self.report_unheard(phone),
        }
    }

    fn stored(&mut self, news: Option<u64>) {
        if news.is_none() {
            let at = self.now + store::RETRY;
            self.agenda.note(at, Happening::WriteAgain);
        }
        self.give(news.map_or(Input::StoreFailed, Input::Stored));
    }

    pub(super) fn give(&mut self, input: Input<'_>) {
        self.control.handle(self.now, input);
        self.carry_out();
    }

    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.control.poll_output() {
            if self.dies_now() {
                return self.die();
            }
            match output {
                Output::Transmit(transmit) => self.transmit(transmit),
                Output::Command(worker, command) => self.command(worker, command),
                Output::Resolve(resolve) => {
                    let found = self
                        .site
                        .names
                        .get(&resolve.host)
                        .cloned()
                        .unwrap_or_default();
                    let at = self.now + Duration::from_millis(20);
                    self.agenda
                        .note(at, Happening::Resolved(resolve.ticket, found));
                }
                Output::Configured(result) => {
                    self.configured = Some(result.map_err(|error| error.message));
                }
                Output::Answer(id, answer) => self.questions.answered(id, answer),
                Output::Store(batch) => {
                    self.unwritten += 1;
                    let takes = self.store_delay();
                    let at = self.store.due(self.now, takes);
                    self.agenda.note(at, Happening::Written(batch));
                }
                Output::Happened(happening) => self.history.fold(self.now, &happening),
                Output::Stopped => self.is_stopped = true,
            }
        }
    }

    /// How long until a batch is durable.
    fn store_delay(&mut self) -> Duration {
        let least = self.site.store_delay;
        let least = least.expect("only a site with a store writes");
        if self.site.store_spread.is_zero() {
            return least;
        }
        self.seed.between(least, least + self.site.store_spread)
    }

    fn command(&mut self, worker: WorkerId, command: Command) {
        self.trace
            .line(self.now, format_args!("{worker} {}", brief(&command)));
        for (at, event) in self.workers.command(self.now, worker, command) {
            self.agenda.note(at, Happening::Media(worker, event));
        }
    }

    pub(super) fn note_sent(&mut self, phone: usize, bytes: &[u8]) {
        let end = bytes
            .iter()
            .position(|byte| *byte == b'\r')
            .unwrap_or(bytes.len());
        self.sent
            .push((phone, String::from_utf8_lossy(&bytes[..end]).into_owned()));
    }

    /// The server has an ACK: the phone owes it no more.
    fn note_ack(&mut self, phone: usize, bytes: &[u8]) {
        if !bytes.starts_with(b"ACK ") {
            return;
        }
        let ack = Wire::parse(bytes);
        let (call_id, (cseq, _)) = (ack.must("Call-ID"), ack.cseq());
        let calls = &mut self.phones[phone].calls;
        if let Some(call) = calls.iter_mut().find(|call| call.call_id == call_id)
            && call.ack_owed == Some(cseq)
        {
            call.ack_owed = None;
        }
    }

    /// The workers notice that a switched-off phone sends nothing.
    fn report_unheard(&mut self, phone: usize) {
        let address = self.phones[phone].address.ip();
        let unheard: Vec<_> = self
            .workers
            .streams()
            .filter(|stream| {
                let media = stream.media.filter(|media| media.supervise);
                media
                    .and_then(|media| media.remote)
                    .is_some_and(|remote| remote.ip() == address)
            })
            .map(|stream| stream.id)
            .collect();
        for stream in unheard {
            let event = Event::MediaTimeout { stream };
            self.agenda
                .note(self.now, Happening::Media(stream.worker, event));
        }
    }

    fn count_timeout(&mut self) {
        if self.timeouts.0 != self.now {
            self.timeouts = (self.now, 0);
        }
        self.timeouts.1 += 1;
        assert!(
            self.timeouts.1 < TIMEOUTS_AT_ONCE_MAX,
            "the control plane's deadline stays due"
        );
    }
}

fn news(event: &Event) -> String {
    match event {
        Event::Closed { stream, .. } => format!("Closed {stream}"),
        _ => format!("{event:?}"),
    }
}

fn brief_batch(batch: &Batch) -> String {
    let operations = batch.operations.iter().map(|operation| match operation {
        Operation::Put(record) => format!("put {}", record.name.0),
        Operation::Delete(name) => format!("delete {}", name.0),
        Operation::Watch(record) => format!("watch {}", record.name.0),
        Operation::Unwatch(name) => format!("unwatch {}", name.0),
    });
    let operations: Vec<_> = operations.collect();
    format!("batch {}: {}", batch.number, operations.join(", "))
}

fn brief(command: &Command) -> String {
    match command {
        Command::Open { stream, local, .. } => format!("Open {stream} at {local}"),
        Command::Describe { stream, media } => format!(
            "Describe {stream}: {:?} {} send={} receive={}",
            media.remote,
            media.codec.name(),
            media.send,
            media.receive
        ),
        Command::Send { stream, source } => format!("Send {stream}: {source:?}"),
        Command::Close { stream } => format!("Close {stream}"),
        Command::Capture { stream, .. } => format!("Capture {stream}"),
        Command::Stop => "Stop".to_owned(),
    }
}
