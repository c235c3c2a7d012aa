//! The core under a virtual clock: no ring, no socket, no thread. Every packet it makes is read by
//! another implementation.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dataplane::address::Address;
use dataplane::engine::{Engine, EngineConfig};
use dataplane::intake::Intake;
use dataplane::port::{Owner, Port, SEND_BYTES_MAX, Socket, Sockets};
use dataplane::prompt::{Prompt, PromptTable};
use dataplane::receive::Outcome;
use shared::{
    Command, DropReason, Event, Media, Role, RtcpPort, Source, StreamId, SyncSource, Time,
    WorkerId, WorkerStats,
};
use webrtc_util::marshal::Unmarshal;

use super::stream;

/// The silence that is reported.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// A core with its clock.
pub(crate) struct Lab {
    pub(crate) now: Time,
    pub(crate) engine: Engine,
    pub(crate) port: Tray,
    pub(crate) prompts: Arc<PromptTable>,
    pub(crate) stats: Arc<WorkerStats>,
}

/// Where packets land.
#[derive(Default)]
pub(crate) struct Tray {
    now: Time,
    pub(crate) rtp: Vec<Sent>,
    pub(crate) rtcp: Vec<Report>,
    pub(crate) opening: Vec<Owner>,
    pub(crate) closing: Vec<Owner>,
    /// Refuse what is sent.
    pub(crate) full: bool,
    /// What each stream lets in since it was told last.
    pub(crate) intakes: BTreeMap<u32, Intake>,
    /// Streams whose drops in the kernel were asked for.
    pub(crate) tallied: Vec<Owner>,
}

/// An RTP packet that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Time,
    pub(crate) owner: Owner,
    pub(crate) to: SocketAddr,
    pub(crate) packet: rtp::packet::Packet,
}

/// An RTCP compound that was sent.
pub(crate) struct Report {
    pub(crate) at: Time,
    pub(crate) owner: Owner,
    pub(crate) to: SocketAddr,
    pub(crate) packets: Vec<Box<dyn rtcp::packet::Packet + Send + Sync>>,
}

impl Lab {
    pub(crate) fn new(prompts: Vec<Prompt>) -> Self {
        let config = EngineConfig {
            worker: WorkerId(0),
            streams_max: 5_000,
            seed: [7; 32],
            media_timeout: TIMEOUT,
            admission: shared::limits::ADMISSION,
        };
        let prompts = Arc::new(PromptTable::in_order(prompts));
        let stats = Arc::new(WorkerStats::new());
        let mut engine = Engine::new(&config, Arc::clone(&prompts), Arc::clone(&stats));
        let now = Time::from_millis(1_000_000);
        engine.set_wall(now, Duration::from_secs(1_700_000_000));
        Self {
            now,
            engine,
            port: Tray::default(),
            prompts,
            stats,
        }
    }

    /// A stream with bound sockets, described and told what to send.
    pub(crate) fn stream(&mut self, index: u32, media: Media, source: Source) -> StreamId {
        let stream = self.open(index, 0);
        self.describe(stream, media);
        self.command(Command::Send { stream, source });
        stream
    }

    pub(crate) fn open(&mut self, index: u32, generation: u32) -> StreamId {
        let stream = stream(index, generation);
        self.command(Command::Open {
            stream,
            local: "127.0.0.1:4000".parse().unwrap(),
            rtcp: RtcpPort::Next,
            role: Role::Begin,
            source: SyncSource::numbered(index),
        });
        let owner = self.port.opening.pop().expect("sockets are asked for");
        let sockets = Sockets {
            rtp: Socket(index * 2),
            rtcp: Socket(index * 2 + 1),
        };
        self.engine.opened(self.now, owner, Ok(sockets));
        assert_eq!(self.engine.event(), Some(Event::Opened { stream }));
        stream
    }

    pub(crate) fn describe(&mut self, stream: StreamId, media: Media) {
        self.command(Command::Describe { stream, media });
    }

    pub(crate) fn send(&mut self, stream: StreamId, source: Source) {
        self.command(Command::Send { stream, source });
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.port.now = self.now;
        self.engine.command(self.now, command, &mut self.port);
        self.engine.settle(&mut self.port);
    }

    /// Lets time pass, a millisecond at a time.
    pub(crate) fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.jump(Duration::from_millis(1));
        }
    }

    /// Lets time pass at once, as when the machine stalls.
    pub(crate) fn jump(&mut self, time: Duration) {
        self.now += time;
        self.port.now = self.now;
        while self.engine.tick(self.now, &mut self.port) {}
    }

    /// A datagram arrives; gives what is sent because of it.
    pub(crate) fn arrive(
        &mut self,
        stream: StreamId,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Option<Sent> {
        let owner = Owner {
            index: stream.index,
            generation: stream.generation,
        };
        let mut bytes = datagram.to_vec();
        let outcome = self.engine.receive(self.now, owner, from, &mut bytes);
        self.engine.settle(&mut self.port);
        match outcome {
            Outcome::Done => None,
            Outcome::Forward(forward) => Some(Sent {
                at: self.now,
                owner: forward.owner,
                to: forward.to.into(),
                packet: rtp::packet::Packet::unmarshal(&mut &bytes[forward.part]).unwrap(),
            }),
        }
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.engine.event()).collect()
    }

    /// What was sent since the last call.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.port.rtp)
    }

    /// What was reported since the last call.
    pub(crate) fn reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.port.rtcp)
    }

    pub(crate) fn dropped(&self, reason: DropReason) -> u64 {
        self.stats.dropped(reason)
    }
}

impl Port for Tray {
    fn send(
        &mut self,
        _socket: Socket,
        to: &Address,
        owner: Owner,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<(), DropReason> {
        if self.full {
            return Err(DropReason::RingFull);
        }
        let mut bytes = [0; SEND_BYTES_MAX];
        let length = fill(&mut bytes);
        let mut bytes = &bytes[..length];
        let to = SocketAddr::from(*to);
        if dataplane::rtp::is_rtcp(bytes) {
            self.rtcp.push(Report {
                at: self.now,
                owner,
                to,
                packets: rtcp::packet::unmarshal(&mut bytes).unwrap(),
            });
        } else {
            self.rtp.push(Sent {
                at: self.now,
                owner,
                to,
                packet: rtp::packet::Packet::unmarshal(&mut bytes).unwrap(),
            });
        }
        Ok(())
    }

    fn aim(&mut self, owner: Owner, intake: &Intake) -> bool {
        self.intakes.insert(owner.index, *intake);
        intake.without.is_some()
    }

    fn tally(&mut self, owner: Owner) {
        self.tallied.push(owner);
    }

    fn open(&mut self, owner: Owner, _local: SocketAddr, _rtcp: RtcpPort) {
        self.opening.push(owner);
    }

    fn close(&mut self, owner: Owner) {
        self.closing.push(owner);
    }
}

impl Sent {
    pub(crate) fn sequence(&self) -> u16 {
        self.packet.header.sequence_number
    }

    pub(crate) fn timestamp(&self) -> u32 {
        self.packet.header.timestamp
    }

    pub(crate) fn marker(&self) -> bool {
        self.packet.header.marker
    }
}

/// Whether packets follow each other without a jump: sequence numbers by one, timestamps by the
/// time that passed.
pub(crate) fn assert_continuous(sent: &[Sent]) {
    for pair in sent.windows(2) {
        let [before, after] = pair else {
            unreachable!()
        };
        assert_eq!(after.packet.header.ssrc, before.packet.header.ssrc);
        assert_eq!(after.sequence(), before.sequence().wrapping_add(1));
        let passed = u32::try_from((after.at - before.at).as_millis()).unwrap() * 8;
        let advanced = after.timestamp().wrapping_sub(before.timestamp());
        assert!(
            advanced >= 160,
            "{advanced} after sequence {}",
            before.sequence()
        );
        assert!(
            advanced.abs_diff(passed) < 160,
            "{advanced} units in {passed}"
        );
    }
}
