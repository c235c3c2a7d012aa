//! The JSON of a request, read so that what is wrong is named.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::Problem;

/// The body. An empty one is `{}`: who has nothing to say need not say it in JSON.
#[derive(Debug)]
pub(super) struct Said<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE);
        let is_json = kind
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| {
                let kind = kind.split(';').next().unwrap_or_default().trim();
                kind.eq_ignore_ascii_case("application/json")
            });
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|rejection| Problem::body(rejection.status(), None, rejection))?;
        match &*body {
            b"" => read(b"{}"),
            _ if !is_json => Err(Problem::not_json()),
            body => read(body),
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<Said<T>, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let said = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        let text = error.inner().to_string();
        // What is missing or unknown, serde names in backquotes.
        let named = text.split('`').nth(1).filter(|_| text.contains(" field "));
        let field = match error.inner().is_data() {
            true if place == "." => named,
            true => Some(&*place),
            false => None,
        };
        Problem::body(BAD_REQUEST, field.map(str::to_owned), &text)
    })?;
    let end = json.end();
    end.map_err(|error| Problem::body(BAD_REQUEST, None, error))?;
    Ok(Said(said))
}

const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
