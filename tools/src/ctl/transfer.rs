//! `orbitctl export` and `import`: the whole configuration as TOML, and back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use control::driver::http::Import;

use super::client::Client;
use super::table::Side::Left;
use super::table::Table;
use super::{Failure, cell, tell};

/// Writes the configuration, into a new file that nobody else may read where one is named: it has
/// hashes of tokens and PINs.
pub(super) fn export(
    client: &Client,
    file: Option<&Path>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let text = client.text("/v1/configuration")?;
    let Some(path) = file else {
        return Ok(out.write_all(text.as_bytes())?);
    };
    Ok(create(path)?.write_all(text.as_bytes())?)
}

/// A new file that nobody else may read.
pub(super) fn create(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| {
        let path = path.display();
        Failure::Argument(format!(
            "{path}: {error}; name a file that is not there yet"
        ))
    })
}

/// Makes the server's objects those of a file, or says what that would change.
pub(super) fn import(
    client: &Client,
    json: bool,
    (file, is_trial): (&Path, bool),
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let text = if file == Path::new("-") {
        io::read_to_string(io::stdin().lock())
    } else {
        fs::read_to_string(file)
    };
    let text = text.map_err(|error| {
        let file = file.display();
        Failure::Argument(format!("{file}: {error}; name a file with a configuration"))
    })?;
    let path = format!("/v1/configuration?dry_run={is_trial}");
    let import: Import = client.post_text(&path, "application/toml", &text)?;
    tell(out, json, &import, shown)
}

fn shown(import: &Import) -> String {
    let mut text = String::new();
    if import.changes.is_empty() {
        text.push_str("nothing differs\n");
    } else {
        let change = if import.applied { "is" } else { "would be" };
        let mut table = Table::new(&[("object", Left), (change, Left)]);
        for change in &import.changes {
            let object = cell::printable(&change.object);
            table.row(vec![object, change.change.clone()]);
        }
        text.push_str(&table.text());
    }
    for table in &import.left {
        let table = cell::printable(table);
        text.push_str(&format!(
            "[{table}] differs: change the server's file, and restart it\n"
        ));
    }
    text
}
