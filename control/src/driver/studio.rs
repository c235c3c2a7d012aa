//! The music of the running server on its way from a request into the workers: kept as a file, made
//! ready, and played from the moment on at which the configuration that names it holds.
//!
//! Absent on purpose: decoding, which is the media path's ([`Prompts`]); who names what
//! (`configuration`).

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use shared::PromptId;
use tokio::task::spawn_blocking;

use super::configuration::Unchanged;
use super::recordings::{NotKept, Recordings};
use crate::config::{Config, Music, RecordingName};

/// The prompts of the workers, as a running server changes them.
pub trait Prompts: fmt::Debug + Send + Sync {
    /// Decodes a file, or the music that ships where there is none. It takes CPU time in proportion
    /// to the length, and is not asked for on the control thread.
    ///
    /// # Errors
    /// What is wrong with the file, and what would be right.
    fn ready(&self, file: Option<&Path>) -> Result<Ready, String>;

    /// How long a prompt is; `None` where there is none.
    fn length(&self, prompt: PromptId) -> Option<Duration>;

    /// Takes one away. Who hears it goes on; nobody begins to.
    fn remove(&self, prompt: PromptId);

    /// The music that ships, as a file.
    fn shipped(&self) -> &'static [u8];
}

/// A recording that can be played.
pub struct Ready {
    /// How long it is.
    pub length: Duration,
    /// Has it played under a number. Who hears another one under it goes on in this one.
    pub put: Box<dyn FnOnce(PromptId) + Send>,
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// All that was uploaded together: at 16 kB a second they take 700 MB of memory.
const LENGTH_MAX: Duration = Duration::from_hours(12);

/// Where music is made ready.
#[derive(Clone, Debug)]
pub(super) struct Studio {
    prompts: Arc<dyn Prompts>,
    /// `None` where there is no store to keep them beside.
    recordings: Option<Recordings>,
}

/// A recording as somebody may hear it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Recorded {
    Shipped(&'static [u8]),
    File(PathBuf),
}

/// What a change brings.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Under numbers that nobody plays.
    added: Vec<(PromptId, Ready)>,
    /// In the place of another.
    replaced: Vec<(PromptId, Ready)>,
    /// Numbers that are free afterwards.
    removed: Vec<PromptId>,
}

impl Studio {
    pub(super) fn new(prompts: Arc<dyn Prompts>, recordings: Option<PathBuf>) -> Self {
        Self {
            prompts,
            recordings: recordings.map(Recordings::new),
        }
    }

    /// How long a piece of music is.
    pub(super) fn length(&self, music: &Music) -> Option<Duration> {
        self.prompts.length(music.prompt)
    }

    /// What a piece of music is, as a file.
    pub(super) fn recorded(&self, music: &Music) -> Recorded {
        let shipped = || Recorded::Shipped(self.prompts.shipped());
        music.file.clone().map_or_else(shipped, Recorded::File)
    }

    /// Makes a recording durable.
    pub(super) async fn keep(&self, bytes: Bytes) -> Result<RecordingName, Unchanged> {
        let recordings = self.recordings.clone().ok_or(Unchanged::NoStore)?;
        let kept = spawn_blocking(move || recordings.keep(&bytes)).await;
        match kept.map_err(|_| Unchanged::Ending)? {
            Ok(name) => Ok(name),
            Err(NotKept::NoRoom(what)) => Err(Unchanged::NoRoom(what)),
            Err(NotKept::Refused(error)) => Err(Unchanged::NotKept(error)),
        }
    }

    /// Makes ready what another configuration plays and this one does not.
    pub(super) async fn prepare(
        &self,
        before: &Config,
        after: &Arc<Config>,
    ) -> Result<Changes, Unchanged> {
        let mut changes = Changes::default();
        for (name, music) in &after.music {
            let there = before.music.get(name);
            if there.is_some_and(|there| there.file == music.file) {
                continue;
            }
            let ready = self.ready(after, name).await?;
            let list = match there {
                Some(_) => &mut changes.replaced,
                None => &mut changes.added,
            };
            list.push((music.prompt, ready));
        }
        let gone = { before.music.iter() }.filter(|(name, _)| !after.music.contains_key(*name));
        changes.removed = gone.map(|(_, music)| music.prompt).collect();
        self.check_length(after, &changes)?;
        Ok(changes)
    }

    async fn ready(&self, config: &Arc<Config>, name: &str) -> Result<Ready, Unchanged> {
        let (studio, config, name) = (self.clone(), Arc::clone(config), name.to_owned());
        let ready = spawn_blocking(move || {
            let music = &config.music[&name];
            let wrong = |what: String| {
                let key = ["music", &name, music.key()];
                Unchanged::Wrong(config.problem(&key, &what))
            };
            if let (Some(recording), Some(recordings)) = (&music.recording, &studio.recordings)
                && !recordings.is_whole(recording)
            {
                let folder = recordings.folder().display();
                return Err(wrong(format!(
                    "this recording is not here; upload it (orbitctl music add), or copy its file \
                     into {folder}"
                )));
            }
            let file = music.file.as_deref();
            studio.prompts.ready(file).map_err(wrong)
        });
        ready.await.map_err(|_| Unchanged::Ending)?
    }

    /// Together they stay within memory; what was there already may always stay.
    fn check_length(&self, after: &Config, changes: &Changes) -> Result<(), Unchanged> {
        let new = || changes.added.iter().chain(&changes.replaced);
        let length = |music: &Music| {
            let new = new().find(|(prompt, _)| *prompt == music.prompt);
            let there = || self.length(music).unwrap_or_default();
            new.map_or_else(there, |(_, ready)| ready.length)
        };
        let uploaded = { after.music.values() }.filter(|music| music.recording.is_some());
        let total: Duration = uploaded.map(length).sum();
        if total <= LENGTH_MAX || new().next().is_none() {
            return Ok(());
        }
        let hours = LENGTH_MAX.as_secs() / 3_600;
        Err(Unchanged::NoRoom(format!(
            "what was uploaded would be longer than {hours} hours together; remove a recording \
             first"
        )))
    }

    /// Removes the files that neither of two configurations names.
    pub(super) async fn sweep(&self, configs: [&Config; 2]) {
        let Some(recordings) = self.recordings.clone() else {
            return;
        };
        let named = named(configs);
        // Ends with the server at most: what is left is swept at the next start.
        let _ = spawn_blocking(move || recordings.sweep(&named)).await;
    }
}

/// The recordings that configurations name.
pub(super) fn named(configs: [&Config; 2]) -> BTreeSet<RecordingName> {
    let music = configs.into_iter().flat_map(|config| config.music.values());
    music.filter_map(|one| one.recording.clone()).collect()
}

impl Changes {
    /// Has added music played by whoever is told to: before anybody is.
    pub(super) fn add(&mut self) -> Vec<PromptId> {
        let put = |(prompt, ready): (PromptId, Ready)| {
            (ready.put)(prompt);
            prompt
        };
        self.added.drain(..).map(put).collect()
    }

    /// The change holds: who hears what was replaced hears the new one.
    pub(super) fn hold(self, studio: &Studio) {
        for (prompt, ready) in self.replaced {
            (ready.put)(prompt);
        }
        studio.remove(&self.removed);
    }
}

impl Studio {
    /// Nobody begins to hear these any more.
    pub(super) fn remove(&self, prompts: &[PromptId]) {
        for prompt in prompts {
            self.prompts.remove(*prompt);
        }
    }
}
