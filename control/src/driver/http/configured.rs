//! What looking at an object of the configuration, putting and removing one have in common: the
//! conditions of RFC 9110 §13.1, the audit log, the words of the file.

use axum::extract::FromRequestParts;
use axum::http::header::{ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponseParts, ResponseParts};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::permit::{Caller, Turn};
use super::recording::Recording;
use super::routes::Desk;
use super::{Origin, Problem};
use crate::config::{Definition, ObjectName};
use crate::driver::configuration::{Condition, Wish};

/// The tag of what an object says, sent as `ETag`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tag(String);

/// Under which condition something is changed.
#[derive(Debug)]
pub(super) struct If(pub(super) Option<Condition>);

/// The header fields of [`If`], for the document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only the document has it")]
pub(super) struct Conditions {
    /// The `ETag` it must still have.
    #[param(rename = "If-Match", value_type = Option<String>, pattern = "^(\\*|\"[0-9a-f]{32}\")$")]
    if_match: (),
    /// `*`: only if there is none yet.
    #[param(rename = "If-None-Match", value_type = Option<String>, pattern = "^\\*$")]
    if_none_match: (),
}

/// An object as it is now.
pub(super) fn look<T: DeserializeOwned>(
    desk: &Desk,
    name: &ObjectName,
) -> Result<(Tag, Origin, T), Problem> {
    let seen = desk.configuration.object(name);
    let seen = seen.ok_or_else(Problem::no_such_object)?;
    let members = Value::Object(seen.definition.members().clone());
    let definition = serde_json::from_value(members).map_err(Problem::unshown)?;
    let origin = match seen.is_changed {
        true => Origin::Store,
        false => Origin::File,
    };
    Ok((Tag(seen.definition.tag()), origin, definition))
}

/// Puts an object in the place of the one of its name.
pub(super) async fn put(
    desk: &Desk,
    caller: &Caller,
    name: ObjectName,
    definition: &impl Serialize,
    condition: If,
) -> Result<(), Problem> {
    let Ok(Value::Object(members)) = serde_json::to_value(definition) else {
        unreachable!("a definition has members")
    };
    let definition = Definition::new(members);
    let mut turn = before(desk, &name);
    turn.after = Some(to_be_noted(&definition));
    let what = name.to_string();
    let wish = vec![(name, Wish::Put(definition))];
    let deed = caller.deed("configure", &what, turn);
    let change = (wish, condition.0);
    caller.change(&desk.configuration, change, deed).await
}

/// Has music play another recording, which is new where there is none of its name.
pub(super) async fn record(
    desk: &Desk,
    caller: &Caller,
    name: ObjectName,
    recording: Recording,
    condition: If,
) -> Result<(), Problem> {
    let mut turn = before(desk, &name);
    turn.after = Some(format!("{} bytes of sound", recording.bytes.len()));
    let what = name.to_string();
    let wish = vec![(name, Wish::Record(recording.bytes.clone()))];
    let deed = caller.deed("upload", &what, turn);
    let change = (wish, condition.0);
    caller.change(&desk.configuration, change, deed).await
}

/// Removes an object, whatever the file says of it.
pub(super) async fn remove(
    desk: &Desk,
    caller: &Caller,
    name: ObjectName,
    condition: If,
) -> Result<StatusCode, Problem> {
    take(desk, caller, name, ("remove", Wish::Remove), condition).await
}

/// Leaves an object to the file.
pub(super) async fn revert(
    desk: &Desk,
    caller: &Caller,
    name: ObjectName,
    condition: If,
) -> Result<StatusCode, Problem> {
    take(desk, caller, name, ("revert", Wish::Revert), condition).await
}

async fn take(
    desk: &Desk,
    caller: &Caller,
    name: ObjectName,
    (action, wish): (&str, Wish),
    condition: If,
) -> Result<StatusCode, Problem> {
    let (what, turn) = (name.to_string(), before(desk, &name));
    let deed = caller.deed(action, &what, turn);
    let change = (vec![(name, wish)], condition.0);
    caller.change(&desk.configuration, change, deed).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an object says before it is changed.
fn before(desk: &Desk, name: &ObjectName) -> Turn {
    let seen = desk.configuration.object(name);
    Turn {
        before: seen.map(|seen| to_be_noted(&seen.definition)),
        after: None,
    }
}

/// What the audit log has of it: no secret.
fn to_be_noted(definition: &Definition) -> String {
    let mut members = definition.members().clone();
    if let Some(pin) = members.get_mut("pin") {
        *pin = Value::from("…");
    }
    Value::Object(members).to_string()
}

impl IntoResponseParts for Tag {
    type Error = Problem;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Problem> {
        let tag = HeaderValue::try_from(format!("\"{}\"", self.0));
        parts.headers_mut().extend(tag.map(|tag| (ETAG, tag)));
        Ok(parts)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for If {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = |name: HeaderName| parts.headers.get(name).map(|value| value.to_str());
        let wrong = |field: &str, rule: &str| {
            let detail = format!("{field} is not understood; write {rule}");
            Problem::parameter(Some(field), detail)
        };
        let if_match = match text(IF_MATCH) {
            None => None,
            Some(Ok("*")) => Some(Condition::IsThere),
            Some(tag) => {
                let tag = tag
                    .ok()
                    .and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
                let tag = tag.ok_or_else(|| wrong("If-Match", "one ETag in its quotes, or *"))?;
                Some(Condition::Is(tag.to_owned()))
            }
        };
        match (if_match, text(IF_NONE_MATCH)) {
            (condition, None) => Ok(Self(condition)),
            (None, Some(Ok("*"))) => Ok(Self(Some(Condition::IsNew))),
            _ => Err(wrong("If-None-Match", "*, and no If-Match")),
        }
    }
}
