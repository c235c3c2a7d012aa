//! `/v1/music`: what waiting callers hear, and the recordings themselves.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Said;
use super::configured::{self, Conditions, If, Tag};
use super::openapi::Refusals;
use super::permit::Caller;
use super::query::Name;
use super::recording::{self, Recording};
use super::routes::Desk;
use super::{MusicDefinition, Origin, Problem};
use crate::config::{ObjectKind, ObjectName};

/// The music.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct MusicList {
    /// By name. `default` is always there.
    pub music: Vec<ConfiguredMusic>,
}

/// One piece of music as it is configured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConfiguredMusic {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// How long it is, in milliseconds.
    #[schema(required)]
    pub length_ms: Option<u64>,
    /// The objects that name it, such as `range front-desk` or `settings global`. Who names none
    /// has `default`.
    pub used_by: Vec<String>,
    /// What it says, as `[music.NAME]` does.
    pub definition: MusicDefinition,
}

/// All music.
#[utoipa::path(
    get, path = "/v1/music", tag = "music", security(("token" = [])),
    responses((status = 200, body = MusicList), Refusals)
)]
pub(super) async fn list(State(desk): State<Desk>) -> Result<Json<MusicList>, Problem> {
    let names = desk.configuration.music().into_iter();
    let music = names.map(|name| Ok(look(&desk, name)?.1));
    let music = music.collect::<Result<_, Problem>>()?;
    Ok(Json(MusicList { music }))
}

/// One piece of music.
#[utoipa::path(
    get, path = "/v1/music/{name}", tag = "music", security(("token" = [])),
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = ConfiguredMusic), Refusals)
)]
pub(super) async fn one(
    State(desk): State<Desk>,
    Name(name): Name,
) -> Result<(Tag, Json<ConfiguredMusic>), Problem> {
    let (tag, music) = look(&desk, name)?;
    Ok((tag, Json(music)))
}

/// Adds music, or says something else of the one of this name.
///
/// `recording` is one that was uploaded; `file` is a file on the server's host. With neither the
/// music that ships is heard. Who hears a recording that is replaced goes on in the new one, and
/// misses no packet.
#[utoipa::path(
    put, path = "/v1/music/{name}", tag = "music", security(("token" = [])),
    params(("name" = String, Path, description = "Its name"), Conditions),
    request_body = MusicDefinition,
    responses((status = 200, body = ConfiguredMusic, description = "It holds."), Refusals)
)]
pub(super) async fn put(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
    condition: If,
    Said(music): Said<MusicDefinition>,
) -> Result<(Tag, Json<ConfiguredMusic>), Problem> {
    configured::put(&desk, &caller, object(&name), &music, condition).await?;
    one(State(desk), Name(name)).await
}

/// Uploads a recording: new music, or another recording of the one of this name.
///
/// WAV (PCM, float, A-law, µ-law), FLAC, MP3 or Ogg Vorbis, of 4 to 192 kHz and any number of
/// channels, from 0.1 s to 30 min, 32 MiB at most; all uploads together 512 MiB and 12 h at most.
/// It is decoded and on the disk before it is answered. Who hears the recording that it replaces
/// goes on in the new one, and misses no packet.
#[utoipa::path(
    put, path = "/v1/music/{name}/recording", tag = "music", security(("token" = [])),
    params(("name" = String, Path, description = "Its name"), Conditions),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = ConfiguredMusic, description = "It is heard."), Refusals)
)]
pub(super) async fn record(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Name(name): Name,
    condition: If,
    recording: Recording,
) -> Result<(Tag, Json<ConfiguredMusic>), Problem> {
    configured::record(&desk, &caller, object(&name), recording, condition).await?;
    one(State(desk), Name(name)).await
}

/// A recording, to be listened to: the file as it was uploaded or configured.
#[utoipa::path(
    get, path = "/v1/music/{name}/recording", tag = "music", security(("token" = [])),
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "The file.", content(
            (Vec<u8> = "audio/wav"), (Vec<u8> = "audio/flac"), (Vec<u8> = "audio/mpeg"),
            (Vec<u8> = "audio/ogg"), (Vec<u8> = "application/octet-stream"),
        )),
        Refusals
    )
)]
pub(super) async fn listen(
    State(desk): State<Desk>,
    Name(name): Name,
) -> Result<Response, Problem> {
    recording::listen(&desk, &name).await
}

/// Removes music.
///
/// What a range, a site or the settings of all name stays, and so does `default`.
#[utoipa::path(
    delete, path = "/v1/music/{name}", tag = "music", security(("token" = [])),
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

/// Leaves music to the file.
#[utoipa::path(
    post, path = "/v1/music/{name}/revert", tag = "music", security(("token" = [])),
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
    ObjectName::new(ObjectKind::Music, name)
}

fn look(desk: &Desk, name: String) -> Result<(Tag, ConfiguredMusic), Problem> {
    let (tag, origin, definition) = configured::look(desk, &object(&name))?;
    let (length, users) = desk.configuration.about_music(&name);
    let millis = length.and_then(|length| u64::try_from(length.as_millis()).ok());
    let music = ConfiguredMusic {
        length_ms: millis,
        used_by: users.iter().map(ToString::to_string).collect(),
        name,
        origin,
        definition,
    };
    Ok((tag, music))
}
