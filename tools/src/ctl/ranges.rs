//! `orbitctl ranges`: what is there, and changes of it.

use std::io::Write;

use control::driver::http::{ConfiguredRange, Origin, RangeList};
use serde_json::{Map, Value};

use super::client::{Client, Condition, escaped, path};
use super::options::{Ranges, RangesCommand, WhichRanges};
use super::{Failure, cell, scope, show, tell};

pub(super) fn run(
    client: &Client,
    json: bool,
    options: &Ranges,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let show_one = |out: &mut dyn Write, range: &ConfiguredRange| tell(out, json, range, one);
    match &options.command {
        None => list(client, json, &options.which, out),
        Some(RangesCommand::List(which)) => list(client, json, which, out),
        Some(RangesCommand::Show { name }) => show_one(out, &client.get(&place(name))?),
        Some(RangesCommand::Add {
            name,
            start,
            end,
            range,
            scope: settings,
        }) => {
            let mut members = Map::new();
            members.insert("start".to_owned(), start.as_str().into());
            members.insert("end".to_owned(), end.as_str().into());
            scope::put_range(&mut members, range);
            scope::put(&mut members, settings);
            show_one(out, &client.put(&place(name), &members, &Condition::IsNew)?)
        }
        Some(RangesCommand::Set {
            name,
            start,
            end,
            range,
            scope: settings,
            unset,
        }) => {
            let (before, condition) = client.get_tagged::<Value>(&place(name))?;
            let mut members = members(&before);
            scope::unset(&mut members, unset)?;
            scope::put_texts(&mut members, &[("start", start), ("end", end)]);
            scope::put_range(&mut members, range);
            scope::put(&mut members, settings);
            show_one(out, &client.put(&place(name), &members, &condition)?)
        }
        Some(RangesCommand::Remove { names }) => remove(client, names, out),
        Some(RangesCommand::Revert { names }) => revert(client, "ranges", names, out),
    }
}

fn list(
    client: &Client,
    json: bool,
    which: &WhichRanges,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let list: RangeList = client.get(&query(which))?;
    tell(out, json, &list, |list| show::ranges(&list.ranges))
}

fn query(which: &WhichRanges) -> String {
    let parameters = [
        ("name", &which.name),
        ("kind", &which.kind),
        ("node", &which.node),
        ("prefix", &which.prefix),
    ];
    let mut path = "/v1/ranges".to_owned();
    let given = parameters.iter().filter_map(|(name, value)| {
        let value = value.as_deref()?;
        Some(format!("{name}={}", escaped(value)))
    });
    for (parameter, sign) in given.zip(std::iter::once('?').chain(std::iter::repeat('&'))) {
        path.push(sign);
        path.push_str(&parameter);
    }
    path
}

/// Each range that a pattern names. The first that is refused ends it: what was said before is
/// done.
fn remove(client: &Client, patterns: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    for pattern in patterns {
        for name in names(client, pattern)? {
            client.delete(&place(&name))?;
            writeln!(out, "{}: removed", cell::printable(&name))?;
        }
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

/// A name without a star is itself, whether it is there or not: then the server says so.
fn names(client: &Client, pattern: &str) -> Result<Vec<String>, Failure> {
    if !pattern.contains(['*', '?']) {
        return Ok(vec![pattern.to_owned()]);
    }
    let which = WhichRanges {
        name: Some(pattern.to_owned()),
        ..WhichRanges::default()
    };
    let list: RangeList = client.get(&query(&which))?;
    let mut names: Vec<_> = { list.ranges.into_iter() }
        .filter(|range| !range.closing)
        .map(|range| range.name)
        .collect();
    names.dedup();
    if names.is_empty() {
        let what = format!("{pattern}: no range has such a name");
        return Err(Failure::Argument(what));
    }
    Ok(names)
}

/// What an object of the configuration says.
pub(super) fn members(object: &Value) -> Map<String, Value> {
    object["definition"]
        .as_object()
        .cloned()
        .unwrap_or_default()
}

/// An object of the configuration, line by line.
pub(super) fn lines(
    head: &str,
    name: &str,
    origin: Origin,
    definition: &impl serde::Serialize,
) -> String {
    let origin = match origin {
        Origin::File => "file",
        Origin::Store => "store",
    };
    let mut text = format!(
        "{head:<19} {}\nfrom                {origin}\n",
        cell::printable(name)
    );
    let definition = serde_json::to_value(definition).unwrap_or_default();
    for (key, value) in definition.as_object().into_iter().flatten() {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        text.push_str(&format!("{key:<19} {}\n", cell::printable(&value)));
    }
    text
}

fn one(range: &ConfiguredRange) -> String {
    lines("range", &range.name, range.origin, &range.definition)
}

fn place(name: &str) -> String {
    path(&["v1", "ranges", name])
}
