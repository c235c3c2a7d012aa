//! `/v1/configuration`: the whole configuration, as a file that orbitd can be started with, and
//! back.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, FromRequest, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::openapi::Refusals;
use super::permit::{Caller, Turn};
use super::query::Parameters;
use super::routes::Desk;
use super::token;

/// The media type of TOML.
const TOML: &str = "application/toml";

/// What an import has changed, or would change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Import {
    /// Whether it is done; otherwise it was a trial.
    pub applied: bool,
    /// The objects that differ, by kind and name.
    pub changes: Vec<ImportChange>,
    /// Tables that differ and cannot be changed while the server runs: they are of the operator's
    /// file, and are read at its next start.
    pub left: Vec<String>,
}

/// One object that differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportChange {
    /// Which: `range front-desk`, `settings site:paris`.
    pub object: String,
    /// `added`, `changed` or `removed`.
    pub change: String,
}

/// How an import is meant.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct How {
    /// Whether nothing shall change: only what would is told.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    dry_run: bool,
}

/// A configuration in TOML.
#[derive(Debug)]
pub(super) struct Text(String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(TOML) {
            return Err(Problem::not_toml());
        }
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|rejection| Problem::body(rejection.status(), None, rejection))?;
        let wrong = |error| Problem::body(StatusCode::BAD_REQUEST, None, error);
        String::from_utf8(body.into()).map(Self).map_err(wrong)
    }
}

/// The whole configuration.
///
/// The operator's file with what was changed while a server ran, as TOML without its comments:
/// orbitd can be started with it. It has the hashes of tokens and PINs, a PIN in digits as a hash
/// too: keep it as the file itself.
#[utoipa::path(
    get, path = "/v1/configuration", tag = "configuration", security(("token" = [])),
    responses((status = 200, body = String, content_type = "application/toml"), Refusals)
)]
pub(super) async fn export(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
) -> Result<([(axum::http::HeaderName, &'static str); 1], String), Problem> {
    let text = desk.configuration.export(&salt()?);
    caller.note::<()>("export", "configuration", &Ok(())).await;
    Ok(([(CONTENT_TYPE, TOML)], text))
}

/// Makes ranges, settings, policies and music those of another configuration.
///
/// All or nothing: what is not there is removed. What else differs is told, and left to the file.
#[utoipa::path(
    post, path = "/v1/configuration", tag = "configuration", security(("token" = [])),
    params(How), request_body(content = String, content_type = "application/toml"),
    responses((status = 200, body = Import), Refusals)
)]
pub(super) async fn import(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Parameters(how): Parameters<How>,
    Text(text): Text,
) -> Result<Json<Import>, Problem> {
    let wanted = desk.configuration.compare(&text, &salt()?);
    let wanted = wanted.map_err(Problem::not_importable)?;
    let changes = wanted.changes();
    let changes = changes.map(|(object, change)| ImportChange {
        object: object.to_string(),
        change: change.to_owned(),
    });
    let changes: Vec<_> = changes.collect();
    let (what, left) = (format!("{} objects", changes.len()), wanted.left);
    if !how.dry_run && !changes.is_empty() {
        let deed = caller.deed("import", &what, Turn::default());
        let change = (wanted.wishes, None);
        caller.change(&desk.configuration, change, deed).await?;
    }
    Ok(Json(Import {
        applied: !how.dry_run,
        changes,
        left,
    }))
}

fn salt() -> Result<String, Problem> {
    let mut salt = token::random().map_err(|_| Problem::busy())?;
    salt.truncate(32);
    Ok(salt)
}
