//! `orbitctl music`: what waiting callers hear.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use control::driver::http::limits::RECORDING_BYTES_MAX;
use control::driver::http::{ConfiguredMusic, MusicList};
use serde_json::{Map, Value};

use super::client::{Client, Condition, path};
use super::object::{self, members};
use super::table::Side::{Left, Right};
use super::table::Table;
use super::{Failure, cell, scope, tell, transfer};

/// What it can do with music. What changes something needs the role admin, is kept in the store and
/// beside it, and holds at the next start, whatever the file says.
#[derive(Subcommand, Debug)]
pub(super) enum MusicCommand {
    /// The music, how long it is, and who names it.
    List,
    /// One piece of music as it is configured.
    Show {
        /// Its name.
        name: String,
    },
    /// Upload new music; one of the name must not be there yet.
    #[command(visible_alias = "upload")]
    Add {
        /// Its name, for ranges, sites and settings.
        name: String,
        /// The recording: WAV, FLAC, MP3 or Ogg Vorbis, 32 MiB at most; - for the standard input.
        file: PathBuf,
        #[command(flatten)]
        music: MusicOptions,
    },
    /// Upload another recording of music that is there. Who hears it goes on in the new one.
    Replace {
        /// Its name.
        name: String,
        /// The recording; - for the standard input.
        file: PathBuf,
    },
    /// Change what is given of music, and leave the rest as it is.
    Set {
        /// Its name.
        name: String,
        #[command(flatten)]
        music: MusicOptions,
        /// Leave a key to its usual value, such as numbers.
        #[arg(long, value_name = "KEY")]
        unset: Vec<String>,
    },
    /// The recording itself, as it was uploaded or as the file names it.
    #[command(visible_alias = "download")]
    Listen {
        /// Its name.
        name: String,
        /// Into this new file; otherwise to the standard output, for a player such as aplay.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Remove music. What a range, a site or the settings of all name stays.
    Remove {
        /// Its names.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Leave music to the file: what it says of it holds again.
    Revert {
        /// Its names.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// The keys of music besides its recording.
#[derive(Args, Debug, Default)]
pub(super) struct MusicOptions {
    /// programme: everybody hears the same moment; from-start: each caller its beginning.
    #[arg(long)]
    mode: Option<String>,
    /// Who has called these hears it, such as 2000-2999; may be given several times.
    #[arg(long = "number", value_name = "NUMBERS")]
    numbers: Vec<String>,
}

pub(super) fn run(
    client: &Client,
    json: bool,
    command: Option<&MusicCommand>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match command {
        None | Some(MusicCommand::List) => {
            let list: MusicList = client.get("/v1/music")?;
            tell(out, json, &list, |list| table(&list.music))
        }
        Some(MusicCommand::Show { name }) => show(out, json, name, &client.get(&place(name))?),
        Some(MusicCommand::Add { name, file, music }) => {
            let mut added: Value = upload(client, name, file, &Condition::IsNew)?;
            if !music.is_empty() {
                added = set(client, name, music, &[])?;
            }
            show(out, json, name, &added)
        }
        Some(MusicCommand::Replace { name, file }) => {
            let (_, condition) = client.get_tagged::<Value>(&place(name))?;
            let replaced = upload(client, name, file, &condition)?;
            show(out, json, name, &replaced)
        }
        Some(MusicCommand::Set { name, music, unset }) => {
            let changed = set(client, name, music, unset)?;
            show(out, json, name, &changed)
        }
        Some(MusicCommand::Listen { name, output }) => listen(client, name, output.as_deref(), out),
        Some(MusicCommand::Remove { names }) => object::remove(client, "music", names, out),
        Some(MusicCommand::Revert { names }) => object::revert(client, "music", names, out),
    }
}

fn show(out: &mut dyn Write, json: bool, name: &str, music: &Value) -> Result<(), Failure> {
    tell(out, json, music, |music| {
        object::shown("music", name, music)
    })
}

fn upload(
    client: &Client,
    name: &str,
    file: &Path,
    condition: &Condition,
) -> Result<Value, Failure> {
    client.upload(&recording(name), &read(file)?, condition)
}

fn set(
    client: &Client,
    name: &str,
    music: &MusicOptions,
    unset: &[String],
) -> Result<Value, Failure> {
    let (before, condition) = client.get_tagged::<Value>(&place(name))?;
    let mut members = members(&before);
    scope::unset(&mut members, unset)?;
    put(&mut members, music);
    client.put(&place(name), &members, &condition)
}

fn put(members: &mut Map<String, Value>, music: &MusicOptions) {
    scope::put_texts(members, &[("mode", &music.mode)]);
    if !music.numbers.is_empty() {
        members.insert("numbers".to_owned(), Value::from(music.numbers.clone()));
    }
}

impl MusicOptions {
    fn is_empty(&self) -> bool {
        self.mode.is_none() && self.numbers.is_empty()
    }
}

/// The bytes of a file. What the server would refuse for its size is not sent.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let most = RECORDING_BYTES_MAX as u64;
    let read = |source: &mut dyn io::Read| {
        let mut bytes = Vec::new();
        source.take(most + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes: io::Result<_> = if path == Path::new("-") {
        read(&mut io::stdin().lock())
    } else {
        File::open(path).and_then(|mut file| read(&mut file))
    };
    let path = path.display();
    let bytes = bytes.map_err(|error| {
        Failure::Argument(format!("{path}: {error}; name a file with a recording"))
    })?;
    if bytes.len() > RECORDING_BYTES_MAX {
        let mib = most >> 20;
        return Err(Failure::Argument(format!(
            "{path}: longer than {mib} MiB, the most that is taken; 8 kHz and one channel are \
             all that is heard"
        )));
    }
    Ok(bytes)
}

fn listen(
    client: &Client,
    name: &str,
    output: Option<&Path>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if output.is_none() && io::stdout().is_terminal() {
        let what = "a recording is no text; name a file with --output, or a player behind |";
        return Err(Failure::Argument(what.to_owned()));
    }
    let bytes = client.download(&recording(name))?;
    match output {
        Some(path) => Ok(transfer::create(path)?.write_all(&bytes)?),
        None => Ok(out.write_all(&bytes)?),
    }
}

fn table(music: &[ConfiguredMusic]) -> String {
    let heads = [
        ("music", Left),
        ("length", Right),
        ("from", Left),
        ("recording", Left),
        ("mode", Left),
        ("named by", Left),
    ];
    let mut table = Table::new(&heads);
    for one in music {
        let definition = &one.definition;
        let recording = match (&definition.recording, &definition.file) {
            (Some(recording), _) => cell::cut(recording, 12),
            (None, Some(file)) => cell::cut(file, 40),
            (None, None) => "builtin".to_owned(),
        };
        let length = one.length_ms.map_or_else(|| "-".to_owned(), length);
        let mode = definition.mode.as_deref().unwrap_or("programme");
        table.row(vec![
            cell::printable(&one.name),
            length,
            object::origin(one.origin).to_owned(),
            recording,
            cell::printable(mode),
            cell::cut(&one.used_by.join(", "), 60),
        ]);
    }
    table.text()
}

/// As `3:07`.
fn length(millis: u64) -> String {
    let seconds = millis / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn place(name: &str) -> String {
    path(&["v1", "music", name])
}

fn recording(name: &str) -> String {
    path(&["v1", "music", name, "recording"])
}
