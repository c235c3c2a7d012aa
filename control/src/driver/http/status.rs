//! `/v1/status`: the figures of the moment.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::openapi::Refusals;
use super::routes::Desk;
use crate::control::ControlStatus;

/// How the server stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Which server this is.
    pub node: String,
    /// Its version.
    pub version: String,
    /// Whether it takes new calls.
    pub serving: bool,
    /// Of the moment.
    pub figures: Figures,
}

/// Figures of the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Figures {
    /// Orbits taken.
    pub orbits_taken: usize,
    /// Orbits free.
    pub orbits_free: usize,
    /// Calls: parked, bridged or between.
    pub calls: usize,
    /// Retrieved calls whose phones send RTP to each other; all others are in the relay.
    pub released: usize,
    /// Legs: one dialog and one stream each.
    pub legs: usize,
    /// Streams open, opening or closing.
    pub streams: usize,
    /// SIP transactions.
    pub transactions: usize,
    /// SIP dialogs.
    pub dialogs: usize,
    /// Subscriptions to orbits, and reports on transfers.
    pub subscriptions: usize,
    /// Calls parked since the start.
    pub parked_total: u64,
    /// Calls retrieved since the start.
    pub retrieved_total: u64,
    /// Calls parked again since the start because nobody came, whoever was called.
    pub forsaken_total: u64,
    /// Whether there is a store and it cannot keep up: what changes now would be lost with the
    /// process.
    pub store_behind: bool,
}

/// The figures of the moment.
#[utoipa::path(
    get, path = "/v1/status", tag = "status", security(("token" = [])),
    responses((status = 200, body = Status), Refusals)
)]
pub(super) async fn show(State(desk): State<Desk>) -> Result<Json<Status>, Problem> {
    let status = desk.asker.status().await?;
    Ok(Json(Status {
        node: desk.node.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        serving: status.is_serving,
        figures: status.figures.into(),
    }))
}

impl From<ControlStatus> for Figures {
    fn from(status: ControlStatus) -> Self {
        Self {
            orbits_taken: status.parked,
            orbits_free: status.free,
            calls: status.calls,
            released: status.released,
            legs: status.legs,
            streams: status.streams,
            transactions: status.transactions,
            dialogs: status.dialogs,
            subscriptions: status.subscriptions,
            parked_total: status.parked_total,
            retrieved_total: status.retrieved,
            forsaken_total: status.forsaken,
            store_behind: status.store_behind,
        }
    }
}
