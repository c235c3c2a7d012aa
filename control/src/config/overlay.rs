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

use super::settings::Overrides;

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
pub struct Definition(Map<String, Value>);

/// Objects by name: what each says, or `None` where it takes the file's away.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Overlay(BTreeMap<ObjectName, Option<Definition>>);

/// A file with what was laid over it.
#[derive(Clone, PartialEq, Debug)]
pub struct Document(Table);

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
    const fn list(self) -> Option<&'static str> {
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

    /// The site whose settings these are.
    fn site(&self) -> Option<&str> {
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

    /// In the words of the file; `None` for what it cannot say.
    fn table(&self) -> Option<Table> {
        Table::try_from(&self.0).ok()
    }

    fn of_table(table: &Table) -> Self {
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

impl Document {
    /// `text` was read before and is TOML.
    fn of(text: &str) -> Self {
        Self(text.parse().unwrap_or_default())
    }

    pub(super) fn new(text: &str, overlay: &Overlay) -> Self {
        let mut document = Self::of(text);
        document.write_default_range();
        for (name, definition) in overlay.objects() {
            let table = definition.and_then(Definition::table);
            match name.kind {
                ObjectKind::Music => document.lay_music(name, table),
                ObjectKind::Settings => document.lay_settings(name, table),
                ObjectKind::Policy | ObjectKind::Range => document.lay_one_of_list(name, table),
            }
        }
        document
    }

    /// As TOML.
    #[must_use]
    pub fn text(&self) -> String {
        toml::to_string(&self.0).unwrap_or_default()
    }

    /// What it says of an object; `None` where it has none of the name.
    #[must_use]
    pub fn object(&self, name: &ObjectName) -> Option<Definition> {
        let table = match name.kind {
            ObjectKind::Music => self.table(&["music", &name.name])?,
            ObjectKind::Policy | ObjectKind::Range => {
                let list = self.0.get(name.kind.list()?)?.as_array()?;
                let mut tables = list.iter().filter_map(toml::Value::as_table);
                tables.find(|table| is_named(table, &name.name))?
            }
            ObjectKind::Settings => match name.site() {
                Some(site) => self.table(&["park", "site", site])?,
                None => match self.table(&["park"]) {
                    Some(park) => park,
                    None => return Some(Definition::default()),
                },
            },
        };
        let mut definition = Definition::of_table(table);
        match name.kind {
            ObjectKind::Settings => definition.0.retain(|key, _| may_be_set(name, key)),
            _ => {
                definition.0.remove("name");
            }
        }
        Some(definition)
    }

    /// Every object, by kind and name.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<ObjectName, Definition> {
        let mut names = vec![ObjectName::of_settings(None)];
        let keys = |way| self.table(way).into_iter().flat_map(Table::keys);
        let music = keys(&["music"]).map(|name| ObjectName::new(ObjectKind::Music, name));
        let sites = keys(&["park", "site"]).map(|site| ObjectName::of_settings(Some(site)));
        names.extend(music.chain(sites));
        for kind in [ObjectKind::Policy, ObjectKind::Range] {
            let list = kind.list().and_then(|key| self.0.get(key)?.as_array());
            let tables = list.into_iter().flatten().filter_map(toml::Value::as_table);
            let named = tables.filter_map(|table| table.get("name")?.as_str());
            names.extend(named.map(|name| ObjectName::new(kind, name)));
        }
        let defined = |name: ObjectName| Some((self.object(&name)?, name));
        let defined = names.into_iter().filter_map(defined);
        defined
            .map(|(definition, name)| (name, definition))
            .collect()
    }

    /// Whether every range was taken away: an empty list would be taken for none at all.
    pub(super) fn has_no_range(&self) -> bool {
        let ranges = self.0.get(RANGES).and_then(toml::Value::as_array);
        ranges.is_some_and(Vec::is_empty)
    }

    /// The range of a file that has none is there by its name, so that adding another one does not
    /// take it away.
    fn write_default_range(&mut self) {
        if self.0.contains_key(RANGES) {
            return;
        }
        let range = super::OrbitRange::default();
        let table: Table = [
            ("name", range.name.clone()),
            ("start", range.start.to_string()),
            ("end", range.end.to_string()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), toml::Value::String(value)))
        .collect();
        let list = vec![toml::Value::Table(table)];
        self.0.insert(RANGES.to_owned(), toml::Value::Array(list));
    }

    /// One that is there keeps its place, since the first policy that fits holds.
    fn lay_one_of_list(&mut self, name: &ObjectName, table: Option<Table>) {
        let key = name.kind.list().unwrap_or_default();
        let list = self.0.entry(key);
        let list = list.or_insert_with(|| toml::Value::Array(Vec::new()));
        let Some(list) = list.as_array_mut() else {
            return;
        };
        let is_it = |one: &toml::Value| {
            let table = one.as_table();
            table.is_some_and(|table| is_named(table, &name.name))
        };
        let place = list.iter().position(is_it);
        let table = table.map(|mut table| {
            table.insert("name".to_owned(), name.name.clone().into());
            toml::Value::Table(table)
        });
        match (place, table) {
            (Some(place), Some(table)) => list[place] = table,
            (None, Some(table)) => list.push(table),
            (Some(place), None) => {
                list.remove(place);
            }
            (None, None) => {}
        }
    }

    fn lay_music(&mut self, name: &ObjectName, table: Option<Table>) {
        let music = below(&mut self.0, "music");
        match table {
            Some(table) => music.insert(name.name.clone(), toml::Value::Table(table)),
            None => music.remove(&name.name),
        };
    }

    /// Other keys of the scope stay as the file has them.
    fn lay_settings(&mut self, name: &ObjectName, table: Option<Table>) {
        let park = below(&mut self.0, "park");
        let scope = match name.site() {
            None => park,
            Some(site) if table.is_some() => below(below(park, "site"), site),
            Some(site) => {
                let sites = park.get_mut("site").and_then(toml::Value::as_table_mut);
                let scope = sites.and_then(|sites| sites.get_mut(site));
                match scope.and_then(toml::Value::as_table_mut) {
                    Some(scope) => scope,
                    None => return,
                }
            }
        };
        // Who belongs to a site is not a setting that falls back to that of all.
        let stays = |key: &str| !may_be_set(name, key) || (key == MEMBERS && table.is_none());
        scope.retain(|key, _| stays(key));
        scope.extend(table.into_iter().flatten());
    }

    fn table(&self, way: &[&str]) -> Option<&Table> {
        let mut table = &self.0;
        for key in way {
            table = table.get(*key)?.as_table()?;
        }
        Some(table)
    }
}

const RANGES: &str = "orbit_range";
/// Who belongs to a site.
const MEMBERS: &str = "members";

fn is_named(table: &Table, name: &str) -> bool {
    table.get("name").and_then(toml::Value::as_str) == Some(name)
}

/// Whether a key of a scope can be changed while the server runs.
fn may_be_set(name: &ObjectName, key: &str) -> bool {
    Overrides::KEYS.contains(&key) || (key == MEMBERS && name.site().is_some())
}

/// The table of a key, made where it is not there.
fn below<'a>(table: &'a mut Table, key: &str) -> &'a mut Table {
    let value = table.entry(key.to_owned());
    let value = value.or_insert_with(|| toml::Value::Table(Table::new()));
    if !value.is_table() {
        *value = toml::Value::Table(Table::new());
    }
    match value {
        toml::Value::Table(table) => table,
        _ => unreachable!("it was made one"),
    }
}
