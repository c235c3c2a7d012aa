//! Which path is whose: everything the API serves, and who may have it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post, put};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::asker::Asker;
use super::events::{self, Press};
use super::limits::{
    BODY_BYTES_MAX, CAPTURE_READERS_MAX, EVENT_STREAMS_MAX, RECORDING_BYTES_MAX,
    RECORDINGS_UNDER_WAY_MAX, REQUEST_TIMEOUT,
};
use super::listen::Serving;
use super::metrics;
use super::permit::{Tokens, open, permit};
use super::{
    Problem, actions, audit, captures, health, music, openapi, orbits, page, policies, ranges,
    reservations, settings, status, transfer,
};
use crate::config::Role;
use crate::config::limits::FILE_BYTES_MAX;
use crate::driver::configuration::Configuration;
use crate::driver::metrics::Metrics;

/// What every route works with.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) asker: Asker,
    pub(super) configuration: Configuration,
    pub(super) press: Press,
    /// Places for those who listen to events.
    pub(super) event_places: Arc<Semaphore>,
    /// Places for recordings that come or go.
    pub(super) recording_places: Arc<Semaphore>,
    /// Places for those who read the files of captures.
    pub(super) capture_places: Arc<Semaphore>,
    pub(super) tokens: Tokens,
    /// The name of this server.
    pub(super) node: Arc<str>,
    /// What `/metrics` says.
    pub(super) metrics: Metrics,
}

impl Desk {
    /// The desk of a run of the server, and the printing of its events, which is to be awaited.
    pub(super) fn new(serving: Serving, run: u64) -> (Self, impl Future<Output = ()>) {
        let (press, printing) = Press::start(run, serving.happenings);
        let desk = Self {
            asker: serving.asker,
            configuration: serving.configuration,
            press,
            event_places: Arc::new(Semaphore::new(EVENT_STREAMS_MAX)),
            recording_places: Arc::new(Semaphore::new(RECORDINGS_UNDER_WAY_MAX)),
            capture_places: Arc::new(Semaphore::new(CAPTURE_READERS_MAX)),
            tokens: Tokens::new(&serving.api.tokens),
            node: serving.node.into(),
            metrics: serving.metrics,
        };
        (desk, printing)
    }
}

/// All routes.
pub(super) fn routes(desk: Desk) -> Router {
    let of = |role| from_fn_with_state((desk.clone(), role), permit);
    let of_all = Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready));
    let of_tokens = Router::new()
        .route("/", get(page::show))
        .route("/openapi.json", get(openapi::show))
        .route_layer(from_fn_with_state(desk.clone(), open));
    let of_viewers = Router::new()
        .route("/metrics", get(metrics::scrape))
        .route("/v1/events", get(events::stream::show))
        .route("/v1/history", get(events::history::list))
        .route("/v1/music", get(music::list))
        .route("/v1/music/{name}", get(music::one))
        .route("/v1/music/{name}/recording", get(music::listen))
        .route("/v1/orbits", get(orbits::list))
        .route("/v1/orbits/{orbit}", get(orbits::one))
        .route("/v1/policies", get(policies::list))
        .route("/v1/policies/{name}", get(policies::one))
        .route("/v1/ranges", get(ranges::list))
        .route("/v1/ranges/{name}", get(ranges::one))
        .route("/v1/reservations/test", get(reservations::test))
        .route("/v1/settings", get(settings::of_all))
        .route("/v1/settings/{site}", get(settings::of_site))
        .route("/v1/status", get(status::show))
        .route_layer(of(Role::Viewer));
    let of_operators = Router::new()
        .route("/v1/orbits/{orbit}/hang-up", post(actions::hang_up))
        .route("/v1/orbits/{orbit}/move", post(actions::relocate))
        .route("/v1/orbits/{orbit}/retrieve", post(actions::retrieve))
        .route("/v1/calls/{call}/park", post(actions::park))
        .merge(capturing())
        .route_layer(of(Role::Operator));
    let of_admins = Router::new()
        .route("/v1/audit", get(audit::list))
        .route("/v1/drain", post(actions::drain))
        .merge(configuring())
        .route_layer(of(Role::Admin));
    of_all
        .merge(of_tokens)
        .merge(of_viewers)
        .merge(of_operators)
        .merge(of_admins)
        .fallback(async |request: Request| Problem::no_such_path(request.uri().path()))
        .method_not_allowed_fallback(async |request: Request| {
            Problem::no_such_method(request.method().as_str(), request.uri().path())
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(in_time))
        .with_state(desk)
}

/// What captures calls: for operators, since the files tell who calls whom.
fn capturing() -> Router<Desk> {
    let all = get(captures::list).post(captures::begin);
    let one = get(captures::one).delete(captures::forget);
    Router::new()
        .route("/v1/captures", all)
        .route("/v1/captures/{id}", one)
        .route("/v1/captures/{id}/file", get(captures::file))
        .route("/v1/captures/{id}/stop", post(captures::stop))
}

/// What changes the configuration.
fn configuring() -> Router<Desk> {
    let music = put(music::put).delete(music::remove);
    let recording = put(music::record);
    let recording = recording.layer(DefaultBodyLimit::max(RECORDING_BYTES_MAX));
    let policy = put(policies::put).delete(policies::remove);
    let range = put(ranges::put).delete(ranges::remove);
    let site = put(settings::put_of_site).delete(settings::remove_site);
    let whole = post(transfer::import).layer(DefaultBodyLimit::max(FILE_BYTES_MAX));
    Router::new()
        .route("/v1/configuration", whole.get(transfer::export))
        .route("/v1/music/{name}", music)
        .route("/v1/music/{name}/recording", recording)
        .route("/v1/music/{name}/revert", post(music::revert))
        .route("/v1/policies/{name}", policy)
        .route("/v1/policies/{name}/revert", post(policies::revert))
        .route("/v1/ranges/{name}", range)
        .route("/v1/ranges/{name}/revert", post(ranges::revert))
        .route("/v1/revert-settings", post(settings::revert_of_all))
        .route("/v1/settings", put(settings::put_of_all))
        .route("/v1/settings/{site}", site)
        .route("/v1/settings/{site}/revert", post(settings::revert_site))
}

/// Ends a request whose answer does not begin in time, its body's slowness included.
async fn in_time(request: Request, next: Next) -> Result<Response, Problem> {
    let response = timeout(REQUEST_TIMEOUT, next.run(request)).await;
    response.map_err(|_| Problem::slow())
}
