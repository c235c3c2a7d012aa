//! Helpers that the benchmarks share: cores with streams, whose packets go nowhere.

pub mod cases;
pub mod house;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dataplane::address::Address;
use dataplane::engine::{Engine, EngineConfig};
use dataplane::port::{Owner, Port, SEND_BYTES_MAX, Socket, Sockets};
use dataplane::prompt::{Prompt, PromptTable};
use dataplane::receive::Outcome;
use dataplane::rtcp::receiver_report::Block;
use dataplane::rtcp::sender_report::SenderReport;
use dataplane::{rtcp, rtp};
use shared::{
    Codec, Command, DropReason, Latch, Media, PromptId, PromptStart, Ptime, Repeat, Role, RtcpPort,
    Share, Source, StreamId, SyncSource, Time, WorkerId, WorkerStats,
};

/// A core and its clock.
#[derive(Debug)]
pub struct Plane {
    engine: Engine,
    prompts: Arc<PromptTable>,
    now: Time,
    port: Nowhere,
}

/// Two bridged streams, and a packet that one of them receives again and again.
#[derive(Debug)]
pub struct Bridge {
    plane: Plane,
    packet: Vec<u8>,
    buffer: Vec<u8>,
    sequence: u16,
}

/// Takes packets as a ring does, into buffers that are used again, and sends none.
#[derive(Debug)]
struct Nowhere {
    buffers: Vec<[u8; SEND_BYTES_MAX]>,
    next: usize,
}

/// As many as a ring has.
const BUFFERS: usize = 256;

impl Plane {
    /// A core with this many streams, each of which plays the hold music.
    #[must_use]
    pub fn playing(streams: u32) -> Self {
        let mut plane = Self::new(streams, vec![Prompt::builtin()]);
        let remote = SocketAddr::from(([192, 0, 2, 7], 4_000));
        for index in 0..streams {
            let source = Source::Prompt {
                prompt: PromptId(0),
                start: PromptStart::Programme,
                repeat: Repeat::Forever,
            };
            plane.stream(index, media(remote), source);
        }
        plane
    }

    fn new(streams: u32, prompts: Vec<Prompt>) -> Self {
        let config = EngineConfig {
            worker: WorkerId(0),
            streams_max: streams,
            seed: [7; 32],
            media_timeout: Duration::from_secs(30),
            admission: Share::WHOLE,
        };
        let prompts = Arc::new(PromptTable::in_order(prompts));
        Self {
            engine: Engine::new(&config, Arc::clone(&prompts), Arc::new(WorkerStats::new())),
            prompts,
            now: Time::from_millis(1_000),
            port: Nowhere {
                buffers: vec![[0; SEND_BYTES_MAX]; BUFFERS],
                next: 0,
            },
        }
    }

    fn stream(&mut self, index: u32, media: Media, source: Source) -> StreamId {
        let stream = StreamId {
            worker: WorkerId(0),
            index,
            generation: 0,
        };
        let open = Command::Open {
            stream,
            local: SocketAddr::from(([127, 0, 0, 1], 4_000)),
            rtcp: RtcpPort::Mux,
            role: Role::Begin,
            source: SyncSource::numbered(index),
        };
        self.engine.command(self.now, open, &mut self.port);
        let socket = Socket(index);
        let sockets = Sockets {
            rtp: socket,
            rtcp: socket,
        };
        self.engine.opened(self.now, owner(stream), Ok(sockets));
        for command in [
            Command::Describe { stream, media },
            Command::Send { stream, source },
        ] {
            self.engine.command(self.now, command, &mut self.port);
        }
        while self.engine.event().is_some() {}
        stream
    }

    /// Lets a millisecond pass, and works its slot.
    pub fn slot(&mut self) {
        self.now += Duration::from_millis(1);
        while self.engine.tick(self.now, &mut self.port) {}
    }

    /// Puts another recording in the place of the one that everybody plays, and takes it up.
    pub fn swap(&mut self, prompt: Prompt) {
        self.prompts.put(PromptId(0), prompt);
        self.engine.refresh_prompts();
    }
}

impl Bridge {
    /// One packet through.
    pub fn pass(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
        self.buffer.copy_from_slice(&self.packet);
        self.buffer[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        let source = SocketAddr::from(([192, 0, 2, 7], 4_000));
        let speaker = Owner {
            index: 0,
            generation: 0,
        };
        let outcome = self
            .plane
            .engine
            .receive(self.plane.now, speaker, source, &mut self.buffer);
        assert!(matches!(outcome, Outcome::Forward(_)), "it is relayed");
    }
}

/// Two streams of which the second sends what the first receives.
#[must_use]
pub fn bridged(transcoded: bool) -> Bridge {
    let mut plane = Plane::new(2, Vec::new());
    let speaker = SocketAddr::from(([192, 0, 2, 7], 4_000));
    let listener = SocketAddr::from(([192, 0, 2, 8], 4_000));
    let peer = plane.stream(0, media(speaker), Source::Silent);
    let mut other = media(listener);
    if transcoded {
        other.codec = Codec::Pcma;
    }
    plane.stream(1, other, Source::Bridge { peer });
    let packet = voice(0, 160);
    Bridge {
        plane,
        buffer: packet.clone(),
        packet,
        sequence: 0,
    }
}

/// A tenth of a second of silence.
///
/// # Panics
/// Never: it is a valid recording.
#[must_use]
pub fn recording() -> Prompt {
    const BYTES: u32 = 1_600;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + BYTES).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    // PCM, one channel, 8,000 samples and so 16,000 bytes a second, 2 bytes and 16 bits each.
    wav.extend([1, 0, 1, 0]);
    wav.extend(8_000_u32.to_le_bytes());
    wav.extend(16_000_u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(BYTES.to_le_bytes());
    wav.resize(wav.len() + BYTES as usize, 0);
    Prompt::decode(wav).expect("a valid recording")
}

/// What a plain phone settles on.
#[must_use]
pub fn media(remote: SocketAddr) -> Media {
    let payload_type = Codec::Pcmu
        .static_payload_type()
        .expect("PCMU has a number");
    Media {
        remote: Some(remote),
        remote_rtcp: Some(remote),
        codec: Codec::Pcmu,
        send_payload_type: payload_type,
        receive_payload_type: payload_type,
        send_event_payload_type: None,
        receive_event_payload_type: None,
        ptime: Ptime::DEFAULT,
        send: true,
        receive: true,
        latch: Latch::Closed,
        supervise: false,
    }
}

/// 20 ms of PCMU.
#[must_use]
pub fn voice(sequence: u16, timestamp: u32) -> Vec<u8> {
    let payload_type = Codec::Pcmu
        .static_payload_type()
        .expect("PCMU has a number");
    let header = rtp::Header::new(payload_type, sequence, timestamp, 7);
    [header.as_bytes(), &[0x55; 160]].concat()
}

/// A compound as phones send it: sender report with a block, and a name.
#[must_use]
pub fn phone_report() -> Vec<u8> {
    let report = rtcp::Report {
        ssrc: 7,
        cname: b"0123456789abcdef",
        sender: Some(SenderReport {
            ssrc: 7,
            ntp: 1 << 40,
            timestamp: 160,
            packets: 10,
            octets: 1_600,
        }),
        block: Some(Block::default()),
        bye: false,
    };
    let mut out = vec![0; SEND_BYTES_MAX];
    let length = rtcp::write(&mut out, &report);
    out.truncate(length);
    out
}

fn owner(stream: StreamId) -> Owner {
    Owner {
        index: stream.index,
        generation: stream.generation,
    }
}

impl Port for Nowhere {
    fn send(
        &mut self,
        _socket: Socket,
        _to: &Address,
        _owner: Owner,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<(), DropReason> {
        self.next = (self.next + 1) % BUFFERS;
        fill(&mut self.buffers[self.next]);
        Ok(())
    }

    fn open(&mut self, _owner: Owner, _local: SocketAddr, _rtcp: RtcpPort) {}

    fn close(&mut self, _owner: Owner) {}
}
