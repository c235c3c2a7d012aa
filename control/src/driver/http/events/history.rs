//! `/v1/history`: the calls parked last, and what became of them, since the start of the server.
//!
//! Absent on purpose: what outlives the server (`cdr`).

use std::collections::VecDeque;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::Time;
use utoipa::ToSchema;

use super::super::Problem;
use super::super::limits::{HISTORY_KEPT_MAX, HISTORY_PER_LIST};
use super::super::moment::Wall;
use super::super::openapi::Refusals;
use super::super::query::{Parameters, number};
use super::super::routes::Desk;
use crate::happening::{CallNumber, Fact, Happening};

/// The calls parked last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct HistoryList {
    /// The last one first.
    pub calls: Vec<Stay>,
}

/// A call's stay in an orbit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Stay {
    /// The call.
    #[schema(example = "0123456789abcdef")]
    pub call: String,
    /// Where it waited last, as dialled.
    pub orbit: String,
    /// How its parking was asked for.
    pub dialect: String,
    /// The URI of who has parked it.
    #[schema(required)]
    pub parker: Option<String>,
    /// When it was parked.
    pub parked_at: Timestamp,
    /// What became of it: `waiting`, `retrieved`, or how it ended.
    pub outcome: String,
    /// When that was; null while it waits.
    #[schema(required)]
    pub over_at: Option<Timestamp>,
}

/// The stays of the last calls, in the order of their parking.
#[derive(Debug, Default)]
pub(super) struct History {
    stays: VecDeque<Kept>,
}

/// A stay in the words of happenings.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    call: CallNumber,
    orbit: Box<str>,
    dialect: &'static str,
    parker: Option<Box<str>>,
    parked_at: Time,
    over: Option<(&'static str, Time)>,
}

impl History {
    /// Takes in the next happening.
    pub(super) fn fold(&mut self, happening: &Happening) {
        let Some(call) = happening.call else { return };
        if let Fact::Parked {
            dialect, parker, ..
        } = &happening.fact
        {
            if self.stays.len() == HISTORY_KEPT_MAX {
                self.stays.pop_front();
            }
            self.stays.push_back(Kept {
                call,
                orbit: happening.orbit.clone().unwrap_or_default(),
                dialect: dialect.name(),
                parker: parker.clone(),
                parked_at: happening.at,
                over: None,
            });
            return;
        }
        let mut latest_first = self.stays.iter_mut().rev();
        let Some(stay) = latest_first.find(|stay| stay.call == call) else {
            return;
        };
        match &happening.fact {
            Fact::Moved { .. } => stay.orbit = happening.orbit.clone().unwrap_or_default(),
            Fact::ParkedAgain { .. } => {
                stay.orbit = happening.orbit.clone().unwrap_or_default();
                stay.over = None;
            }
            Fact::Retrieved { .. } => stay.over = Some(("retrieved", happening.at)),
            // What becomes of a call that was retrieved is no part of its stay.
            Fact::Ended { how, .. } if stay.over.is_none() => {
                stay.over = Some((how.name(), happening.at));
            }
            _ => {}
        }
    }

    /// The last ones, the very last first.
    pub(super) fn last(&self, count: usize) -> Vec<Kept> {
        self.stays.iter().rev().take(count).cloned().collect()
    }
}

/// How many.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct HowMany {
    /// At most so many.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1_000, default = 20)]
    limit: Option<String>,
}

/// The calls parked last, and what became of them.
///
/// Since the start of the server; the records of all calls are in its store.
#[utoipa::path(
    get, path = "/v1/history", tag = "orbits", params(HowMany), security(("token" = [])),
    responses((status = 200, body = HistoryList), Refusals)
)]
pub(in super::super) async fn list(
    State(desk): State<Desk>,
    Parameters(how_many): Parameters<HowMany>,
) -> Result<Json<HistoryList>, Problem> {
    let limit = how_many.limit.as_deref();
    let limit = number("limit", limit, HISTORY_PER_LIST, HISTORY_KEPT_MAX)?;
    let stays = desk.press.history(limit).await;
    let stays = stays.ok_or_else(Problem::ending)?;
    let wall = Wall::now();
    let calls = stays.into_iter().map(|stay| Stay::of(stay, wall)).collect();
    Ok(Json(HistoryList { calls }))
}

impl Stay {
    fn of(stay: Kept, wall: Wall) -> Self {
        Self {
            call: stay.call.to_string(),
            orbit: stay.orbit.into(),
            dialect: stay.dialect.to_owned(),
            parker: stay.parker.map(Into::into),
            parked_at: wall.at(stay.parked_at),
            outcome: stay.over.map_or("waiting", |(how, _)| how).to_owned(),
            over_at: stay.over.map(|(_, at)| wall.at(at)),
        }
    }
}
