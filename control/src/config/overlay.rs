//! What was changed while the server ran: objects that are laid over the operator's file.
//!
//! An object is what the file has as `[[orbit_range]]`, `[[policy]]`, `[music.NAME]`, or as those
//! keys of `[park]` and `[park.site.NAME]` that a scope may have of its own. One rule for all: the
//! object laid over the file takes the place of the file's of its name, whole.
//!
//! Absent on purpose: what makes an object right (the other files here, which read the result as
//! they read a file), and where objects are kept (`crate::store`).

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use toml::Table;

use super::{RecordingName, music};

/// What can be changed while the server runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ObjectKind {
    /// `[music.NAME]`
    Music,
    /// `[[policy]]`
    Policy,
    /// `[[orbit_range]]`
    Range,
    /// `[park]`, of which the name is `global`, or `[park.site.NAME]`, of which it is `site:NAME`.
    Settings,
}

/// The name of an object among all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectName {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name among its kind.
    pub name: String,
}

/// What an object says: keys and values as in the file, in JSON. None of them is null.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Definition(pub(super) Map<String, Value>);

/// Objects by name: what each says, or `None` where it takes the file's away.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Overlay(BTreeMap<ObjectName, Option<Definition>>);

impl ObjectKind {
    /// All of them, by name.
    pub const ALL: [Self; 4] = [Self::Music, Self::Policy, Self::Range, Self::Settings];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Music => "music",
            Self::Policy => "policy",
            Self::Range => "range",
            Self::Settings => "settings",
        }
    }

    /// By its name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Where the file has a list of them.
    pub(super) const fn list(self) -> Option<&'static str> {
        match self {
            Self::Policy => Some("policy"),
            Self::Range => Some("orbit_range"),
            Self::Music | Self::Settings => None,
        }
    }
}

impl ObjectName {
    /// A name among a kind.
    #[must_use]
    pub fn new(kind: ObjectKind, name: &str) -> Self {
        let name = name.to_owned();
        Self { kind, name }
    }

    /// Of the settings of a site, or of all.
    #[must_use]
    pub fn of_settings(site: Option<&str>) -> Self {
        let name = site.map_or_else(|| GLOBAL.to_owned(), |site| format!("{SITE}{site}"));
        Self {
            kind: ObjectKind::Settings,
            name,
        }
    }

    /// Whether there is one of the name whatever is configured.
    #[must_use]
    pub fn is_always_there(&self) -> bool {
        match self.kind {
            ObjectKind::Music => self.name == music::DEFAULT,
            ObjectKind::Settings => self.name == GLOBAL,
            ObjectKind::Policy | ObjectKind::Range => false,
        }
    }

    /// The site whose settings these are.
    pub(super) fn site(&self) -> Option<&str> {
        self.name.strip_prefix(SITE)
    }
}

impl fmt::Display for ObjectName {
    /// `range front-desk`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.name)
    }
}

/// The name of the settings of all.
const GLOBAL: &str = "global";
/// What the name of a site's settings begins with.
const SITE: &str = "site:";

impl Definition {
    /// Of keys and values; what is null is not there.
    #[must_use]
    pub fn new(members: Map<String, Value>) -> Self {
        let there = members.into_iter().filter(|(_, value)| !value.is_null());
        Self(there.collect())
    }

    /// Keys and values.
    #[must_use]
    pub const fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Names what it says: another definition has another tag. 32 digits of base sixteen.
    #[must_use]
    pub fn tag(&self) -> String {
        let digest = Sha256::digest(self.to_string());
        let digits = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
        digits.collect()
    }

    /// Reads what it shows itself as.
    ///
    /// # Errors
    /// What is wrong with it as JSON.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self::new)
    }

    /// The same with another recording, which was uploaded.
    #[must_use]
    pub fn with_recording(mut self, recording: &RecordingName) -> Self {
        self.0.remove("file");
        let name = Value::from(recording.as_str());
        self.0.insert("recording".to_owned(), name);
        self
    }

    /// In the words of the file; `None` for what it cannot say.
    pub(super) fn table(&self) -> Option<Table> {
        Table::try_from(&self.0).ok()
    }

    pub(super) fn of_table(table: &Table) -> Self {
        let members = table.iter().filter_map(|(key, value)| {
            let value = serde_json::to_value(value).ok()?;
            Some((key.clone(), value))
        });
        Self(members.collect())
    }
}

impl fmt::Display for Definition {
    /// As JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl Overlay {
    /// Puts an object there, in the place of what was there of its name; `None` takes the file's
    /// away.
    pub fn put(&mut self, name: ObjectName, definition: Option<Definition>) {
        self.0.insert(name, definition);
    }

    /// Leaves an object to the file.
    pub fn forget(&mut self, name: &ObjectName) {
        self.0.remove(name);
    }

    /// Whether the object is not left to the file.
    #[must_use]
    pub fn has(&self, name: &ObjectName) -> bool {
        self.0.contains_key(name)
    }

    /// All of them, by kind and name.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectName, Option<&Definition>)> {
        let objects = self.0.iter();
        objects.map(|(name, definition)| (name, definition.as_ref()))
    }

    /// Whether everything is left to the file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
