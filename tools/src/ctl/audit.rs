//! `orbitctl audit`: what was done over the API, and by whom.

use std::io::Write;

use clap::Args;
use control::driver::http::{AuditList, Deed};

use super::client::{Client, escaped};
use super::table::Side::{Left, Right};
use super::table::Table;
use super::{Failure, cell, tell};

/// Which deeds. All that is given must hold.
#[derive(Args, Debug)]
pub(super) struct AuditOptions {
    /// So many, the last one first.
    #[arg(short = 'n', long = "count", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    count: u32,
    /// Those before the one of this number: the next page.
    #[arg(long, value_name = "NUMBER")]
    before: Option<u64>,
    /// From then on, such as 2026-01-31T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until then.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Of the token of this name.
    #[arg(long = "by", value_name = "TOKEN")]
    token: Option<String>,
    /// About objects like this, such as "range *"; * stands for any signs, ? for one.
    #[arg(long, value_name = "PATTERN")]
    object: Option<String>,
}

pub(super) fn run(
    client: &Client,
    json: bool,
    options: &AuditOptions,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut path = format!("/v1/audit?limit={}", options.count);
    let before = options.before.map(|before| before.to_string());
    for (name, value) in [
        ("before", &before),
        ("since", &options.since),
        ("until", &options.until),
        ("token", &options.token),
        ("object", &options.object),
    ] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", escaped(value)));
        }
    }
    let list: AuditList = client.get(&path)?;
    tell(out, json, &list, |list| table(&list.deeds))
}

fn table(deeds: &[Deed]) -> String {
    if deeds.is_empty() {
        return "nothing was done\n".to_owned();
    }
    let heads = [
        ("number", Right),
        ("at", Left),
        ("by", Left),
        ("role", Left),
        ("from", Left),
        ("action", Left),
        ("object", Left),
        ("outcome", Left),
        ("says", Left),
    ];
    let mut table = Table::new(&heads);
    for deed in deeds {
        table.row(vec![
            deed.number.to_string(),
            deed.at.to_string(),
            cell::printable(&deed.token),
            cell::printable(&deed.role),
            cell::printable(deed.peer.as_deref().unwrap_or("-")),
            cell::printable(&deed.action),
            cell::cut(&deed.object, 60),
            cell::printable(&deed.outcome),
            cell::cut(deed.after.as_deref().unwrap_or("-"), 60),
        ]);
    }
    table.text()
}
