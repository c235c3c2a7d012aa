//! TLS before HTTP: which certificate new connections get, read anew on SIGHUP and when its files
//! have changed; and the handshake, for which a stranger has little time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::{CertificateError, Loaded, Stamp};
use super::limits::{CERTIFICATE_LOOK, EXPIRY_WARNING, EXPIRY_WARNING_AGAIN, HANDSHAKE_TIMEOUT};
use super::moment::Wall;
use super::stats::ApiStats;
use crate::config::Certificate;
use crate::driver::clock;

/// The certificate as it is now.
#[derive(Debug)]
pub(in crate::driver) struct Tls {
    files: Certificate,
    loaded: Loaded,
    current: watch::Sender<Arc<ServerConfig>>,
    /// The files when they were looked at last.
    stamp: Stamp,
    warned: Option<Timestamp>,
    stats: Arc<ApiStats>,
}

/// What new connections are taken with.
#[derive(Clone, Debug)]
pub(super) struct Acceptor(watch::Receiver<Arc<ServerConfig>>);

impl Tls {
    /// Reads the certificate.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub(in crate::driver) fn open(
        files: &Certificate,
        stats: Arc<ApiStats>,
    ) -> Result<Self, CertificateError> {
        let stamp = Stamp::of(files);
        let loaded = Loaded::read(files, now())?;
        stats.certificate_expires(loaded.expires);
        let (current, _) = watch::channel(Arc::clone(&loaded.config));
        let mut tls = Self {
            files: files.clone(),
            loaded,
            current,
            stamp,
            warned: None,
            stats,
        };
        tls.warn_of_expiry();
        Ok(tls)
    }

    pub(super) fn acceptor(&self) -> Acceptor {
        Acceptor(self.current.subscribe())
    }

    /// Looks at the files from time to time, and whenever somebody asks. Never ends.
    pub(super) async fn keep_current(mut self, asked: Arc<Notify>) {
        loop {
            let is_asked = timeout(CERTIFICATE_LOOK, asked.notified()).await.is_ok();
            self.look(is_asked);
            self.warn_of_expiry();
        }
    }

    fn look(&mut self, is_asked: bool) {
        let stamp = Stamp::of(&self.files);
        if stamp == self.stamp && !is_asked {
            return;
        }
        self.stamp = stamp;
        match Loaded::read(&self.files, now()) {
            Ok(loaded) => {
                tracing::info!(expires = %loaded.expires, "the API has read its certificate anew");
                self.stats.certificate_expires(loaded.expires);
                self.current.send_replace(Arc::clone(&loaded.config));
                self.loaded = loaded;
                self.warned = None;
            }
            // Whoever writes two files writes one of them first.
            Err(error) => {
                tracing::error!("{error}. The API goes on with the certificate of before")
            }
        }
    }

    fn warn_of_expiry(&mut self) {
        let (now, left) = (now(), self.loaded.left(now()));
        let is_said = self.warned.is_some_and(|at| {
            let since = Duration::try_from(now.duration_since(at));
            since.is_ok_and(|since| since < EXPIRY_WARNING_AGAIN)
        });
        if left < EXPIRY_WARNING && !is_said {
            let (expires, days) = (self.loaded.expires, left.as_secs() / 86_400);
            tracing::warn!(
                %expires,
                days,
                "the certificate of the API is soon good no more: renew it"
            );
            self.warned = Some(now);
        }
    }
}

impl Acceptor {
    /// The handshake.
    pub(super) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.0.borrow());
        let handshake = timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(config).accept(stream));
        let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
        handshake.await.map_err(late)?
    }
}

fn now() -> Timestamp {
    Wall::now().at(clock::now())
}
