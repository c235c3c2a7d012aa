//! What every run with calls has: phones, sockets, listeners, and the report that comes of them.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use shared::Time;

use super::cut::Cut;
use super::exchange::Exchange;
use super::limits::{SETTLE, THREADS_MAX};
use super::listener::{Listeners, Role};
use super::machine::ServerCpu;
use super::options::{Load, Output, Target};
use super::ports::{self, Port};
use super::progress::Progress;
use super::report::{Calls, Report, millis};
use super::watch::{Times, Watch};
use crate::clock;
use crate::judge::Music;
use crate::phone::{Event, What};

/// A run under way.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) exchange: Exchange,
    pub(super) watch: Watch,
    pub(super) report: Report,
    progress: Progress,
    ports: Vec<Port>,
    /// Sockets of other roles.
    apart: Vec<Port>,
    /// Where phones are that are not at the sockets of all.
    homes: HashMap<usize, SocketAddr>,
    /// Where each phone was told that its audio comes from, at its own address.
    told: HashMap<(SocketAddr, SocketAddr), usize>,
    /// Addresses that nothing is to be sent to any more, since when (by the wall clock).
    left: HashMap<SocketAddr, Time>,
    cps: u32,
    hold: Duration,
}

/// Who takes part, besides the server.
#[derive(Debug)]
pub(super) struct Cast {
    /// Phones at sockets that they may share.
    pub(super) phones: u32,
    /// What these sockets are for.
    pub(super) role: Role,
    /// What parked phones are to hear.
    pub(super) music: Option<Arc<Music>>,
    /// Sockets of other roles, each at a port of its own.
    pub(super) apart: Vec<Role>,
    /// Sockets that are there already.
    pub(super) guests: Vec<(Port, Role)>,
}

/// Which voice a phone is to hear: a pair, and a side of it.
pub(super) type Speaker = (u32, u8);

/// Phones that one receiving thread is to hear.
const PHONES_PER_THREAD: u32 = 4_000;

/// Sockets for one receiving thread, where calls share them.
const SOCKETS_PER_THREAD: u32 = 8;

/// How long nothing may happen between two looks.
const TURN: Duration = Duration::from_millis(5);

/// A stream whose last packet is this old has ended.
const SILENCE: Duration = Duration::from_secs(1);

impl Stage {
    /// With the sockets of a cast; nobody has called.
    pub(super) fn set(
        mode: &'static str,
        target: &Target,
        load: &Load,
        cast: Cast,
        output: &Output,
    ) -> Result<Self, Box<dyn Error>> {
        let exchange = Exchange::open(target)?;
        let server = target.server_pid.map(ServerCpu::new).transpose()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = load.threads.map_or_else(
            || (cast.phones.div_ceil(PHONES_PER_THREAD) as usize).min(cores),
            usize::from,
        );
        let threads = wanted.clamp(1, THREADS_MAX);
        let shared = u32::try_from(threads).unwrap_or(1) * SOCKETS_PER_THREAD;
        let sockets = load.sockets.unwrap_or(shared).min(cast.phones).max(1) as usize;
        let mut ports = ports::bind(exchange.local(), sockets + cast.apart.len())?;
        let roles = std::iter::repeat_n(cast.role, sockets).chain(cast.apart);
        let mut listened: Vec<(Port, Role)> = ports.iter().map(Arc::clone).zip(roles).collect();
        listened.extend(cast.guests);
        let apart = ports.split_off(sockets);
        let hosts = exchange.scope().hosts();
        let listeners = Listeners::start(&listened, cast.music.as_ref(), Some(hosts), threads)?;
        let began = Duration::from_nanos(clock::wall().as_nanos());
        let mut report = Report::new(mode, target_uri(&exchange, target), began);
        report.own.sockets = listened.len();
        report.own.threads = threads;
        Ok(Self {
            watch: Watch::new(listeners, server),
            exchange,
            report,
            progress: Progress::new(output.quiet),
            ports,
            apart,
            homes: HashMap::new(),
            told: HashMap::new(),
            left: HashMap::new(),
            cps: load.cps,
            hold: Duration::from_secs(load.hold.into()),
        })
    }

    /// The socket of a phone.
    pub(super) fn port(&self, phone: usize) -> &Port {
        &self.ports[phone % self.ports.len()]
    }

    /// How many sockets the phones share.
    pub(super) fn sockets(&self) -> usize {
        self.ports.len()
    }

    /// The sockets of other roles.
    pub(super) fn apart(&self) -> &[Port] {
        &self.apart
    }

    /// The numbers of all ports.
    pub(super) fn own_ports(&self) -> impl Iterator<Item = u16> {
        let ports = self.ports.iter().chain(&self.apart);
        ports.map(|port| ports::address(port).port())
    }

    /// Where the audio of a phone is.
    pub(super) fn rtp(&self, phone: usize) -> SocketAddr {
        let home = self.homes.get(&phone).copied();
        home.unwrap_or_else(|| ports::address(self.port(phone)))
    }

    /// From here on the audio of a phone is there; nothing is to go where it was.
    pub(super) fn settle(&mut self, phone: usize, home: SocketAddr) {
        if self.exchange.phones().is_up(phone) {
            self.leave(phone);
        }
        self.homes.insert(phone, home);
        if let Some(media) = self.exchange.phones().server_media(phone) {
            self.told.insert((home, media), phone);
        }
    }

    /// From here on nothing is to be sent to a phone.
    pub(super) fn leave(&mut self, phone: usize) {
        self.left.insert(self.rtp(phone), clock::wall());
    }

    /// Phones with an answered call that goes on.
    pub(super) fn up(&self) -> usize {
        self.exchange.phones().counts().parked
    }

    /// Lets these phones call, at the rate of the run; returns how long it took until the last was
    /// answered or refused.
    pub(super) fn place(
        &mut self,
        name: &'static str,
        phones: Range<usize>,
    ) -> Result<Duration, Cut> {
        let (began, count) = (clock::now(), phones.len());
        let mut waiting = phones.clone();
        self.progress.phase(name, count);
        loop {
            let begun = count - waiting.len();
            if self.exchange.may_call(begun, began, self.cps)
                && let Some(phone) = waiting.next()
            {
                self.exchange.call(phone);
                if !waiting.len().is_multiple_of(64) {
                    continue;
                }
            }
            let calling = self.exchange.phones().counts().calling;
            if waiting.is_empty() && calling == 0 {
                return Ok(clock::now() - began);
            }
            self.turn(Duration::from_millis(1))?;
            self.progress.at(begun.saturating_sub(calling));
            self.look();
        }
    }

    /// Holds all calls for as long as the run is to.
    pub(super) fn hold(&mut self) -> Result<(), Cut> {
        // What is heard in the rush of the last calls is not what is watched.
        self.wait(SETTLE)?;
        self.hold_with("holding", |_, _, _| {})
    }

    /// Holds all calls, while something goes on: it is told what happened, and how much of the time
    /// has passed.
    pub(super) fn hold_with(
        &mut self,
        name: &'static str,
        mut goes_on: impl FnMut(&mut Self, &[Event], Duration),
    ) -> Result<(), Cut> {
        self.watch.hold(self.up());
        let began = clock::now();
        let seconds = usize::try_from(self.hold.as_secs()).unwrap_or(usize::MAX);
        self.progress.phase(name, seconds);
        loop {
            let passed = clock::now() - began;
            if passed >= self.hold {
                self.report.server_cpu = self.watch.server_use(self.up());
                return Ok(());
            }
            self.progress.after(passed);
            let events = self.turn(TURN.min(self.hold - passed))?;
            goes_on(self, &events, passed);
            self.look();
        }
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, time: Duration) -> Result<(), Cut> {
        let end = clock::now() + time;
        loop {
            let left = end - clock::now();
            if left.is_zero() {
                return Ok(());
            }
            self.turn(left.min(Duration::from_millis(20)))?;
            self.look();
        }
    }

    /// One turn of the phones; a server that names a host of its own choice ends the run.
    pub(super) fn turn(&mut self, wait: Duration) -> Result<Vec<Event>, Cut> {
        let events = self.exchange.turn(wait)?;
        for event in &events {
            let tells = matches!(
                event.what,
                What::Answered | What::Redescribed | What::Agreed
            );
            let media = self.exchange.phones().server_media(event.phone);
            if let Some(media) = media.filter(|_| tells) {
                let media = self.exchange.scope().admit(media)?;
                self.told
                    .insert((self.rtp(event.phone), media), event.phone);
            }
        }
        Ok(events)
    }

    /// What became of the calls so far, of which the first took so long to place.
    pub(super) fn count_calls(&mut self, first: usize, took: Duration) {
        let phones = self.exchange.phones();
        let counts = phones.counts();
        let (refused, failed) = self.exchange.refused_and_failed();
        #[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
        let a_second = first as f64 / took.as_secs_f64().max(1e-3);
        let answered = counts.parked + counts.dismissed + counts.hanging_up + counts.hung_up;
        self.report.calls = Some(Calls {
            asked: phones.len(),
            answered,
            refused,
            failed,
            failures: failures(&self.exchange),
            dismissed: counts.dismissed,
            hung_up: counts.hung_up,
            a_second,
            answer_p50_ms: millis(phones.answered_within(0.5)),
            answer_p99_ms: millis(phones.answered_within(0.99)),
        });
    }

    /// Compares what calls were told with what came: who hears nobody, or somebody else than
    /// `wanted`, who ceased to be sent to, and who sends unasked. For while the calls are up.
    pub(super) fn compare_streams(&mut self, wanted: impl Fn(usize) -> Option<Speaker>) {
        let now = clock::wall();
        let phones = self.exchange.phones();
        let mut unheard: HashSet<usize> = (0..phones.len())
            .filter(|phone| phones.is_up(*phone))
            .collect();
        let mut packets = self.report.packets.clone();
        for stream in self.watch.listeners().streams() {
            let Some(phone) = self.told.get(&(stream.port, stream.source)) else {
                packets.unsignalled += 1;
                continue;
            };
            let left = self.left.get(&stream.port);
            packets.lingering += usize::from(left.is_some_and(|at| stream.last > *at + SILENCE));
            let media = phones.server_media(*phone);
            if media != Some(stream.source) || self.rtp(*phone) != stream.port {
                continue;
            }
            let wanted = wanted(*phone);
            if wanted.is_none() || stream.speaker.is_some() {
                unheard.remove(phone);
            }
            packets.crossed += usize::from(stream.speaker.is_some() && stream.speaker != wanted);
            packets.silenced += usize::from(now - stream.last > SILENCE);
        }
        packets.unheard = unheard.len();
        self.report.packets = packets;
    }

    /// Ends every call; a second interruption cuts that short.
    pub(super) fn hang_up(&mut self) {
        if let Some(calls) = &mut self.report.calls {
            calls.dismissed = self.exchange.phones().counts().dismissed;
        }
        self.progress.phase("hanging up", 1);
        self.exchange.hang_up_all(self.cps.max(HANG_UPS_PER_SECOND));
    }

    /// The last look; the report, and the times that were measured.
    pub(super) fn finish(mut self) -> (Report, Times) {
        let up = self.up();
        let times = self.watch.finish(up, &mut self.report);
        if let Some(calls) = &mut self.report.calls {
            let counts = self.exchange.phones().counts();
            calls.hung_up = counts.hung_up + counts.dismissed - calls.dismissed;
        }
        (self.report, times)
    }

    fn look(&mut self) {
        let up = self.up();
        if self.watch.look(up) {
            let found = &self.watch.last().findings;
            self.progress.say(format!(
                "{up} calls up, {} packets heard, {} lost",
                found.received, found.lost
            ));
        }
    }
}

/// Complains of calls that did not come about, or ended by themselves.
pub(super) fn blame_calls(report: &mut Report, refusals_ok: bool) {
    let Some(calls) = report.calls.clone() else {
        return;
    };
    if !refusals_ok {
        report.complain_of(calls.refused as u64, "calls were refused with 503");
    }
    report.complain_of(calls.failed as u64, "calls failed");
    report.complain_of(calls.dismissed as u64, "calls were ended by the server");
    let left = calls
        .answered
        .saturating_sub(calls.hung_up + calls.dismissed);
    report.complain_of(left as u64, "calls did not answer our BYE");
}

/// How fast calls end, where they were not placed faster.
const HANG_UPS_PER_SECOND: u32 = 500;

fn failures(exchange: &Exchange) -> Vec<(u16, usize)> {
    let failures = exchange.phones().failures().into_iter();
    failures
        .map(|(status, count)| (status.code(), count))
        .collect()
}

fn target_uri(exchange: &Exchange, target: &Target) -> String {
    format!("sip:{}@{}", target.user, exchange.scope().sip)
}
