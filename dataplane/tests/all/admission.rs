//! Admission: a machine that is only so fast, under a virtual clock. Each packet costs it some of
//! its time, and more calls come than it can serve.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dataplane::address::Address;
use dataplane::engine::{Engine, EngineConfig};
use dataplane::port::{Owner, Port, SEND_BYTES_MAX, Socket, Sockets};
use dataplane::prompt::PromptTable;
use shared::{
    Command, DropReason, Event, Histogram, RefuseReason, Role, RtcpPort, Share, StreamId,
    SyncSource, Time, WorkerId, WorkerStats,
};

use super::common::{media, music, recording, stream};

/// What a packet costs: with 50 packets a millisecond there is no time left, which is 1,000
/// streams of 20 ms.
const PACKET: Duration = Duration::from_micros(20);
const CAPACITY: usize = 1_000;

/// A worker and its machine.
struct Machine {
    engine: Engine,
    stats: Arc<WorkerStats>,
    kernel: Kernel,
    asked: u32,
    admitted: Vec<StreamId>,
    refused: usize,
    told: Vec<Share>,
}

/// The clock, which the sends make go on.
struct Kernel {
    now: Time,
    cpu: Duration,
    sent: Vec<u32>,
}

impl Machine {
    fn new() -> Self {
        let stats = Arc::new(WorkerStats::new());
        let config = EngineConfig {
            worker: WorkerId(0),
            streams_max: 4_000,
            seed: [3; 32],
            media_timeout: Duration::from_secs(30),
            admission: Share::percent(85),
        };
        let prompts = Arc::new(PromptTable::in_order(vec![recording(8_000)]));
        Self {
            engine: Engine::new(&config, prompts, Arc::clone(&stats)),
            stats,
            kernel: Kernel {
                now: Time::from_millis(1_000_000),
                cpu: Duration::ZERO,
                sent: vec![0; 4_000],
            },
            asked: 0,
            admitted: Vec::new(),
            refused: 0,
            told: Vec::new(),
        }
    }

    /// A call comes; whether it is taken.
    fn ask(&mut self, role: Role) -> bool {
        let stream = stream(self.asked, 0);
        self.asked += 1;
        let open = Command::Open {
            stream,
            local: "127.0.0.1:4000".parse().unwrap(),
            rtcp: RtcpPort::Mux,
            role,
            source: SyncSource::numbered(stream.index),
        };
        let now = self.kernel.now;
        self.engine.command(now, open, &mut self.kernel);
        if let Some(Event::Refused { reason, .. }) = self.event() {
            assert_eq!(reason, RefuseReason::WorkerFull);
            self.refused += 1;
            return false;
        }
        let socket = Socket(stream.index);
        let sockets = Sockets {
            rtp: socket,
            rtcp: socket,
        };
        let owner = Owner {
            index: stream.index,
            generation: 0,
        };
        self.engine.opened(now, owner, Ok(sockets));
        let mut described = media("192.0.2.7:4000".parse().ok());
        described.remote_rtcp = None;
        for command in [
            Command::Describe {
                stream,
                media: described,
            },
            Command::Send {
                stream,
                source: music(),
            },
        ] {
            self.engine.command(now, command, &mut self.kernel);
        }
        assert_eq!(self.event(), Some(Event::Opened { stream }));
        self.admitted.push(stream);
        true
    }

    fn event(&mut self) -> Option<Event> {
        loop {
            match self.engine.event() {
                Some(Event::Utilisation { share }) => self.told.push(share),
                other => return other,
            }
        }
    }

    /// Works until a moment, as a worker does.
    fn run_until(&mut self, end: Time) {
        while self.kernel.now < end {
            self.engine.measure(self.kernel.now, self.kernel.cpu);
            if self.engine.tick(self.kernel.now, &mut self.kernel) {
                continue;
            }
            let next = self.engine.deadline().unwrap_or(end).min(end);
            self.kernel.now = self.kernel.now.max(next);
        }
    }

    /// So many calls come in every second, for so long.
    fn rush(&mut self, calls_per_second: u64, seconds: u64) {
        let begin = self.kernel.now;
        for call in 0..calls_per_second * seconds {
            let at = begin + Duration::from_micros(call * 1_000_000 / calls_per_second);
            self.run_until(at);
            self.ask(Role::Begin);
        }
    }

    /// Packets a millisecond or more late since the start.
    fn late(&self) -> u64 {
        let counts = self.stats.lateness.counts();
        let first = (0..Histogram::BUCKETS).find(|at| Histogram::bound_us(*at) > 1_000);
        counts[first.unwrap() + 1..].iter().sum()
    }
}

impl Port for Kernel {
    fn send(
        &mut self,
        _socket: Socket,
        _to: &Address,
        owner: Owner,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<(), DropReason> {
        fill(&mut [0; SEND_BYTES_MAX]);
        self.now += PACKET;
        self.cpu += PACKET;
        self.sent[owner.index as usize] += 1;
        Ok(())
    }

    fn open(&mut self, _owner: Owner, _local: SocketAddr, _rtcp: RtcpPort) {}

    fn close(&mut self, _owner: Owner) {}
}

#[test]
fn at_twice_the_capacity_the_accepted_calls_keep_their_time() {
    for calls_per_second in [100, 500, 2_000] {
        let mut machine = Machine::new();
        machine.rush(calls_per_second, 2 * CAPACITY as u64 / calls_per_second);
        let admitted = machine.admitted.len();
        assert!(
            (CAPACITY * 80 / 100..=CAPACITY * 86 / 100).contains(&admitted),
            "{admitted} admitted at {calls_per_second} a second"
        );
        assert_eq!(admitted + machine.refused, 2 * CAPACITY);
        assert_eq!(machine.stats.refused.load(), machine.refused as u64);
        assert_eq!(machine.late(), 0, "nobody was ever late");
        let before = machine.kernel.sent.clone();
        machine.run_until(machine.kernel.now + Duration::from_secs(10));
        assert_eq!(machine.late(), 0);
        for stream in &machine.admitted {
            let at = stream.index as usize;
            assert_eq!(machine.kernel.sent[at] - before[at], 500, "{stream}");
        }
        let share = machine.stats.utilisation.load();
        assert!((800..=860).contains(&share), "{share} thousandths");
    }
}

#[test]
fn a_worker_without_time_still_lets_calls_go_on_and_begins_anew_when_some_have_ended() {
    let mut machine = Machine::new();
    machine.rush(500, 4);
    assert!(!machine.ask(Role::Begin));
    assert!(machine.ask(Role::Join), "who is parked can be retrieved");
    for stream in machine.admitted.clone().into_iter().step_by(10) {
        let close = Command::Close { stream };
        let now = machine.kernel.now;
        machine.engine.command(now, close, &mut machine.kernel);
        machine.engine.closed(Owner {
            index: stream.index,
            generation: stream.generation,
        });
        assert!(matches!(machine.event(), Some(Event::Closed { .. })));
    }
    machine.run_until(machine.kernel.now + Duration::from_secs(2));
    assert!(machine.ask(Role::Begin));
    assert!(machine.told.last() < Some(&Share::percent(80)), "told so");
}
