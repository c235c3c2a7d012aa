//! `/v1/settings`: what holds for the calls that wait, of all and of each site.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::body::Said;
use super::configured::{self, Conditions, If, Tag};
use super::openapi::Refusals;
use super::permit::Caller;
use super::query::Name;
use super::routes::Desk;
use super::{Origin, Problem, SettingsDefinition};
use crate::config::ObjectName;

/// The settings of all.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct GlobalSettings {
    /// Where they come from.
    pub origin: Origin,
    /// What they say, as `[park]` does.
    pub definition: SettingsDefinition,
    /// What holds, with the usual values of what they do not say.
    pub effective: SettingsDefinition,
    /// The sites that have settings of their own, by name.
    pub sites: Vec<String>,
}

/// The settings of a site, and who belongs to it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct SiteSettings {
    /// Its name.
    pub site: String,
    /// Where they come from.
    pub origin: Origin,
    /// What they say, as `[park.site.NAME]` does.
    pub definition: SettingsDefinition,
    /// What holds there, with the settings of all where it has none of its own.
    pub effective: SettingsDefinition,
}

/// The settings of all.
#[utoipa::path(
    get, path = "/v1/settings", tag = "settings", security(("token" = [])),
    responses((status = 200, body = GlobalSettings), Refusals)
)]
pub(super) async fn of_all(
    State(desk): State<Desk>,
) -> Result<(Tag, Json<GlobalSettings>), Problem> {
    let (tag, origin, definition) = configured::look(&desk, &ObjectName::of_settings(None))?;
    let settings = GlobalSettings {
        origin,
        definition,
        effective: effective(&desk, None)?,
        sites: desk.configuration.sites(),
    };
    Ok((tag, Json(settings)))
}

/// Puts others in the place of the settings of all.
///
/// What is not said has its usual value. Calls that wait keep their time; what begins later follows
/// what holds by then.
#[utoipa::path(
    put, path = "/v1/settings", tag = "settings", security(("token" = [])), params(Conditions),
    request_body = SettingsDefinition,
    responses((status = 200, body = GlobalSettings, description = "They hold."), Refusals)
)]
pub(super) async fn put_of_all(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    condition: If,
    Said(settings): Said<SettingsDefinition>,
) -> Result<(Tag, Json<GlobalSettings>), Problem> {
    let name = ObjectName::of_settings(None);
    configured::put(&desk, &caller, name, &settings, condition).await?;
    of_all(State(desk)).await
}

/// Leaves the settings of all to the file.
#[utoipa::path(
    post, path = "/v1/revert-settings", tag = "settings", security(("token" = [])),
    params(Conditions),
    responses((status = 204, description = "They are as the file has them."), Refusals)
)]
pub(super) async fn revert_of_all(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    condition: If,
) -> Result<StatusCode, Problem> {
    configured::revert(&desk, &caller, ObjectName::of_settings(None), condition).await
}

/// The settings of a site.
#[utoipa::path(
    get, path = "/v1/settings/{site}", tag = "settings", security(("token" = [])),
    params(("site" = String, Path, description = "Its name")),
    responses((status = 200, body = SiteSettings), Refusals)
)]
pub(super) async fn of_site(
    State(desk): State<Desk>,
    Name(site): Name,
) -> Result<(Tag, Json<SiteSettings>), Problem> {
    let (tag, origin, definition) = configured::look(&desk, &object(&site))?;
    let settings = SiteSettings {
        effective: effective(&desk, Some(&site))?,
        site,
        origin,
        definition,
    };
    Ok((tag, Json(settings)))
}

/// Makes a site, or puts others in the place of its settings.
///
/// What is not said is as in the settings of all; without `members` nobody belongs to it.
#[utoipa::path(
    put, path = "/v1/settings/{site}", tag = "settings", security(("token" = [])),
    params(("site" = String, Path, description = "Its name"), Conditions),
    request_body = SettingsDefinition,
    responses((status = 200, body = SiteSettings, description = "They hold."), Refusals)
)]
pub(super) async fn put_of_site(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(site): Name,
    condition: If,
    Said(settings): Said<SettingsDefinition>,
) -> Result<(Tag, Json<SiteSettings>), Problem> {
    configured::put(&desk, &caller, object(&site), &settings, condition).await?;
    of_site(State(desk), Name(site)).await
}

/// Removes a site.
///
/// A site that a range or a policy names stays.
#[utoipa::path(
    delete, path = "/v1/settings/{site}", tag = "settings", security(("token" = [])),
    params(("site" = String, Path, description = "Its name"), Conditions),
    responses((status = 204, description = "It is removed."), Refusals)
)]
pub(super) async fn remove_site(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(site): Name,
    condition: If,
) -> Result<StatusCode, Problem> {
    configured::remove(&desk, &caller, object(&site), condition).await
}

/// Leaves a site to the file.
#[utoipa::path(
    post, path = "/v1/settings/{site}/revert", tag = "settings", security(("token" = [])),
    params(("site" = String, Path, description = "Its name"), Conditions),
    responses((status = 204, description = "It is as the file has it."), Refusals)
)]
pub(super) async fn revert_site(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(site): Name,
    condition: If,
) -> Result<StatusCode, Problem> {
    configured::revert(&desk, &caller, object(&site), condition).await
}

fn object(site: &str) -> ObjectName {
    ObjectName::of_settings(Some(site))
}

fn effective(desk: &Desk, site: Option<&str>) -> Result<SettingsDefinition, Problem> {
    let members = desk.configuration.settings(site).members().clone();
    serde_json::from_value(Value::Object(members)).map_err(Problem::unshown)
}
