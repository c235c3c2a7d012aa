//! RTP: pinned workers, one io_uring each, that play prompts and relay calls for thousands of
//! streams.
//!
//! `worker → engine → drive, receive, reports → relay, player, latch, rewrite, tap → rtp, rtcp,
//! table, slot`; the core never imports `uring`, and `uring` never imports RTP.
//! Absent on purpose: SIP, SDP, policy, anything that decides.

#![deny(unsafe_code)]

use std::net::IpAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use shared::{CapturedPacket, Dscp, Form, Receiver, Share, WorkerLink};

pub use form::form_from_environment;
pub use kernel::Kernel;
pub use start::start;
pub use worker::STREAM_BYTES;

pub mod address;
pub mod agenda;
mod capture;
pub mod digit;
mod drive;
pub mod engine;
pub mod envelope;
pub mod files;
mod form;
pub mod hush;
pub mod intake;
mod kernel;
pub mod latch;
pub mod library;
pub mod line;
pub mod output;
mod path;
pub mod player;
pub mod port;
pub mod prompt;
pub mod receive;
pub mod relay;
pub mod reports;
pub mod rewrite;
pub mod rtcp;
pub mod rtp;
pub mod slot;
mod start;
pub mod stream;
pub mod table;
pub mod tap;
pub mod terms;
mod uring;
pub mod utilisation;
mod worker;

/// What the workers are started with.
#[derive(Clone, Debug)]
pub struct DataplaneConfig {
    /// How many; `None`: one for each entry of `cpus`, or one for each core less one, at least 1.
    pub workers: Option<u8>,
    /// CPUs to pin to, in the order of the workers; empty: not pinned.
    pub cpus: Vec<u16>,
    /// Where RTP binds, to be probed at start.
    pub address: IpAddr,
    /// Silence after which a supervised peer is reported gone; usually
    /// [`shared::limits::MEDIA_TIMEOUT`].
    pub media_timeout: Duration,
    /// The class of service of all that is sent.
    pub dscp: Dscp,
    /// No newer kernel's features are used; [`Kernel::Newest`] except in tests.
    pub kernel: Kernel,
    /// How packets are sent, as far as this process may.
    pub form: Form,
    /// The part of its time that a worker may need before it refuses to begin calls; usually
    /// [`shared::limits::ADMISSION`].
    pub admission: Share,
}

/// The running workers.
#[derive(Debug)]
pub struct Dataplane {
    /// One for each worker, to be taken by control.
    pub links: Vec<WorkerLink>,
    /// One for each worker, to be read by [`files::Files`].
    pub taps: Vec<Receiver<CapturedPacket>>,
    /// For the start-up lines: kernel features in use, streams a worker, what limits them.
    pub description: String,
    /// One for each worker: ends after [`shared::Command::Stop`].
    pub threads: Vec<JoinHandle<()>>,
}

/// Why the workers did not start; each message names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The kernel refuses io_uring.
    #[error("{0}")]
    Ring(String),
    /// A CPU to pin to does not exist or is not allowed.
    #[error("{0}")]
    Cpu(String),
    /// A kernel to work as on that there is none of.
    #[error("{0}")]
    Kernel(String),
    /// A form of sending that there is not.
    #[error("{0}")]
    Form(String),
    /// RTP cannot bind to the configured address.
    #[error("{0}")]
    Address(String),
}
