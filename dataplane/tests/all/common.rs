//! A data plane on loopback, and peers made of plain sockets.

pub(crate) mod lab;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use dataplane::prompt::{Prompt, PromptTable};
use dataplane::{Dataplane, DataplaneConfig, Kernel};
use shared::{
    Codec, Command, Dscp, Event, Form, Latch, Media, PayloadType, PromptId, PromptStart, Ptime,
    Repeat, Role, RtcpPort, Source, StreamId, SyncSource, Wake, WorkerId,
};

/// Longer than anything here takes, so that a fault fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Plane {
    pub(crate) plane: Dataplane,
    rung: Receiver<()>,
}

struct Bell(SyncSender<()>);

impl Wake for Bell {
    fn wake(&self) {
        // Full means that it was rung already.
        let _ = self.0.try_send(());
    }
}

impl Plane {
    pub(crate) fn start(prompts: Vec<Prompt>) -> Self {
        Self::start_as_on(Kernel::Newest, prompts)
    }

    /// With no more of the kernel than an older one has.
    pub(crate) fn start_as_on(kernel: Kernel, prompts: Vec<Prompt>) -> Self {
        Self::start_with(&DataplaneConfig { kernel, ..config() }, prompts)
    }

    pub(crate) fn start_with(config: &DataplaneConfig, prompts: Vec<Prompt>) -> Self {
        let (bell, rung) = sync_channel(1);
        let wake: Arc<dyn Wake> = Arc::new(Bell(bell));
        let prompts = Arc::new(PromptTable::in_order(prompts));
        let plane = dataplane::start(config, &prompts, &wake).unwrap();
        Self { plane, rung }
    }

    pub(crate) fn command(&self, command: Command) {
        let commands = &self.plane.links[0].commands;
        commands.push(command).unwrap();
        commands.ring();
    }

    pub(crate) fn event(&self) -> Event {
        loop {
            match self.plane.links[0].events.pop() {
                // How busy this machine is shall not matter here.
                Some(Event::Utilisation { .. }) => continue,
                Some(event) => return event,
                None => {}
            }
            self.rung.recv_timeout(PATIENCE).expect("an event in time");
        }
    }

    pub(crate) fn open(&self, index: u32, local: SocketAddr, rtcp: RtcpPort) -> StreamId {
        let stream = stream(index, 0);
        self.command(Command::Open {
            stream,
            local,
            rtcp,
            role: Role::Begin,
            source: SyncSource::numbered(stream.index),
        });
        assert_eq!(self.event(), Event::Opened { stream });
        stream
    }

    /// Waits until every earlier command was obeyed: opening an open stream again is answered.
    pub(crate) fn settle(&self, stream: StreamId) {
        self.command(Command::Open {
            stream,
            local: (Ipv4Addr::LOCALHOST, 0).into(),
            rtcp: RtcpPort::Mux,
            role: Role::Begin,
            source: SyncSource::numbered(stream.index),
        });
        assert_eq!(self.event(), Event::Opened { stream });
    }

    pub(crate) fn stop(self) {
        self.command(Command::Stop);
        while self.event() != Event::Stopped {}
        for thread in self.plane.threads {
            thread.join().unwrap();
        }
    }
}

/// One worker, all that the kernel has.
pub(crate) fn config() -> DataplaneConfig {
    DataplaneConfig {
        workers: Some(1),
        cpus: Vec::new(),
        address: Ipv4Addr::LOCALHOST.into(),
        media_timeout: Duration::from_secs(30),
        dscp: Dscp::EXPEDITED,
        kernel: Kernel::Newest,
        form: Form::Socket,
        admission: shared::limits::ADMISSION,
    }
}

pub(crate) fn stream(index: u32, generation: u32) -> StreamId {
    StreamId {
        worker: WorkerId(0),
        index,
        generation,
    }
}

/// A peer with a port of its own.
pub(crate) fn peer(ip: impl Into<IpAddr>) -> UdpSocket {
    let socket = UdpSocket::bind((ip.into(), 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// An address whose port, and the one above it, are likely free; the port is even.
pub(crate) fn local(ip: impl Into<IpAddr>) -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let ip = ip.into();
    // Each test binary begins elsewhere, since they may run side by side.
    let base = 20_000 + u16::try_from(std::process::id() % 500).unwrap() * 40;
    loop {
        let port = base + NEXT.fetch_add(2, Ordering::Relaxed);
        let free = |port| UdpSocket::bind((ip, port)).is_ok();
        if free(port) && free(port + 1) {
            return (ip, port).into();
        }
    }
}

pub(crate) fn media(remote: Option<SocketAddr>) -> Media {
    let payload_type = Codec::Pcmu.static_payload_type().unwrap();
    let event = PayloadType::new(101);
    Media {
        remote,
        remote_rtcp: None,
        codec: Codec::Pcmu,
        send_payload_type: payload_type,
        receive_payload_type: payload_type,
        send_event_payload_type: event,
        receive_event_payload_type: event,
        ptime: Ptime::DEFAULT,
        send: true,
        receive: true,
        latch: Latch::Closed,
        supervise: false,
    }
}

pub(crate) fn music() -> Source {
    Source::Prompt {
        prompt: PromptId(0),
        start: PromptStart::At { position_ms: 0 },
        repeat: Repeat::Forever,
    }
}

/// A WAV recording of this many samples at 8,000 Hz, 16 bits: a slow saw.
pub(crate) fn recording(samples: u32) -> Prompt {
    let mut wav = Vec::new();
    let bytes = samples * 2;
    wav.extend(b"RIFF");
    wav.extend((36 + bytes).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(8_000_u32.to_le_bytes());
    wav.extend(16_000_u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(bytes.to_le_bytes());
    for sample in 0..samples {
        let level = i16::try_from(sample % 1_000).unwrap() * 16 - 8_000;
        wav.extend(level.to_le_bytes());
    }
    Prompt::decode(wav).unwrap()
}

/// The next RTP packet, as another implementation reads it.
pub(crate) fn receive(peer: &UdpSocket) -> (rtp::packet::Packet, SocketAddr) {
    use webrtc_util::marshal::Unmarshal;
    let mut bytes = [0; 2_048];
    let (length, from) = peer.recv_from(&mut bytes).expect("a packet in time");
    let packet = rtp::packet::Packet::unmarshal(&mut &bytes[..length]).unwrap();
    (packet, from)
}

/// A PCMU packet of a phone.
pub(crate) fn packet(sequence: u16, timestamp: u32, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let payload_type = Codec::Pcmu.static_payload_type().unwrap();
    let header = dataplane::rtp::Header::new(payload_type, sequence, timestamp, ssrc);
    [header.as_bytes(), payload].concat()
}
