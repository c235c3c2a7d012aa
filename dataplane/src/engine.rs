//! The core of a worker: commands, packets and time go in, packets and events come out. It has no
//! clock and no socket, so that tests run it under a virtual clock.
//!
//! Absent on purpose: policy of any kind; whatever is told here is done.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use shared::{
    Command, DropReason, Event, RefuseReason, Role, Share, StreamId, StreamStats, SyncSource, Time,
    WorkerId, WorkerStats,
};

use crate::agenda::Agenda;
use crate::library::Library;
use crate::output::Output;
use crate::player::{self, Played, SAMPLES_PER_MS};
use crate::port::{Owner, Port, SEND_BYTES_MAX, Sockets};
use crate::prompt::PromptTable;
use crate::rewrite::Transcoder;
use crate::slot::Wheel;
use crate::stream::{Phase, Stream};
use crate::table::{NoPlace, Table};
use crate::tap::Tap;
use crate::utilisation::Utilisation;

/// One worker's streams.
#[derive(Debug)]
pub struct Engine {
    worker: WorkerId,
    pub(crate) table: Table,
    pub(crate) wheel: Wheel,
    pub(crate) library: Library,
    pub(crate) random: ChaCha8Rng,
    pub(crate) stats: Arc<WorkerStats>,
    events: VecDeque<Event>,
    /// Streams whose prompt ended in the slot being worked; empty between slots.
    ended: Vec<Owner>,
    /// Streams whose intake may have changed.
    pub(crate) unsettled: Vec<Owner>,
    pub(crate) agenda: Agenda,
    pub(crate) transcoder: Transcoder,
    pub(crate) media_timeout: Duration,
    pub(crate) tap: Tap,
    utilisation: Utilisation,
    /// Time since 1970 at the origin of the clock.
    epoch: Duration,
    stopping: bool,
}

/// What an engine is made of.
#[derive(Debug)]
pub struct EngineConfig {
    /// Its worker.
    pub worker: WorkerId,
    /// Places in its table.
    pub streams_max: u32,
    /// Of what it draws SSRCs, sequence numbers and timestamps.
    pub seed: [u8; 32],
    /// Silence after which a supervised peer is reported.
    pub media_timeout: Duration,
    /// The part of its time that it may need before it refuses to begin calls.
    pub admission: Share,
}

/// Further behind than this the clock stood still for the whole machine: what was missed then is
/// not sent.
const STALL_MAX: Duration = Duration::from_secs(2);

/// Events that may wait in here before digits are given up.
const EVENTS_BEHIND: usize = 1_024;

impl Engine {
    /// Without streams.
    #[must_use]
    pub fn new(config: &EngineConfig, prompts: Arc<PromptTable>, stats: Arc<WorkerStats>) -> Self {
        Self {
            worker: config.worker,
            table: Table::new(config.streams_max),
            wheel: Wheel::new(),
            library: Library::new(prompts),
            random: ChaCha8Rng::from_seed(config.seed),
            stats,
            events: VecDeque::new(),
            ended: Vec::new(),
            unsettled: Vec::new(),
            agenda: Agenda::new(config.streams_max),
            transcoder: Transcoder::new(),
            media_timeout: config.media_timeout,
            tap: Tap::default(),
            utilisation: Utilisation::new(config.admission),
            epoch: Duration::ZERO,
            stopping: false,
        }
    }

    /// Obeys a command.
    pub fn command(&mut self, now: Time, command: Command, port: &mut impl Port) {
        match command {
            Command::Open {
                stream,
                local,
                rtcp,
                role,
                source,
            } => {
                if self.admit(now, stream, role, &source) {
                    port.open(owner(stream), local, rtcp);
                }
            }
            Command::Describe { stream, media } => self.describe(now, stream, &media),
            Command::Send { stream, source } => self.send(now, stream, source),
            Command::Capture { .. } => self.capture(command),
            Command::Close { stream } => match self.table.get(owner(stream)) {
                Some(_) => self.close(now, owner(stream), port),
                None => self.stats.count_drop(DropReason::StaleStream, 1),
            },
            Command::Stop => self.stop(now, port),
        }
    }

    /// The answer to [`Port::open`].
    pub fn opened(&mut self, now: Time, owner: Owner, result: Result<Sockets, RefuseReason>) {
        let stream = self.id(owner);
        let Some(entry) = self.table.get(owner) else {
            unreachable!("a place is kept until its sockets are closed")
        };
        if entry.phase == Phase::Closing {
            return;
        }
        match result {
            Ok(sockets) => {
                entry.phase = Phase::Open(sockets);
                entry.hear(now);
                self.unsettle(owner);
                self.tell(Event::Opened { stream });
                self.drive(now, owner);
            }
            Err(reason) => {
                self.remove(owner);
                self.tell(Event::Refused { stream, reason });
            }
        }
    }

    /// The answer to [`Port::close`]: nothing of the stream is in flight.
    pub fn closed(&mut self, owner: Owner) {
        let stream = self.id(owner);
        let stats = self.remove(owner);
        self.tell(Event::Closed { stream, stats });
    }

    /// Works the earliest slot that is due; `false` when none is.
    pub fn tick(&mut self, now: Time, port: &mut impl Port) -> bool {
        if now >= self.agenda.next() {
            self.refresh_prompts();
            self.attend(now, port);
        }
        self.skip_stall(now);
        let Some(due) = self.wheel.take_due(now) else {
            return false;
        };
        let mut sent = 0;
        for line in due.lines {
            let owner = Owner {
                index: line.index,
                generation: line.generation,
            };
            let audio = self.library.audio(line.track);
            let silence = line.track.codec().silence();
            let mut played = Played::On;
            let (socket, remote, header) = (line.socket, line.remote, line.header);
            let outcome = port.send(socket, &remote, owner, |out| {
                let (length, end) = player::play(line, audio, silence, out);
                played = end;
                length
            });
            match outcome {
                Ok(()) => {
                    sent += 1;
                    if line.captured {
                        let played = (header, line.samples);
                        self.tap.see_played(owner, now, remote, played, &self.stats);
                    }
                }
                // The packet is lost, and so its number must be.
                Err(reason) => {
                    self.stats.count_drop(reason, 1);
                    let mut nowhere = [0; SEND_BYTES_MAX];
                    played = player::play(line, audio, silence, &mut nowhere).1;
                    line.sent -= 1;
                }
            }
            if played == Played::Ended {
                self.ended.push(owner);
            }
        }
        self.stats.rtp_sent.add(sent);
        let late = u64::try_from((now - due.at).as_nanos()).unwrap_or(u64::MAX);
        self.stats.lateness.record(late, sent);
        self.utilisation.slot(Duration::from_nanos(late));
        self.end_prompts();
        true
    }

    /// When [`Engine::tick`] is to be called next, if nothing else happens; `None`: not at all.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        if self.table.occupied() == 0 {
            return None;
        }
        let due = self.wheel.next_due();
        let next = self.agenda.next();
        Some(due.map_or(next, |due| due.min(next)))
    }

    /// The oldest event that was not taken yet.
    #[must_use]
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Gives back the event taken last.
    pub fn keep_event(&mut self, event: Event) {
        self.events.push_front(event);
    }

    /// Measures what part of the time is needed: the worker's thread has used `cpu` since it began.
    /// To be called about every [`crate::utilisation::WINDOW`].
    pub fn measure(&mut self, now: Time, cpu: Duration) {
        let streams = self.table.occupied();
        let notable = self.utilisation.measure(now, cpu, streams);
        let share = self.utilisation.share();
        self.stats.utilisation.store(share.as_thousandths().into());
        if let Some(share) = notable {
            self.tell(Event::Utilisation { share });
        }
    }

    /// Sets the wall clock: it is `wall` since 1970 now.
    pub fn set_wall(&mut self, now: Time, wall: Duration) {
        self.epoch = wall.saturating_sub(now - Time::ZERO);
    }

    /// Whether the worker shall end: it was told to stop, and every stream is closed.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.stopping && self.table.occupied() == 0
    }

    fn admit(&mut self, now: Time, stream: StreamId, role: Role, source: &SyncSource) -> bool {
        let owner = owner(stream);
        match self.table.vacancy(owner) {
            Ok(()) if !self.stopping => {
                if !self.utilisation.admit(role) {
                    self.stats.refused.add(1);
                    let reason = RefuseReason::WorkerFull;
                    self.tell(Event::Refused { stream, reason });
                    return false;
                }
            }
            Ok(()) | Err(NoPlace::Outside | NoPlace::Occupied) => {
                let reason = RefuseReason::WorkerFull;
                self.tell(Event::Refused { stream, reason });
                return false;
            }
            Err(NoPlace::Same) => {
                let open = self
                    .table
                    .get(owner)
                    .is_some_and(|it| it.sockets().is_some());
                if open {
                    self.tell(Event::Opened { stream });
                }
                return false;
            }
            Err(NoPlace::Stale) => {
                self.stats.count_drop(DropReason::StaleStream, 1);
                return false;
            }
        }
        let wall = self.wall(now);
        let timestamp = source.timestamp_at(wall, SAMPLES_PER_MS);
        let output = Output::new(source.ssrc, source.sequence_at(wall), timestamp);
        self.table
            .insert(Stream::new(owner, output, source.cname, now));
        self.stats.streams.store(self.table.occupied().into());
        true
    }

    fn close(&mut self, now: Time, owner: Owner, port: &mut impl Port) {
        self.unlink(owner);
        if self
            .table
            .get(owner)
            .is_none_or(|stream| stream.phase == Phase::Closing)
        {
            return;
        }
        self.say_goodbye(now, owner, port);
        if let Some(stream) = self.table.get(owner) {
            stream.phase = Phase::Closing;
            port.close(owner);
        }
    }

    fn stop(&mut self, now: Time, port: &mut impl Port) {
        self.stopping = true;
        for index in 0..self.table.high_water() {
            if let Some(stream) = self.table.at(index) {
                let owner = stream.owner;
                self.close(now, owner, port);
            }
        }
    }

    fn remove(&mut self, owner: Owner) -> StreamStats {
        self.unlink(owner);
        let Some(stream) = self.table.remove(owner) else {
            unreachable!("a place is kept until its sockets are closed")
        };
        self.agenda.clear(owner.index);
        if stream.captured {
            self.untap(owner);
        }
        self.stats.streams.store(self.table.occupied().into());
        stream.stats()
    }

    fn end_prompts(&mut self) {
        while let Some(owner) = self.ended.pop() {
            self.unlink(owner);
            let stream = self.id(owner);
            if let Some(entry) = self.table.get(owner) {
                entry.source = shared::Source::Silent;
                entry.paused = None;
                self.tell(Event::PromptEnded { stream });
            }
        }
    }

    fn skip_stall(&mut self, now: Time) {
        if self
            .wheel
            .next_due()
            .is_none_or(|due| now - due < STALL_MAX)
        {
            return;
        }
        let library = &self.library;
        self.wheel.skip(now, |line, missed_ms| {
            player::skip(line, missed_ms, library.audio(line.track).len());
        });
    }

    /// Takes up prompts that were replaced; [`Engine::tick`] does so at the walks of its agenda.
    pub fn refresh_prompts(&mut self) {
        let wheel = &mut self.wheel;
        self.library.refresh(|id, prompt| {
            wheel.for_each(|line, due| {
                if line.track.prompt() == id {
                    player::replaced(line, due, prompt.audio(line.track.codec()).len());
                }
            });
        });
    }

    /// Since 1970.
    pub(crate) fn wall(&self, now: Time) -> Duration {
        self.epoch + (now - Time::ZERO)
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(crate) fn events_are_behind(&self) -> bool {
        self.events.len() >= EVENTS_BEHIND
    }

    /// The full name of an occupant.
    pub(crate) const fn id(&self, owner: Owner) -> StreamId {
        StreamId {
            worker: self.worker,
            index: owner.index,
            generation: owner.generation,
        }
    }
}

/// What a full name says to its own worker.
pub(crate) const fn owner(stream: StreamId) -> Owner {
    Owner {
        index: stream.index,
        generation: stream.generation,
    }
}
