//! DNS: A and AAAA of a host, by the system's resolver, a bounded number at a time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use super::reactor::Arrival;
use crate::sip::agent::Resolve;

/// Questions under way at once; further ones wait.
const QUESTIONS_MAX: usize = 64;
/// After this long a question counts as unanswered.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks on behalf of the state machine.
#[derive(Debug)]
pub(super) struct Resolver {
    places: Arc<Semaphore>,
    arrivals: mpsc::Sender<Arrival>,
}

impl Resolver {
    pub(super) fn new(arrivals: mpsc::Sender<Arrival>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(QUESTIONS_MAX)),
            arrivals,
        }
    }

    /// Asks; the answer arrives as [`Arrival::Resolved`], empty when there is none.
    pub(super) fn ask(&self, question: Resolve) {
        let places = Arc::clone(&self.places);
        let arrivals = self.arrivals.clone();
        tokio::spawn(async move {
            let _place = places.acquire().await;
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, lookup(&question.host)).await;
            let addresses = answer.unwrap_or_default();
            // The reactor is gone only when the server is: then nobody needs the answer.
            let _ = arrivals
                .send(Arrival::Resolved(question.ticket, addresses))
                .await;
        });
    }
}

async fn lookup(host: &str) -> Vec<IpAddr> {
    match tokio::net::lookup_host((host, 0)).await {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(error) => {
            tracing::debug!(host, %error, "host not found");
            Vec::new()
        }
    }
}
