//! What outlives the process: the calls that are parked, or were and go on, and who watches them;
//! what was changed of the configuration, and what was done by whom.
//!
//! The state machine never waits for a store. It says what changed ([`Batch`]), holds back what
//! the world may only see once that is safe, and is told when it is ([`crate::Input::Stored`]).
//!
//! Absent on purpose: files and databases (`driver::store`).

mod audit;
pub(crate) mod batches;
pub(crate) mod gate;
pub mod limits;
pub mod record;

pub use audit::{AUDIT_MAX, AuditAsk, AuditRecord};
pub use record::{CallName, CallRecord, WatchName, WatchRecord};

use crate::cdr::Cdr;
use crate::config::{Definition, ObjectName};

/// One change. Absolute: doing it again changes nothing.
#[derive(Clone, PartialEq, Debug)]
pub enum Operation {
    /// This is the call now.
    Put(Box<CallRecord>),
    /// The call is over, or not worth keeping.
    Delete(CallName),
    /// This is the subscription now.
    Watch(Box<WatchRecord>),
    /// The subscription is over.
    Unwatch(WatchName),
}

/// What an operation is about: a later one with the same subject takes its place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// A call.
    Call(CallName),
    /// A subscription.
    Watch(WatchName),
}

impl Operation {
    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self {
            Self::Put(record) => Subject::Call(record.name.clone()),
            Self::Delete(name) => Subject::Call(name.clone()),
            Self::Watch(record) => Subject::Watch(record.name.clone()),
            Self::Unwatch(name) => Subject::Watch(name.clone()),
        }
    }
}

/// Changes that belong together: either all are kept or none.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Batch {
    /// Counts from one, without gaps, so that an answer can speak of all up to it.
    pub number: u64,
    /// In order.
    pub operations: Vec<Operation>,
}

/// An object of the configuration that was changed while a server ran.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectRecord {
    /// Which.
    pub name: ObjectName,
    /// What it says; `None` where it takes the file's away.
    pub definition: Option<Definition>,
    /// When it was changed: milliseconds since 1970.
    pub changed_unix_ms: u64,
    /// By whom: the name of a token.
    pub changed_by: String,
}

/// One change of what was changed of the configuration. Absolute: doing it again changes nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ObjectChange {
    /// This is the object now.
    Put(ObjectRecord),
    /// The object is left to the file.
    Forget(ObjectName),
}

/// What a store is asked. One at a time, by one caller; it may block.
pub trait Store: Send {
    /// Every call and subscription that is kept, in no order. What cannot be read is left out,
    /// counted, and stays where it is.
    ///
    /// # Errors
    /// [`StoreError`] when the store as a whole cannot be read.
    fn load(&mut self) -> Result<Loaded, StoreError>;

    /// Makes all of it durable, or nothing.
    ///
    /// # Errors
    /// [`StoreError`], and nothing has changed.
    fn commit(&mut self, batches: &[Batch]) -> Result<(), StoreError>;

    /// Writes call detail records, each in the place of what is there of its call.
    ///
    /// # Errors
    /// [`StoreError`], and nothing has changed.
    fn record(&mut self, records: &[Cdr]) -> Result<(), StoreError>;

    /// The call detail records of calls that are not over, in no order.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    fn unfinished_cdrs(&mut self) -> Result<Vec<Cdr>, StoreError>;

    /// The records of the calls that were parked last, at most so many, the last one first.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    fn last_cdrs(&mut self, count: usize) -> Result<Vec<Cdr>, StoreError>;

    /// Strikes at most so many records of calls that had ended before then. How many there were.
    ///
    /// # Errors
    /// [`StoreError`], and nothing has changed.
    fn strike_cdrs(&mut self, before_unix_ms: u64, at_most: usize) -> Result<usize, StoreError>;

    /// The objects of the configuration, by kind and name.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read: a server must not start with some of them.
    fn objects(&mut self) -> Result<Vec<ObjectRecord>, StoreError>;

    /// Makes changes of them durable, and with them the deeds that they are, as [`Store::note`]
    /// does: all or none.
    ///
    /// # Errors
    /// [`StoreError`], and nothing has changed.
    fn change_objects(
        &mut self,
        changes: &[ObjectChange],
        deeds: &[AuditRecord],
    ) -> Result<(), StoreError>;

    /// Makes deeds durable, in their order, each with the next number; of all that are there the
    /// last [`AUDIT_MAX`] stay.
    ///
    /// # Errors
    /// [`StoreError`], and nothing has changed.
    fn note(&mut self, deeds: &[AuditRecord]) -> Result<(), StoreError>;

    /// Deeds with their numbers, the last one first.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    fn audit(&mut self, ask: &AuditAsk) -> Result<Vec<(u64, AuditRecord)>, StoreError>;
}

/// What a store held when it was opened.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Loaded {
    /// The calls.
    pub calls: Vec<CallRecord>,
    /// The subscriptions.
    pub watches: Vec<WatchRecord>,
    /// Records that could not be read, with what is wrong.
    pub unreadable: Vec<String>,
}

/// What a store holds at the start.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Milliseconds from 1970 to [`shared::Time::ZERO`].
    pub origin_unix_ms: u64,
    /// The calls of an earlier process.
    pub calls: Vec<CallRecord>,
    /// Who watches orbits.
    pub watches: Vec<WatchRecord>,
}

/// Why a store did not do what it was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// No room, no right to write, or the device is gone: may pass.
    #[error("{path}: {what}; {remedy}")]
    Unavailable {
        /// The file.
        path: String,
        /// The operating system's or the database's words.
        what: String,
        /// What would help.
        remedy: &'static str,
    },
    /// The file is not what it should be: does not pass by itself.
    #[error("{path}: {what}; {remedy}")]
    Unusable {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
        /// What would help.
        remedy: &'static str,
    },
}
