//! A whole server in this process: prompts, workers and control, joined.
//!
//! Absent on purpose: what is done with it (`orbitd`, `demo`, `bed`).

use std::error::Error;
use std::sync::Arc;

use control::config::Config;
use control::driver::{self, Bell, Server};
use dataplane::prompt::{Prompt, PromptTable};
use dataplane::{DataplaneConfig, Kernel, form_from_environment};

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
    let server = driver::start(prepared, plane.links, &bell)?;
    Ok((server, plane.description))
}
