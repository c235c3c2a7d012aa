//! An object of the configuration, of whatever kind: as people read it, and left to the file.

use std::io::Write;

use control::driver::http::Origin;
use serde::Serialize;
use serde_json::{Map, Value};

use super::client::{Client, path};
use super::{Failure, cell};

/// What it says.
pub(super) fn members(object: &Value) -> Map<String, Value> {
    object["definition"]
        .as_object()
        .cloned()
        .unwrap_or_default()
}

/// Keys and values of a definition, as text.
pub(super) fn pairs(definition: &impl Serialize) -> Vec<(String, String)> {
    let definition = serde_json::to_value(definition).unwrap_or_default();
    let members = definition.as_object().into_iter().flatten();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let texts = list.iter().map(|one| one.as_str().unwrap_or_default());
            texts.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    };
    let pair = |(key, value): (&String, &Value)| (key.clone(), text(value));
    members.map(pair).collect()
}

/// Line by line, under what it is.
pub(super) fn shown(kind: &str, name: &str, object: &Value) -> String {
    let origin = object["origin"].as_str().unwrap_or_default().to_owned();
    let mut lines = vec![
        (kind.to_owned(), name.to_owned()),
        ("from".to_owned(), origin),
    ];
    lines.extend(pairs(&object["definition"]));
    let line = |(key, value): (String, String)| format!("{key:<19} {}\n", cell::printable(&value));
    lines.into_iter().map(line).collect()
}

/// Removes objects of one kind. The first that is refused ends it: what was said before is done.
pub(super) fn remove(
    client: &Client,
    kind: &str,
    names: &[String],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    for name in names {
        client.delete(&path(&["v1", kind, name]))?;
        writeln!(out, "{}: removed", cell::printable(name))?;
    }
    Ok(())
}

/// Leaves objects of one kind to the file.
pub(super) fn revert(
    client: &Client,
    kind: &str,
    names: &[String],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    for name in names {
        let path = path(&["v1", kind, name, "revert"]);
        client.post(&path, &serde_json::json!({}))?;
        writeln!(out, "{}: left to the file", cell::printable(name))?;
    }
    Ok(())
}

/// Where it comes from, in a word.
pub(super) const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::File => "file",
        Origin::Store => "store",
    }
}
