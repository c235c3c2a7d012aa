//! The API of a server that starts: its socket and its certificate first, which may be refused, and
//! its thread when the control thread runs.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;
use tokio::sync::mpsc::Sender;

use super::configuration::Configuration;
use super::http::{self, ApiStats, Asker, CertificateError, Listening, Serving, Tls};
use super::metrics::Metrics;
use super::reactor::Arrival;
use super::server::{Remedies, StartError, remedy};
use crate::config::{Api, Config};
use crate::happening::Happening;

/// What it is started with.
#[derive(Debug)]
pub(super) struct ApiParts {
    socket: TcpListener,
    api: Api,
    tls: Option<Tls>,
    stats: Arc<ApiStats>,
    reload: Arc<Notify>,
}

impl ApiParts {
    /// The socket of the API, where one is wanted, and its certificate. `reload`: the certificate
    /// is to be read anew.
    pub(super) fn bind(
        config: &Config,
        stats: &Arc<ApiStats>,
        reload: &Arc<Notify>,
    ) -> Result<Option<Self>, StartError> {
        let Some(api) = &config.api else {
            return Ok(None);
        };
        let open = |files| Tls::open(files, Arc::clone(stats));
        let tls = api.certificate.as_ref().map(open).transpose()?;
        let address = api.listen;
        let refused = |error: io::Error| StartError::BindApi {
            address,
            remedy: remedy(error.kind(), API_REMEDIES),
            error,
        };
        Ok(Some(Self {
            socket: http::bind(address).map_err(refused)?,
            api: api.clone(),
            tls,
            stats: Arc::clone(stats),
            reload: Arc::clone(reload),
        }))
    }

    pub(super) fn start(
        self,
        config: &Config,
        (arrivals, configuration): (&Sender<Arrival>, Configuration),
        happenings: Receiver<Arc<Happening>>,
        metrics: Metrics,
    ) -> io::Result<Listening> {
        let serving = Serving {
            api: self.api,
            tls: self.tls,
            reload: self.reload,
            stats: self.stats,
            node: config.node.id.clone(),
            asker: Asker::new(arrivals.clone()),
            configuration,
            happenings,
            metrics,
        };
        http::start(self.socket, serving)
    }
}

/// Looks at the certificate of the API, where there is one, as a start would.
///
/// # Errors
/// Whatever is wrong with it.
pub fn check_certificate(config: &Config) -> Result<(), CertificateError> {
    let certificate = config.api.as_ref().and_then(|api| api.certificate.as_ref());
    match certificate {
        Some(files) => Tls::open(files, Arc::default()).map(drop),
        None => Ok(()),
    }
}

const API_REMEDIES: &Remedies = &[
    "another program has this port: find it with `ss -lntp`, or change [api] listen",
    "this host does not have this address: see `ip address`, and change [api] listen",
    "ports below 1024 need CAP_NET_BIND_SERVICE: grant it, or change [api] listen",
    "see [api] listen",
];
