//! The one task that writes happenings as events, keeps the last ones, and says to whoever begins
//! to listen where it stands: all in one place, so that nobody misses one or gets it twice.

use std::sync::Arc;

use hyper::body::Bytes;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::super::limits::{EVENT_STREAMS_MAX, EVENTS_WAITING_MAX};
use super::super::moment::Wall;
use super::event::Event;
use super::ring::{EventId, Ring};
use crate::happening::Happening;

/// Where a client begins.
#[derive(Debug)]
pub(super) struct Start {
    /// What it has missed; `None` where it needs a snapshot.
    pub(super) missed: Option<Vec<Bytes>>,
    /// The last event before those to come.
    pub(super) last: EventId,
    /// Those to come.
    pub(super) live: broadcast::Receiver<Bytes>,
}

/// A client that begins behind an event, or anew.
type Request = (Option<EventId>, oneshot::Sender<Start>);

/// The clients' end.
#[derive(Clone, Debug)]
pub(in super::super) struct Press(mpsc::Sender<Request>);

impl Press {
    /// Begins to write. `run` names this run of the server.
    pub(in super::super) fn start(
        run: u64,
        happenings: broadcast::Receiver<Arc<Happening>>,
    ) -> (Self, impl Future<Output = ()>) {
        let (requests, waiting) = mpsc::channel(EVENT_STREAMS_MAX);
        (Self(requests), print(run, happenings, waiting))
    }

    /// Where to begin; `None` when the server ends.
    pub(super) async fn begin(&self, behind: Option<EventId>) -> Option<Start> {
        let (reply, start) = oneshot::channel();
        self.0.send((behind, reply)).await.ok()?;
        start.await.ok()
    }
}

async fn print(
    run: u64,
    mut happenings: broadcast::Receiver<Arc<Happening>>,
    mut requests: mpsc::Receiver<Request>,
) {
    let mut ring = Ring::new(run);
    let mut live = broadcast::Sender::new(EVENTS_WAITING_MAX);
    loop {
        tokio::select! {
            Some((behind, reply)) = requests.recv() => {
                let start = Start {
                    missed: behind.and_then(|id| ring.behind(id)),
                    last: ring.last(),
                    live: live.subscribe(),
                };
                // Who asked may have gone away.
                let _ = reply.send(start);
            }
            happening = happenings.recv() => match happening {
                Ok(happening) => {
                    let event = Event::of(&happening, Wall::now());
                    // Refused only where nobody listens.
                    let _ = live.send(ring.push(|id| event.print(id)));
                }
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "the API cannot keep up; its listeners begin anew");
                    // Nobody can resume over a gap: another run, and the streams of this one end.
                    ring = Ring::new(ring.last().run.wrapping_add(1));
                    live = broadcast::Sender::new(EVENTS_WAITING_MAX);
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }
}
