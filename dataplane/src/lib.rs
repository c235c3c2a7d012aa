//! RTP: pinned workers, one io_uring each, that play prompts and relay calls for thousands of streams.
//!
//! `worker → relay, player, latch, rewrite → rtp, table, pool`; the core never imports `uring`, and `uring` never
//! imports RTP. Absent on purpose: SIP, SDP, policy, anything that decides.

#![deny(unsafe_code)]

use std::net::IpAddr;
use std::sync::Arc;

use shared::{Wake, WorkerLink};

pub mod prompt;

/// What the workers are started with.
#[derive(Clone, Debug)]
pub struct DataplaneConfig {
    /// How many; `None`: one for each entry of `cpus`, or one for each core less one, at least 1.
    pub workers: Option<u8>,
    /// CPUs to pin to, in the order of the workers; empty: not pinned.
    pub cpus: Vec<u16>,
    /// Where RTP binds, to be probed at start.
    pub address: IpAddr,
}

/// The running workers.
#[derive(Debug)]
pub struct Dataplane {
    /// One for each worker, to be taken by control.
    pub links: Vec<WorkerLink>,
    /// For the start-up lines: kernel features in use, streams a worker, what limits them.
    pub description: String,
}

/// Why the workers did not start; each message names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The kernel refuses io_uring.
    #[error("{0}")]
    Ring(String),
}

/// Starts the workers.
///
/// # Errors
/// [`StartError`] with the likely remedy.
pub fn start(
    _config: &DataplaneConfig,
    _prompts: &Arc<prompt::PromptTable>,
    _wake: &Arc<dyn Wake>,
) -> Result<Dataplane, StartError> {
    unimplemented!()
}
