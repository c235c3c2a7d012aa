//! `/v1/ranges`: the ranges of orbits, and how full they are.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::openapi::Refusals;
use super::routes::Desk;
use crate::ask::RangeView;

/// The ranges of this node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct RangeList {
    /// By prefix and first orbit.
    pub ranges: Vec<Range>,
}

/// One range, or what is left of a removed one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Range {
    /// Its name.
    pub name: String,
    /// Its first orbit, as dialled.
    #[schema(example = "700")]
    pub start: String,
    /// Its last orbit, as dialled.
    #[schema(example = "799")]
    pub end: String,
    /// The site whose members park there; null for all.
    #[schema(required)]
    pub site: Option<String>,
    /// The policy whose parties alone may park and retrieve there; null for all.
    #[schema(required)]
    pub policy: Option<String>,
    /// Whether orbits are given out one after the other, and not at random.
    pub sequential: bool,
    /// How many orbits are free.
    pub free: usize,
    /// How many orbits are taken.
    pub taken: usize,
    /// Whether it was removed, and stays for the call in it only.
    pub closing: bool,
}

/// The ranges with their free and taken orbits.
#[utoipa::path(
    get, path = "/v1/ranges", tag = "ranges", security(("token" = [])),
    responses((status = 200, body = RangeList), Refusals)
)]
pub(super) async fn list(State(desk): State<Desk>) -> Result<Json<RangeList>, Problem> {
    let ranges = desk.asker.ranges().await?;
    let ranges = ranges.into_iter().map(Range::from).collect();
    Ok(Json(RangeList { ranges }))
}

impl From<RangeView> for Range {
    fn from(view: RangeView) -> Self {
        Self {
            start: view.first(),
            end: view.last(),
            sequential: view.is_sequential(),
            name: view.range.name,
            site: view.range.site,
            policy: view.range.policy,
            free: view.free,
            taken: view.taken,
            closing: view.is_closing,
        }
    }
}
