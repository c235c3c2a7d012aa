//! `/v1/policies`: who may park, and who may retrieve. A PIN is told to nobody.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Said;
use super::configured::{self, Conditions, If, Tag};
use super::openapi::Refusals;
use super::permit::Caller;
use super::query::Name;
use super::routes::Desk;
use super::{Origin, PolicyDefinition, Problem, token};
use crate::config::{ObjectKind, ObjectName, Pin};
use crate::driver::configuration::Condition;

/// The policies.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyList {
    /// In the order in which they are looked at.
    pub policies: Vec<ConfiguredPolicy>,
}

/// One policy as it is configured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConfiguredPolicy {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What it says, as `[[policy]]` does.
    pub definition: PolicyDefinition,
}

/// What stands for a PIN that is there.
const HIDDEN: &str = "***";

/// All policies.
#[utoipa::path(
    get, path = "/v1/policies", tag = "policies", security(("token" = [])),
    responses((status = 200, body = PolicyList), Refusals)
)]
pub(super) async fn list(State(desk): State<Desk>) -> Result<Json<PolicyList>, Problem> {
    let names = desk.configuration.policies();
    let policies = names.into_iter().map(|name| Ok(look(&desk, name)?.1));
    let policies = policies.collect::<Result<_, Problem>>()?;
    Ok(Json(PolicyList { policies }))
}

/// One policy.
#[utoipa::path(
    get, path = "/v1/policies/{name}", tag = "policies", security(("token" = [])),
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = ConfiguredPolicy), Refusals)
)]
pub(super) async fn one(
    State(desk): State<Desk>,
    Name(name): Name,
) -> Result<(Tag, Json<ConfiguredPolicy>), Problem> {
    let (tag, policy) = look(&desk, name)?;
    Ok((tag, Json(policy)))
}

/// Adds a policy, or puts another in the place of the one of this name.
///
/// With the first policy nobody may do any more what no policy allows. A PIN of digits is kept as a
/// hash; `***` stands for the one that is there.
#[utoipa::path(
    put, path = "/v1/policies/{name}", tag = "policies", security(("token" = [])),
    params(("name" = String, Path, description = "Its name"), Conditions),
    request_body = PolicyDefinition,
    responses((status = 200, body = ConfiguredPolicy, description = "It holds."), Refusals)
)]
pub(super) async fn put(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
    condition: If,
    Said(mut policy): Said<PolicyDefinition>,
) -> Result<(Tag, Json<ConfiguredPolicy>), Problem> {
    let condition = hide(&desk, &name, &mut policy, condition)?;
    configured::put(&desk, &caller, object(&name), &policy, condition).await?;
    one(State(desk), Name(name)).await
}

/// Removes a policy.
///
/// One that a range names stays, and one by which alone a waiting call can be retrieved.
#[utoipa::path(
    delete, path = "/v1/policies/{name}", tag = "policies", security(("token" = [])),
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

/// Leaves a policy to the file.
#[utoipa::path(
    post, path = "/v1/policies/{name}/revert", tag = "policies", security(("token" = [])),
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
    ObjectName::new(ObjectKind::Policy, name)
}

fn look(desk: &Desk, name: String) -> Result<(Tag, ConfiguredPolicy), Problem> {
    let (tag, origin, mut definition) = configured::look::<PolicyDefinition>(desk, &object(&name))?;
    if let Some(pin) = &mut definition.pin {
        HIDDEN.clone_into(pin);
    }
    let policy = ConfiguredPolicy {
        name,
        origin,
        definition,
    };
    Ok((tag, policy))
}

/// Puts the hash in the place of a PIN's digits, and the PIN that is there in the place of `***`:
/// then the change is made only while it is there.
fn hide(
    desk: &Desk,
    name: &str,
    policy: &mut PolicyDefinition,
    condition: If,
) -> Result<If, Problem> {
    let Some(pin) = &mut policy.pin else {
        return Ok(condition);
    };
    if pin != HIDDEN {
        let salt = token::random().map_err(|_| Problem::busy())?;
        if let Some(hashed) = Pin::hashed(pin, &salt[..32]) {
            *pin = hashed;
        }
        return Ok(condition);
    }
    let seen = desk.configuration.object(&object(name));
    let there = seen.as_ref().and_then(|seen| {
        let pin = seen.definition.members().get("pin")?.as_str()?;
        Some((pin, seen.definition.tag()))
    });
    let Some((there, tag)) = there else {
        let detail = "pin is ***, which stands for the one that is there, and there is none; \
                      write 4 to 12 digits";
        return Err(Problem::parameter(Some("pin"), detail));
    };
    there.clone_into(pin);
    Ok(match condition {
        If(None) => If(Some(Condition::Is(tag))),
        condition => condition,
    })
}
