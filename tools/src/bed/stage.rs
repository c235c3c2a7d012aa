//! A bed with a server and phones on it, and what is measured there again and again: windows of
//! time, and rounds in which the server and bare loops take turns.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dataplane::prompt::Prompt;
use serde_json::{Value, json};
use shared::{Codec, Form};

use super::bare::{self, Moved, Place};
use super::figures::Figures;
use super::interface::Interface;
use super::listener::{Heard, Listener};
use super::load::Load;
use super::machine::Machine;
use super::namespace::{self, Bed, PHONES};
use super::ports;
use super::report::quantiles;
use super::server::{Extras, ServerProcess};
use crate::clock;
use crate::judge::{Music, Pacing};

/// A bed in use.
#[derive(Debug)]
pub(super) struct Stage {
    // In the order in which they end.
    listener: Listener,
    load: Load,
    pub(super) server: ServerProcess,
    bed: Bed,
    place: Place,
    /// Of bare loops: phones that are not listened to.
    destinations: Vec<SocketAddr>,
    /// The numbers of the phones that are listened to.
    heard_places: Vec<usize>,
    /// Packets that bare loops sent.
    bare_packets: u64,
}

/// What happened within some seconds.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) figures: Figures,
    pub(super) heard: Heard,
    /// By the server's own counters and those of the interface.
    pub(super) drops: u64,
    /// Packets sent, of those due.
    pub(super) share: f64,
}

/// A turn of the server, then those of a bare timer.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) deviation: Pacing,
    pub(super) bare: Pacing,
    /// The timer, busy for as much of its time as the worker is.
    pub(super) busy: Pacing,
    pub(super) figures: Figures,
}

/// A turn of a bare sending loop, then one of the server while it makes up for what it missed, as
/// fast as it can.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rush {
    pub(super) bare: Moved,
    pub(super) figures: Figures,
}

/// How long each has its turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turns {
    pub(super) bare: Duration,
    pub(super) server: Duration,
}

impl Round {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "bare_timer_ns": quantiles(&self.bare),
            "busy_timer_ns": quantiles(&self.busy),
            "deviation_ns": quantiles(&self.deviation),
            "cpu_ns_per_packet": self.figures.cpu_ns,
            "waited_share": self.figures.waited_share,
            "stolen_share": self.figures.stolen_share,
            "core_share": self.figures.core_share,
        })
    }
}

impl Rush {
    /// Packets a second, of the bare loop's.
    pub(super) fn ratio(&self) -> f64 {
        self.bare.cpu_ns() / self.figures.cpu_ns
    }

    pub(super) fn to_json(self) -> Value {
        json!({
            "bare_cpu_ns_per_packet": self.bare.cpu_ns(),
            "cpu_ns_per_packet": self.figures.cpu_ns,
            "core_share": self.figures.core_share,
        })
    }
}

/// Everything of a run, after its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Totals {
    pub(super) sent: u64,
    pub(super) arrived: u64,
    pub(super) interface_drops: u64,
}

/// After the last call was parked, and after a pause: what was due meanwhile goes out in a rush.
const SETTLE: Duration = Duration::from_millis(1_500);

/// Everything sent has arrived then.
const QUIET: Duration = Duration::from_millis(500);

/// The server makes up for shorter pauses than two seconds, which would be measured.
const PAUSE_MIN: Duration = Duration::from_millis(2_200);

/// The server makes up for this, together with what it takes to begin.
const RUSH_PAUSE: Duration = Duration::from_millis(1_200);

/// A timer that is busy for longer never makes up for anything.
const BUSY_MAX: f64 = 0.95;

/// A worker that uses this part of a core and more does nothing but send.
const SATURATED: f64 = 0.9;

impl Stage {
    /// Starts a server with orbits for so many calls, of which about `heard` are listened to. From
    /// now on the calling thread is in the phones' namespace.
    pub(super) fn build(
        machine: &Machine,
        calls: u32,
        heard: u32,
        send: Form,
    ) -> Result<Self, Box<dyn Error>> {
        let bed = Bed::build()?;
        let server =
            ServerProcess::start(&bed, calls, machine.worker_cpu(), send, &Extras::default())?;
        machine.stand_aside()?;
        namespace::enter(&bed.phones())?;
        let ports = ports::ports(calls, heard);
        let (listened, dropped) = ports::parted(&ports);
        let music = Arc::new(Music::new(Prompt::builtin(), Codec::Pcmu));
        Ok(Self {
            listener: Listener::start(&listened, Some(&music))?,
            heard_places: ports::places_heard(&ports),
            destinations: dropped.iter().map(|&port| (PHONES, port).into()).collect(),
            load: Load::new(ports)?,
            server,
            place: Place {
                space: bed.server(),
                cpu: machine.worker_cpu(),
            },
            bed,
            bare_packets: 0,
        })
    }

    /// Phones that are listened to of the first so many.
    pub(super) fn listened_of(&self, calls: u32) -> usize {
        self.heard_places
            .iter()
            .filter(|place| **place < calls as usize)
            .count()
    }

    /// Calls that are parked.
    pub(super) fn parked(&self) -> usize {
        self.load.counts().parked
    }

    /// Parks calls until there are so many.
    pub(super) fn park(&mut self, calls: u32) -> Result<(), Box<dyn Error>> {
        let parked = self.load.park(calls as usize);
        self.load.wait(SETTLE);
        self.listener.forget();
        parked
    }

    /// Parks calls until there are so many, or the server refuses some; how many there are then.
    pub(super) fn park_up_to(&mut self, calls: u32) -> u32 {
        // What is refused is seen by how many are parked.
        let _ = self.park(calls);
        u32::try_from(self.parked()).unwrap_or(u32::MAX)
    }

    /// Watches for so long.
    pub(super) fn watch(&mut self, time: Duration) -> Result<Window, Box<dyn Error>> {
        let (before, passed) = (self.server.look()?, Interface::look("phones")?);
        self.load.wait(time);
        let (now, through) = (self.server.look()?, Interface::look("phones")?);
        let heard = self.listener.heard();
        let figures = Figures::between(&before, &now);
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let due = figures.seconds * self.parked() as f64 * 50.0;
        Ok(Window {
            figures,
            heard,
            drops: now.dropped() - before.dropped() + through.drops() - passed.drops(),
            share: figures.rtp / due,
        })
    }

    /// Watches the server, then pauses it and lets bare timers run in its place.
    pub(super) fn round(&mut self, turns: Turns) -> Result<Round, Box<dyn Error>> {
        assert!(turns.bare >= PAUSE_MIN, "the pause is too short");
        let Window { figures, heard, .. } = self.watch(turns.server)?;
        let work = bare::SLOT.mul_f64(figures.core_share.clamp(0.0, BUSY_MAX));
        let pause = || self.server.pause();
        let bare = bare::tick(&self.place, &pause, turns.bare, Duration::ZERO);
        let busy = bare::tick(&self.place, &|| Ok(()), turns.bare, work);
        self.server.resume()?;
        self.load.wait(SETTLE);
        self.listener.forget();
        Ok(Round {
            deviation: heard.pacing,
            bare: bare?,
            busy: busy?,
            figures,
        })
    }

    /// So many rushes, less those in which something kept the worker from its CPU.
    pub(super) fn rushes(&mut self, count: u32) -> Result<Vec<Rush>, Box<dyn Error>> {
        let rushes = (0..count).filter_map(|_| self.rush().transpose());
        rushes.collect()
    }

    /// Pauses the server, lets a bare loop send in its place, then watches the server catch up.
    /// `None` when something kept it from its CPU while it did.
    fn rush(&mut self) -> Result<Option<Rush>, Box<dyn Error>> {
        let began = clock::now();
        let calls = self.parked().clamp(1, self.destinations.len());
        let bare = bare::send(
            &self.place,
            &|| self.server.pause(),
            &self.destinations[..calls],
            RUSH_PAUSE,
        );
        self.server.resume()?;
        let bare = bare?;
        self.bare_packets += bare.packets + bare.warm_up;
        let (before, paused) = (self.server.look()?, clock::now() - began);
        self.load.wait(catching_up(calls, paused, bare.cpu_ns()));
        let figures = Figures::between(&before, &self.server.look()?);
        self.load.wait(SETTLE);
        self.listener.forget();
        Ok((figures.core_share > SATURATED).then_some(Rush { bare, figures }))
    }

    /// A bare loop that sends to as many destinations as there would be calls.
    pub(super) fn bare_send(
        &mut self,
        calls: usize,
        time: Duration,
    ) -> Result<Moved, Box<dyn Error>> {
        let calls = calls.clamp(1, self.destinations.len());
        let moved = bare::send(&self.place, &|| Ok(()), &self.destinations[..calls], time)?;
        self.bare_packets += moved.packets + moved.warm_up;
        Ok(moved)
    }

    /// Hangs up all calls, and sums up.
    pub(super) fn finish(&mut self) -> Result<Totals, Box<dyn Error>> {
        self.load.hang_up();
        self.load.wait(QUIET);
        let arrived = self.bed.arrived()?.all();
        Ok(Totals {
            sent: self.server.look()?.sent(),
            arrived: arrived.saturating_sub(self.bare_packets),
            interface_drops: Interface::look("phones")?.drops(),
        })
    }
}

/// A time in which a server that costs twice as much as a bare loop is surely still catching up.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn catching_up(calls: usize, paused: Duration, bare_ns: f64) -> Duration {
    let missed = calls as f64 * 50.0 * paused.as_secs_f64();
    Duration::from_secs_f64((missed * bare_ns / 1e9 * 0.7).clamp(0.005, 1.0))
}
