//! What the API counts of its connections, for `/metrics`.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use shared::Counter;

/// Written by the API's thread, read by it for a scrape.
#[derive(Debug, Default)]
pub(in crate::driver) struct ApiStats {
    /// Connections that were closed at once: one peer had too many.
    pub(in crate::driver) refused: Counter,
    /// Handshakes of TLS that failed, or took too long.
    pub(in crate::driver) handshakes_failed: Counter,
    /// In seconds since 1970; 0 without a certificate.
    expires: AtomicI64,
}

impl ApiStats {
    pub(super) fn certificate_expires(&self, at: Timestamp) {
        self.expires.store(at.as_second(), Ordering::Relaxed);
    }

    /// When the certificate is good no more, in seconds since 1970; `None` without one.
    pub(in crate::driver) fn expires(&self) -> Option<i64> {
        Some(self.expires.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }
}
