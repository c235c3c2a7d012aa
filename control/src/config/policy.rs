//! `[[policy]]`: who may park, and who may retrieve. Without one everybody may do both; with the
//! first, nobody may do what no policy allows.

use std::collections::BTreeMap;

use super::limits::{PATTERNS_MAX, POLICIES_MAX};
use super::party::Kind;
use super::table::{NAME_RULE, Table, is_name};
use super::who::WHO_RULE;
use super::{ConfigError, Pin, Site, Who};

/// `[[policy]]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Unique.
    pub name: String,
    /// Whose it is.
    pub scope: Scope,
    /// The kinds of party that may park.
    pub park: Vec<Kind>,
    /// The kinds of party that may retrieve.
    pub retrieve: Vec<Kind>,
    /// The kinds of party that may retrieve once they have dialled the PIN.
    pub retrieve_with_pin: Vec<Kind>,
    /// There where a kind of party needs it.
    pub pin: Option<Pin>,
}

/// Whose policy it is. A party has that of its users, or else that of its site, or else that of
/// all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Of all.
    Global,
    /// Of the members of `[park.site.NAME]`.
    Site(String),
    /// Of these.
    Users(Vec<Who>),
}

/// All policies, in the order of the file.
pub(super) fn read(
    root: &Table<'_>,
    sites: &BTreeMap<String, Site>,
) -> Result<Vec<Policy>, ConfigError> {
    let tables = root.tables("policy")?;
    if tables.len() > POLICIES_MAX {
        return Err(root.wrong("policy", &format!("more than {POLICIES_MAX}; strike some")));
    }
    let mut policies: Vec<Policy> = Vec::with_capacity(tables.len());
    for table in &tables {
        let policy = Policy::read(table, sites)?;
        if policies.iter().any(|other| other.name == policy.name) {
            return Err(table.wrong("name", "another policy has it; write a name of its own"));
        }
        let is_twice = |other: &&Policy| other.scope == policy.scope;
        if let Some(other) = policies.iter().find(is_twice) {
            let what = format!(
                "the policy \"{}\" has it; strike one of the two",
                other.name
            );
            return Err(table.wrong("scope", &what));
        }
        policies.push(policy);
    }
    Ok(policies)
}

impl Policy {
    fn read(table: &Table<'_>, sites: &BTreeMap<String, Site>) -> Result<Self, ConfigError> {
        table.knows(&[
            "name",
            "scope",
            "users",
            "park",
            "retrieve",
            "retrieve_with_pin",
            "pin",
        ])?;
        let name = table.required("name", NAME_RULE)?;
        if !is_name(name) {
            return Err(table.wrong("name", &format!("not a name; {NAME_RULE}")));
        }
        let policy = Self {
            name: name.to_owned(),
            scope: scope(table, sites)?,
            park: kinds(table, "park")?,
            retrieve: kinds(table, "retrieve")?,
            retrieve_with_pin: kinds(table, "retrieve_with_pin")?,
            pin: pin(table)?,
        };
        policy.check_pin(table)?;
        Ok(policy)
    }

    fn check_pin(&self, table: &Table<'_>) -> Result<(), ConfigError> {
        let without = |kind: &Kind| self.retrieve.contains(kind);
        if let Some(number) = self.retrieve_with_pin.iter().position(without) {
            let what = "may retrieve without one; strike it here, or there";
            return Err(table.wrong_element("retrieve_with_pin", number, what));
        }
        match (&self.pin, self.retrieve_with_pin.is_empty()) {
            (None, false) => Err(table.wrong("pin", &format!("missing; {PIN_RULE}"))),
            (Some(_), true) => {
                let what = "nobody needs it; write retrieve_with_pin = [\"pstn\"]";
                Err(table.wrong("pin", what))
            }
            _ => Ok(()),
        }
    }
}

fn scope(table: &Table<'_>, sites: &BTreeMap<String, Site>) -> Result<Scope, ConfigError> {
    let rule = "write \"global\", \"site:NAME\" or \"users\"";
    let scope = table.text("scope", rule)?.unwrap_or("global");
    let users: Vec<Who> = table.list("users", WHO_RULE, PATTERNS_MAX)?;
    if scope == "users" {
        if users.is_empty() {
            return Err(table.wrong("users", &format!("nobody; {WHO_RULE}")));
        }
        return Ok(Scope::Users(users));
    }
    if !users.is_empty() {
        return Err(table.wrong(
            "users",
            "for scope = \"users\" only; strike it, or write that",
        ));
    }
    match scope.strip_prefix("site:") {
        Some(site) if sites.contains_key(site) => Ok(Scope::Site(site.to_owned())),
        Some(site) => {
            let what = format!("no such site; write [park.site.{site}]");
            Err(table.wrong("scope", &what))
        }
        None if scope == "global" => Ok(Scope::Global),
        None => Err(table.wrong("scope", &format!("unknown; {rule}"))),
    }
}

fn kinds(table: &Table<'_>, key: &str) -> Result<Vec<Kind>, ConfigError> {
    let rule = "write \"internal\", \"pstn\" or \"federated\"";
    let texts = table.texts(key, rule)?.unwrap_or_default();
    let mut kinds = Vec::with_capacity(texts.len());
    for (number, text) in texts.into_iter().enumerate() {
        let found = Kind::WORDS.iter().find(|(word, _)| *word == text);
        let Some((_, kind)) = found else {
            let what = format!("no kind of party; {rule}");
            return Err(table.wrong_element(key, number, &what));
        };
        if kinds.contains(kind) {
            return Err(table.wrong_element(key, number, "written twice; strike one of the two"));
        }
        kinds.push(*kind);
    }
    Ok(kinds)
}

fn pin(table: &Table<'_>) -> Result<Option<Pin>, ConfigError> {
    let Some(text) = table.text("pin", PIN_RULE)? else {
        return Ok(None);
    };
    let wrong = || table.wrong("pin", &format!("not a PIN; {PIN_RULE}"));
    Pin::parse(text).map(Some).ok_or_else(wrong)
}

const PIN_RULE: &str = "write 4 to 12 digits, or \"sha256:SALT:HASH\"";
