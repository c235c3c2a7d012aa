//! The server on the bed: a process of its own in its namespace, told by whoever measures when to
//! say what it has counted. It ends when nobody asks any more.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Lines, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use control::config::Config;
use control::sip::transport::Transport;
use rustix::process::{Pid, Signal, kill_process};
use shared::{Codec, Share};

use super::look::{Look, worker_threads};
use super::machine::{self, Machine};
use super::namespace::{self, Bed, PHONES, SERVER};
use crate::demo::Start;
use crate::demo::site::orbit_ranges;

/// What the server's process is started with.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ServeOptions {
    /// The bed, by the name of its namespaces without the last letter.
    #[arg(long)]
    bed: String,
    /// Orbits.
    #[arg(long)]
    calls: u32,
    /// CPU of the worker; several: one worker each.
    #[arg(long, value_delimiter = ',')]
    cpus: Vec<u16>,
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
    // Of this process only the workers may use their CPUs.
    machine.stand_aside()?;
    let (server, media) = start(&configure(config, options))?;
    worker_threads().try_for_each(|thread| machine::prefer(&thread))?;
    let mut out = std::io::stdout();
    writeln!(out, "{media}")?;
    for line in std::io::stdin().lines() {
        match line?.as_str() {
            ASK => writeln!(out, "{}", Look::take(&server).to_json())?,
            other => return Err(format!("asked for `{other}`, knows `{ASK}`").into()),
        }
    }
    // Whoever measured has ended, perhaps by a signal: nothing of the bed shall stay.
    namespace::remove(&options.bed);
    Ok(())
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
    config.park.pickup_timeout = PICKUP_TIMEOUT;
    config.orbit_ranges = orbit_ranges(options.calls);
    config
}

impl ServerProcess {
    /// Starts this very program once more, in the bed.
    pub(super) fn start(bed: &Bed, calls: u32, cpu: usize) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new("/proc/self/exe")
            .args(["bed", "serve", "--bed", bed.name()])
            .args(["--calls", &calls.to_string(), "--cpus", &cpu.to_string()])
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
        // It may have been left paused by a failure.
        let _ = self.resume();
        // It ends by itself; when it does not, nothing is left to be said to it.
        let _ = self.child.wait();
    }
}
