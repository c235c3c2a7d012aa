//! `orbitctl ranges`: what is there, and changes of it.

use std::io::Write;

use control::driver::http::RangeList;
use serde_json::{Map, Value};

use super::client::{Client, Condition, escaped, path};
use super::object::{self, members};
use super::options::{Ranges, RangesCommand, WhichRanges};
use super::{Failure, scope, show, tell};

pub(super) fn run(
    client: &Client,
    json: bool,
    options: &Ranges,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let show_one = |out: &mut dyn Write, name: &str, range: &Value| {
        tell(out, json, range, |range| {
            object::shown("range", name, range)
        })
    };
    match &options.command {
        None => list(client, json, &options.which, out),
        Some(RangesCommand::List(which)) => list(client, json, which, out),
        Some(RangesCommand::Show { name }) => show_one(out, name, &client.get(&place(name))?),
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
            show_one(
                out,
                name,
                &client.put(&place(name), &members, &Condition::IsNew)?,
            )
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
            show_one(out, name, &client.put(&place(name), &members, &condition)?)
        }
        Some(RangesCommand::Remove { names }) => remove(client, names, out),
        Some(RangesCommand::Revert { names }) => object::revert(client, "ranges", names, out),
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
        object::remove(client, "ranges", &names(client, pattern)?, out)?;
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

fn place(name: &str) -> String {
    path(&["v1", "ranges", name])
}
