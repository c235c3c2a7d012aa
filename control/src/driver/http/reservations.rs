//! `/v1/reservations/test`: orbits drawn without parking, to see that chance gives them out.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::openapi::Refusals;
use super::query::{Parameters, number};
use super::routes::Desk;
use crate::ask::Draw;
use crate::ask::limits::DRAWS_MAX;

/// Orbits that were drawn, one after the other, each taken back at once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Reservations {
    /// How many orbits could have been drawn.
    pub free: usize,
    /// How often each was that was drawn at all.
    pub orbits: BTreeMap<String, u32>,
}

/// What is drawn.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// So many times.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 50_000, default = 1_000)]
    count: Option<String>,
    /// From the range of this name only.
    range: Option<String>,
}

/// Times without `count`.
const COUNT: usize = 1_000;

/// Draws orbits without parking.
///
/// As they are given out to calls that name none and to parkers without a site or a policy, on a
/// copy: no orbit is taken.
#[utoipa::path(
    get, path = "/v1/reservations/test", tag = "ranges", params(Which), security(("token" = [])),
    responses((status = 200, body = Reservations), Refusals)
)]
pub(super) async fn test(
    State(desk): State<Desk>,
    Parameters(which): Parameters<Which>,
) -> Result<Json<Reservations>, Problem> {
    let count = number("count", which.count.as_deref(), COUNT, DRAWS_MAX)?;
    let range = which.range;
    let drawn = desk.asker.draw(Draw { count, range }).await?;
    Ok(Json(Reservations {
        free: drawn.free,
        orbits: drawn.orbits.into_iter().collect(),
    }))
}
