//! What operators do with calls, and admins with the server. Each is written into the audit log,
//! done or refused.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::body::Said;
use super::moment::Wall;
use super::openapi::Refusals;
use super::orbits::Orbit;
use super::permit::Caller;
use super::query::Name;
use super::routes::Desk;
use crate::ask::{Ask, Which};
use crate::happening::CallNumber;

/// Which call, where it matters that it is no other one by now.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Meant {
    /// The call, as the orbit or an event names it: should another one wait in the orbit by now,
    /// nothing is done.
    #[serde(default)]
    #[schema(example = "0123456789abcdef", pattern = "^[0-9a-f]{16}$")]
    pub call: Option<String>,
}

/// Where a call shall be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// A free orbit, as dialled.
    #[schema(example = "705")]
    pub to: String,
    /// The call, as the orbit or an event names it: should another one wait in the orbit by now,
    /// nothing is done.
    #[serde(default)]
    #[schema(example = "0123456789abcdef", pattern = "^[0-9a-f]{16}$")]
    pub call: Option<String>,
}

/// Which phone shall have a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retrieve {
    /// Its SIP URI, on a host that `[park] refer_to` allows.
    #[schema(example = "sip:alice@example.com")]
    pub to: String,
    /// The call, as the orbit or an event names it: should another one wait in the orbit by now,
    /// nothing is done.
    #[serde(default)]
    #[schema(example = "0123456789abcdef", pattern = "^[0-9a-f]{16}$")]
    pub call: Option<String>,
}

/// Where a call shall wait.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Park {
    /// A free orbit, as dialled; any where it is not there.
    #[serde(default)]
    #[schema(example = "705")]
    pub orbit: Option<String>,
}

/// Ends the call in an orbit.
///
/// It gets a BYE, whoever is being connected to it or called back is told so, and the orbit is
/// free.
#[utoipa::path(
    post, path = "/v1/orbits/{orbit}/hang-up", tag = "orbits", security(("token" = [])),
    params(("orbit" = String, Path, description = "As it is dialled; # is written %23")),
    request_body(content = Option<Meant>, content_type = "application/json"),
    responses((status = 204, description = "It is ended."), Refusals)
)]
pub(super) async fn hang_up(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(orbit): Name,
    Said(meant): Said<Meant>,
) -> Result<StatusCode, Problem> {
    let ask = which(&orbit, meant.call.as_deref()).map(Ask::HangUp);
    let done = desk.asker.done(ask).await;
    caller
        .note("hang-up", &format!("orbit {orbit}"), &done)
        .await;
    done.map(|()| StatusCode::NO_CONTENT)
}

/// Puts a parked call into another orbit.
///
/// It keeps the time it has left. A call that is being connected or called back stays where it is.
#[utoipa::path(
    post, path = "/v1/orbits/{orbit}/move", tag = "orbits", security(("token" = [])),
    params(("orbit" = String, Path, description = "As it is dialled; # is written %23")),
    request_body = Move,
    responses((status = 200, body = Orbit, description = "Its new orbit."), Refusals)
)]
pub(super) async fn relocate(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(orbit): Name,
    Said(wish): Said<Move>,
) -> Result<Json<Orbit>, Problem> {
    let to = wish.to;
    let what = format!("orbit {orbit} to {to}");
    let ask = which(&orbit, wish.call.as_deref()).map(|which| Ask::Move { which, to });
    let done = desk.asker.orbit_after(ask).await;
    caller.note("move", &what, &done).await;
    done.map(|view| Json(Orbit::of(view, Wall::now())))
}

/// Brings a parked call to a phone.
///
/// The phone is called, and has the call when it answers. Until then the call waits as before: who
/// dials its orbit has it at once, its time goes on, and nobody is called back. Should the phone
/// not answer within `recall_ring_timeout`, or refuse, it goes on waiting; where its time is over
/// by then, its parker is called. The answer comes when the phone is being called; the events of
/// the call tell the rest: `recall-begun` with whom `chosen`, `recall-ended`, and `retrieved`.
#[utoipa::path(
    post, path = "/v1/orbits/{orbit}/retrieve", tag = "orbits", security(("token" = [])),
    params(("orbit" = String, Path, description = "As it is dialled; # is written %23")),
    request_body = Retrieve,
    responses((status = 202, body = Orbit, description = "The phone is being called."), Refusals)
)]
pub(super) async fn retrieve(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(orbit): Name,
    Said(wish): Said<Retrieve>,
) -> Result<(StatusCode, Json<Orbit>), Problem> {
    let to = wish.to;
    let what = format!("orbit {orbit} to {to}");
    let ask = which(&orbit, wish.call.as_deref()).map(|which| Ask::Deliver { which, to });
    let done = desk.asker.orbit_after(ask).await;
    caller.note("retrieve", &what, &done).await;
    done.map(|view| (StatusCode::ACCEPTED, Json(Orbit::of(view, Wall::now()))))
}

/// Parks a call again that was retrieved.
///
/// Its first party waits in an orbit and hears music, as if the other one had parked it; the other
/// one's call is over. The call has another name from then on.
#[utoipa::path(
    post, path = "/v1/calls/{call}/park", tag = "calls", security(("token" = [])),
    params(("call" = String, Path, description = "As orbits and events name it")),
    request_body(content = Option<Park>, content_type = "application/json"),
    responses((status = 200, body = Orbit, description = "Its orbit."), Refusals)
)]
pub(super) async fn park(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(call): Name,
    Said(wish): Said<Park>,
) -> Result<Json<Orbit>, Problem> {
    let orbit = wish.orbit;
    let what = format!("call {call} in {}", orbit.as_deref().unwrap_or("any orbit"));
    let ask = number("call", &call).map(|call| Ask::Park { call, orbit });
    let done = desk.asker.orbit_after(ask).await;
    caller.note("park", &what, &done).await;
    done.map(|view| Json(Orbit::of(view, Wall::now())))
}

/// Drains the server.
///
/// It takes no more calls; those that are there can be retrieved, come back and end, and with the
/// last one it ends. After `[node] drain_limit` it ends all the same. There is no way back.
#[utoipa::path(
    post, path = "/v1/drain", tag = "status", security(("token" = [])),
    responses((status = 202, description = "It takes no more calls."), Refusals)
)]
pub(super) async fn drain(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Problem> {
    let begun = desk.asker.drain().await;
    caller.note("drain", "server", &begun).await;
    begun.map(|()| StatusCode::ACCEPTED)
}

fn which(orbit: &str, call: Option<&str>) -> Result<Which, Problem> {
    Ok(Which {
        orbit: orbit.to_owned(),
        call: call.map(|call| number("call", call)).transpose()?,
    })
}

pub(super) fn number(field: &str, text: &str) -> Result<CallNumber, Problem> {
    let what = "not the name of a call; write the 16 digits that an orbit or an event has as call";
    CallNumber::parse(text).ok_or_else(|| Problem::parameter(Some(field), what))
}
