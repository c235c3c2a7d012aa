//! `/metrics`: the figures of the server, for Prometheus. What they are is in `driver::metrics`.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::Problem;
use super::routes::Desk;

/// The text exposition format; the version is of the format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn scrape(State(desk): State<Desk>) -> Result<Response, Problem> {
    let figures = desk.asker.figures().await?;
    Ok(([(CONTENT_TYPE, TEXT)], desk.metrics.render(&figures)).into_response())
}
