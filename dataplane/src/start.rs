//! Starts the workers: threads, rings, queues.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shared::limits::{
    CAPTURED_QUEUE_LENGTH, COMMAND_QUEUE_LENGTH, EVENT_QUEUE_LENGTH, STREAMS_PER_WORKER_MAX,
    WORKERS_MAX,
};
use shared::{
    CapturedPacket, Dscp, Event, Form, Receiver, Sender, Share, Time, Wake, WorkerId, WorkerLink,
    WorkerStats, pair,
};

use crate::engine::{Engine, EngineConfig};
use crate::path::{self, Book};
use crate::prompt::PromptTable;
use crate::tap::{Tap, Unrung};
use crate::uring::doorbell::Doorbell;
use crate::uring::probe::{self, Features};
use crate::uring::{Ring, RingConfig, pin};
use crate::worker::Worker;
use crate::{Dataplane, DataplaneConfig, Kernel, StartError};

/// Starts the workers.
///
/// A worker that panics ends the process with a message: its streams are in an unknown state, and a
/// server that goes on without them would only look alive.
///
/// # Errors
/// [`StartError`] with the likely remedy.
pub fn start(
    config: &DataplaneConfig,
    prompts: &Arc<PromptTable>,
    wake: &Arc<dyn Wake>,
) -> Result<Dataplane, StartError> {
    check_address(config)?;
    let descriptors = probe::raise_descriptor_limit().min(STREAMS_PER_WORKER_MAX);
    let mut plane = Dataplane {
        links: Vec::new(),
        taps: Vec::new(),
        description: String::new(),
        threads: Vec::new(),
    };
    let mut books = books(config);
    let mut features = None;
    for number in 0..workers(config) {
        let plan = Plan {
            worker: WorkerId(number),
            address: config.address,
            cpu: cpu_of(config, number),
            descriptors,
            media_timeout: config.media_timeout,
            dscp: config.dscp,
            kernel: config.kernel,
            form: config.form,
            book: books.pop(),
            admission: config.admission,
            seed: seed()?,
        };
        let started = plan.start(prompts, wake)?;
        features = Some(started.features);
        plane.links.push(started.link);
        plane.taps.push(started.tap);
        plane.threads.push(started.thread);
    }
    if let Some(features) = features {
        if let Some((wanted, refusal)) = features.refused {
            let wanted = wanted.name();
            tracing::warn!(
                "[media] send = \"{wanted}\": packets leave by sockets, since {refusal}"
            );
        }
        plane.description = describe(config, features, descriptors);
    }
    Ok(plane)
}

/// One worker to be started.
struct Plan {
    worker: WorkerId,
    address: IpAddr,
    cpu: Option<u16>,
    /// Places in each descriptor table, and so streams.
    descriptors: u32,
    media_timeout: Duration,
    dscp: Dscp,
    kernel: Kernel,
    form: Form,
    book: Option<Book>,
    admission: Share,
    seed: [u8; 32],
}

struct Started {
    link: WorkerLink,
    tap: Receiver<CapturedPacket>,
    thread: JoinHandle<()>,
    features: Features,
}

impl Plan {
    fn start(
        mut self,
        prompts: &Arc<PromptTable>,
        wake: &Arc<dyn Wake>,
    ) -> Result<Started, StartError> {
        let doorbell = Arc::new(Doorbell::new().map_err(refused)?);
        let stats = Arc::new(WorkerStats::new());
        let (commands, obeyed) = pair(COMMAND_QUEUE_LENGTH, doorbell.clone() as Arc<dyn Wake>);
        let (told, events) = pair(EVENT_QUEUE_LENGTH, Arc::clone(wake));
        let (seen, tap) = pair(CAPTURED_QUEUE_LENGTH, Unrung::wake());
        let link = WorkerLink {
            worker: self.worker,
            commands,
            events,
            stats: Arc::clone(&stats),
            streams_max: self.descriptors,
        };
        let engine = Engine::new(
            &EngineConfig {
                worker: self.worker,
                streams_max: self.descriptors,
                seed: self.seed,
                media_timeout: self.media_timeout,
                admission: self.admission,
            },
            Arc::clone(prompts),
            Arc::clone(&stats),
        )
        .tapped(Tap::into_queue(seen));
        let (report, reported) = mpsc::sync_channel(1);
        let body = move || {
            let ring = self.prepare(&doorbell);
            let ring = match ring {
                Ok(ring) => ring,
                Err(error) => return drop(report.send(Err(error))),
            };
            drop(report.send(Ok(ring.features())));
            supervised(Worker {
                ring,
                engine,
                commands: obeyed,
                events: told,
                doorbell,
                stats,
                next_account: Time::ZERO,
            });
        };
        let name = format!("orbit-{}", link.worker);
        let thread = thread::Builder::new()
            .name(name)
            .spawn(body)
            .map_err(refused)?;
        let features = reported
            .recv()
            .unwrap_or_else(|_| Err(StartError::Ring("a worker ended at once".to_owned())))?;
        Ok(Started {
            link,
            tap,
            thread,
            features,
        })
    }

    /// On the worker's own thread: a ring belongs to the thread that makes it.
    fn prepare(&mut self, doorbell: &Arc<Doorbell>) -> Result<Ring, StartError> {
        if let Some(cpu) = self.cpu {
            pin::to_cpu(cpu).map_err(|error| {
                StartError::Cpu(format!(
                    "cannot pin {} to CPU {cpu} ({error}): name CPUs this process may run on in \
                     [media] cpus",
                    self.worker
                ))
            })?;
        }
        pin::sharpen_timers();
        Ring::new(RingConfig {
            streams_max: self.descriptors,
            descriptors: self.descriptors,
            doorbell: Arc::clone(doorbell),
            kernel: self.kernel,
            form: self.form,
            address: self.address,
            book: self.book.take(),
            dscp: self.dscp,
        })
        .map_err(refused)
    }
}

fn supervised(mut worker: Worker) {
    let events = AssertUnwindSafe(&mut worker);
    match catch_unwind(move || {
        let worker = events;
        worker.0.run()
    }) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "the media worker's ring broke; its calls are lost")
        }
        Err(_) => {
            tracing::error!("a media worker panicked, which is a fault of orbit: the process ends");
            std::process::abort();
        }
    }
    farewell(&worker.events);
}

/// The last event; control reads until it comes, so a full queue empties.
fn farewell(events: &Sender<Event>) {
    let mut event = Event::Stopped;
    while let Err(kept) = events.push(event) {
        event = kept;
        events.ring();
        thread::park_timeout(Duration::from_millis(1));
    }
    events.ring();
}

/// For [`Form::Packet`]; none where the kernel does not tell of paths.
fn books(config: &DataplaneConfig) -> Vec<Book> {
    if config.form != Form::Packet {
        return Vec::new();
    }
    let books = path::start(config.address, config.dscp, workers(config));
    books.unwrap_or_else(|error| {
        tracing::warn!(%error, "nothing is to be known of routes");
        Vec::new()
    })
}

/// A wrong media address shall stop the start, not the first call.
fn check_address(config: &DataplaneConfig) -> Result<(), StartError> {
    match UdpSocket::bind(SocketAddr::new(config.address, 0)) {
        Ok(socket) => {
            probe::warn_of_small_buffers(&socket);
            Ok(())
        }
        Err(error) => Err(StartError::Address(format!(
            "RTP cannot bind to {} ({error}): set [media] address to an address of this host",
            config.address
        ))),
    }
}

fn workers(config: &DataplaneConfig) -> u8 {
    let pinned = u8::try_from(config.cpus.len()).unwrap_or(WORKERS_MAX);
    let spare = thread::available_parallelism().map_or(1, |cores| cores.get() - 1);
    let spare = u8::try_from(spare).unwrap_or(WORKERS_MAX);
    let wanted = config
        .workers
        .unwrap_or(if pinned > 0 { pinned } else { spare });
    wanted.clamp(1, WORKERS_MAX)
}

fn cpu_of(config: &DataplaneConfig, number: u8) -> Option<u16> {
    config.cpus.get(usize::from(number)).copied()
}

fn seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| {
        StartError::Ring(format!("the kernel gives no random numbers: {error}"))
    })?;
    Ok(seed)
}

fn refused(error: io::Error) -> StartError {
    StartError::Ring(probe::remedy(&error))
}

fn describe(config: &DataplaneConfig, features: Features, descriptors: u32) -> String {
    let workers = workers(config);
    let plural = if workers == 1 { "" } else { "s" };
    let limit = if descriptors < STREAMS_PER_WORKER_MAX {
        " (RLIMIT_NOFILE)"
    } else {
        ""
    };
    format!(
        "{workers} worker{plural}, up to {descriptors} streams each{limit}; io_uring: {features}"
    )
}
