//! `orbitctl policy`: who may park, and who may retrieve.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use control::driver::http::{ConfiguredPolicy, PolicyList};
use serde_json::{Map, Value};

use super::client::{Client, Condition, path};
use super::object::{self, members};
use super::table::Side::Left;
use super::table::Table;
use super::{Failure, cell, scope, tell};

/// `orbitctl policy`. What changes something needs the role admin and is kept in the store.
#[derive(Subcommand, Debug)]
pub(super) enum PolicyCommand {
    /// The policies, in the order in which they are looked at.
    List,
    /// One policy.
    Show {
        /// Its name.
        name: String,
    },
    /// Add a policy. With the first one nobody may do any more what no policy allows.
    Add {
        /// Its name.
        name: String,
        #[command(flatten)]
        policy: PolicyOptions,
    },
    /// Change what is given of a policy, and leave the rest as it is.
    Set {
        /// Its name.
        name: String,
        #[command(flatten)]
        policy: PolicyOptions,
        /// Leave a key to its usual value, such as retrieve_with_pin.
        #[arg(long, value_name = "KEY")]
        unset: Vec<String>,
    },
    /// Remove policies. One that a range names stays.
    Remove {
        /// Their names.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Leave policies to the file: what it says of them holds again.
    Revert {
        /// Their names.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// The keys of a policy.
#[derive(Args, Debug, Default)]
pub(super) struct PolicyOptions {
    /// Whose it is: global, site:NAME or users.
    #[arg(long)]
    scope: Option<String>,
    /// Of whom it is with --scope users, such as 20*; may be given several times.
    #[arg(long = "user", value_name = "WHO")]
    users: Vec<String>,
    /// The kinds of party that may park: internal, pstn, federated.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    park: Vec<String>,
    /// The kinds that may retrieve.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    retrieve: Vec<String>,
    /// The kinds that may retrieve once they have dialled the PIN.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    retrieve_with_pin: Vec<String>,
    /// The file with the PIN; - for the standard input. Never on the command line, where everybody
    /// on the host could read it.
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
}

pub(super) fn run(
    client: &Client,
    json: bool,
    command: Option<&PolicyCommand>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let show = |out: &mut dyn Write, name: &str, policy: &Value| {
        tell(out, json, policy, |policy| {
            object::shown("policy", name, policy)
        })
    };
    match command {
        None | Some(PolicyCommand::List) => {
            let list: PolicyList = client.get("/v1/policies")?;
            tell(out, json, &list, |list| table(&list.policies))
        }
        Some(PolicyCommand::Show { name }) => show(out, name, &client.get(&place(name))?),
        Some(PolicyCommand::Add { name, policy }) => {
            let mut members = Map::new();
            put(&mut members, policy)?;
            show(
                out,
                name,
                &client.put(&place(name), &members, &Condition::IsNew)?,
            )
        }
        Some(PolicyCommand::Set {
            name,
            policy,
            unset,
        }) => {
            let (before, condition) = client.get_tagged::<Value>(&place(name))?;
            let mut members = members(&before);
            scope::unset(&mut members, unset)?;
            put(&mut members, policy)?;
            show(out, name, &client.put(&place(name), &members, &condition)?)
        }
        Some(PolicyCommand::Remove { names }) => object::remove(client, "policies", names, out),
        Some(PolicyCommand::Revert { names }) => object::revert(client, "policies", names, out),
    }
}

fn put(members: &mut Map<String, Value>, options: &PolicyOptions) -> Result<(), Failure> {
    scope::put_texts(members, &[("scope", &options.scope)]);
    for (key, list) in [
        ("users", &options.users),
        ("park", &options.park),
        ("retrieve", &options.retrieve),
        ("retrieve_with_pin", &options.retrieve_with_pin),
    ] {
        if !list.is_empty() {
            members.insert(key.to_owned(), Value::from(list.clone()));
        }
    }
    if let Some(file) = &options.pin_file {
        members.insert("pin".to_owned(), Value::from(pin(file)?));
    }
    Ok(())
}

fn pin(file: &Path) -> Result<String, Failure> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin().lock())
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.map_err(|error| {
        let file = file.display();
        Failure::Argument(format!(
            "--pin-file {file}: {error}; name a file with the PIN, or -"
        ))
    })?;
    Ok(text.trim().to_owned())
}

fn table(policies: &[ConfiguredPolicy]) -> String {
    if policies.is_empty() {
        return "no policy: everybody may park and retrieve\n".to_owned();
    }
    let heads = [
        ("policy", Left),
        ("scope", Left),
        ("park", Left),
        ("retrieve", Left),
        ("with PIN", Left),
    ];
    let mut table = Table::new(&heads);
    for policy in policies {
        let pairs = object::pairs(&policy.definition);
        let of = |key: &str| {
            let pair = pairs.iter().find(|(other, _)| other == key);
            pair.map_or_else(|| "-".to_owned(), |(_, value)| cell::cut(value, 40))
        };
        let scope = match (of("scope"), of("users")) {
            (scope, _) if scope == "-" => "global".to_owned(),
            (scope, users) if scope == "users" => users,
            (scope, _) => scope,
        };
        let name = cell::printable(&policy.name);
        table.row(vec![
            name,
            scope,
            of("park"),
            of("retrieve"),
            of("retrieve_with_pin"),
        ]);
    }
    table.text()
}

fn place(name: &str) -> String {
    path(&["v1", "policies", name])
}
