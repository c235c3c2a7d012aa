//! The HTTP API: a thread of its own that asks the control thread and shows what it is answered.
//!
//! `listen` takes connections, `routes` says who may ask what, one file for each noun says how it
//! looks in JSON. What is said here is documented by the code itself (`openapi`).
//!
//! Absent on purpose: anything that decides (`ask`, `park`), and any state but what is under way.

mod actions;
mod asker;
mod audit;
mod body;
mod captures;
mod certificate;
mod configured;
mod definition;
mod events;
mod feed;
mod health;
pub mod limits;
mod list_text;
mod listen;
mod metrics;
mod moment;
mod music;
mod openapi;
mod orbits;
mod page;
mod permit;
mod places;
mod policies;
mod problem;
mod query;
mod ranges;
mod recording;
mod reservations;
mod routes;
mod settings;
mod stats;
mod status;
#[cfg(test)]
mod tests;
mod tls;
mod token;
mod transfer;
mod uncaptured;

pub(in crate::driver) use asker::{Asked, Asker, Reply};
pub(in crate::driver) use listen::{Listening, Serving, bind, start};
pub(in crate::driver) use stats::ApiStats;
pub(in crate::driver) use tls::Tls;

pub use actions::{Meant, Move, Park, Retrieve};
pub use audit::{AuditList, Deed};
pub use captures::{Capture, CaptureList, NewCapture};
pub use certificate::CertificateError;
pub use definition::{
    MusicDefinition, Origin, PolicyDefinition, RangeDefinition, SettingsDefinition,
};
pub use events::{Event, Fact, HistoryList, RecallTarget, Snapshot, Stay};
pub use health::Health;
pub use music::{ConfiguredMusic, MusicList};
pub use orbits::{Orbit, OrbitList, OrbitState, Party, WaitingCall};
pub use policies::{ConfiguredPolicy, PolicyList};
pub use problem::Problem;
pub use ranges::{ConfiguredRange, Range, RangeList};
pub use reservations::Reservations;
pub use settings::{GlobalSettings, SiteSettings};
pub use status::{Figures, Status};
pub use token::NewToken;
pub use transfer::{Import, ImportChange};
