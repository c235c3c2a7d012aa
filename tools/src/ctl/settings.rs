//! `orbitctl settings`: what holds for waiting calls, of all and of each site.

use std::io::Write;

use control::driver::http::{GlobalSettings, SettingsDefinition, SiteSettings};
use serde::Serialize;
use serde_json::{Map, Value};

use super::client::{Client, path};
use super::object::{self, members};
use super::options::SettingsCommand;
use super::table::Side::Left;
use super::table::Table;
use super::{Failure, cell, scope, tell};

/// All of them.
#[derive(Serialize)]
struct All {
    global: GlobalSettings,
    sites: Vec<SiteSettings>,
}

pub(super) fn run(
    client: &Client,
    json: bool,
    command: Option<&SettingsCommand>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match command {
        None | Some(SettingsCommand::List) => {
            let all = all(client)?;
            tell(out, json, &all, table)
        }
        Some(SettingsCommand::Set {
            site,
            scope: options,
            members: who,
        }) => change(client, json, site.as_deref(), out, |members| {
            scope::put(members, options);
            if !who.is_empty() {
                members.insert("members".to_owned(), Value::from(who.clone()));
            }
            Ok(())
        }),
        Some(SettingsCommand::Unset { site, keys }) => {
            change(client, json, site.as_deref(), out, |members| {
                scope::unset(members, keys)
            })
        }
        Some(SettingsCommand::Remove { site }) => {
            object::remove(client, "settings", std::slice::from_ref(site), out)
        }
        Some(SettingsCommand::Revert { site: Some(site) }) => {
            object::revert(client, "settings", std::slice::from_ref(site), out)
        }
        Some(SettingsCommand::Revert { site: None }) => {
            client.post("/v1/revert-settings", &serde_json::json!({}))?;
            writeln!(out, "all: left to the file")?;
            Ok(())
        }
    }
}

fn all(client: &Client) -> Result<All, Failure> {
    let global: GlobalSettings = client.get("/v1/settings")?;
    let sites = { global.sites.iter() }.map(|site| client.get(&place(Some(site))));
    let sites = sites.collect::<Result<_, _>>()?;
    Ok(All { global, sites })
}

/// A site that is not there yet is made.
fn change(
    client: &Client,
    json: bool,
    site: Option<&str>,
    out: &mut dyn Write,
    change: impl FnOnce(&mut Map<String, Value>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let path = place(site);
    let (before, condition) = client.get_tagged_or_new::<Value>(&path)?;
    let mut members = members(&before);
    change(&mut members)?;
    let after: Value = client.put(&path, &members, &condition)?;
    tell(out, json, &after, |after| {
        object::shown("settings of", site.unwrap_or("all"), after)
    })
}

fn table(all: &All) -> String {
    let heads = [
        ("scope", Left),
        ("setting", Left),
        ("value", Left),
        ("from", Left),
    ];
    let mut table = Table::new(&heads);
    let mut rows = |scope: &str, shown: &SettingsDefinition, own: &SettingsDefinition, from| {
        let (shown, own) = (object::pairs(shown), object::pairs(own));
        for (key, value) in shown {
            let is_own = own.iter().any(|(other, _)| *other == key);
            let from = if is_own {
                object::origin(from)
            } else {
                "usual"
            };
            let scope = cell::cut(scope, 24);
            table.row(vec![scope, key, cell::cut(&value, 60), from.to_owned()]);
        }
    };
    let global = &all.global;
    rows("all", &global.effective, &global.definition, global.origin);
    for site in &all.sites {
        rows(&site.site, &site.definition, &site.definition, site.origin);
    }
    table.text()
}

fn place(site: Option<&str>) -> String {
    match site {
        Some(site) => path(&["v1", "settings", site]),
        None => path(&["v1", "settings"]),
    }
}
