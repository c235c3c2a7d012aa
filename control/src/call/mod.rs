//! Calls: the legs we join. `Exchange` holds them all, with what they use: the SIP agent, orbits,
//! streams and ports.
//!
//! A call's state says which legs it has and what each is for; a leg's wish follows from it, and
//! from wish and agreement follows what its stream is told. Absent on purpose: what a number means
//! (`park`), the inputs (`control`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use shared::{Command, Time, WorkerId};

use adopt::Adoptions;
pub(crate) use alarm::Alarm;

use crate::config::{Codes, Config, Media, Music, Park, ReferTo, Reserved};
use crate::happening::News;
use crate::lamp::{self, End, Lamps};
use crate::park::{
    Attempts, ControlDialogs, Entry, Fetch, NumbersMusic, Orbit, OrbitTable, ParkToken, Parked,
    Parking, Settings,
};
use crate::policy::Policies;
use crate::sip::agent::{Agent, DialogKey};
use crate::sip::method::Method;

mod adopt;
mod alarm;
pub(crate) mod arrival;
mod bridge;
mod check;
pub(crate) mod end;
mod hold;
pub(crate) mod identity;
mod keep;
mod leg;
pub(crate) mod limits;
pub(crate) mod music;
pub(crate) mod negotiate;
pub(crate) mod offer;
pub(crate) mod open;
mod port;
mod random;
pub(crate) mod refusal;
pub(crate) mod release;
mod signal;
mod speech;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use adopt::Adopted;
pub(crate) use keep::Keeping;
pub(crate) use leg::{Leg, Turn, Wish};
pub(crate) use music::MusicMemory;
pub(crate) use port::PortPool;
pub(crate) use random::Random;
pub(crate) use refusal::Refusal;
pub(crate) use release::Release;
pub(crate) use stream::{Purpose, StreamPool};

/// All calls of a node.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) agent: Agent,
    pub(crate) rules: Rules,
    /// Boxed, as the legs are: keys only grow, and a tree filled from one side is half empty.
    pub(crate) calls: BTreeMap<CallKey, Box<Call>>,
    pub(crate) legs: BTreeMap<DialogKey, Box<Leg>>,
    pub(crate) orbits: OrbitTable,
    /// The calls that are being taken over, with who has asked for it.
    pub(crate) fetches: BTreeMap<CallKey, Box<Fetch>>,
    /// The bridges whose media is released, or on the way there, or cannot be.
    pub(crate) releases: BTreeMap<CallKey, Box<Release>>,
    /// The legs whose streams have heard them from somewhere else than they say.
    translated: BTreeSet<DialogKey>,
    /// Dialogs without media, with parkers who want to know what becomes of their calls.
    pub(crate) controls: ControlDialogs,
    pub(crate) streams: StreamPool,
    pub(crate) ports: PortPool,
    pub(crate) random: Random,
    pub(crate) totals: Totals,
    pub(crate) phase: Phase,
    pub(crate) lamps: Lamps,
    pub(crate) news: News,
    /// `None` without a store.
    pub(crate) keeping: Option<Keeping>,
    /// Limits of ours that calls run into.
    limit_alarm: Alarm,
    /// Streams that cannot be had.
    stream_alarm: Alarm,
    adoptions: Adoptions,
    pub(crate) attempts: Attempts,
    pub(crate) music_memory: MusicMemory,
    /// The moment of the input that is being taken.
    pub(crate) now: Time,
    commands: VecDeque<(WorkerId, Command)>,
    deadlines: BTreeSet<(Time, CallKey)>,
    next_call: u64,
}

/// One call. Never reused, also not by the next process, which goes on with those that are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct CallKey(pub(crate) u64);

/// One call: parked, bridged, or on the way there.
#[derive(Debug)]
pub(crate) struct Call {
    /// The leg it began with, or whoever took its place: the parkee.
    pub(crate) first: DialogKey,
    pub(crate) state: State,
    /// Who has parked it: the URI to call when nobody retrieves it. `None` where nobody did but the
    /// parkee itself.
    pub(crate) parker: Option<Box<str>>,
    /// The History-Info that it came with (RFC 7044).
    pub(crate) history: Option<Box<str>>,
    /// The PIN that its first leg dials.
    pub(crate) entry: Option<Box<Entry>>,
    /// The URI that an operator has chosen to be called, while it is.
    pub(crate) chosen: Option<Box<str>>,
    /// Its entry in the deadlines.
    deadline: Option<Time>,
}

/// What a call is at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    /// The first leg's INVITE asks to be parked; its stream is opening.
    Parking(Parking),
    /// The first leg is called, so that it leaves its parker for this orbit: its stream is opening,
    /// or its phone is thinking.
    Fetching(Orbit),
    /// The first leg wants to retrieve the call of this token, and dials the PIN that it needs.
    Asking(ParkToken),
    /// The first leg hears music.
    Parked(Parked),
    /// The first leg hears music; a retriever's INVITE, or who has answered a recall, waits until
    /// it agrees to talk.
    Retrieving(Parked, DialogKey),
    /// The first leg hears music; somebody is called who may want it, because nobody came or
    /// because an operator has chosen so: the second leg's stream is opening, or its phone rings.
    Recalling(Parked, DialogKey),
    /// Two legs talk.
    Bridged(Bridge),
    /// The first leg's INVITE asks to take the place of a leg in another call; its stream is
    /// opening.
    Joining {
        /// That call.
        call: CallKey,
        /// That leg.
        replaced: DialogKey,
    },
    /// It was a call of an earlier process: its streams are opening, or its peers were not told
    /// yet where we are now.
    Adopting(Adopted),
}

/// The second leg of a bridge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bridge {
    pub(crate) second: DialogKey,
    pub(crate) since: Time,
    /// How the first was parked. It is parked so again should it turn out that the second was never
    /// there: its ACK does not come, or brings no usable answer; or neither a word nor a packet
    /// comes from who answered a recall.
    pub(crate) way_back: Option<Parked>,
}

/// What the operator said, as far as calls are concerned.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) media: Media,
    pub(crate) park: Park,
    pub(crate) codes: Codes,
    pub(crate) policies: Policies,
    /// Ranges that nobody parks in here.
    pub(crate) reserved: Vec<Reserved>,
    /// Where a REFER may lead.
    pub(crate) refer_to: ReferTo,
    /// What holds for calls in an orbit that is one no more.
    pub(crate) of_all: Settings,
    /// Numbers with music of their own for who has called them.
    pub(crate) of_numbers: Vec<NumbersMusic>,
    /// What the workers have as prompts.
    pub(crate) recordings: BTreeMap<String, Music>,
    /// Our name in Warning.
    pub(crate) host: Box<str>,
}

/// Counts since the start.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Totals {
    pub(crate) parked: u64,
    pub(crate) retrieved: u64,
    pub(crate) forsaken: u64,
}

/// Whether calls are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Serving,
    /// Only those that are there go on.
    Draining,
    /// All calls are ended; waiting until then for peers and workers to agree.
    Stopping(Time),
    Stopped,
}

impl Exchange {
    /// No calls yet. `random` has already seeded the agent.
    pub(crate) fn new(
        mut agent: Agent,
        config: &Config,
        workers: &[(WorkerId, u32)],
        host: &str,
        mut random: Random,
    ) -> Self {
        for package in lamp::packages() {
            agent.serve(package);
        }
        agent.allow(Method::Refer);
        agent.allow(Method::Info);
        agent.take_bodies(crate::park::ms_call_park::CONTENT_TYPE);
        let ports = PortPool::new(config.media.ports, &mut random);
        Self {
            agent,
            rules: Rules::new(config, bracketed(host)),
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
            orbits: OrbitTable::of(config),
            fetches: BTreeMap::new(),
            releases: BTreeMap::new(),
            translated: BTreeSet::new(),
            controls: ControlDialogs::default(),
            streams: StreamPool::new(workers),
            ports,
            // So that two processes name no two calls alike.
            next_call: random.token(),
            random,
            totals: Totals::default(),
            phase: Phase::Serving,
            lamps: Lamps::default(),
            news: News::default(),
            keeping: None,
            limit_alarm: Alarm::default(),
            stream_alarm: Alarm::default(),
            adoptions: Adoptions::default(),
            attempts: Attempts::default(),
            music_memory: MusicMemory::default(),
            now: Time::ZERO,
            commands: VecDeque::new(),
            deadlines: BTreeSet::new(),
        }
    }

    /// The next command for a worker.
    pub(crate) fn poll_command(&mut self) -> Option<(WorkerId, Command)> {
        self.commands.pop_front()
    }

    pub(crate) fn command(&mut self, worker: WorkerId, command: Command) {
        self.commands.push_back((worker, command));
    }

    /// The earliest deadline of a call.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|&(at, _)| at)
    }

    /// The call whose deadline has passed, if one has; it has no deadline any more.
    pub(crate) fn pop_deadline(&mut self, now: Time) -> Option<CallKey> {
        let &(at, key) = self.deadlines.first()?;
        if at > now {
            return None;
        }
        self.set_deadline(key, None);
        Some(key)
    }

    pub(crate) fn set_deadline(&mut self, key: CallKey, deadline: Option<Time>) {
        let Some(call) = self.calls.get_mut(&key) else {
            return;
        };
        if let Some(earlier) = std::mem::replace(&mut call.deadline, deadline) {
            self.deadlines.remove(&(earlier, key));
        }
        if let Some(at) = deadline {
            self.deadlines.insert((at, key));
        }
    }

    /// A key for a new call.
    pub(crate) fn new_call_key(&mut self) -> CallKey {
        loop {
            self.next_call = self.next_call.wrapping_add(1);
            let key = CallKey(self.next_call);
            if !self.calls.contains_key(&key) {
                return key;
            }
        }
    }

    /// Enters a call whose first leg is opening.
    pub(crate) fn add_call(&mut self, now: Time, key: CallKey, first: DialogKey, state: State) {
        let Turn::Arriving(arrival) = &self.legs[&first].turn else {
            unreachable!("a call begins with an INVITE")
        };
        let mut call = Call::new(first, state, arrival.parker.clone());
        call.history.clone_from(&arrival.history);
        self.enter_call(now + limits::OPEN_TIMEOUT, key, call);
    }

    /// Enters a call whose legs are there.
    pub(crate) fn enter_call(&mut self, deadline: Time, key: CallKey, call: Call) {
        let before = self.calls.insert(key, Box::new(call));
        assert!(before.is_none(), "a call's key is never reused");
        self.set_deadline(key, Some(deadline));
    }

    /// Takes a call out of the table. Its legs and its orbit are the caller's business.
    pub(crate) fn remove_call(&mut self, key: CallKey, end: End) -> Option<Call> {
        self.touch(key);
        self.call_ends(key, end);
        self.tell_ended(key, end);
        self.set_deadline(key, None);
        self.releases.remove(&key);
        self.calls.remove(&key).map(|call| *call)
    }

    pub(crate) fn state(&self, key: CallKey) -> Option<State> {
        Some(self.calls.get(&key)?.state)
    }

    pub(crate) fn set_state(&mut self, key: CallKey, state: State) {
        self.touch(key);
        let call = self.calls.get_mut(&key).expect("the call exists");
        let before = std::mem::replace(&mut call.state, state);
        if !matches!(state, State::Recalling(..)) {
            call.chosen = None;
        }
        if !matches!(state, State::Bridged(_)) {
            self.releases.remove(&key);
        }
        self.call_moved(key, before);
        self.tell_moved(key, before);
    }

    /// The call and the state of a leg.
    pub(crate) fn call_of(&self, dialog: DialogKey) -> Option<(CallKey, State)> {
        let key = self.legs.get(&dialog)?.call;
        Some((key, self.state(key)?))
    }

    /// A fact of a leg for the log: the fields that every line about a call has.
    pub(crate) fn log_fields(&self, dialog: DialogKey) -> (String, &str) {
        self.legs.get(&dialog).map_or_else(
            || (String::new(), ""),
            |leg| (self.orbits.number(leg.orbit), &*leg.call_id),
        )
    }
}

impl Call {
    pub(crate) const fn new(first: DialogKey, state: State, parker: Option<Box<str>>) -> Self {
        Self {
            first,
            state,
            parker,
            history: None,
            entry: None,
            chosen: None,
            deadline: None,
        }
    }

    /// Its legs, the first one first.
    pub(crate) fn legs(&self) -> impl Iterator<Item = DialogKey> + use<> {
        [Some(self.first), self.second()].into_iter().flatten()
    }

    /// The other leg of two.
    pub(crate) fn other(&self, leg: DialogKey) -> Option<DialogKey> {
        self.legs().find(|&other| other != leg)
    }

    fn second(&self) -> Option<DialogKey> {
        match self.state {
            State::Retrieving(_, second)
            | State::Recalling(_, second)
            | State::Bridged(Bridge { second, .. })
            | State::Adopting(Adopted::Bridged(Bridge { second, .. })) => Some(second),
            State::Parking(_)
            | State::Fetching(_)
            | State::Asking(_)
            | State::Parked(_)
            | State::Joining { .. }
            | State::Adopting(Adopted::Parked(_)) => None,
        }
    }

    /// The orbit it holds.
    pub(crate) fn orbit(&self) -> Option<Orbit> {
        match self.state {
            State::Parking(parking) => parking.orbit,
            State::Fetching(orbit) => Some(orbit),
            State::Parked(parked)
            | State::Retrieving(parked, _)
            | State::Recalling(parked, _)
            | State::Adopting(Adopted::Parked(parked)) => Some(parked.orbit),
            State::Asking(_)
            | State::Bridged(_)
            | State::Joining { .. }
            | State::Adopting(Adopted::Bridged(_)) => None,
        }
    }
}

impl Rules {
    pub(crate) fn new(config: &Config, host: Box<str>) -> Self {
        Self {
            media: config.media.clone(),
            park: config.park.clone(),
            codes: config.codes.clone(),
            policies: Policies::new(config),
            reserved: config.reserved.clone(),
            refer_to: config.refer_to.clone(),
            of_all: Settings::of_all(config),
            of_numbers: crate::park::music_of_numbers(config),
            recordings: config.music.clone(),
            host,
        }
    }
}

fn bracketed(host: &str) -> Box<str> {
    if host.contains(':') {
        format!("[{host}]").into()
    } else {
        host.into()
    }
}
