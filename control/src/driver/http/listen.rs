//! The socket of the API and its thread: connections, each with limits, and HTTP/1.1 on them.

use std::io;
use std::net::{SocketAddr, TcpListener as Bound};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, broadcast};
use tokio::time::timeout;

use super::asker::Asker;
use super::limits::{
    CONNECTIONS_MAX, HEAD_BYTES_MAX, HEAD_TIMEOUT, HEADER_FIELDS_MAX, UNREAD_TIMEOUT,
};
use super::routes::{Desk, routes};
use super::token;
use crate::config::Api;
use crate::driver::metrics::Metrics;
use crate::happening::Happening;

/// The API as it runs. Its thread ends soon after the control thread.
#[derive(Debug)]
pub(in crate::driver) struct Listening {
    pub(in crate::driver) address: SocketAddr,
    pub(in crate::driver) thread: JoinHandle<()>,
}

/// What the API serves with.
#[derive(Debug)]
pub(in crate::driver) struct Serving {
    pub(in crate::driver) api: Api,
    /// The name of this server.
    pub(in crate::driver) node: String,
    pub(in crate::driver) asker: Asker,
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
    Ok(Listening { address, thread })
}

async fn serve(socket: Bound, run: u64, serving: Serving) -> io::Result<()> {
    let listener = TcpListener::from_std(socket)?;
    let asker = serving.asker.clone();
    let (desk, printing) = Desk::new(serving, run);
    let routes = routes(desk);
    tokio::select! {
        () = printing => {}
        () = accept(&listener, &routes, &asker) => {}
        () = asker.closed() => {}
    }
    Ok(())
}

/// Takes connections, as many as there may be.
async fn accept(listener: &TcpListener, routes: &Router, asker: &Asker) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let routes = routes.clone();
                tokio::spawn(async move {
                    if let Err(error) = connection(stream, routes).await {
                        tracing::debug!(%peer, "connection to the API broken: {error}");
                    }
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

/// Serves one connection to its end.
async fn connection(stream: TcpStream, routes: Router) -> Result<(), hyper::Error> {
    let unread = u32::try_from(UNREAD_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = set_tcp_user_timeout(&stream, unread) {
        tracing::debug!("no limit on unread answers: {error}");
    }
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADER_FIELDS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
        .await
}
