//! `/metrics`: what somebody else renders from a report, for Prometheus.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::Problem;
use super::routes::Desk;
use crate::driver::server::Report;

/// Makes the text of a scrape.
#[derive(Clone)]
pub struct RenderMetrics(Arc<Render>);

type Render = dyn Fn(&Report) -> String + Send + Sync;

impl RenderMetrics {
    /// By this function, on the thread of the API.
    pub fn by(render: impl Fn(&Report) -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(render))
    }
}

impl fmt::Debug for RenderMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RenderMetrics")
    }
}

/// The text exposition format; the version is of the format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn scrape(State(desk): State<Desk>) -> Result<Response, Problem> {
    let Some(RenderMetrics(render)) = &desk.metrics else {
        return Err(Problem::no_such_path("/metrics"));
    };
    let report = desk.asker.report().await?;
    Ok(([(CONTENT_TYPE, TEXT)], render(&report)).into_response())
}
