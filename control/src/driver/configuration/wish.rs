//! What somebody wants of the configuration, on which condition, and why it was not done.

use std::collections::BTreeSet;

use axum::body::Bytes;

use crate::config::{ConfigError, Definition, Document, ObjectName};
use crate::store::StoreError;

/// What shall become of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::driver) enum Wish {
    /// It says this.
    Put(Definition),
    /// It is music, and plays this from now on; what else it says stays.
    Record(Bytes),
    /// It is not there.
    Remove,
    /// It is as the file has it, or not there where the file does not have it.
    Revert,
}

/// Why a change was not made. Nothing has changed then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::driver) enum Unchanged {
    /// It would be wrong.
    Wrong(ConfigError),
    /// It is not possible while calls are as they are.
    NotNow(ConfigError),
    /// The same, when it was durable already. It was taken back, which the audit log has.
    TakenBack(ConfigError),
    /// Others name it.
    InUse(Vec<ObjectName>),
    /// There are too many recordings already.
    NoRoom(String),
    /// The store cannot be written.
    NotKept(StoreError),
    /// There is no store.
    NoStore,
    /// The object is another one by now than who changes it has seen.
    Meanwhile,
    /// The object is not there.
    NotThere,
    /// The server ends.
    Ending,
}

/// What makes the objects those of another configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::driver) struct Wanted {
    pub(in crate::driver) wishes: Vec<(ObjectName, Wish)>,
    /// Those of the wishes that add.
    pub(super) new: BTreeSet<ObjectName>,
    /// Tables that differ and are of the file.
    pub(in crate::driver) left: Vec<String>,
}

/// What must hold for a change to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::driver) enum Condition {
    /// The object is there as it was seen, by its tag.
    Is(String),
    /// The object is there.
    IsThere,
    /// The object is not there.
    IsNew,
}

impl Wanted {
    /// What becomes of each object: `added`, `changed` or `removed`.
    pub(in crate::driver) fn changes(&self) -> impl Iterator<Item = (&ObjectName, &'static str)> {
        self.wishes.iter().map(|(name, wish)| match wish {
            Wish::Put(_) | Wish::Record(_) if self.new.contains(name) => (name, "added"),
            Wish::Put(_) | Wish::Record(_) => (name, "changed"),
            Wish::Remove | Wish::Revert => (name, "removed"),
        })
    }
}

impl Condition {
    pub(super) fn holds(&self, document: &Document, name: &ObjectName) -> bool {
        let there = document.object(name);
        match self {
            Self::Is(tag) => there.is_some_and(|there| there.tag() == *tag),
            Self::IsThere => there.is_some(),
            Self::IsNew => there.is_none(),
        }
    }
}
