//! Every change as it happens: the server-sent events of the API, a line each.

use std::io::{BufRead as _, BufReader, Write};

use serde_json::{Map, Value};

use super::Failure;
use super::cell::printable;
use super::client::Client;

/// Writes what happens until the server ends.
pub(super) fn follow(client: &Client, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let response = client.listen("/v1/events")?;
    let reader = BufReader::new(response.into_body().into_reader());
    let mut is_snapshot = false;
    for line in reader.lines() {
        let line = line.map_err(|error| ended(&error.to_string()))?;
        if let Some(name) = line.strip_prefix("event: ") {
            is_snapshot = name == "snapshot";
        }
        let Some(data) = line.strip_prefix("data: ") else {
            continue;
        };
        if json {
            writeln!(out, "{data}")?;
        } else if !is_snapshot && let Ok(event) = serde_json::from_str(data) {
            writeln!(out, "{}", told(&event))?;
        }
        out.flush()?;
    }
    Err(ended("the stream has ended"))
}

pub(super) fn ended(what: &str) -> Failure {
    Failure::Unreachable {
        what: what.to_owned(),
        remedy: "the server has ended, or let go of a reader that was too slow",
    }
}

/// Members with a place of their own in the line, and those that are for machines.
const PLACED: [&str; 6] = ["at", "event", "orbit", "call", "call_id", "range"];

/// When, where, what, and all that is known of it.
fn told(event: &Map<String, Value>) -> String {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or("-");
    let (at, orbit, what) = (text("at"), text("orbit"), text("event"));
    let mut line = format!("{at}  {orbit:<9} {what:<15}");
    for (name, value) in event {
        if PLACED.contains(&name.as_str()) || value.is_null() {
            continue;
        }
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        line.push_str(&format!(" {name}={value}"));
    }
    printable(line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_without_what_only_machines_want() {
        let event = r#"{"at":"2026-01-01T10:00:00Z","call":"0123456789abcdef","call_id":"x@y",
            "orbit":"701","range":"front","event":"recall-ended","whom":"parker","attempt":1,
            "how":"refused","status":486}"#;
        let line = told(&serde_json::from_str(event).unwrap());
        assert_eq!(
            line,
            "2026-01-01T10:00:00Z  701       recall-ended    attempt=1 how=refused status=486 \
             whom=parker"
        );
    }
}
