//! `/health/live` and `/health/ready`: for whoever starts servers and sends them calls. No token is
//! needed.
//! token.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::routes::Desk;

/// That all is well.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `live` or `ready`.
    pub status: String,
}

impl Health {
    fn new(status: &str) -> Json<Self> {
        let status = status.to_owned();
        Json(Self { status })
    }
}

/// Whether the server is to be left alone: its control thread answers. Where it does not, a restart
/// helps.
#[utoipa::path(
    get, path = "/health/live", tag = "health",
    responses(
        (status = 200, body = Health),
        (status = 503, body = Problem, content_type = "application/problem+json"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn live(State(desk): State<Desk>) -> Result<Json<Health>, Problem> {
    desk.asker.status().await?;
    Ok(Health::new("live"))
}

/// Whether new calls are welcome: the server serves.
#[utoipa::path(
    get, path = "/health/ready", tag = "health",
    responses(
        (status = 200, body = Health),
        (status = 503, body = Problem, content_type = "application/problem+json"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn ready(State(desk): State<Desk>) -> Result<Json<Health>, Problem> {
    if desk.asker.status().await?.is_serving {
        Ok(Health::new("ready"))
    } else {
        Err(Problem::not_ready(
            "The server is ending and takes no new calls.",
        ))
    }
}
