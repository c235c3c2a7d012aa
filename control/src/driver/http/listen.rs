//! The socket of the API and its thread: connections, each with limits, and HTTP/1.1 on them.

use std::io;
use std::net::{SocketAddr, TcpListener as Bound};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{Notify, broadcast};
use tokio::time::timeout;

use super::asker::Asker;
use super::limits::{HEAD_BYTES_MAX, HEAD_TIMEOUT, HEADER_FIELDS_MAX, UNREAD_TIMEOUT};
use super::permit::Peer;
use super::places::Places;
use super::routes::{Desk, routes};
use super::stats::ApiStats;
use super::tls::{Acceptor, Tls};
use super::token;
use crate::config::Api;
use crate::driver::configuration::Configuration;
use crate::driver::metrics::Metrics;
use crate::happening::Happening;

/// The API as it runs. Its thread ends soon after the control thread.
#[derive(Debug)]
pub(in crate::driver) struct Listening {
    pub(in crate::driver) address: SocketAddr,
    /// Whether it speaks TLS.
    pub(in crate::driver) is_encrypted: bool,
    pub(in crate::driver) thread: JoinHandle<()>,
}

/// What the API serves with.
#[derive(Debug)]
pub(in crate::driver) struct Serving {
    pub(in crate::driver) api: Api,
    /// The certificate; `None` where it speaks in the clear, on this host only.
    pub(in crate::driver) tls: Option<Tls>,
    /// Somebody wants the certificate read anew.
    pub(in crate::driver) reload: Arc<Notify>,
    pub(in crate::driver) stats: Arc<ApiStats>,
    /// The name of this server.
    pub(in crate::driver) node: String,
    pub(in crate::driver) asker: Asker,
    pub(in crate::driver) configuration: Configuration,
    pub(in crate::driver) happenings: broadcast::Receiver<Arc<Happening>>,
    /// What `/metrics` says.
    pub(in crate::driver) metrics: Metrics,
}

/// Opens the socket.
///
/// # Errors
/// The operating system's.
pub(in crate::driver) fn bind(address: SocketAddr) -> io::Result<Bound> {
    let socket = Bound::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Starts the thread.
///
/// # Errors
/// When the operating system has none to give.
pub(in crate::driver) fn start(socket: Bound, serving: Serving) -> io::Result<Listening> {
    let address = socket.local_addr()?;
    let is_encrypted = serving.tls.is_some();
    let run = token::run()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new()
        .name("orbit-api".to_owned())
        .spawn(move || {
            let served = runtime.block_on(serve(socket, run, serving));
            if let Err(error) = served {
                tracing::error!("the API has ended: {error}");
            }
        })?;
    Ok(Listening {
        address,
        is_encrypted,
        thread,
    })
}

async fn serve(socket: Bound, run: u64, mut serving: Serving) -> io::Result<()> {
    let listener = TcpListener::from_std(socket)?;
    let asker = serving.asker.clone();
    let tls = serving.tls.take();
    let entrance = Entrance {
        acceptor: tls.as_ref().map(Tls::acceptor),
        stats: Arc::clone(&serving.stats),
    };
    let reload = Arc::clone(&serving.reload);
    let (desk, printing) = Desk::new(serving, run);
    let entrance = (entrance, routes(desk));
    let keeping = async {
        match tls {
            Some(tls) => tls.keep_current(reload).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = printing => {}
        () = keeping => {}
        () = accept(&listener, &entrance, &asker) => {}
        () = asker.closed() => {}
    }
    Ok(())
}

/// How a connection comes in.
#[derive(Clone, Debug)]
struct Entrance {
    acceptor: Option<Acceptor>,
    stats: Arc<ApiStats>,
}

/// Takes connections, as many as there may be.
async fn accept(listener: &TcpListener, (entrance, routes): &(Entrance, Router), asker: &Asker) {
    let mut places = Places::new();
    while let Some(permit) = places.free().await {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(place) = places.give(permit, peer.ip()) else {
                    entrance.stats.refused.add(1);
                    tracing::debug!(%peer, "has too many connections to the API");
                    continue;
                };
                let (entrance, routes) = (entrance.clone(), routes.clone());
                tokio::spawn(async move {
                    entrance.let_in(stream, peer, routes).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("the API cannot take a connection: {error}");
                // No descriptors, most likely: some may be free in a moment.
                let _ = timeout(ACCEPT_RETRY, asker.closed()).await;
            }
        }
    }
}

/// How soon accepting is tried again.
const ACCEPT_RETRY: std::time::Duration = std::time::Duration::from_millis(100);

impl Entrance {
    /// Serves one connection to its end.
    async fn let_in(&self, stream: TcpStream, peer: SocketAddr, routes: Router) {
        let unread = u32::try_from(UNREAD_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = set_tcp_user_timeout(&stream, unread) {
            tracing::debug!("no limit on unread answers: {error}");
        }
        let served = match &self.acceptor {
            None => connection(stream, peer, routes).await,
            Some(acceptor) => match acceptor.accept(stream).await {
                Ok(stream) => connection(stream, peer, routes).await,
                Err(error) => {
                    self.stats.handshakes_failed.add(1);
                    return tracing::debug!(%peer, "handshake with the API failed: {error}");
                }
            },
        };
        if let Err(error) = served {
            tracing::debug!(%peer, "connection to the API broken: {error}");
        }
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    routes: Router,
) -> Result<(), hyper::Error> {
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        routes.call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADER_FIELDS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await
}
