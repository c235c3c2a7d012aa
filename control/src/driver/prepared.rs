//! What a server starts with: the operator's file, and the open store with what was changed of it
//! while a server ran.

use tokio::sync::mpsc;

use super::configuration::Configuration;
use super::reactor::Arrival;
use super::server::StartError;
use super::store::Sqlite;
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
    let config = if overlay.is_empty() {
        base.clone()
    } else {
        base.overlaid(&overlay)
            .map_err(|error| StartError::Overlay(error.message))?
    };
    Ok(Prepared {
        config,
        base: base.clone(),
        overlay,
        store,
    })
}

impl Prepared {
    /// The configuration as it can be changed once the server runs.
    pub(super) fn running(&self, arrivals: mpsc::Sender<Arrival>) -> Configuration {
        let (base, overlay) = (self.base.clone(), self.overlay.clone());
        let (config, is_kept) = (self.config.clone(), self.store.is_some());
        Configuration::new(base, overlay, config, is_kept, arrivals)
    }

    /// What holds.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
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
