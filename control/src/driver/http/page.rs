//! `/`: a page to look at the orbits and to try the API with.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

use super::Problem;
use super::token::random;

const PAGE: &str = include_str!("page.html");

/// What the page writes where its nonce belongs.
const NONCE: &str = "@NONCE@";

/// What of the page runs is what we wrote: nothing that somebody calls itself does.
pub(super) async fn show() -> Result<Response, Problem> {
    let nonce = random().map_err(|_| Problem::busy())?;
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src \
         'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, &policy),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, PAGE.replace(NONCE, &nonce)).into_response())
}
