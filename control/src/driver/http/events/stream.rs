//! One client that listens: what it has missed, or a snapshot; then each event, until it goes.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::super::Problem;
use super::super::feed::Feed;
use super::super::limits::EVENT_PING;
use super::super::moment::Wall;
use super::super::openapi::Refusals;
use super::super::orbits::Orbit;
use super::super::query::Parameters;
use super::super::routes::Desk;
use super::Event;
use super::press::Start;
use super::ring::EventId;
use crate::ask::OrbitsAsk;
use crate::ask::limits::ORBITS_PER_PAGE_MAX;

/// Some of the taken orbits, for a client that begins. Several follow each other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// Behind those of the snapshot before.
    pub orbits: Vec<Orbit>,
    /// Whether these are the last: the table is complete.
    pub complete: bool,
}

/// Where to begin.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct Begin {
    /// The id of the last event that was seen, as in the header field `Last-Event-ID`, which
    /// comes first.
    after: Option<String>,
}

/// Every change, as server-sent events.
///
/// Each event has an id, the name of what happened (`parked`, `retrieved`, …) and an `Event` as
/// JSON. Who begins anew, or comes back too late, gets the taken orbits first, as events
/// `snapshot`. What is in a snapshot may be said again by the events behind it; in the end all
/// have seen the same.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", security(("token" = [])),
    params(
        Begin,
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen.")
    ),
    responses(
        (status = 200, body = Event, content_type = "text/event-stream"),
        Refusals
    )
)]
pub(in super::super) async fn show(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Parameters(begin): Parameters<Begin>,
) -> Result<Response, Problem> {
    let place = Arc::clone(&desk.event_places).try_acquire_owned();
    let place = place.map_err(|_| Problem::too_many_listeners())?;
    let last_seen = headers.get("Last-Event-ID").and_then(|id| id.to_str().ok());
    let last_seen = last_seen.or(begin.after.as_deref());
    let start = desk.press.begin(last_seen.and_then(EventId::parse)).await;
    let start = start.ok_or_else(Problem::ending)?;
    let (writer, pieces) = mpsc::channel(PIECES_WAITING_MAX);
    tokio::spawn(async move {
        // Either way nobody is there any more.
        let _ = write(&desk, start, &writer).await;
    });
    let body = Body::new(Feed {
        pieces,
        _place: place,
    });
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
}

/// Pieces that wait for a client that reads slowly; beyond, its events wait for it.
const PIECES_WAITING_MAX: usize = 16;

/// Nobody reads any more, or cannot keep up, or the server ends.
struct Over;

async fn write(desk: &Desk, start: Start, writer: &mpsc::Sender<Bytes>) -> Result<(), Over> {
    let Start {
        missed,
        last,
        mut live,
    } = start;
    send(writer, Bytes::from_static(b"retry: 1000\n\n")).await?;
    match missed {
        Some(missed) => {
            for event in missed {
                send(writer, event).await?;
            }
        }
        None => snapshot(desk, last, writer).await?,
    }
    loop {
        let next = tokio::select! {
            next = timeout(EVENT_PING, live.recv()) => next,
            () = writer.closed() => return Err(Over),
        };
        let piece = match next {
            Ok(Ok(event)) => batch(event, &mut live),
            Ok(Err(_)) => return Err(Over),
            Err(_) => Bytes::from_static(b": still here\n\n"),
        };
        send(writer, piece).await?;
    }
}

/// The event, and those that are there already behind it.
fn batch(first: Bytes, live: &mut broadcast::Receiver<Bytes>) -> Bytes {
    if live.is_empty() {
        return first;
    }
    let mut text = first.to_vec();
    while text.len() < BATCH_BYTES {
        let Ok(event) = live.try_recv() else { break };
        text.extend_from_slice(&event);
    }
    text.into()
}

/// Bytes that are worth a piece of their own.
const BATCH_BYTES: usize = 16 * 1_024;

/// The taken orbits, some at a time. The id stands at the last: who breaks off before begins anew.
async fn snapshot(desk: &Desk, last: EventId, writer: &mpsc::Sender<Bytes>) -> Result<(), Over> {
    let wall = Wall::now();
    let mut after = None;
    loop {
        let ask = OrbitsAsk {
            range: None,
            after,
            limit: ORBITS_PER_PAGE_MAX,
        };
        let page = desk.asker.orbits(ask).await.map_err(|_| Over)?;
        let snapshot = Snapshot {
            complete: !page.has_more,
            orbits: page
                .orbits
                .into_iter()
                .map(|one| Orbit::of(one, wall))
                .collect(),
        };
        let mut text = String::new();
        if snapshot.complete {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "id: {last}");
        }
        text.push_str("event: snapshot\ndata: ");
        text.push_str(&serde_json::to_string(&snapshot).map_err(|_| Over)?);
        text.push_str("\n\n");
        send(writer, text.into()).await?;
        after = snapshot.orbits.last().map(|orbit| orbit.orbit.clone());
        if snapshot.complete || after.is_none() {
            return Ok(());
        }
    }
}

async fn send(writer: &mpsc::Sender<Bytes>, piece: Bytes) -> Result<(), Over> {
    writer.send(piece).await.map_err(|_| Over)
}
