//! The server on the bed: a process of its own in its namespace, told by whoever measures when to
//! say what it has counted. It ends when nobody asks any more.

use std::error::Error;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Lines, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use control::config::Config;
use control::sip::transport::Transport;
use dataplane::utilisation::WINDOW;
use dataplane::{DataplaneConfig, Kernel};
use rustix::process::{Pid, Signal, kill_process};
use shared::{Codec, Form, Share, Source, WorkerStats};

use super::echo::TALKER;
use super::look::{Look, prefer_all, prefer_workers};
use super::machine::{self, Machine};
use super::namespace::{self, Bed, PHONES, SERVER};
use crate::demo::Start;
use crate::demo::site::orbit_ranges;
use crate::plane::{Plan, Plane};

/// What the server's process is started with.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ServeOptions {
    /// The bed, by the name of its namespaces without the last letter.
    #[arg(long)]
    bed: String,
    /// Orbits.
    #[arg(long)]
    calls: u32,
    /// Calls that are bridged already, instead of a SIP server.
    #[arg(long)]
    bridged: bool,
    /// All threads share the CPU of the worker, as in a container that has one.
    #[arg(long)]
    together: bool,
    /// CPU of the worker; several: one worker each.
    #[arg(long, value_delimiter = ',')]
    cpus: Vec<u16>,
    /// How packets are sent.
    #[arg(long)]
    send: Form,
    #[command(flatten)]
    more: Extras,
}

/// What a server may have beside SIP and media.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Extras {
    /// Where it keeps its calls.
    #[arg(long)]
    pub(super) store: Option<PathBuf>,
    /// The configuration of its API.
    #[arg(long)]
    pub(super) api: Option<String>,
}

impl Extras {
    /// As the server's process is told of them.
    fn arguments(&self) -> Vec<OsString> {
        let store = self
            .store
            .as_ref()
            .map(|path| ["--store".into(), path.into()]);
        let api = self.api.as_ref().map(|text| ["--api".into(), text.into()]);
        [store, api].into_iter().flatten().flatten().collect()
    }

    fn configure(&self, config: &mut Config) -> Result<(), Box<dyn Error>> {
        config.store.path.clone_from(&self.store);
        if let Some(text) = &self.api {
            config.api = Config::parse(text, "--api", Path::new(""))?.api;
        }
        Ok(())
    }
}

/// The server's process, as whoever measures sees it.
#[derive(Debug)]
pub(super) struct ServerProcess {
    child: Child,
    /// Closed to end it.
    asks: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    /// Its line about its media path.
    pub(super) media: String,
}

/// SIP of the server.
pub(super) const SIP: SocketAddr = SocketAddr::new(SERVER, 5_060);

/// Even ports from here on, one for each stream.
const RTP_PORTS: (u16, u16) = (6_000, 65_535);

/// Longer than any run: nobody retrieves these calls.
const PICKUP_TIMEOUT: Duration = Duration::from_secs(24 * 3_600);

/// The question for a [`Look`].
const ASK: &str = "look";

/// Serves within a bed until standard input ends.
pub(super) fn serve(
    options: &ServeOptions,
    config: Config,
    start: Start<'_>,
) -> Result<(), Box<dyn Error>> {
    let machine = Machine::look()?;
    namespace::enter(&format!("{}-s", options.bed))?;
    if options.together {
        machine::pin(machine.worker_cpu())?;
    } else {
        // Of this process only the workers may use their CPUs.
        machine.stand_aside()?;
    }
    if options.bridged {
        let config = configure(config, options);
        let plane = bridged(&config, options.calls)?;
        prefer_workers()?;
        answer(plane.description(), &plane.stats())?;
    } else {
        let mut config = configure(config, options);
        options.more.configure(&mut config)?;
        let (server, media) = start(&config)?;
        match options.together {
            true => prefer_all()?,
            false => prefer_workers()?,
        }
        answer(&media, server.worker_stats())?;
    }
    // Whoever measured has ended, perhaps by a signal: nothing of the bed shall stay.
    namespace::remove(&options.bed);
    Ok(())
}

/// Says what is asked for, until nobody asks.
fn answer(media: &str, stats: &[Arc<WorkerStats>]) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    writeln!(out, "{media}")?;
    for line in std::io::stdin().lines() {
        match line?.as_str() {
            ASK => writeln!(out, "{}", Look::take(stats).to_json())?,
            other => return Err(format!("asked for `{other}`, knows `{ASK}`").into()),
        }
    }
    Ok(())
}

/// Calls of two streams each that hear each other; every peer is the one talker.
fn bridged(config: &Config, calls: u32) -> Result<Plane, Box<dyn Error>> {
    let mut plane = Plane::start(&DataplaneConfig {
        workers: Some(1),
        cpus: config.media.cpus.clone(),
        address: config.media.address,
        media_timeout: config.media.timeout,
        dscp: config.media.dscp,
        kernel: Kernel::Newest,
        form: config.media.send,
        admission: config.media.admission,
    })?;
    let plans: Vec<Plan> = (0..2 * calls)
        .map(|index| Plan {
            local: bridged_port(index),
            remote: TALKER,
            source: Source::Bridge {
                peer: plane.stream(index ^ 1),
            },
        })
        .collect();
    for batch in plans.chunks(AT_ONCE) {
        plane.open(batch)?;
        std::thread::park_timeout(2 * WINDOW);
    }
    Ok(plane)
}

/// Streams that a worker begins before it has measured what they need.
const AT_ONCE: usize = 500;

/// Where a stream of a bridged call listens.
pub(super) fn bridged_port(index: u32) -> SocketAddr {
    let port = u32::from(RTP_PORTS.0) + 2 * index;
    SocketAddr::new(SERVER, u16::try_from(port).unwrap_or(u16::MAX))
}

fn configure(mut config: Config, options: &ServeOptions) -> Config {
    config.sip.listen = vec![(Transport::Udp, SIP)];
    config.sip.advertise = None;
    config.sip.trusted = format!("{PHONES}/32").parse().into_iter().collect();
    config.media.address = SERVER;
    config.media.advertise = SERVER;
    config.media.ports = RTP_PORTS;
    // What a worker can do shall be seen, not what it takes upon itself.
    config.media.admission = Share::WHOLE;
    config.media.codecs = Codec::ALL.to_vec();
    config.media.workers = None;
    config.media.cpus.clone_from(&options.cpus);
    config.media.send = options.send;
    config.park.pickup_timeout = PICKUP_TIMEOUT;
    config.orbit_ranges = orbit_ranges(options.calls);
    config
}

impl ServerProcess {
    /// Starts this very program once more, in the bed, as a SIP server.
    pub(super) fn start(
        bed: &Bed,
        calls: u32,
        cpu: usize,
        send: Form,
        more: &Extras,
    ) -> Result<Self, Box<dyn Error>> {
        Self::spawn(bed, calls, cpu, send, &more.arguments())
    }

    /// Starts it with all its threads on one CPU.
    pub(super) fn together(
        bed: &Bed,
        calls: u32,
        cpu: usize,
        send: Form,
        more: &Extras,
    ) -> Result<Self, Box<dyn Error>> {
        let mut arguments = more.arguments();
        arguments.push("--together".into());
        Self::spawn(bed, calls, cpu, send, &arguments)
    }

    /// Starts it with calls that are bridged already.
    pub(super) fn bridged(
        bed: &Bed,
        calls: u32,
        cpu: usize,
        send: Form,
    ) -> Result<Self, Box<dyn Error>> {
        Self::spawn(bed, calls, cpu, send, &["--bridged".into()])
    }

    fn spawn(
        bed: &Bed,
        calls: u32,
        cpu: usize,
        send: Form,
        more: &[OsString],
    ) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new("/proc/self/exe")
            .args(["bed", "serve", "--bed", bed.name()])
            .args(["--calls", &calls.to_string(), "--cpus", &cpu.to_string()])
            .args(["--send", send.name()])
            .args(more)
            // Each call that is refused would be a line of its log.
            .env("RUST_LOG", "error")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let asks = child.stdin.take();
        let stdout = child.stdout.take().ok_or("a pipe of our own is missing")?;
        let mut answers = BufReader::new(stdout).lines();
        let media = answers
            .next()
            .ok_or("the server did not start; what it said stands above")??;
        Ok(Self {
            child,
            asks,
            answers,
            media,
        })
    }

    /// Stops it, so that something else can have its CPU.
    pub(super) fn pause(&self) -> Result<(), Box<dyn Error>> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on. What it missed in more than two seconds it does not make up for.
    pub(super) fn resume(&self) -> Result<(), Box<dyn Error>> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), Box<dyn Error>> {
        kill_process(Pid::from_child(&self.child), signal)?;
        Ok(())
    }

    /// Ends it as a crash does. Its namespace stays for the next one.
    pub(super) fn kill(mut self) -> Result<(), Box<dyn Error>> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Its counters now.
    pub(super) fn look(&mut self) -> Result<Look, Box<dyn Error>> {
        let asks = self.asks.as_mut().ok_or("the server was told to end")?;
        writeln!(asks, "{ASK}").map_err(|_| "the server has ended; its last words stand above")?;
        let answer = self.answers.next();
        let answer = answer.ok_or("the server has ended; its last words stand above")?;
        Look::from_json(&answer?)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.asks = None;
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        // It may have been left paused by a failure.
        let _ = self.resume();
        // It ends by itself; when it does not, nothing is left to be said to it.
        let _ = self.child.wait();
    }
}
