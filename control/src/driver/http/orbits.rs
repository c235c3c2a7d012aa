//! `/v1/orbits`: who waits where.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::limits::{ORBITS_PER_LIST, ORBITS_PER_LIST_MAX};
use super::list_text::ListText;
use super::moment::Wall;
use super::openapi::Refusals;
use super::query::{Name, Parameters, number};
use super::routes::Desk;
use crate::ask::{self, OrbitsAsk};

/// The taken orbits, or the first of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct OrbitList {
    /// By prefix, then number.
    pub orbits: Vec<Orbit>,
    /// What to say as `after` to have the ones behind these; null when there are none.
    #[schema(required)]
    pub next: Option<String>,
}

/// One orbit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Orbit {
    /// As it is dialled.
    #[schema(example = "701")]
    pub orbit: String,
    /// The name of its range.
    pub range: String,
    /// What it is at.
    pub state: OrbitState,
    /// The call there; null where it is free.
    #[schema(required)]
    pub call: Option<WaitingCall>,
}

/// What an orbit is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrbitState {
    /// Nobody waits there.
    Free,
    /// It is given out, and its call is being connected.
    Parking,
    /// A call waits.
    Parked,
    /// A call waits, and somebody is being connected to it.
    Retrieving,
    /// A call waits, and its parker, the fallback, or a phone that an operator has chosen is being
    /// called.
    Recalling,
    /// A call of an earlier process, whose phone has not yet agreed to our new address.
    Adopting,
}

/// A call in an orbit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct WaitingCall {
    /// Names it until it is over, in events and call records too.
    #[schema(example = "0123456789abcdef")]
    pub call: String,
    /// The Call-ID of the parkee's dialog.
    pub call_id: String,
    /// Who waits.
    pub parkee: Party,
    /// The URI of who has parked it; null where nobody did but the parkee itself.
    #[schema(required, example = "sip:anna@example.com")]
    pub parker: Option<String>,
    /// Since when it waits; null while it is being connected.
    #[schema(required)]
    pub since: Option<Timestamp>,
    /// When somebody is called unless it is retrieved, or it ends; null while it is being
    /// connected.
    #[schema(required)]
    pub deadline: Option<Timestamp>,
    /// How often somebody was called.
    pub recalls: u8,
    /// How often its parker is called before the fallback is.
    pub recalls_max: u8,
    /// The name of the music it hears; null for silence.
    #[schema(required)]
    pub music: Option<String>,
}

/// A party, as others may know it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Party {
    /// Its display name.
    #[schema(required)]
    pub display: Option<String>,
    /// Its URI; an anonymous one for who does not want to be known.
    #[schema(example = "sip:bob@example.com")]
    pub uri: String,
}

/// Which taken orbits.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only those of the range of this name.
    range: Option<String>,
    /// Only those behind this one, in the order of the list: what an earlier answer has as `next`.
    after: Option<String>,
    /// At most so many.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 100)]
    limit: Option<String>,
}

/// The taken orbits.
///
/// A long list is put together from several looks at the orbits: what happens meanwhile may be in
/// it or not.
#[utoipa::path(
    get, path = "/v1/orbits", tag = "orbits", params(Which), security(("token" = [])),
    responses((status = 200, body = OrbitList), Refusals)
)]
pub(super) async fn list(
    State(desk): State<Desk>,
    Parameters(which): Parameters<Which>,
) -> Result<Response, Problem> {
    let limit = which.limit.as_deref();
    let limit = number("limit", limit, ORBITS_PER_LIST, ORBITS_PER_LIST_MAX)?;
    let wall = Wall::now();
    let mut text = ListText::new();
    let mut after = which.after;
    loop {
        let page = OrbitsAsk {
            range: which.range.clone(),
            after,
            limit: limit - text.len(),
        };
        let page = desk.asker.orbits(page).await?;
        let last = page.orbits.last().filter(|_| page.has_more);
        after = last.map(|last| last.orbit.clone());
        for orbit in page.orbits {
            text.push(&Orbit::of(orbit, wall));
        }
        if after.is_none() || text.len() >= limit {
            return Ok(text.end(after.as_deref()));
        }
    }
}

/// One orbit, taken or free.
#[utoipa::path(
    get, path = "/v1/orbits/{orbit}", tag = "orbits", security(("token" = [])),
    params(("orbit" = String, Path, description = "As it is dialled; # is written %23")),
    responses(
        (status = 200, body = Orbit),
        Refusals
    )
)]
pub(super) async fn one(
    State(desk): State<Desk>,
    Name(orbit): Name,
) -> Result<Json<Orbit>, Problem> {
    let orbit = desk.asker.orbit(orbit).await?;
    Ok(Json(Orbit::of(orbit, Wall::now())))
}

impl Orbit {
    pub(super) fn of(view: ask::OrbitView, wall: Wall) -> Self {
        Self {
            orbit: view.orbit,
            range: view.range,
            state: view.state.into(),
            call: view.call.map(|call| WaitingCall::of(call, wall)),
        }
    }
}

impl WaitingCall {
    fn of(call: ask::WaitingCall, wall: Wall) -> Self {
        Self {
            call: call.call.to_string(),
            call_id: call.call_id,
            parkee: Party {
                display: call.parkee.display,
                uri: call.parkee.uri,
            },
            parker: call.parker,
            since: call.since.map(|since| wall.at(since)),
            deadline: call.deadline.map(|deadline| wall.at(deadline)),
            recalls: call.recalls,
            recalls_max: call.recalls_max,
            music: call.music,
        }
    }
}

impl From<ask::OrbitState> for OrbitState {
    fn from(state: ask::OrbitState) -> Self {
        match state {
            ask::OrbitState::Free => Self::Free,
            ask::OrbitState::Parking => Self::Parking,
            ask::OrbitState::Parked => Self::Parked,
            ask::OrbitState::Retrieving => Self::Retrieving,
            ask::OrbitState::Recalling => Self::Recalling,
            ask::OrbitState::Adopting => Self::Adopting,
        }
    }
}
