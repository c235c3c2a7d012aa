//! The one place of control with sockets, a clock and randomness: it feeds [`crate::Control`] and
//! does what it says.
//!
//! One thread, one current-thread tokio runtime. UDP datagrams go into the state machine from the
//! buffer they were received in; TCP connections are tasks of their own behind bounded queues.
//! Absent on purpose: anything that decides.

mod api;
mod banner;
mod bell;
mod capture;
mod clock;
mod configuration;
mod dns;
pub mod http;
mod keeper;
mod metrics;
mod news;
mod prepared;
mod reactor;
mod recordings;
mod server;
mod signals;
mod store;
mod studio;
mod supervisor;
mod tcp;
mod terminate;
mod udp;
mod workers;

pub use api::check_certificate;
pub use banner::banner;
pub use bell::Bell;
pub use prepared::{Prepared, look, prepare};
pub use server::{RunError, Server, StartError, start};
pub use store::Sqlite;
use studio::Recorded;
pub use studio::{Prompts, Ready};
