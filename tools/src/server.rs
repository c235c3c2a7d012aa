//! A whole server in this process: prompts, workers and control, joined.
//!
//! Absent on purpose: what is done with it (`orbitd`, `demo`, `bed`).

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use control::config::Config;
use control::driver::{self, Bell, Prompts, Ready, Server};
use dataplane::files::Files;
use dataplane::prompt::{Prompt, PromptTable};
use dataplane::{DataplaneConfig, Kernel, form_from_environment};
use shared::PromptId;

/// A running server, and a line about its media path.
///
/// # Errors
/// Whatever is not to be had, with its remedy.
pub fn start(config: &Config) -> Result<(Server, String), Box<dyn Error>> {
    let prepared = driver::prepare(config)?;
    let config = prepared.config();
    let files = Arc::new(Files::start()?);
    let load = |path: &Path| Prompt::load(&*files, path);
    let prompts = config.prepare_prompts(Prompt::builtin, Prompt::spoken, load)?;
    let prompts = Arc::new(PromptTable::new(prompts));
    let bell = Bell::new();
    let media = DataplaneConfig {
        workers: config.media.workers,
        cpus: config.media.cpus.clone(),
        address: config.media.address,
        media_timeout: config.media.timeout,
        dscp: config.media.dscp,
        kernel: Kernel::from_environment()?,
        form: form_from_environment(config.media.send)?,
        admission: config.media.admission,
    };
    let plane = dataplane::start(&media, &prompts, &bell.wake())?;
    files.tap(plane.taps);
    let played = Played {
        table: prompts,
        files: Arc::clone(&files),
    };
    let prompts = Arc::new(played);
    let server = driver::start(prepared, (plane.links, prompts), &bell, files)?;
    Ok((server, plane.description))
}

/// What the workers play.
#[derive(Debug)]
struct Played {
    table: Arc<PromptTable>,
    files: Arc<Files>,
}

impl Prompts for Played {
    fn ready(&self, file: Option<&Path>) -> Result<Ready, String> {
        let load = |path| Prompt::load(&*self.files, path);
        let prompt = file.map_or_else(|| Ok(Prompt::builtin()), load);
        let prompt = prompt.map_err(|error| error.to_string())?;
        let table = Arc::clone(&self.table);
        Ok(Ready {
            length: length(&prompt),
            put: Box::new(move |id| table.put(id, prompt)),
        })
    }

    fn length(&self, prompt: PromptId) -> Option<Duration> {
        self.table.current(prompt).map(|prompt| length(&prompt))
    }

    fn remove(&self, prompt: PromptId) {
        self.table.remove(prompt);
    }

    fn shipped(&self) -> &'static [u8] {
        Prompt::SHIPPED
    }
}

fn length(prompt: &Prompt) -> Duration {
    Duration::from_millis(prompt.length_ms().into())
}
