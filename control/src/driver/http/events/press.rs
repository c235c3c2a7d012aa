//! The one task that writes happenings as events, keeps the last ones, and says to whoever begins
//! to listen where it stands: all in one place, so that nobody misses one or gets it twice.

use std::sync::Arc;

use hyper::body::Bytes;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::super::limits::{EVENT_STREAMS_MAX, EVENTS_WAITING_MAX};
use super::super::moment::Wall;
use super::event::Event;
use super::history::{History, Kept};
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

/// What is asked of the press.
#[derive(Debug)]
enum Request {
    /// A client begins behind an event, or anew.
    Begin(Option<EventId>, oneshot::Sender<Start>),
    /// Somebody looks at so many of the calls parked last.
    History(usize, oneshot::Sender<Vec<Kept>>),
}

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
        self.0.send(Request::Begin(behind, reply)).await.ok()?;
        start.await.ok()
    }

    /// The calls parked last; `None` when the server ends.
    pub(super) async fn history(&self, count: usize) -> Option<Vec<Kept>> {
        let (reply, stays) = oneshot::channel();
        self.0.send(Request::History(count, reply)).await.ok()?;
        stays.await.ok()
    }
}

async fn print(
    run: u64,
    mut happenings: broadcast::Receiver<Arc<Happening>>,
    mut requests: mpsc::Receiver<Request>,
) {
    let mut history = History::default();
    let mut ring = Ring::new(run);
    let mut live = broadcast::Sender::new(EVENTS_WAITING_MAX);
    loop {
        tokio::select! {
            // Who asked may have gone away.
            Some(request) = requests.recv() => match request {
                Request::Begin(behind, reply) => {
                    let _ = reply.send(Start {
                        missed: behind.and_then(|id| ring.behind(id)),
                        last: ring.last(),
                        live: live.subscribe(),
                    });
                }
                Request::History(count, reply) => {
                    let _ = reply.send(history.last(count));
                }
            },
            happening = happenings.recv() => match happening {
                Ok(happening) => {
                    history.fold(&happening);
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
