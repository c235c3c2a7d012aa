//! The core of a worker without a kernel: what user space costs for a packet of music and for one
//! that is relayed, the headers before it included where they are written here.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dataplane::address::Address;
use dataplane::engine::{Engine, EngineConfig};
use dataplane::envelope::{Envelope, HEADERS_BYTES};
use dataplane::port::{Owner, Port, SEND_BYTES_MAX, Socket, Sockets};
use dataplane::prompt::{Prompt, PromptTable};
use dataplane::receive::Outcome;
use dataplane::utilisation::WINDOW;
use shared::{
    Command, DropReason, Dscp, Form, Role, RtcpPort, Share, Source, StreamId, SyncSource, Time,
    WorkerId, WorkerStats,
};

use super::bare::{PACKET_BYTES, Place, on_thread, thread_cpu};
use crate::plane::{MUSIC, media};

/// What a packet costs in user space, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct CoreCost {
    pub(super) music_ns: f64,
    pub(super) relay_ns: f64,
}

/// Each figure is the best of so many: what disturbs one only ever makes it worse.
const ROUNDS: usize = 5;

/// Milliseconds of each.
const SLOTS: u32 = 200;

/// Measures with so many streams, whose packets leave in a form.
pub(super) fn measure(place: &Place, streams: u32, send: Form) -> Result<CoreCost, Box<dyn Error>> {
    on_thread(place, &|| Ok(()), move || {
        let least = |cost: &mut dyn FnMut() -> f64| {
            (0..ROUNDS).map(|_| cost()).fold(f64::INFINITY, f64::min)
        };
        let mut playing = Core::new(streams, send, |_| MUSIC);
        let mut bridged = Core::new(streams, send, |stream| Source::Bridge {
            peer: StreamId {
                index: stream.index ^ 1,
                ..stream
            },
        });
        Ok(CoreCost {
            music_ns: least(&mut || playing.play()),
            relay_ns: least(&mut || bridged.relay()),
        })
    })
}

/// Streams that a worker begins before it has measured what they need.
const AT_ONCE: u32 = 500;

struct Core {
    engine: Engine,
    now: Time,
    port: Nowhere,
    streams: u32,
    sequence: u16,
}

/// Takes packets as a ring does, into buffers that are used again, and sends none.
struct Nowhere {
    buffers: Vec<Buffer>,
    /// What writes the headers, where the kernel does not.
    envelope: Option<Envelope>,
    packets: u64,
}

struct Buffer {
    headers: [u8; HEADERS_BYTES],
    payload: [u8; SEND_BYTES_MAX],
}

/// As many as a ring has.
const BUFFERS: usize = 256;

impl Core {
    fn new(streams: u32, send: Form, source: impl Fn(StreamId) -> Source) -> Self {
        let config = EngineConfig {
            worker: WorkerId(0),
            streams_max: streams,
            seed: [7; 32],
            media_timeout: Duration::from_secs(30),
            admission: Share::WHOLE,
        };
        let prompts = Arc::new(PromptTable::in_order(vec![Prompt::builtin()]));
        let mut core = Self {
            engine: Engine::new(&config, prompts, Arc::new(WorkerStats::new())),
            now: Time::from_millis(1_000),
            port: Nowhere::new(send),
            streams,
            sequence: 0,
        };
        for index in 0..streams {
            if index % AT_ONCE == 0 {
                core.settle();
            }
            core.stream(index);
        }
        for index in 0..streams {
            let stream = id(index);
            let source = source(stream);
            core.command(Command::Send { stream, source });
        }
        core
    }

    /// Lets the worker see that the streams so far need none of its time.
    fn settle(&mut self) {
        self.now += WINDOW;
        self.engine.measure(self.now, Duration::ZERO);
        while self.engine.event().is_some() {}
    }

    fn stream(&mut self, index: u32) {
        let stream = id(index);
        self.command(Command::Open {
            stream,
            local: SERVER,
            rtcp: RtcpPort::Mux,
            role: Role::Begin,
            source: SyncSource::numbered(index),
        });
        let socket = Socket(index);
        let sockets = Sockets {
            rtp: socket,
            rtcp: socket,
        };
        self.engine.opened(self.now, owner(index), Ok(sockets));
        let media = media(PEER);
        self.command(Command::Describe { stream, media });
        while self.engine.event().is_some() {}
    }

    fn command(&mut self, command: Command) {
        self.engine.command(self.now, command, &mut self.port);
    }

    /// Nanoseconds a packet of music.
    fn play(&mut self) -> f64 {
        let (before, packets) = (thread_cpu(), self.port.packets);
        for _ in 0..SLOTS {
            self.now += Duration::from_millis(1);
            while self.engine.tick(self.now, &mut self.port) {}
        }
        cost(thread_cpu() - before, self.port.packets - packets)
    }

    /// Nanoseconds a relayed packet. Each stream has one packet in 20 ms, as phones send.
    fn relay(&mut self) -> f64 {
        let mut packet = [0x55; PACKET_BYTES];
        packet[..12].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        let (before, mut relayed) = (thread_cpu(), 0);
        for _ in 0..SLOTS / 20 {
            self.sequence = self.sequence.wrapping_add(1);
            self.now += Duration::from_millis(20);
            for index in 0..self.streams {
                packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
                packet[4..8].copy_from_slice(&(u32::from(self.sequence) * 160).to_be_bytes());
                packet[8..12].copy_from_slice(&7_u32.to_be_bytes());
                let heard = self
                    .engine
                    .receive(self.now, owner(index), PEER, &mut packet);
                if let Outcome::Forward(_) = heard {
                    relayed += 1;
                    self.port.forward(&packet);
                }
            }
        }
        cost(thread_cpu() - before, relayed)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of seconds fit a double")]
fn cost(cpu: Duration, packets: u64) -> f64 {
    // Of no packets: so much that nobody takes it for good.
    cpu.as_secs_f64() * 1e9 / packets as f64
}

const SERVER: SocketAddr = SocketAddr::new(super::namespace::SERVER, 4_000);
const PEER: SocketAddr = SocketAddr::new(super::namespace::PHONES, 4_000);

const fn id(index: u32) -> StreamId {
    StreamId {
        worker: WorkerId(0),
        index,
        generation: 0,
    }
}

const fn owner(index: u32) -> Owner {
    Owner {
        index,
        generation: 0,
    }
}

impl Nowhere {
    fn new(send: Form) -> Self {
        let empty = || Buffer {
            headers: [0; HEADERS_BYTES],
            payload: [0; SEND_BYTES_MAX],
        };
        let is_sealed = matches!(send, Form::Raw | Form::Packet);
        let envelope = Envelope::new(SERVER.ip(), Dscp::EXPEDITED.traffic_class());
        Self {
            buffers: (0..BUFFERS).map(|_| empty()).collect(),
            envelope: envelope.filter(|_| is_sealed),
            packets: 0,
        }
    }

    /// From the buffer it arrived in, unless headers go before it.
    fn forward(&mut self, packet: &[u8]) {
        if self.envelope.is_some() {
            self.take(&Address::from(PEER), |payload| {
                payload[..packet.len()].copy_from_slice(packet);
                packet.len()
            });
        }
    }

    fn take(&mut self, to: &Address, fill: impl FnOnce(&mut [u8]) -> usize) {
        let place = usize::try_from(self.packets).unwrap_or(0) % BUFFERS;
        let Buffer { headers, payload } = &mut self.buffers[place];
        let length = fill(payload);
        if let Some(envelope) = &self.envelope {
            envelope.seal(headers, SERVER.port(), to, &payload[..length]);
        }
        self.packets += 1;
    }
}

impl Port for Nowhere {
    fn send(
        &mut self,
        _socket: Socket,
        to: &Address,
        _owner: Owner,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<(), DropReason> {
        self.take(to, fill);
        Ok(())
    }

    fn open(&mut self, _owner: Owner, _local: SocketAddr, _rtcp: RtcpPort) {}

    fn close(&mut self, _owner: Owner) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_plays_every_twenty_milliseconds() {
        let mut core = Core::new(40, Form::Socket, |_| MUSIC);
        core.play();
        let packets = core.port.packets;
        core.play();
        assert_eq!(core.port.packets - packets, u64::from(40 * SLOTS / 20));
    }

    #[test]
    fn what_a_bridged_stream_receives_is_relayed() {
        let mut core = Core::new(4, Form::Packet, |stream| Source::Bridge {
            peer: id(stream.index ^ 1),
        });
        assert!(core.relay().is_finite(), "packets were relayed");
        let sealed = core
            .port
            .buffers
            .iter()
            .filter(|it| it.headers[40..42] == [15, 160]);
        assert_eq!(
            sealed.count(),
            40,
            "from port 4000, four packets in each of ten rounds"
        );
    }
}
