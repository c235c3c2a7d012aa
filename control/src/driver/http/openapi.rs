//! The document that says what the API is, made from the code that does it.

use std::collections::BTreeMap;

use axum::Json;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{self, Content, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi};

use super::{
    Problem, actions, audit, captures, events, health, music, orbits, policies, ranges,
    reservations, settings, status, transfer,
};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "orbit",
        description = "Call park, hold music and announcements for SIP. Send your token as \
                       `Authorization: Bearer TOKEN`. What goes wrong is said as in RFC 9457."
    ),
    paths(
        actions::hang_up,
        actions::relocate,
        actions::retrieve,
        actions::park,
        actions::drain,
        audit::list,
        captures::list,
        captures::begin,
        captures::one,
        captures::stop,
        captures::forget,
        captures::file,
        events::history::list,
        events::stream::show,
        health::live,
        health::ready,
        music::list,
        music::one,
        music::put,
        music::record,
        music::listen,
        music::remove,
        music::revert,
        orbits::list,
        orbits::one,
        policies::list,
        policies::one,
        policies::put,
        policies::remove,
        policies::revert,
        ranges::list,
        ranges::one,
        ranges::put,
        ranges::remove,
        ranges::revert,
        reservations::test,
        settings::of_all,
        settings::put_of_all,
        settings::revert_of_all,
        settings::of_site,
        settings::put_of_site,
        settings::remove_site,
        settings::revert_site,
        status::show,
        transfer::export,
        transfer::import,
    ),
    components(schemas(Problem, events::Snapshot)),
    modifiers(&Bearer)
)]
pub(super) struct Document;

/// `/openapi.json`.
pub(super) async fn show() -> Json<openapi::OpenApi> {
    Json(Document::openapi())
}

/// Says how a token is sent.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", scheme);
    }
}

/// What any question may be refused with.
#[derive(Debug)]
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        REFUSALS
            .iter()
            .map(|(status, what)| {
                let problem = Content::new(Some(Ref::from_schema_name("Problem")));
                let response = ResponseBuilder::new()
                    .description(*what)
                    .content("application/problem+json", problem)
                    .build();
                (status.to_string(), RefOr::T(response))
            })
            .collect()
    }
}

const REFUSALS: &[(u16, &str)] = &[
    (400, "A parameter is wrong; `field` names it."),
    (401, "There is no token, or none that is known."),
    (
        403,
        "The token's role is not enough, or no policy allows it.",
    ),
    (404, "There is no such thing, or nobody waits there."),
    (408, "The request took too long."),
    (409, "It is not possible as things are now."),
    (
        412,
        "It is another one than `If-Match` or `If-None-Match` says.",
    ),
    (413, "The body is too large."),
    (415, "The body is not of the type that is wanted."),
    (
        422,
        "What it says is understood, and cannot be; `field` names what.",
    ),
    (
        503,
        "The server is busy or ending, or the store cannot be written.",
    ),
    (504, "The control thread has not answered in time."),
];
