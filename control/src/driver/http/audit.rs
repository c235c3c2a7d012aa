//! `/v1/audit`: who has done what over the API, or wanted to.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::limits::{AUDIT_PATTERN_MAX, AUDIT_PER_LIST, AUDIT_PER_LIST_MAX};
use super::openapi::Refusals;
use super::query::{Parameters, number};
use super::routes::Desk;
use crate::store::{AuditAsk, AuditRecord};

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditList {
    /// The last one first.
    pub deeds: Vec<Deed>,
    /// What `before` is for the next page; null on the last one.
    #[schema(required)]
    pub next: Option<u64>,
}

/// Something that was done, or refused.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Deed {
    /// Its number: later ones have higher ones.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// By whom: the name of a token.
    pub token: String,
    /// The role of the token.
    pub role: String,
    /// From where: address and port.
    #[schema(required)]
    pub peer: Option<String>,
    /// Such as `configure`, `upload`, `remove`, `revert`, `import` or `hang-up`; of what a role was
    /// not enough for, the method.
    pub action: String,
    /// What it was about, such as `range front-desk` or `orbit 701`.
    pub object: String,
    /// What an object of the configuration said, as JSON.
    #[schema(required)]
    pub before: Option<String>,
    /// What it was to say, as JSON.
    #[schema(required)]
    pub after: Option<String>,
    /// `done`, or which problem it was refused with.
    pub outcome: String,
}

/// Which deeds. All that is given must hold.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// At most so many.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1_000, default = 20)]
    limit: Option<String>,
    /// Those before the one of this number.
    #[param(value_type = Option<u64>, minimum = 1)]
    before: Option<String>,
    /// From then on, as `2026-01-31T08:00:00Z`.
    #[param(value_type = Option<Timestamp>)]
    since: Option<String>,
    /// Until then.
    #[param(value_type = Option<Timestamp>)]
    until: Option<String>,
    /// Of the token of this name.
    token: Option<String>,
    /// About objects like this; `*` stands for any signs, `?` for one.
    #[param(max_length = 100)]
    object: Option<String>,
}

/// What was done over the API, and by whom.
///
/// The last 100,000 deeds, done or refused, are kept in the store; there is none without one. A
/// deed that the store could not take, because it could not be written for long, is in the log
/// only.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", params(Which), security(("token" = [])),
    responses((status = 200, body = AuditList), Refusals)
)]
pub(super) async fn list(
    State(desk): State<Desk>,
    Parameters(which): Parameters<Which>,
) -> Result<Json<AuditList>, Problem> {
    let limit = which.limit.as_deref();
    let limit = number("limit", limit, AUDIT_PER_LIST, AUDIT_PER_LIST_MAX)?;
    let before = { which.before.as_deref() }.map(|text| number("before", Some(text), 0, LAST));
    let object = which.object.as_deref();
    if object.is_some_and(|object| object.len() > AUDIT_PATTERN_MAX) {
        let detail = format!("object is longer than {AUDIT_PATTERN_MAX} bytes");
        return Err(Problem::parameter(Some("object"), detail));
    }
    if !desk.configuration.is_kept() {
        return Err(Problem::no_audit());
    }
    let ask = AuditAsk {
        limit,
        before: before.transpose()?.map(|before| before as u64),
        since_unix_ms: moment("since", which.since.as_deref())?,
        until_unix_ms: moment("until", which.until.as_deref())?,
        token: which.token,
        // What stands for a choice of signs there is not meant here.
        object: object.map(|object| object.replace('[', "[[]")),
    };
    let deeds = desk.asker.audit(ask).await?.map_err(Problem::store)?;
    let next = (deeds.len() == limit).then(|| deeds.last().map(|(number, _)| *number));
    Ok(Json(AuditList {
        next: next.flatten(),
        deeds: deeds.into_iter().map(Deed::of).collect(),
    }))
}

/// The highest number that there may be.
const LAST: usize = usize::MAX >> 1;

fn moment(field: &str, text: Option<&str>) -> Result<Option<u64>, Problem> {
    let Some(text) = text else {
        return Ok(None);
    };
    let moment: Option<Timestamp> = text.parse().ok();
    let millis = moment.and_then(|moment| u64::try_from(moment.as_millisecond()).ok());
    let millis = millis.ok_or_else(|| {
        let detail = format!("{field} is no moment since 1970; write one as 2026-01-31T08:00:00Z");
        Problem::parameter(Some(field), detail)
    })?;
    Ok(Some(millis))
}

impl Deed {
    fn of((number, record): (u64, AuditRecord)) -> Self {
        let at = i64::try_from(record.at_unix_ms).unwrap_or(i64::MAX);
        Self {
            number,
            at: Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX),
            token: record.token,
            role: record.role,
            peer: record.peer,
            action: record.action,
            object: record.object,
            before: record.before,
            after: record.after,
            outcome: record.outcome,
        }
    }
}
