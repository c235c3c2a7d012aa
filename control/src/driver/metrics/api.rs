//! The HTTP API: whom it has not let in, and until when its certificate is good.

use super::page::Page;
use crate::driver::http::ApiStats;

pub(super) fn write(page: &mut Page, stats: &ApiStats) {
    let help = "Connections closed at once: one peer had too many.";
    page.counter("orbit_api_connections_refused_total", help)
        .sample(&[], stats.refused.load());
    let help = "TLS handshakes that failed, or took too long.";
    page.counter("orbit_api_handshakes_failed_total", help)
        .sample(&[], stats.handshakes_failed.load());
    if let Some(expires) = stats.expires() {
        let help = "When the certificate is good no more, in seconds since 1970.";
        page.gauge("orbit_api_certificate_expiry_timestamp_seconds", help)
            .sample(&[], expires);
    }
}
