//! `/v1/ranges`: the ranges of orbits, and how full they are.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Said;
use super::configured::{self, Conditions, If, Tag};
use super::openapi::Refusals;
use super::permit::Caller;
use super::query::{Name, Parameters};
use super::routes::Desk;
use super::{Origin, Problem, RangeDefinition};
use crate::ask::RangeView;
use crate::config::{ObjectKind, ObjectName, RangeKind};

/// The ranges.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct RangeList {
    /// By prefix and first orbit.
    pub ranges: Vec<Range>,
}

/// One range, or what is left of a removed one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Range {
    /// Its name.
    pub name: String,
    /// What it is for: `park` or `group-pickup`.
    pub kind: String,
    /// The node it belongs to.
    pub node: String,
    /// Its first orbit, as dialled.
    #[schema(example = "700")]
    pub start: String,
    /// Its last orbit, as dialled.
    #[schema(example = "799")]
    pub end: String,
    /// The site whose members park there; null for all.
    #[schema(required)]
    pub site: Option<String>,
    /// The policy whose parties alone may park and retrieve there; null for all.
    #[schema(required)]
    pub policy: Option<String>,
    /// Whether orbits are given out one after the other, and not at random.
    pub sequential: bool,
    /// How many orbits are free here: none where nobody parks in it here.
    pub free: usize,
    /// How many orbits are taken.
    pub taken: usize,
    /// Whether it was removed, and stays for the call in it only.
    pub closing: bool,
}

/// One range as it is configured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConfiguredRange {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What it says, as in the file.
    pub definition: RangeDefinition,
}

/// Which ranges. All that is said must hold.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Their name, whatever its case; `*` stands for any signs, `?` for one.
    #[param(example = "front*")]
    name: Option<String>,
    /// What they are for: `park` or `group-pickup`.
    #[param(inline, value_type = Option<Kind>)]
    kind: Option<String>,
    /// The node they belong to.
    node: Option<String>,
    /// The sign before their numbers: `*`, `#` (written `%23`) or `none`.
    prefix: Option<String>,
}

/// What a range is for.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only the document has it")]
enum Kind {
    Park,
    GroupPickup,
}

/// The ranges with their free and taken orbits.
///
/// Also those that only keep numbers free: what is not for parking, or belongs to another node.
#[utoipa::path(
    get, path = "/v1/ranges", tag = "ranges", params(Which), security(("token" = [])),
    responses((status = 200, body = RangeList), Refusals)
)]
pub(super) async fn list(
    State(desk): State<Desk>,
    Parameters(which): Parameters<Which>,
) -> Result<Json<RangeList>, Problem> {
    which.check()?;
    let views = desk.asker.ranges().await?;
    let ranges = views.into_iter().map(|view| Range::of(view, &desk.node));
    let ranges = ranges.filter(|range| which.wants(range)).collect();
    Ok(Json(RangeList { ranges }))
}

/// One range as it is configured.
///
/// `ETag` names what it says: `If-Match` with it changes nothing but that.
#[utoipa::path(
    get, path = "/v1/ranges/{name}", tag = "ranges", security(("token" = [])),
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = ConfiguredRange), Refusals)
)]
pub(super) async fn one(
    State(desk): State<Desk>,
    Name(name): Name,
) -> Result<(Tag, Json<ConfiguredRange>), Problem> {
    let (tag, origin, definition) = configured::look(&desk, &object(&name))?;
    let range = ConfiguredRange {
        name,
        origin,
        definition,
    };
    Ok((tag, Json(range)))
}

/// Adds a range, or puts another in the place of the one of this name.
///
/// Whatever is not said has its usual value. Calls that wait stay in their orbits, with their time;
/// an orbit that is in no range any more goes with its call. `If-None-Match: *` adds only.
#[utoipa::path(
    put, path = "/v1/ranges/{name}", tag = "ranges", security(("token" = [])),
    params(("name" = String, Path, description = "Its name"), Conditions),
    request_body = RangeDefinition,
    responses((status = 200, body = ConfiguredRange, description = "It holds."), Refusals)
)]
pub(super) async fn put(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
    condition: If,
    Said(range): Said<RangeDefinition>,
) -> Result<(Tag, Json<ConfiguredRange>), Problem> {
    configured::put(&desk, &caller, object(&name), &range, condition).await?;
    one(State(desk), Name(name)).await
}

/// Removes a range.
///
/// Calls that wait there can be retrieved and come back as before, and nobody parks there any more:
/// each orbit goes with its call.
#[utoipa::path(
    delete, path = "/v1/ranges/{name}", tag = "ranges", security(("token" = [])),
    params(("name" = String, Path, description = "Its name"), Conditions),
    responses((status = 204, description = "It is removed."), Refusals)
)]
pub(super) async fn remove(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
    condition: If,
) -> Result<StatusCode, Problem> {
    configured::remove(&desk, &caller, object(&name), condition).await
}

/// Leaves a range to the file.
///
/// What the file says of it holds again; where it says nothing of it, it is removed.
#[utoipa::path(
    post, path = "/v1/ranges/{name}/revert", tag = "ranges", security(("token" = [])),
    params(("name" = String, Path, description = "Its name"), Conditions),
    responses((status = 204, description = "It is as the file has it."), Refusals)
)]
pub(super) async fn revert(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
    condition: If,
) -> Result<StatusCode, Problem> {
    configured::revert(&desk, &caller, object(&name), condition).await
}

fn object(name: &str) -> ObjectName {
    ObjectName::new(ObjectKind::Range, name)
}

impl Which {
    fn check(&self) -> Result<(), Problem> {
        let wrong = |field: &str, rule| {
            let detail = format!("{field} is unknown; write {rule}");
            Err(Problem::parameter(Some(field), detail))
        };
        match (self.kind.as_deref(), self.prefix.as_deref()) {
            (Some(kind), _) if RangeKind::of(kind).is_none() => {
                wrong("kind", "park or group-pickup")
            }
            (_, Some(prefix)) if !["*", "#", "none"].contains(&prefix) => {
                wrong("prefix", "*, # (as %23) or none")
            }
            _ => Ok(()),
        }
    }

    fn wants(&self, range: &Range) -> bool {
        let prefix = match range.start.chars().next() {
            Some('*') => "*",
            Some('#') => "#",
            _ => "none",
        };
        let is = |wanted: &Option<String>, what: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == what)
        };
        let name = self.name.as_deref();
        name.is_none_or(|pattern| matches(pattern, &range.name))
            && is(&self.kind, &range.kind)
            && is(&self.node, &range.node)
            && is(&self.prefix, prefix)
    }
}

/// Whether a name is as a pattern wants it. In time of the product of both lengths at most.
fn matches(pattern: &str, name: &str) -> bool {
    let [pattern, name] = [pattern, name].map(|text| text.to_lowercase());
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where the last star is, and how far it reaches by now.
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(&sign) if sign == '?' || sign == name[seen] => (at, seen) = (at + 1, seen + 1),
            _ => {
                let Some((place, reach)) = star else {
                    return false;
                };
                star = Some((place, reach + 1));
                (at, seen) = (place + 1, reach + 1);
            }
        }
    }
    pattern[at..].iter().all(|sign| *sign == '*')
}

impl Range {
    fn of(view: RangeView, here: &str) -> Self {
        Self {
            start: view.first(),
            end: view.last(),
            sequential: view.is_sequential(),
            kind: view.kind.name().to_owned(),
            node: view.node.unwrap_or_else(|| here.to_owned()),
            name: view.range.name,
            site: view.range.site,
            policy: view.range.policy,
            free: view.free,
            taken: view.taken,
            closing: view.is_closing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_signs_and_a_question_mark_for_one() {
        for (pattern, name) in [
            ("front-desk", "Front-Desk"),
            ("front*", "front-desk"),
            ("*desk", "front-desk"),
            ("*o?t*", "front-desk"),
            ("*", ""),
            ("**", "a"),
            ("a*b*c", "aXbbXc"),
            ("Ü*", "über"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("front", "front-desk"),
            ("*front", "front-desk"),
            ("?", ""),
            ("", "a"),
            ("a*b*c", "aXbbX"),
            ("a?b", "ab"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        let (stars, long) = ("*a".repeat(500) + "b", "a".repeat(16_000));
        assert!(!matches(&stars, &long), "and that soon");
    }
}
