//! What went wrong, in the words of RFC 9457: one type for every refusal of the API.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::limits::EVENT_STREAMS_MAX;
use crate::ask::AskError;
use crate::config::{ConfigError, Role};
use crate::driver::configuration::Unchanged;
use crate::store::StoreError;

/// What went wrong (RFC 9457).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Which problem it is, for programs: `urn:problem-type:orbit:NAME`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for people; each problem of a type has the same.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time, and what would be right.
    pub detail: String,
    /// The parameter or the member of the body that is wrong, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        name: &str,
        title: &str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: format!("urn:problem-type:orbit:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
        }
    }

    /// A parameter that cannot be understood.
    pub(super) fn parameter(field: Option<&str>, detail: impl Into<String>) -> Self {
        let (status, title) = (StatusCode::BAD_REQUEST, "A parameter is wrong");
        Self {
            field: field.map(str::to_owned),
            ..Self::new(status, "bad-parameter", title, detail)
        }
    }

    /// A body that cannot be understood.
    pub(super) fn body(status: StatusCode, field: Option<String>, detail: impl ToString) -> Self {
        let (name, title) = match status {
            StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "The body is too large"),
            _ => ("bad-body", "The body is wrong"),
        };
        Self {
            field,
            ..Self::new(status, name, title, detail.to_string())
        }
    }

    /// A body that does not say that it is JSON.
    pub(super) fn not_json() -> Self {
        let detail = "Send JSON, and the header field `Content-Type: application/json`.";
        let (status, title) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON");
        Self::new(status, "not-json", title, detail)
    }

    /// A body that does not say that it is TOML.
    pub(super) fn not_toml() -> Self {
        let detail = "Send TOML, and the header field `Content-Type: application/toml`.";
        let (status, title) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not TOML");
        Self::new(status, "not-toml", title, detail)
    }

    /// A body that does not say that it is audio.
    pub(super) fn not_audio() -> Self {
        let detail = "Send the file as it is, and `Content-Type: audio/wav`, `audio/flac`, \
                      `audio/mpeg`, `audio/ogg` or `application/octet-stream`.";
        let (status, title) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not audio");
        Self::new(status, "not-audio", title, detail)
    }

    /// A recording whose file cannot be read any more.
    pub(super) fn unreadable(error: &std::io::Error) -> Self {
        let detail =
            format!("Its file cannot be read ({error}): put it back, or upload another recording.");
        let (status, title) = (StatusCode::CONFLICT, "The recording cannot be read");
        Self::new(status, "unreadable", title, detail)
    }

    /// A whole configuration that is wrong, with the line.
    pub(super) fn not_importable(error: ConfigError) -> Self {
        let (status, title) = (
            StatusCode::UNPROCESSABLE_ENTITY,
            "The configuration would be wrong",
        );
        Self {
            field: error.key.last().cloned(),
            ..Self::new(status, "configuration", title, error.message)
        }
    }

    /// The last part of its type.
    pub(super) fn name(&self) -> &str {
        self.kind.rsplit(':').next().unwrap_or_default()
    }

    /// Nothing is there.
    pub(super) fn no_such_path(path: &str) -> Self {
        let title = "There is nothing under this path";
        let detail = format!("{path} is no path of this API; /openapi.json lists those that are");
        Self::new(StatusCode::NOT_FOUND, "no-such-path", title, detail)
    }

    /// Something is there, but for other methods.
    pub(super) fn no_such_method(method: &str, path: &str) -> Self {
        let title = "This path does not know the method";
        let detail = format!("{path} knows no {method}; /openapi.json says what it knows");
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "no-such-method",
            title,
            detail,
        )
    }

    /// Nobody can be known, since no token is configured.
    pub(super) fn no_tokens() -> Self {
        let detail = "No token is configured, so that the API answers about its health only. Run \
                      `orbitd token NAME ROLE`, write the lines it prints into the \
                      configuration, and start the server again.";
        let (status, title) = (StatusCode::FORBIDDEN, "The API is not open yet");
        Self::new(status, "no-tokens", title, detail)
    }

    /// Who asks has not said who it is.
    pub(super) fn no_token() -> Self {
        let detail = "Send the header field `Authorization: Bearer TOKEN` with your token; \
                      `orbitd token NAME ROLE` makes one.";
        let (status, title) = (StatusCode::UNAUTHORIZED, "Who asks must have a token");
        Self::new(status, "no-token", title, detail)
    }

    /// The token is none of those that are configured.
    pub(super) fn unknown_token() -> Self {
        let detail = "The token is none of those in the configuration ([[api.token]] sha256).";
        let (status, title) = (StatusCode::UNAUTHORIZED, "The token is not known");
        Self::new(status, "unknown-token", title, detail)
    }

    /// The token is known, and not enough.
    pub(super) fn role(name: &str, role: Role, wanted: Role) -> Self {
        let detail = format!("The token \"{name}\" is a {role}'s, and this is for {wanted}s.");
        let (status, title) = (StatusCode::FORBIDDEN, "This needs another role");
        Self::new(status, "role", title, detail)
    }

    /// Too many questions are under way.
    pub(super) fn busy() -> Self {
        let detail = "Too many questions are under way; ask again in a second.";
        let (status, title) = (StatusCode::SERVICE_UNAVAILABLE, "The server is busy");
        Self::new(status, "busy", title, detail)
    }

    /// Too many clients listen.
    pub(super) fn too_many_listeners() -> Self {
        let detail = format!("{EVENT_STREAMS_MAX} clients listen to events; let one go first.");
        let (status, title) = (StatusCode::SERVICE_UNAVAILABLE, "Too many listen");
        Self::new(status, "too-many-listeners", title, detail)
    }

    /// The server is on its way out.
    pub(super) fn ending() -> Self {
        let detail = "The server is ending; ask the next one.";
        let (status, title) = (StatusCode::SERVICE_UNAVAILABLE, "The server is ending");
        Self::new(status, "ending", title, detail)
    }

    /// It does not take new calls.
    pub(super) fn not_ready(detail: &str) -> Self {
        let (status, title) = (StatusCode::SERVICE_UNAVAILABLE, "Not ready for calls");
        Self::new(status, "not-ready", title, detail)
    }

    /// The control thread has not answered in time.
    pub(super) fn late() -> Self {
        let detail = "The control thread has not answered in time; ask again, and see the log.";
        let (status, title) = (StatusCode::GATEWAY_TIMEOUT, "No answer in time");
        Self::new(status, "late", title, detail)
    }

    /// The store cannot be read.
    pub(super) fn store(error: StoreError) -> Self {
        let (status, title) = (StatusCode::SERVICE_UNAVAILABLE, "The store cannot be read");
        Self::new(status, "store", title, error.to_string())
    }

    /// There is no store that would have the audit log.
    pub(super) fn no_audit() -> Self {
        let detail = "The audit log is kept in the store: write [store] path into the \
                      configuration and restart. The log itself has it too (target audit).";
        let (status, title) = (StatusCode::CONFLICT, "There is no store to look into");
        Self::new(status, "no-store", title, detail)
    }

    /// What holds a change back.
    pub(super) fn unchanged(why: Unchanged) -> Self {
        let wrong = StatusCode::UNPROCESSABLE_ENTITY;
        match why {
            Unchanged::Wrong(error) => {
                let title = "The configuration would be wrong";
                Self {
                    field: field_of(&error),
                    ..Self::new(wrong, "configuration", title, error.what)
                }
            }
            Unchanged::NotNow(error) | Unchanged::TakenBack(error) => {
                let title = "It cannot be changed as things are now";
                Self::new(StatusCode::CONFLICT, "not-now", title, error.what)
            }
            Unchanged::InUse(users) if users.is_empty() => {
                let detail = "It is what everybody hears who names none: upload another \
                              recording, or revert it to what the file says.";
                Self::in_use(detail.to_owned())
            }
            Unchanged::InUse(users) => {
                let users: Vec<_> = users.iter().map(ToString::to_string).collect();
                let users = users.join(", ");
                Self::in_use(format!("It is named by {users}: change that first."))
            }
            Unchanged::NoRoom(what) => {
                let title = "There is no room for it";
                Self::new(StatusCode::CONFLICT, "no-room", title, what)
            }
            Unchanged::NotKept(error) => {
                let title = "The store cannot be written, and nothing has changed";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "store", title, error.to_string())
            }
            Unchanged::NoStore => {
                let title = "There is no store to keep it in";
                let detail = "What is changed while the server runs is kept in the store: write \
                              [store] path into the configuration and restart, or change the file.";
                Self::new(StatusCode::CONFLICT, "no-store", title, detail)
            }
            Unchanged::Meanwhile => {
                let title = "It is another one by now";
                let detail = "It is not as If-Match or If-None-Match says; look at it first.";
                Self::new(StatusCode::PRECONDITION_FAILED, "meanwhile", title, detail)
            }
            Unchanged::NotThere => Self::no_such_object(),
            Unchanged::Ending => Self::ending(),
        }
    }

    fn in_use(detail: String) -> Self {
        Self::new(StatusCode::CONFLICT, "in-use", "It is in use", detail)
    }

    /// An object that is configured and cannot be shown in JSON: our own fault.
    pub(super) fn unshown(error: serde_json::Error) -> Self {
        let (status, title) = (StatusCode::INTERNAL_SERVER_ERROR, "It cannot be shown");
        Self::new(status, "unshown", title, error.to_string())
    }

    /// An object of the configuration that is not there.
    pub(super) fn no_such_object() -> Self {
        let detail = "Nothing of this name is configured; see the list for what is.";
        let (status, title) = (StatusCode::NOT_FOUND, "There is no such thing");
        Self::new(status, "no-such-object", title, detail)
    }

    /// The request itself has not come in time.
    pub(super) fn slow() -> Self {
        let detail = "The request took too long; send it at once.";
        let (status, title) = (StatusCode::REQUEST_TIMEOUT, "The request took too long");
        Self::new(status, "slow", title, detail)
    }
}

/// Status, name, title and field.
type Kind = (StatusCode, &'static str, &'static str, Option<&'static str>);

impl Problem {
    const fn of_refusal(error: &AskError) -> Kind {
        let (missing, conflict) = (StatusCode::NOT_FOUND, StatusCode::CONFLICT);
        let wrong = StatusCode::UNPROCESSABLE_ENTITY;
        match error {
            AskError::NoSuchOrbit(_) => (missing, "no-such-orbit", "There is no such orbit", None),
            AskError::EmptyOrbit(_) => (missing, "empty-orbit", "Nobody waits there", None),
            AskError::NoSuchCall(_) => (missing, "no-such-call", "There is no such call", None),
            AskError::OtherCall(_) => (
                conflict,
                "other-call",
                "Another call waits there",
                Some("call"),
            ),
            AskError::NotAtRest(_) => (conflict, "not-at-rest", "The call is not at rest", None),
            AskError::OrbitTaken(_) => (conflict, "orbit-taken", "The orbit is taken", None),
            AskError::NoFreeOrbit => (conflict, "no-free-orbit", "No orbit is free", None),
            AskError::NoConversation(_) => (
                conflict,
                "no-conversation",
                "The call is not one of two",
                None,
            ),
            AskError::NoOrbitToBe(_) => (wrong, "no-orbit-to-be", "There is no such orbit", None),
            AskError::NoSuchRange(_) => (
                wrong,
                "no-such-range",
                "There is no such range",
                Some("range"),
            ),
            AskError::NotCallable(_) => (wrong, "not-callable", "Nothing to call", Some("to")),
            AskError::OwnNumber(_) => (wrong, "own-number", "The number is ours", Some("to")),
            AskError::HostNotAllowed(_) => (
                wrong,
                "host-not-allowed",
                "The host may not be called",
                Some("to"),
            ),
            AskError::Denied(_) | AskError::NeedsPin(_) => {
                let title = "The phone may not have the call";
                (StatusCode::FORBIDDEN, "denied", title, Some("to"))
            }
            AskError::NoMedia => {
                let title = "No place for another leg";
                (StatusCode::SERVICE_UNAVAILABLE, "no-media", title, None)
            }
            AskError::NotAnOrbit(_) => {
                let title = "A parameter is wrong";
                (
                    StatusCode::BAD_REQUEST,
                    "bad-parameter",
                    title,
                    Some("after"),
                )
            }
            AskError::Stopping => {
                let title = "The server is ending";
                (StatusCode::SERVICE_UNAVAILABLE, "ending", title, None)
            }
        }
    }
}

/// The member of the body that a message about the configuration names: the last part of the way
/// that is no number.
fn field_of(error: &ConfigError) -> Option<String> {
    let is_name = |part: &&String| part.parse::<usize>().is_err();
    let inner = error.key.get(1..).unwrap_or_default();
    inner.iter().rev().find(is_name).cloned()
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        let (status, name, title, field) = Self::of_refusal(&error);
        Self {
            field: field.map(str::to_owned),
            ..Self::new(status, name, title, error.to_string())
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, problem);
        if status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer realm=\"orbit\"");
            headers.insert(WWW_AUTHENTICATE, bearer);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
