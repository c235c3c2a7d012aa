//! The text of a file with what was laid over it: every object of it, and the whole as TOML again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use toml::Table;

use super::settings::Overrides;
use super::{Definition, ObjectKind, ObjectName, OrbitRange, Overlay, Pin, music};

/// A file with what was laid over it.
#[derive(Clone, PartialEq, Debug)]
pub struct Document(Table);

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
            ObjectKind::Music => self.table(&["music", &name.name]),
            ObjectKind::Policy | ObjectKind::Range => {
                let list = self.0.get(name.kind.list()?)?.as_array()?;
                let mut tables = list.iter().filter_map(toml::Value::as_table);
                tables.find(|table| is_named(table, &name.name))
            }
            ObjectKind::Settings => match name.site() {
                Some(site) => self.table(&["park", "site", site]),
                None => self.table(&["park"]),
            },
        };
        let Some(table) = table else {
            return name.is_always_there().then(Definition::default);
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
        let default = ObjectName::new(ObjectKind::Music, music::DEFAULT);
        let mut names = vec![ObjectName::of_settings(None), default];
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

    /// The objects that name a piece of music.
    #[must_use]
    pub fn users_of_music(&self, music: &str) -> Vec<ObjectName> {
        let objects = self.objects().into_iter();
        let names_it = |definition: &Definition| {
            let named = definition.0.get("music").and_then(Value::as_str);
            named == Some(music)
        };
        let users = objects.filter(|(_, definition)| names_it(definition));
        users.map(|(name, _)| name).collect()
    }

    /// Puts hashes in the place of PINs in digits; a PIN that another document has under the same
    /// policy is written as it is there.
    pub fn hash_pins(&mut self, salt: &str, other: Option<&Self>) {
        let list = self.0.get_mut("policy").and_then(toml::Value::as_array_mut);
        for policy in list
            .into_iter()
            .flatten()
            .filter_map(toml::Value::as_table_mut)
        {
            let name = policy.get("name").and_then(toml::Value::as_str);
            let name = ObjectName::new(ObjectKind::Policy, name.unwrap_or_default());
            let Some(toml::Value::String(pin)) = policy.get_mut("pin") else {
                continue;
            };
            let there = other.and_then(|other| other.object(&name));
            let there = there.as_ref().and_then(|one| one.0.get("pin")?.as_str());
            let same = there.filter(|there| Pin::are_one(pin, there));
            let hashed = Pin::hashed(pin, salt);
            if let Some(kept) = same.map(str::to_owned).or(hashed) {
                *pin = kept;
            }
        }
    }

    /// The tables that differ from another document's in what is no object.
    #[must_use]
    pub fn differing_rest(&self, other: &Self) -> Vec<String> {
        let (one, other) = (self.rest(), other.rest());
        let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        let differs = |key: &&&String| one.get(**key) != other.get(**key);
        keys.iter()
            .filter(differs)
            .map(ToString::to_string)
            .collect()
    }

    /// What is no object.
    fn rest(&self) -> Table {
        let mut rest = self.0.clone();
        for key in ["music", "policy", RANGES] {
            rest.remove(key);
        }
        let park = below(&mut rest, "park");
        park.retain(|key, _| key != "site" && !Overrides::KEYS.contains(&key));
        rest
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
        let range = OrbitRange::default();
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
                below(park, "site").remove(site);
                return;
            }
        };
        scope.retain(|key, _| !may_be_set(name, key));
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
