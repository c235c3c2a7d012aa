//! What a server starts with: the operator's file, and the open store with what was changed of it
//! while a server ran.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::configuration::Configuration;
use super::reactor::Arrival;
use super::recordings::Recordings;
use super::server::StartError;
use super::store::Sqlite;
use super::studio::{Prompts, Studio, named};
use crate::config::{Config, Overlay};
use crate::store::{ObjectRecord, Store as _};

/// A configuration that is complete, and the store it is complete with.
#[derive(Debug)]
pub struct Prepared {
    pub(super) config: Config,
    /// The file alone.
    pub(super) base: Config,
    /// What is laid over it.
    pub(super) overlay: Overlay,
    pub(super) store: Option<Sqlite>,
}

/// Opens the store, and lays over the file what the store has of the configuration.
///
/// # Errors
/// [`StartError`] when the store is not to be had, or what it has does not go with the file.
pub fn prepare(base: &Config) -> Result<Prepared, StartError> {
    let mut store = base.store.path.as_deref().map(Sqlite::open).transpose()?;
    let objects = store
        .as_mut()
        .map_or_else(|| Ok(Vec::new()), Sqlite::objects)?;
    let mut overlay = Overlay::default();
    for object in &objects {
        say(object);
        overlay.put(object.name.clone(), object.definition.clone());
    }
    let mut config = laid(base, &overlay)?;
    find_recordings(base, &mut config);
    Ok(Prepared {
        config,
        base: base.clone(),
        overlay,
        store,
    })
}

/// What holds at the next start: the file with what the store has of the configuration, which is
/// only looked at. A running server may have the store.
///
/// # Errors
/// [`StartError`] when the store cannot be read, or what it has does not go with the file.
pub fn look(base: &Config) -> Result<Config, StartError> {
    let objects = base.store.path.as_deref().map(Sqlite::look).transpose()?;
    let mut overlay = Overlay::default();
    for object in objects.iter().flatten() {
        say(object);
        overlay.put(object.name.clone(), object.definition.clone());
    }
    laid(base, &overlay)
}

fn laid(base: &Config, overlay: &Overlay) -> Result<Config, StartError> {
    if overlay.is_empty() {
        return Ok(base.clone());
    }
    let config = base.overlaid(overlay);
    config.map_err(|error| StartError::Overlay(error.message))
}

impl Prepared {
    /// The configuration as it can be changed once the server runs.
    pub(super) fn running(
        &self,
        prompts: Arc<dyn Prompts>,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Configuration {
        let held = (self.overlay.clone(), self.config.clone());
        let studio = Studio::new(prompts, self.base.store.recordings());
        Configuration::new(self.base.clone(), held, studio, arrivals)
    }

    /// What holds.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }
}

/// Looks for the recordings that were uploaded. One that is missing or damaged must not keep a
/// server from taking its calls up again: what ships is played in its place.
fn find_recordings(base: &Config, config: &mut Config) {
    let Some(recordings) = base.store.recordings().map(Recordings::new) else {
        return;
    };
    recordings.sweep(&named([base, config]));
    for (name, music) in &mut config.music {
        let lost = { music.recording.as_ref() }.filter(|one| !recordings.is_whole(one));
        if let Some(recording) = lost {
            tracing::error!(
                music = %name,
                file = %recordings.folder().join(recording.as_str()).display(),
                "a recording is missing or damaged, and the music that ships is played instead: \
                 put the file back, or upload it again (orbitctl music replace)"
            );
            music.file = None;
        }
    }
}

fn say(object: &ObjectRecord) {
    let (kind, name, by) = (
        object.name.kind.name(),
        &object.name.name,
        &object.changed_by,
    );
    match object.definition {
        Some(_) => tracing::info!(kind, name, by, "from the store, not from the file"),
        None => tracing::info!(
            kind,
            name,
            by,
            "removed by the store, whatever the file says"
        ),
    }
}
