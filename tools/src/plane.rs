//! A data plane without control: streams are opened and told what to do by plain commands, so that
//! the media path can be measured alone.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use dataplane::prompt::{Prompt, PromptTable};
use dataplane::{Dataplane, DataplaneConfig};
use shared::{
    Codec, Command, Event, Latch, Media, PromptId, PromptStart, Ptime, RefuseReason, Repeat, Role,
    RtcpPort, Source, StreamId, SyncSource, Time, Wake, WorkerStats,
};

use crate::clock;

/// Running workers, of which the first has streams.
#[derive(Debug)]
pub struct Plane {
    dataplane: Dataplane,
    /// The next place in the worker's table; a refused stream leaves its own unused.
    next: u32,
    streams: u32,
}

/// A stream to be opened.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The port it binds.
    pub local: SocketAddr,
    /// Where its packets go.
    pub remote: SocketAddr,
    /// What it sends.
    pub source: Source,
}

/// Why streams were not opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlaneError {
    /// The worker refused one.
    #[error("the worker refuses a stream: {0}")]
    Refused(RefuseReason),
    /// The worker does not answer.
    #[error("the worker does not answer; the log says why")]
    Silent,
}

/// Nobody is woken: events are looked for.
struct Unwoken;

impl Wake for Unwoken {
    fn wake(&self) {}
}

/// Whether a stream was opened.
type Answer = (StreamId, Result<(), RefuseReason>);

/// How long a worker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

const TURN: Duration = Duration::from_millis(1);

impl Plane {
    /// Starts the workers with the built-in music.
    ///
    /// # Errors
    /// What the data plane says, with the remedy.
    pub fn start(config: &DataplaneConfig) -> Result<Self, Box<dyn Error>> {
        let prompts = Arc::new(PromptTable::in_order(vec![Prompt::builtin()]));
        let wake: Arc<dyn Wake> = Arc::new(Unwoken);
        let dataplane = dataplane::start(config, &prompts, &wake)?;
        Ok(Self {
            dataplane,
            next: 0,
            streams: 0,
        })
    }

    /// The counters of its workers.
    #[must_use]
    pub fn stats(&self) -> Vec<Arc<WorkerStats>> {
        let links = self.dataplane.links.iter();
        links.map(|link| Arc::clone(&link.stats)).collect()
    }

    /// What it says of itself at the start.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.dataplane.description
    }

    /// Streams that are open.
    #[must_use]
    pub const fn streams(&self) -> u32 {
        self.streams
    }

    /// The name of the stream that was opened as this one, counted from 0.
    #[must_use]
    pub fn stream(&self, index: u32) -> StreamId {
        StreamId {
            worker: self.dataplane.links[0].worker,
            index,
            generation: 0,
        }
    }

    /// Opens streams and lets them send.
    ///
    /// # Errors
    /// [`PlaneError`]; those that were opened stay open.
    pub fn open(&mut self, plans: &[Plan]) -> Result<(), PlaneError> {
        let first = self.next;
        for plan in plans {
            self.tell(Command::Open {
                stream: self.stream(self.next),
                local: plan.local,
                rtcp: RtcpPort::Mux,
                role: Role::Begin,
                source: SyncSource::numbered(self.next),
            })?;
            self.next += 1;
        }
        let mut refusal = None;
        for (stream, answer) in self.answers(plans.len())? {
            let place = usize::try_from(stream.index - first).unwrap_or(usize::MAX);
            let Some(plan) = plans.get(place) else {
                continue;
            };
            if let Err(reason) = answer {
                refusal = Some(reason);
                continue;
            }
            self.streams += 1;
            let media = media(plan.remote);
            self.tell(Command::Describe { stream, media })?;
            let source = plan.source;
            self.tell(Command::Send { stream, source })?;
        }
        self.dataplane.links[0].commands.ring();
        refusal.map_or(Ok(()), |reason| Err(PlaneError::Refused(reason)))
    }

    /// Takes what the workers tell, so that their queues stay empty.
    pub fn drain(&self) {
        for link in &self.dataplane.links {
            while link.events.pop().is_some() {}
        }
    }

    /// Ends the workers.
    pub fn stop(self) {
        for link in &self.dataplane.links {
            // A full queue is that of a worker that does not end either.
            let _ = link.commands.push(Command::Stop);
            link.commands.ring();
        }
        for (link, thread) in self.dataplane.links.iter().zip(self.dataplane.threads) {
            while !thread.is_finished() {
                while link.events.pop().is_some() {}
                thread::park_timeout(TURN);
            }
        }
    }

    fn tell(&self, command: Command) -> Result<(), PlaneError> {
        let commands = &self.dataplane.links[0].commands;
        let mut command = command;
        let deadline = clock::now() + PATIENCE;
        while let Err(kept) = commands.push(command) {
            command = kept;
            commands.ring();
            wait(deadline)?;
        }
        Ok(())
    }

    /// What became of so many streams that were to be opened.
    fn answers(&self, wanted: usize) -> Result<Vec<Answer>, PlaneError> {
        let link = &self.dataplane.links[0];
        link.commands.ring();
        let deadline = clock::now() + PATIENCE;
        let mut answers = Vec::new();
        while answers.len() < wanted {
            match link.events.pop() {
                Some(Event::Opened { stream }) => answers.push((stream, Ok(()))),
                Some(Event::Refused { stream, reason }) => answers.push((stream, Err(reason))),
                Some(_) => {}
                None => wait(deadline)?,
            }
        }
        Ok(answers)
    }
}

fn wait(deadline: Time) -> Result<(), PlaneError> {
    if clock::now() >= deadline {
        return Err(PlaneError::Silent);
    }
    thread::park_timeout(TURN);
    Ok(())
}

/// The hold music, as every parked call hears it.
pub const MUSIC: Source = Source::Prompt {
    prompt: PromptId(0),
    start: PromptStart::Programme,
    repeat: Repeat::Forever,
};

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

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use dataplane::Kernel;
    use shared::{Dscp, Form, Share};

    use super::*;

    #[test]
    fn a_stream_that_is_opened_sends_music() {
        let sink = UdpSocket::bind("127.0.0.1:0").unwrap();
        sink.set_read_timeout(Some(PATIENCE)).unwrap();
        let free = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let config = DataplaneConfig {
            workers: Some(1),
            cpus: Vec::new(),
            address: free.ip(),
            media_timeout: Duration::from_secs(30),
            dscp: Dscp::EXPEDITED,
            kernel: Kernel::Newest,
            form: Form::Socket,
            admission: Share::WHOLE,
        };
        let mut plane = Plane::start(&config).unwrap();
        let plan = Plan {
            local: free,
            remote: sink.local_addr().unwrap(),
            source: MUSIC,
        };
        plane.open(&[plan]).unwrap();
        assert_eq!(
            plane.open(&[plan]),
            Err(PlaneError::Refused(RefuseReason::PortTaken))
        );
        let mut bytes = [0; 512];
        assert_eq!(sink.recv_from(&mut bytes).unwrap(), (172, free));
        plane.stop();
    }
}
