//! The parameters of a request, read so that what is wrong is named.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::Problem;

/// The parameters behind `?`. Those that are not known are refused.
#[derive(Debug)]
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, state).await;
        let Query(query) = query.map_err(|rejection| {
            let text = rejection.body_text();
            let what = text.split_once(": ").map_or(&*text, |(_, what)| what);
            // serde names a field in backquotes.
            Problem::parameter(what.split('`').nth(1), what)
        })?;
        Ok(Self(query))
    }
}

/// The one part of the path that names something.
#[derive(Debug)]
pub(super) struct Name(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, state).await;
        let Path(name) = path.map_err(|_| {
            let what = "the path is not UTF-8; write what is special in it as %XX of UTF-8";
            Problem::parameter(None, what)
        })?;
        Ok(Self(name))
    }
}

/// A number within limits.
pub(super) fn number(
    field: &str,
    text: Option<&str>,
    usual: usize,
    max: usize,
) -> Result<usize, Problem> {
    let Some(text) = text else {
        return Ok(usual);
    };
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| {
        let detail = format!("{field} is not a number from 1 to {max}; write one");
        Problem::parameter(Some(field), detail)
    })
}
