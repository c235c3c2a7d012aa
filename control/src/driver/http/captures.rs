//! `/v1/captures`: the messages and packets of a call, written down for whoever has to find out
//! what is wrong with it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::limits::CAPTURE_MAX;
use shared::{CaptureEnd, CaptureError, CaptureId, CaptureStatus, Piece, Recorder};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;

use super::Problem;
use super::actions::number;
use super::body::Said;
use super::feed::Feed;
use super::limits::CAPTURE_LOOK;
use super::moment::Wall;
use super::openapi::Refusals;
use super::permit::Caller;
use super::query::Name;
use super::routes::Desk;
use crate::ask::Which;
use crate::capture::Wanted;
use crate::capture::limits::CAPTURE_USUAL;
use crate::driver::clock;

/// Which call is to be captured, and how long.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCapture {
    /// The orbit in which it waits, as dialled.
    #[serde(default)]
    #[schema(example = "701")]
    pub orbit: Option<String>,
    /// The call, as orbits and events name it, wherever it is; beside an orbit: only if it waits
    /// there.
    #[serde(default)]
    #[schema(example = "0123456789abcdef", pattern = "^[0-9a-f]{16}$")]
    pub call: Option<String>,
    /// After so many seconds it ends by itself.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3_600, default = 60)]
    pub seconds: Option<u32>,
}

/// A capture.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Capture {
    /// Names it while the server runs.
    #[schema(example = 1)]
    pub id: u32,
    /// Its call.
    #[schema(example = "0123456789abcdef")]
    pub call: String,
    /// The orbit in which the call waited at the beginning; null where it did not.
    #[schema(required, example = "701")]
    pub orbit: Option<String>,
    /// When it began.
    pub since: Timestamp,
    /// When it ends by itself, unless its call is over before.
    pub until: Timestamp,
    /// Messages of SIP in its file.
    pub messages: u64,
    /// Packets of RTP and RTCP in its file.
    pub packets: u64,
    /// What is missing there because it came too fast.
    pub lost: u64,
    /// Bytes of its file.
    pub bytes: u64,
    /// Why it has ended: `stopped`, `time-over`, `call-over`, `full` (64 MiB), `unwritable`; null
    /// while it goes on.
    #[schema(required)]
    pub end: Option<String>,
    /// What the operating system said, where the file could not be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// All captures whose files are there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct CaptureList {
    /// The oldest first.
    pub captures: Vec<Capture>,
}

/// The captures, those that go on and those whose files wait to be fetched.
#[utoipa::path(
    get, path = "/v1/captures", tag = "captures", security(("token" = [])),
    responses((status = 200, body = CaptureList), Refusals)
)]
pub(super) async fn list(State(desk): State<Desk>) -> Json<CaptureList> {
    let (captures, wall) = (desk.recorder().captures(), Wall::now());
    let captures = captures.iter().map(|one| Capture::of(one, wall)).collect();
    Json(CaptureList { captures })
}

/// Captures a call.
///
/// From now on its messages and packets are written down: those of the waiting party, and of
/// whoever is called back or retrieves it. Of RTP only headers; of SIP everything but credentials,
/// keys, park tokens and the bodies of INFO. It ends when somebody ends it, when its time or its
/// call is over, or when its file has 64 MiB; the file waits an hour to be fetched. Eight can be
/// there at once.
#[utoipa::path(
    post, path = "/v1/captures", tag = "captures", security(("token" = [])),
    request_body = NewCapture,
    responses(
        (status = 201, body = Capture, headers(("Location" = String, description = "Its path."))),
        Refusals
    )
)]
pub(super) async fn begin(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Said(wish): Said<NewCapture>,
) -> Result<Response, Problem> {
    let what = match (&wish.orbit, &wish.call) {
        (Some(orbit), _) => format!("orbit {orbit}"),
        (None, Some(call)) => format!("call {call}"),
        (None, None) => "nothing".to_owned(),
    };
    let begun = match understood(&wish) {
        Ok((wanted, time)) => desk.asker.capture(wanted, time).await,
        Err(problem) => Err(problem),
    };
    let begun = begun.and_then(|id| shown(&desk, id));
    caller.note("capture", &what, &begun).await;
    begun.map(|capture| {
        let location = HeaderValue::try_from(format!("/v1/captures/{}", capture.id));
        let location = location.map(|path| [(LOCATION, path)]);
        (StatusCode::CREATED, location.ok(), Json(capture)).into_response()
    })
}

/// How a capture stands.
#[utoipa::path(
    get, path = "/v1/captures/{id}", tag = "captures", security(("token" = [])),
    params(("id" = u32, Path, description = "As the list names it")),
    responses((status = 200, body = Capture), Refusals)
)]
pub(super) async fn one(
    State(desk): State<Desk>,
    Name(id): Name,
) -> Result<Json<Capture>, Problem> {
    shown(&desk, identity(&id)?).map(Json)
}

/// Ends a capture. Its file is whole, and waits to be fetched. One that has ended is left as it is.
#[utoipa::path(
    post, path = "/v1/captures/{id}/stop", tag = "captures", security(("token" = [])),
    params(("id" = u32, Path, description = "As the list names it")),
    responses((status = 204, description = "It is about to end."), Refusals)
)]
pub(super) async fn stop(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(id): Name,
) -> Result<StatusCode, Problem> {
    let stopped = identity(&id).and_then(|id| {
        shown(&desk, id)?;
        desk.recorder().end(id, CaptureEnd::Stopped);
        Ok(StatusCode::NO_CONTENT)
    });
    caller
        .note("capture-stop", &format!("capture {id}"), &stopped)
        .await;
    stopped
}

/// Ends a capture and gives its file up.
#[utoipa::path(
    delete, path = "/v1/captures/{id}", tag = "captures", security(("token" = [])),
    params(("id" = u32, Path, description = "As the list names it")),
    responses((status = 204, description = "It is gone."), Refusals)
)]
pub(super) async fn forget(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(id): Name,
) -> Result<StatusCode, Problem> {
    let forgotten = identity(&id).and_then(|id| {
        shown(&desk, id)?;
        desk.recorder().forget(id);
        Ok(StatusCode::NO_CONTENT)
    });
    caller
        .note("capture-forget", &format!("capture {id}"), &forgotten)
        .await;
    forgotten
}

/// The file of a capture (pcapng).
///
/// Of one that goes on, what is there, and then what comes, until it ends: Wireshark can look on
/// while it grows.
#[utoipa::path(
    get, path = "/v1/captures/{id}/file", tag = "captures", security(("token" = [])),
    params(("id" = u32, Path, description = "As the list names it")),
    responses(
        (status = 200, body = String, content_type = "application/x-pcapng"),
        Refusals
    )
)]
pub(super) async fn file(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
) -> Result<Response, Problem> {
    let opened = open(&desk, &name).await;
    caller
        .note("capture-file", &format!("capture {name}"), &opened)
        .await;
    opened
}

async fn open(desk: &Desk, name: &str) -> Result<Response, Problem> {
    let id = identity(name)?;
    shown(desk, id)?;
    let place = Arc::clone(&desk.capture_places).try_acquire_owned();
    let place = place.map_err(|_| Problem::too_many_capture_readers())?;
    let first = read(desk.recorder(), id, 0).await?;
    let (writer, pieces) = mpsc::channel(PIECES_WAITING_MAX);
    let recorder = Arc::clone(desk.recorder());
    tokio::spawn(async move { follow(&recorder, id, first, &writer).await });
    let body = Body::new(Feed {
        pieces,
        _place: place,
    });
    let name = format!("attachment; filename=\"capture-{}.pcapng\"", id.0);
    let name = HeaderValue::try_from(name).ok();
    let name: Option<[(HeaderName, _); 1]> = name.map(|name| [(CONTENT_DISPOSITION, name)]);
    let headers = [
        (CONTENT_TYPE, "application/x-pcapng"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, name, body).into_response())
}

/// Brings what is there and what comes, until it has ended, or nobody reads.
async fn follow(
    recorder: &Arc<dyn Recorder>,
    id: CaptureId,
    mut piece: Piece,
    writer: &mpsc::Sender<Bytes>,
) {
    let mut from = 0;
    loop {
        from += piece.bytes.len() as u64;
        let (is_last, is_empty) = (piece.is_last, piece.bytes.is_empty());
        if !is_empty && writer.send(piece.bytes.into()).await.is_err() {
            return;
        }
        if is_last {
            return;
        }
        if is_empty
            && timeout_at(Instant::now() + CAPTURE_LOOK, writer.closed())
                .await
                .is_ok()
        {
            return;
        }
        piece = match read(recorder, id, from).await {
            Ok(piece) => piece,
            // Given up meanwhile; what was sent is whole as far as it goes.
            Err(_) => return,
        };
    }
}

async fn read(recorder: &Arc<dyn Recorder>, id: CaptureId, from: u64) -> Result<Piece, Problem> {
    let (sender, answer) = oneshot::channel();
    let reply = Box::new(move |piece| {
        // Whoever asked may have gone away.
        let _ = sender.send(piece);
    });
    recorder.read(id, from, reply);
    let piece = answer.await.map_err(|_| Problem::ending())?;
    piece.map_err(Problem::from)
}

/// Pieces that wait for a client that reads slowly; beyond, the file waits.
const PIECES_WAITING_MAX: usize = 4;

fn understood(wish: &NewCapture) -> Result<(Wanted, Duration), Problem> {
    let call = wish.call.as_deref().map(|call| number("call", call));
    let call = call.transpose()?;
    let wanted = match (&wish.orbit, call) {
        (Some(orbit), call) => Wanted::Orbit(Which {
            orbit: orbit.clone(),
            call,
        }),
        (None, Some(call)) => Wanted::Call(call),
        (None, None) => {
            let what = "neither orbit nor call is given; name one of them";
            return Err(Problem::parameter(Some("orbit"), what));
        }
    };
    let time = match wish
        .seconds
        .map(|seconds| Duration::from_secs(seconds.into()))
    {
        None => CAPTURE_USUAL,
        Some(time) if !time.is_zero() && time <= CAPTURE_MAX => time,
        Some(_) => {
            let what = format!(
                "not a number from 1 to {}; write one",
                CAPTURE_MAX.as_secs()
            );
            return Err(Problem::parameter(Some("seconds"), what));
        }
    };
    Ok((wanted, time))
}

fn identity(text: &str) -> Result<CaptureId, Problem> {
    let number = text.parse().map(CaptureId);
    number.map_err(|_| {
        let what = "not the number of a capture; see the list of captures";
        Problem::parameter(Some("id"), what)
    })
}

fn shown(desk: &Desk, id: CaptureId) -> Result<Capture, Problem> {
    let captures = desk.recorder().captures();
    let found = captures.iter().find(|one| one.order.capture == id);
    let found = found.ok_or_else(|| Problem::from(CaptureError::Gone))?;
    Ok(Capture::of(found, Wall::now()))
}

impl Desk {
    fn recorder(&self) -> &Arc<dyn Recorder> {
        &self.metrics.recorder
    }
}

impl Capture {
    fn of(status: &CaptureStatus, wall: Wall) -> Self {
        let order = &status.order;
        let detail = match &status.end {
            Some(CaptureEnd::Unwritable(why)) => Some(why.clone()),
            _ => None,
        };
        Self {
            id: order.capture.0,
            call: order.call.clone(),
            orbit: order.orbit.clone(),
            since: wall.at(clock::from_workers(order.since)),
            until: wall.at(clock::from_workers(order.until)),
            messages: status.messages,
            packets: status.packets,
            lost: status.lost,
            bytes: status.bytes,
            end: status.end.as_ref().map(|end| end.name().to_owned()),
            detail,
        }
    }
}
