//! A data plane without packets: it obeys commands as the workers do, remembers what each stream
//! sends and where to, and stops the test at a command no worker should ever get.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

use shared::limits::ADMISSION;
use shared::{
    Command, Event, Media, PromptId, RefuseReason, Repeat, Role, RtcpPort, Share, Source, StreamId,
    StreamStats, SyncSource, Time, WorkerId,
};

use super::phone::call::Settled;
use super::seed::Seed;

/// How long every prompt is that is played once.
pub(crate) const PROMPT_LENGTH: Duration = Duration::from_millis(300);

/// What the workers shall do wrong, or slowly.
#[derive(Clone, Debug)]
pub(crate) struct MediaHabits {
    /// Time from a command to its event.
    pub(crate) delay: (Duration, Duration),
    /// Of a hundred streams, how many are refused.
    pub(crate) refuse_percent: u64,
    /// RTP ports that somebody else holds.
    pub(crate) taken: HashSet<u16>,
    /// Every stream is refused for this reason.
    pub(crate) refuse: Option<RefuseReason>,
    /// A fault, to prove that it is noticed.
    pub(crate) fault: Option<Fault>,
}

/// Faults of a broken data plane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// A closed stream is never reported as closed.
    ForgetsClosed,
    /// `Send` is ignored.
    IgnoresSend,
    /// `Describe` is ignored.
    IgnoresDescribe,
}

impl Default for MediaHabits {
    fn default() -> Self {
        Self {
            delay: (Duration::from_millis(1), Duration::from_millis(1)),
            refuse_percent: 0,
            taken: HashSet::new(),
            refuse: None,
            fault: None,
        }
    }
}

/// All workers.
#[derive(Debug)]
pub(crate) struct Workers {
    pub(crate) habits: MediaHabits,
    seed: Seed,
    capacity: HashMap<WorkerId, u32>,
    streams: BTreeMap<(WorkerId, u32), Stream>,
    generations: HashMap<(WorkerId, u32), u32>,
    ports: HashSet<SocketAddr>,
    /// Refused, and control does not know it yet.
    refused: HashSet<StreamId>,
    last_event: HashMap<WorkerId, Time>,
    /// The part of its time that a worker needs.
    utilisation: HashMap<WorkerId, Share>,
    /// Ended by themselves; control does not know it yet.
    lost: HashSet<WorkerId>,
    stopped: HashSet<WorkerId>,
    /// Prompts played once, and their streams, in the order in which they began.
    pub(crate) said: Vec<(StreamId, PromptId)>,
    /// When the prompts that are played once end.
    ends: HashMap<StreamId, Time>,
    /// Streams opened since the start.
    pub(crate) opened: u64,
    /// Streams closed since the start.
    pub(crate) closed: u64,
}

/// One stream as its worker sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) local: SocketAddr,
    pub(crate) rtcp: RtcpPort,
    pub(crate) media: Option<Media>,
    pub(crate) source: Source,
    pub(crate) sync_source: SyncSource,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Accepted; `Opened` is not told yet.
    Opening,
    Open,
    /// `Closed` is not told yet.
    Closing,
}

impl Workers {
    pub(crate) fn new(seed: Seed, workers: &[(WorkerId, u32)], habits: MediaHabits) -> Self {
        Self {
            habits,
            seed,
            capacity: workers.iter().copied().collect(),
            streams: BTreeMap::new(),
            generations: HashMap::new(),
            ports: HashSet::new(),
            refused: HashSet::new(),
            last_event: HashMap::new(),
            utilisation: HashMap::new(),
            lost: HashSet::new(),
            stopped: HashSet::new(),
            said: Vec::new(),
            ends: HashMap::new(),
            opened: 0,
            closed: 0,
        }
    }

    /// Obeys, and gives the events that follow with their moments.
    ///
    /// # Panics
    /// When control breaks the contract of [`Command`].
    pub(crate) fn command(
        &mut self,
        now: Time,
        worker: WorkerId,
        command: Command,
    ) -> Vec<(Time, Event)> {
        assert!(
            self.capacity.contains_key(&worker),
            "there is no worker {worker}"
        );
        assert!(!self.stopped.contains(&worker), "{command:?} after Stop");
        if self.lost.contains(&worker) {
            return Vec::new();
        }
        let event = match command {
            Command::Open {
                stream,
                local,
                rtcp,
                role,
                source,
            } => Some(self.open(worker, stream, (local, rtcp), role, source)),
            Command::Describe { stream, media } => {
                self.describe(worker, stream, media);
                None
            }
            Command::Send { stream, source } => {
                self.send(worker, stream, source);
                return self.play(now, stream, source);
            }
            Command::Close { stream } => self.close(worker, stream),
            // The driver's, which a simulation does without.
            Command::Capture { .. } => None,
            Command::Stop => return self.stop(now, worker),
        };
        event
            .into_iter()
            .map(|event| (self.event_at(now, worker), event))
            .collect()
    }

    /// From now on a worker needs this part of its time. Gives the event that says so.
    pub(crate) fn utilise(&mut self, now: Time, worker: WorkerId, share: Share) -> (Time, Event) {
        self.utilisation.insert(worker, share);
        (self.event_at(now, worker), Event::Utilisation { share })
    }

    /// A worker ends by itself, and its streams with it. Gives the event that says so.
    pub(crate) fn lose(&mut self, now: Time, worker: WorkerId) -> (Time, Event) {
        self.lost.insert(worker);
        (self.event_at(now, worker), Event::Stopped)
    }

    /// Whether a worker has ended that control still believes in.
    pub(crate) fn is_one_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Whether a worker has ended, and its streams with it.
    pub(crate) fn has_one_ended(&self) -> bool {
        !self.stopped.is_empty()
    }

    /// An event is now being told to control: what it says becomes true.
    pub(crate) fn told(&mut self, worker: WorkerId, event: &Event) {
        match *event {
            Event::Stopped => {
                self.lost.remove(&worker);
                self.stopped.insert(worker);
                let gone = self.streams.extract_if(.., |place, _| place.0 == worker);
                let gone: Vec<Stream> = gone.map(|(_, stream)| stream).collect();
                self.closed += gone.len() as u64;
                for stream in gone {
                    self.release(&stream);
                }
            }
            Event::Opened { stream } => {
                if let Some(found) = self.find_mut(stream)
                    && found.state == State::Opening
                {
                    found.state = State::Open;
                }
            }
            Event::Refused { stream, .. } => {
                self.refused.remove(&stream);
            }
            Event::Closed { stream, .. } => {
                let gone = self.streams.remove(&(stream.worker, stream.index));
                let gone = gone.unwrap_or_else(|| panic!("{stream} closed twice"));
                self.closed += 1;
                self.release(&gone);
            }
            _ => {}
        }
    }

    /// The open stream behind a local RTP port, unless it is being closed.
    pub(crate) fn at_port(&self, port: u16) -> Option<&Stream> {
        self.streams
            .values()
            .find(|s| s.local.port() == port && s.state != State::Closing)
    }

    /// The stream behind what a phone has settled: where it sends to, or, if that is another phone,
    /// the one that it could go back to.
    pub(crate) fn behind(&self, settled: &Settled) -> Option<&Stream> {
        self.at_port(settled.remote.port()).or_else(|| {
            let is_its = |media: Media| media.remote == Some(settled.local);
            let mut streams = self.streams.values();
            streams.find(|s| s.state != State::Closing && s.media.is_some_and(is_its))
        })
    }

    pub(crate) fn find(&self, id: StreamId) -> Option<&Stream> {
        self.streams
            .get(&(id.worker, id.index))
            .filter(|stream| stream.id == id)
    }

    /// Streams that nobody asked to close.
    pub(crate) fn living(&self) -> usize {
        let living = self.streams.values();
        living
            .filter(|stream| stream.state != State::Closing)
            .count()
    }

    /// Streams in any state.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    pub(crate) fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.streams.values()
    }

    /// Every bridge leads to a living stream of the same worker that leads back, or plays something
    /// of its own to a peer that is on hold; never to a third stream.
    ///
    /// # Panics
    /// When not.
    pub(crate) fn check(&self) {
        for stream in self.streams.values() {
            let Some(peer) = stream.source.peer() else {
                continue;
            };
            if stream.state == State::Closing {
                continue;
            }
            assert_eq!(peer.worker, stream.id.worker, "a bridge across workers");
            assert_ne!(peer, stream.id, "a bridge of {peer} with itself");
            let other = self.find(peer);
            let other = other.unwrap_or_else(|| panic!("{} bridges {peer}: gone", stream.id));
            assert_ne!(
                other.state,
                State::Closing,
                "{} bridges {peer}: closing",
                stream.id
            );
            if let Some(back) = other.source.peer() {
                assert_eq!(back, stream.id, "{peer} bridges a third stream");
            }
        }
    }

    fn open(
        &mut self,
        worker: WorkerId,
        id: StreamId,
        (at, rtcp): (SocketAddr, RtcpPort),
        role: Role,
        sync_source: SyncSource,
    ) -> Event {
        assert_eq!(id.worker, worker, "{id} opened at {worker}");
        assert_eq!(at.port() % 2, 0, "RTP port {at} is odd");
        let capacity = self.capacity[&worker];
        assert!(
            id.index < capacity,
            "{id}: the worker has {capacity} places"
        );
        let place = (worker, id.index);
        assert!(
            !self.streams.contains_key(&place),
            "{id}: the place is not free"
        );
        if let Some(&last) = self.generations.get(&place) {
            assert!(
                id.generation > last,
                "{id}: generation {last} was there before"
            );
        }
        self.generations.insert(place, id.generation);
        let mut streams = self.streams.values();
        let is_another = streams.all(|stream| stream.sync_source != sync_source);
        assert!(is_another, "{id}: another stream is the same to its peer");
        for port in ports(at, rtcp) {
            assert!(!self.ports.contains(&port), "{id}: {port} is in use");
        }
        if let Some(reason) = self.refusal(worker, at.port(), role) {
            self.refused.insert(id);
            return Event::Refused { stream: id, reason };
        }
        self.ports.extend(ports(at, rtcp));
        self.opened += 1;
        let stream = Stream {
            id,
            local: at,
            rtcp,
            media: None,
            source: Source::Silent,
            sync_source,
            state: State::Opening,
        };
        self.streams.insert(place, stream);
        Event::Opened { stream: id }
    }

    fn refusal(&mut self, worker: WorkerId, port: u16, role: Role) -> Option<RefuseReason> {
        let has_no_time = self
            .utilisation
            .get(&worker)
            .is_some_and(|share| *share >= ADMISSION);
        if has_no_time && role == Role::Begin {
            return Some(RefuseReason::WorkerFull);
        }
        if self.habits.taken.contains(&port) {
            return Some(RefuseReason::PortTaken);
        }
        if self.habits.refuse.is_some() {
            return self.habits.refuse;
        }
        self.seed.chance(self.habits.refuse_percent).then(|| {
            self.seed.pick(&[
                RefuseReason::PortTaken,
                RefuseReason::NoDescriptor,
                RefuseReason::WorkerFull,
                RefuseReason::Kernel,
            ])
        })
    }

    fn describe(&mut self, worker: WorkerId, id: StreamId, media: Media) {
        let ignores = self.habits.fault == Some(Fault::IgnoresDescribe);
        let stream = self.must_be_open(worker, id, "Describe");
        if !ignores {
            stream.media = Some(media);
        }
    }

    fn send(&mut self, worker: WorkerId, id: StreamId, source: Source) {
        if let Some(peer) = source.peer() {
            self.must_be_open(worker, peer, "Send Bridge");
        }
        let ignores = self.habits.fault == Some(Fault::IgnoresSend);
        let stream = self.must_be_open(worker, id, "Send");
        if !ignores {
            stream.source = source;
        }
    }

    /// What is played once ends after [`PROMPT_LENGTH`].
    fn play(&mut self, now: Time, stream: StreamId, source: Source) -> Vec<(Time, Event)> {
        self.ends.remove(&stream);
        let Source::Prompt {
            prompt,
            repeat: Repeat::Times(_),
            ..
        } = source
        else {
            return Vec::new();
        };
        let ends = now + PROMPT_LENGTH;
        self.said.push((stream, prompt));
        self.ends.insert(stream, ends);
        vec![(ends, Event::PromptEnded { stream })]
    }

    /// Whether a worker would say this: a prompt does not end that was cut short, and nobody
    /// presses keys in a stream that is closed.
    pub(crate) fn happens(&mut self, now: Time, event: &Event) -> bool {
        if let Event::Digit { stream, .. } = event {
            let stream = self.find(*stream);
            return stream.is_some_and(|stream| stream.state != State::Closing);
        }
        let Event::PromptEnded { stream } = event else {
            return true;
        };
        let is_due = self.ends.get(stream) == Some(&now);
        if is_due {
            self.ends.remove(stream);
        }
        is_due
    }

    fn close(&mut self, worker: WorkerId, id: StreamId) -> Option<Event> {
        assert_eq!(id.worker, worker, "Close of {id} at {worker}");
        if self.refused.contains(&id) {
            return None;
        }
        let stream = self
            .find_mut(id)
            .unwrap_or_else(|| panic!("Close of {id}, which is gone"));
        if stream.state == State::Closing {
            return None;
        }
        stream.state = State::Closing;
        self.ends.remove(&id);
        if self.habits.fault == Some(Fault::ForgetsClosed) {
            return None;
        }
        Some(Event::Closed {
            stream: id,
            stats: StreamStats::default(),
        })
    }

    fn stop(&mut self, now: Time, worker: WorkerId) -> Vec<(Time, Event)> {
        self.stopped.insert(worker);
        let open = self
            .streams
            .values_mut()
            .filter(|stream| stream.id.worker == worker);
        let mut events = Vec::new();
        for stream in open.filter(|stream| stream.state != State::Closing) {
            stream.state = State::Closing;
            events.push(Event::Closed {
                stream: stream.id,
                stats: StreamStats::default(),
            });
        }
        events.push(Event::Stopped);
        events
            .into_iter()
            .map(|event| (self.event_at(now, worker), event))
            .collect()
    }

    fn release(&mut self, gone: &Stream) {
        for port in ports(gone.local, gone.rtcp) {
            self.ports.remove(&port);
        }
    }

    fn must_be_open(&mut self, worker: WorkerId, id: StreamId, what: &str) -> &mut Stream {
        assert_eq!(id.worker, worker, "{what} for {id} at {worker}");
        let stream = self
            .find_mut(id)
            .unwrap_or_else(|| panic!("{what} for {id}: not open"));
        assert_eq!(stream.state, State::Open, "{what} for {id}");
        stream
    }

    fn find_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.streams
            .get_mut(&(id.worker, id.index))
            .filter(|stream| stream.id == id)
    }

    /// Events of one worker come by one queue: in order.
    fn event_at(&mut self, now: Time, worker: WorkerId) -> Time {
        let (low, high) = self.habits.delay;
        let at = now + self.seed.between(low, high);
        let last = self.last_event.entry(worker).or_insert(at);
        *last = at.max(*last);
        *last
    }
}

fn ports(local: SocketAddr, rtcp: RtcpPort) -> Vec<SocketAddr> {
    match rtcp {
        RtcpPort::Mux => vec![local],
        RtcpPort::Next => vec![local, SocketAddr::new(local.ip(), local.port() + 1)],
    }
}
