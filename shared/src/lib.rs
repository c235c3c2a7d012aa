//! The contract between `control` (which decides) and `dataplane` (which sends): ids with
//! generations, commands, events, reasons, counters, limits and the queues they travel on.
//!
//! Absent on purpose: IO, a clock, policy, SIP, SDP. Nothing here blocks and nothing here allocates
//! after the queues are built.

#![forbid(unsafe_code)]

pub mod capture;
pub mod codec;
pub mod command;
pub mod event;
pub mod form;
pub mod id;
pub mod limits;
pub mod media;
pub mod queue;
pub mod reason;
pub mod share;
pub mod stats;
pub mod sync_source;
pub mod time;

pub use capture::{
    CaptureEnd, CaptureError, CaptureId, CaptureOrder, CaptureStatus, CapturedMessage,
    CapturedPacket, Carrier, Course, Ends, NoRecorder, Piece, Recorder,
};
pub use codec::{Codec, PayloadType, Ptime};
pub use command::{Command, Role};
pub use event::{Event, RefuseReason};
pub use form::Form;
pub use id::{PromptId, StreamId, WorkerId};
pub use media::{Dscp, Latch, Media, PromptStart, Repeat, RtcpPort, Source};
pub use queue::{Receiver, Sender, Wake, WorkerLink, pair};
pub use reason::DropReason;
pub use share::Share;
pub use stats::{Counter, Histogram, StreamStats, WorkerStats};
pub use sync_source::SyncSource;
pub use time::Time;
