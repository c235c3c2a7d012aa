//! A whole server in this process: prompts, workers and control, joined.
//!
//! Absent on purpose: what is done with it (`orbitd`, `demo`, `bed`).

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use control::config::Config;
use control::driver::{self, Bell, Prompts, Ready, Server};
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
    let prompts = config.prepare_prompts(Prompt::builtin, Prompt::spoken, Prompt::load)?;
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
    let prompts = Arc::new(Played(prompts));
    let server = driver::start(prepared, (plane.links, prompts), &bell)?;
    Ok((server, plane.description))
}

/// What the workers play.
#[derive(Debug)]
struct Played(Arc<PromptTable>);

impl Prompts for Played {
    fn ready(&self, file: Option<&Path>) -> Result<Ready, String> {
        let prompt = file.map_or_else(|| Ok(Prompt::builtin()), Prompt::load);
        let prompt = prompt.map_err(|error| error.to_string())?;
        let table = Arc::clone(&self.0);
        Ok(Ready {
            length: length(&prompt),
            put: Box::new(move |id| table.put(id, prompt)),
        })
    }

    fn length(&self, prompt: PromptId) -> Option<Duration> {
        self.0.current(prompt).map(|prompt| length(&prompt))
    }

    fn remove(&self, prompt: PromptId) {
        self.0.remove(prompt);
    }

    fn shipped(&self) -> &'static [u8] {
        Prompt::SHIPPED
    }
}

fn length(prompt: &Prompt) -> Duration {
    Duration::from_millis(prompt.length_ms().into())
}
