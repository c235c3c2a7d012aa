//! `orbitctl`: what an operator wants to know of a running orbitd, and do with its calls, over its
//! HTTP API.
//! Tables for people, the API's own JSON for machines.
//!
//! Absent on purpose: any knowledge that the API does not give, and the token on the command line,
//! where everybody on the host could read it.

mod audit;
mod capture;
mod cell;
mod client;
mod events;
mod failure;
mod music;
mod object;
mod options;
mod policies;
mod ranges;
mod reservations;
mod retrieve;
mod scope;
mod settings;
mod show;
mod table;
mod token;
mod top;
mod transfer;
mod trust;

use std::io::Write;

use control::driver::http::{HistoryList, Meant, Move, Orbit, Park, Retrieve, Status};
use serde::Serialize;

pub(crate) use client::Client;
use options::Command;

pub use failure::Failure;
pub use options::Arguments;

/// Does what the command line says.
///
/// # Errors
/// [`Failure`], with what to do about it; its exit code tells scripts which kind it is.
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<(), Failure> {
    let token = token::find(arguments.token_file.as_deref())?;
    let client = Client::new(&arguments.server, token, arguments.ca.as_deref())?;
    let json = arguments.json;
    match &arguments.command {
        Command::Orbits { range } => {
            let list = client.orbits(range.as_deref(), None)?;
            tell(out, json, &list, |list| show::orbits(&list.orbits))
        }
        Command::Orbit { number } => {
            let orbit: Orbit = client.get(&client::path(&["v1", "orbits", number]))?;
            tell(out, json, &orbit, show::orbit)
        }
        Command::History { count } => {
            let list: HistoryList = client.get(&format!("/v1/history?limit={count}"))?;
            tell(out, json, &list, |list| show::history(&list.calls))
        }
        Command::HangUp { orbit, call } => {
            let path = client::path(&["v1", "orbits", orbit, "hang-up"]);
            client.post(&path, &Meant { call: call.clone() })
        }
        Command::Move { orbit, to, call } => {
            let path = client::path(&["v1", "orbits", orbit, "move"]);
            let wish = Move {
                to: to.clone(),
                call: call.clone(),
            };
            let moved: Orbit = client.act(&path, &wish)?;
            tell(out, json, &moved, show::orbit)
        }
        Command::Retrieve { orbit, to, call } => {
            let wish = Retrieve {
                to: to.clone(),
                call: call.clone(),
            };
            retrieve::bring(&client, orbit, &wish, json, out)
        }
        Command::Park { call, orbit } => {
            let path = client::path(&["v1", "calls", call, "park"]);
            let wish = Park {
                orbit: orbit.clone(),
            };
            let parked: Orbit = client.act(&path, &wish)?;
            tell(out, json, &parked, show::orbit)
        }
        Command::Capture(options) => capture::run(&client, json, options, out),
        Command::Drain => client.post("/v1/drain", &serde_json::json!({})),
        Command::Ranges(command) => ranges::run(&client, json, command, out),
        Command::TestReservations { count, range } => {
            reservations::run(&client, json, (*count, range.as_deref()), out)
        }
        Command::Export { output } => transfer::export(&client, output.as_deref(), out),
        Command::Import { file, dry_run } => transfer::import(&client, json, (file, *dry_run), out),
        Command::Settings { command } => settings::run(&client, json, command.as_deref(), out),
        Command::Music { command } => music::run(&client, json, command.as_deref(), out),
        Command::Policy { command } => policies::run(&client, json, command.as_deref(), out),
        Command::Audit(options) => audit::run(&client, json, options, out),
        Command::Status => {
            let status: Status = client.get("/v1/status")?;
            tell(out, json, &status, show::status)
        }
        Command::Events => events::follow(&client, json, out),
        Command::Top(options) => top::run(&client, options, out),
    }
}

/// As JSON, or as people read it.
fn tell<T: Serialize>(
    out: &mut dyn Write,
    json: bool,
    what: &T,
    words: impl FnOnce(&T) -> String,
) -> Result<(), Failure> {
    if json {
        serde_json::to_writer_pretty(&mut *out, what).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        out.write_all(words(what).as_bytes())?;
    }
    Ok(())
}
