//! A running server: started from a configuration, asked how things stand, stopped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use shared::{Recorder, WorkerId, WorkerLink, WorkerStats};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, broadcast, mpsc, oneshot};

use super::api::ApiParts;
use super::bell::Bell;
use super::capture::Captures;
use super::clock;
use super::dns::Resolver;
use super::http::{ApiStats, Asked, CertificateError, Listening};
use super::keeper::Keeper;
use super::metrics::{Metrics, RecordStats, StoreStats};
use super::news::News;
use super::prepared::Prepared;
use super::reactor::{Arrival, Phase, Reactor};
use super::signals::Signals;
use super::store::Work;
use super::studio::Prompts;
use super::supervisor::Supervisor;
use super::tcp::{self, Connections};
use super::terminate::Ending;
use super::udp::UdpListener;
use super::workers::Workers;
use crate::cdr::Cdr;
use crate::config::{Config, ConfigError};
use crate::control::{Control, ControlStatus, OrbitStatus, Setup};
use crate::happening::{Happening, Tally};
use crate::sip::transport::{Flow, Listener, Transport};
use crate::store::StoreError;

/// A server on a thread of its own. Dropping it leaves it running: call [`Server::stop`] and
/// [`Server::join`].
#[derive(Debug)]
pub struct Server {
    thread: JoinHandle<Result<(), RunError>>,
    arrivals: mpsc::Sender<Arrival>,
    listeners: Vec<Listener>,
    stats: Vec<Arc<WorkerStats>>,
    happenings: broadcast::Sender<Arc<Happening>>,
    api: Option<Listening>,
}

/// How things stand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Figures.
    pub status: ControlStatus,
    /// The taken orbits.
    pub orbits: Vec<OrbitStatus>,
    /// How often what happened.
    pub tally: Tally,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A SIP port is not to be had.
    #[error("cannot listen on {transport}:{address}: {error}; {remedy}")]
    Bind {
        /// In the words of the configuration.
        transport: &'static str,
        /// As configured.
        address: SocketAddr,
        /// The operating system's.
        error: io::Error,
        /// What would help.
        remedy: &'static str,
    },
    /// The port of the API is not to be had.
    #[error("the API cannot listen on {address}: {error}; {remedy}")]
    BindApi {
        /// As configured.
        address: SocketAddr,
        /// The operating system's.
        error: io::Error,
        /// What would help.
        remedy: &'static str,
    },
    /// The certificate of the API cannot be used.
    #[error("{0}")]
    Certificate(#[from] CertificateError),
    /// The store is not to be had.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// What the store has of the configuration does not go with the file.
    #[error(
        "{0}; what was changed while a server ran is in the store: put the file right, or delete \
         the object there (sqlite3 orbit.db \"DELETE FROM configuration WHERE name = '…'\")"
    )]
    Overlay(String),
    /// The file of call detail records is not to be had.
    #[error("{0}")]
    Records(#[from] ConfigError),
    /// Threads, signals or entropy are not to be had.
    #[error("the operating system refuses what a server needs: {0}")]
    System(#[from] io::Error),
}

/// Why a server ended that nobody stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its media path is gone, and calls without media are worse than a restart.
    #[error(
        "media worker {0} ended by itself (its own last log line says why); the server ends with it"
    )]
    WorkerEnded(WorkerId),
    /// The control plane's own fault; the log has the panic.
    #[error("the control thread ended by a panic: please report the log")]
    Panicked,
}

/// Arrivals that may wait for the reactor; beyond, the tasks that bring them wait.
const ARRIVALS_MAX: usize = 1_024;

/// Opens the sockets and starts the control thread. `prompts` are what the workers at the other end
/// of `links` play; `recorder` writes captures of calls.
///
/// # Errors
/// [`StartError`], naming the remedy.
pub fn start(
    prepared: Prepared,
    (links, prompts): (Vec<WorkerLink>, Arc<dyn Prompts>),
    bell: &Bell,
    recorder: Arc<dyn Recorder>,
) -> Result<Server, StartError> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let (arrivals, waiting) = mpsc::channel(ARRIVALS_MAX);
    let configuration = prepared.running(prompts, arrivals.clone());
    let Prepared { config, store, .. } = prepared;
    let config = &config;
    let sockets = Sockets::bind(config)?;
    let listeners = sockets.listeners.clone();
    let api_stats = Arc::<ApiStats>::default();
    let reload = Arc::new(Notify::new());
    let api = ApiParts::bind(config, &api_stats, &reload)?;
    let stats: Vec<_> = links.iter().map(|link| Arc::clone(&link.stats)).collect();
    let store_stats = config.store.path.is_some().then(Arc::<StoreStats>::default);
    let records = Arc::<RecordStats>::default();
    let metrics = Metrics {
        node: config.node.id.as_str().into(),
        workers: stats.clone(),
        store: store_stats.clone(),
        records: Arc::clone(&records),
        api: Arc::clone(&api_stats),
        recorder: Arc::clone(&recorder),
    };
    let workers = Workers::new(links);
    let (kept, keeper) = Keeper::open(config, store, store_stats, records, &arrivals)?;
    let setup = Setup {
        kept,
        config: config.clone(),
        listeners: listeners.clone(),
        workers: workers.sizes(),
        seed: clock::seed()?,
    };
    let first_flow = listeners.len() as u64;
    let news = News::new();
    let happenings = news.sender();
    let heard = happenings.subscribe();
    let reactor = Reactor {
        control: Control::new(setup, clock::now()),
        udp: sockets.udp,
        connections: Connections::new(first_flow, arrivals.clone()),
        workers,
        resolver: Resolver::new(arrivals.clone()),
        keeper,
        asked: Asked::default(),
        captures: Captures::new(recorder, config),
        configuring: None,
        bell: bell.clone(),
        arrivals: waiting,
        signals: Signals::take()?,
        reload,
        supervisor: Supervisor::from_environment(),
        ending: Ending::new(config),
        phase: Phase::Running,
        news,
    };
    accept_all(sockets.tcp, config, &arrivals);
    drop(entered);
    let thread = spawn(runtime, reactor)?;
    let api = api.map(|api| api.start(config, (&arrivals, configuration), heard, metrics));
    let api = api.transpose()?;
    Ok(Server {
        thread,
        arrivals,
        listeners,
        stats,
        happenings,
        api,
    })
}

/// Takes connections from now on.
fn accept_all(sockets: Vec<TcpListener>, config: &Config, arrivals: &mpsc::Sender<Arrival>) {
    for socket in sockets {
        let trusted = config.sip.trusted.clone();
        tokio::spawn(tcp::accept(socket, trusted, arrivals.clone()));
    }
}

fn spawn(runtime: Runtime, reactor: Reactor) -> io::Result<JoinHandle<Result<(), RunError>>> {
    std::thread::Builder::new()
        .name("orbit-control".to_owned())
        .spawn(move || runtime.block_on(reactor.run()))
}

impl Server {
    /// The sockets it listens on, with their real ports.
    #[must_use]
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Where its API listens, with the real port, as a URL; `None` without one.
    #[must_use]
    pub fn api(&self) -> Option<String> {
        let api = self.api.as_ref()?;
        let scheme = if api.is_encrypted { "https" } else { "http" };
        Some(format!("{scheme}://{}/", api.address))
    }

    /// The counters of its workers.
    #[must_use]
    pub fn worker_stats(&self) -> &[Arc<WorkerStats>] {
        &self.stats
    }

    /// What happens from now on. Who falls behind by some thousands of happenings is told how many
    /// it has missed.
    #[must_use]
    pub fn happenings(&self) -> broadcast::Receiver<Arc<Happening>> {
        self.happenings.subscribe()
    }

    /// How things stand; `None` when it has ended. Not from within async code.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        let (reply, answer) = oneshot::channel();
        self.arrivals.blocking_send(Arrival::Report(reply)).ok()?;
        answer.blocking_recv().ok()
    }

    /// The records of the calls that were parked last, at most so many, the last one first; `None`
    /// when it has ended, or records nothing. Not from within async code.
    #[must_use]
    pub fn history(&self, count: usize) -> Option<Vec<Cdr>> {
        let (reply, answer) = oneshot::channel();
        let arrival = Arrival::ForStore(Work::Last(count, reply));
        self.arrivals.blocking_send(arrival).ok()?;
        answer.blocking_recv().ok()
    }

    /// Takes no more calls and ends with the last one, or when `[node] drain_limit` has passed;
    /// returns at once.
    pub fn drain(&self) {
        // Refused only by a server that has ended already.
        let _ = self.arrivals.blocking_send(Arrival::Drain);
    }

    /// Ends every call with BYE, then the server; returns at once.
    pub fn stop(&self) {
        // Refused only by a server that has ended already.
        let _ = self.arrivals.blocking_send(Arrival::Stop);
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for its end: after [`Server::stop`], SIGINT or SIGTERM, or by a fault.
    ///
    /// # Errors
    /// [`RunError`] for a fault.
    pub fn join(self) -> Result<(), RunError> {
        let ended = self.thread.join().unwrap_or(Err(RunError::Panicked));
        if let Some(api) = self.api
            && api.thread.join().is_err()
        {
            tracing::error!("the API's thread ended by a panic: its log has the reason");
        }
        ended
    }
}

/// The bound sockets.
struct Sockets {
    listeners: Vec<Listener>,
    udp: Vec<UdpListener>,
    tcp: Vec<TcpListener>,
}

impl Sockets {
    fn bind(config: &Config) -> Result<Self, StartError> {
        let mut sockets = Self {
            listeners: Vec::new(),
            udp: Vec::new(),
            tcp: Vec::new(),
        };
        for (number, &(transport, address)) in config.sip.listen.iter().enumerate() {
            let flow = Flow(number as u64);
            let local = sockets
                .bind_one(transport, flow, address)
                .map_err(|error| refusal(transport, address, error))?;
            let advertise = config.sip.advertise.clone();
            let advertise = advertise.unwrap_or_else(|| local.ip().to_string());
            sockets.listeners.push(Listener {
                transport,
                flow,
                local,
                advertise,
            });
        }
        Ok(sockets)
    }

    fn bind_one(
        &mut self,
        transport: Transport,
        flow: Flow,
        address: SocketAddr,
    ) -> io::Result<SocketAddr> {
        match transport {
            Transport::Udp => {
                let socket = UdpListener::bind(flow, address)?;
                let local = socket.local;
                self.udp.push(socket);
                Ok(local)
            }
            Transport::Tcp => {
                let socket = tcp::bind(address)?;
                let local = socket.local_addr()?;
                self.tcp.push(socket);
                Ok(local)
            }
        }
    }
}

fn refusal(transport: Transport, address: SocketAddr, error: io::Error) -> StartError {
    let remedy = remedy(error.kind(), SIP_REMEDIES);
    let transport = match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
    };
    StartError::Bind {
        transport,
        address,
        error,
        remedy,
    }
}

/// What would help where a port is taken, an address is not there, a right is missing, or else.
pub(super) type Remedies = [&'static str; 4];

const SIP_REMEDIES: &Remedies = &[
    "another program has this port: find it with `ss -lntup`, or change [sip] listen",
    "this host does not have this address: see `ip address`, and change [sip] listen",
    "ports below 1024 need CAP_NET_BIND_SERVICE: grant it, or change [sip] listen",
    "see [sip] listen",
];

pub(super) fn remedy(
    kind: io::ErrorKind,
    [taken, not_here, not_allowed, other]: &Remedies,
) -> &'static str {
    match kind {
        io::ErrorKind::AddrInUse => taken,
        io::ErrorKind::AddrNotAvailable => not_here,
        io::ErrorKind::PermissionDenied => not_allowed,
        _ => other,
    }
}
