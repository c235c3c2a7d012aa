//! Where in the file things stand, and how a message names the place.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::limits::FILE_BYTES_MAX;

/// One message for the operator: `site.toml:12: [park] pickup_timeout = "5s": …`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// All of it: the place, what is wrong there, what would be right.
    pub message: String,
    /// The place alone: the way to the key, such as `["orbit_range", "1", "start"]`. Empty where
    /// the file as a whole is wrong.
    pub key: Vec<String>,
    /// What is wrong, and what would be right, without the place.
    pub what: String,
}

impl ConfigError {
    /// A file that is wrong as a whole; `place` names it.
    fn of_file(place: impl fmt::Display, what: impl Into<String>) -> Self {
        let what = what.into();
        Self {
            message: format!("{place}: {what}"),
            key: Vec::new(),
            what,
        }
    }
}

/// The places of a file's tables, keys and elements.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// `None` for the built-in defaults.
    file: Option<String>,
    places: BTreeMap<Vec<String>, Place>,
    /// What stood in the file, without what was laid over it.
    base: Arc<Base>,
    /// Whether lines of the file can be named: not where something was laid over it.
    has_lines: bool,
}

/// A file as it was read.
#[derive(PartialEq, Eq, Default)]
struct Base {
    text: String,
    folder: PathBuf,
}

/// One place.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Place {
    line: usize,
    /// `[park]`, `[[orbit_range]] start = "700"`.
    words: String,
    /// The table of a key, for words about keys that are not there.
    is_table: bool,
}

impl Source {
    pub(super) fn new(text: &str, name: &str, folder: &Path, root: &DeTable<'_>) -> Self {
        let base = Base {
            text: text.to_owned(),
            folder: folder.to_owned(),
        };
        Self {
            file: Some(name.to_owned()),
            places: places(text, root),
            base: Arc::new(base),
            has_lines: true,
        }
    }

    /// That of a text which came about by laying something over this file.
    pub(super) fn laid_over(&self, text: &str, root: &DeTable<'_>) -> Self {
        let file = self.name();
        Self {
            file: Some(format!("{file}, as changed while the server ran")),
            places: places(text, root),
            base: Arc::clone(&self.base),
            has_lines: false,
        }
    }

    /// What stood in the file.
    pub(super) fn text(&self) -> &str {
        &self.base.text
    }

    /// What relative paths in the file are relative to.
    pub(super) fn folder(&self) -> &Path {
        &self.base.folder
    }

    fn name(&self) -> &str {
        self.file.as_deref().unwrap_or("the built-in defaults")
    }

    /// Words a problem with the value of a key. Elements of a list and tables of a list of tables
    /// are named by their number: `["sip", "listen", "0"]`, `["orbit_range", "1", "start"]`.
    pub(super) fn problem(&self, key: &[&str], what: &str) -> ConfigError {
        let key: Vec<String> = key.iter().map(|&part| part.to_owned()).collect();
        let place = self.place(&key);
        ConfigError {
            message: format!("{place}: {what}"),
            key,
            what: what.to_owned(),
        }
    }

    /// Where a key stands, or the table it is missing from: that says where to write it.
    fn place(&self, key: &[String]) -> String {
        let file = self.name();
        if let Some(place) = self.places.get(key) {
            return format!("{}: {}", self.line(place), place.words);
        }
        let Some((name, parents)) = key.split_last() else {
            return file.to_owned();
        };
        match self.places.get(parents).filter(|place| place.is_table) {
            Some(place) => format!("{}: {} {name}", self.line(place), place.words),
            None if parents.is_empty() => format!("{file}: [{name}]"),
            None => format!("{file}: [{}] {name}", parents.join(".")),
        }
    }

    fn line(&self, place: &Place) -> String {
        match self.has_lines {
            true => format!("{}:{}", self.name(), place.line),
            false => self.name().to_owned(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// Reads a file of bounded length.
pub(super) fn text_of(path: &Path) -> Result<String, ConfigError> {
    let file = path.display();
    let bytes = fs::read(path).map_err(|error| {
        let what = format!("cannot be read: {error}; name a file that this user may read");
        ConfigError::of_file(&file, what)
    })?;
    if bytes.len() > FILE_BYTES_MAX {
        let what = format!("longer than {FILE_BYTES_MAX} bytes; is it the configuration?");
        return Err(ConfigError::of_file(file, what));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = Lines::new(&String::from_utf8_lossy(error.as_bytes())).of(at);
        let what = "not UTF-8; save the file in UTF-8";
        ConfigError::of_file(format_args!("{file}:{line}"), what)
    })
}

/// Reads TOML.
pub(super) fn parse<'a>(text: &'a str, name: &str) -> Result<Spanned<DeTable<'a>>, ConfigError> {
    DeTable::parse(text).map_err(|error| {
        let line = Lines::new(text).of(error.span().map_or(0, |span| span.start));
        let what = error.message().lines().collect::<Vec<_>>().join("; ");
        let what = format!("not TOML: {what}");
        ConfigError::of_file(format_args!("{name}:{line}"), what)
    })
}

/// Every place of a document.
fn places(text: &str, root: &DeTable<'_>) -> BTreeMap<Vec<String>, Place> {
    let mut walk = Walk {
        text,
        lines: Lines::new(text),
        places: BTreeMap::new(),
    };
    walk.table(&[], "", root);
    walk.places
}

/// The walk over a document that notes every place.
struct Walk<'a> {
    text: &'a str,
    lines: Lines,
    places: BTreeMap<Vec<String>, Place>,
}

impl Walk<'_> {
    fn table(&mut self, path: &[String], name: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = below(path, key.get_ref());
            let name = match name {
                "" => key.get_ref().to_string(),
                _ => format!("{name}.{}", key.get_ref()),
            };
            self.entry(&path, &name, key.span(), value);
        }
    }

    fn entry(
        &mut self,
        path: &[String],
        name: &str,
        at: Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) {
        match value.get_ref() {
            DeValue::Table(table) => {
                self.note(path, at, format!("[{name}]"), true);
                self.table(path, name, table);
            }
            DeValue::Array(array) => {
                let tables = array.iter().any(|element| element.get_ref().is_table());
                let words = match tables {
                    true => format!("[[{name}]]"),
                    false => self.assignment(name, value),
                };
                self.note(path, at, words, false);
                for (number, element) in array.iter().enumerate() {
                    let path = below(path, &number.to_string());
                    if let DeValue::Table(table) = element.get_ref() {
                        let words = format!("[[{name}]]");
                        self.note(&path, element.span(), words, true);
                        self.table_of_list(&path, name, table);
                    } else {
                        self.note(&path, element.span(), self.assignment(name, element), false);
                    }
                }
            }
            _ => self.note(path, at, self.assignment(name, value), false),
        }
    }

    /// The keys of one `[[NAME]]`.
    fn table_of_list(&mut self, path: &[String], name: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let key_path = below(path, key.get_ref());
            let is_secret = SECRETS.contains(&key.get_ref().as_ref());
            let words = |value| match is_secret {
                true => format!("[[{name}]] {} = \"…\"", key.get_ref()),
                false => format!("[[{name}]] {} = {}", key.get_ref(), self.shown(value)),
            };
            let of_key = words(value);
            let elements = value.get_ref().as_array().map(|array| array.iter());
            let elements = elements.into_iter().flatten().zip(0..);
            let of_elements: Vec<_> = elements
                .map(|(element, number)| {
                    let number: usize = number;
                    (number, element.span(), words(element))
                })
                .collect();
            self.note(&key_path, key.span(), of_key, false);
            for (number, at, words) in of_elements {
                self.note(&below(&key_path, &number.to_string()), at, words, false);
            }
        }
    }

    fn assignment(&self, name: &str, value: &Spanned<DeValue<'_>>) -> String {
        let shown = self.shown(value);
        match name.rsplit_once('.') {
            Some((table, key)) => format!("[{table}] {key} = {shown}"),
            None => format!("{name} = {shown}"),
        }
    }

    /// The value as it was written, if that is short.
    fn shown(&self, value: &Spanned<DeValue<'_>>) -> String {
        let written = self.text.get(value.span()).unwrap_or_default();
        let line = written.lines().next().unwrap_or_default();
        match line.char_indices().nth(SHOWN_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None if line.len() < written.len() => format!("{line}…"),
            None => line.to_owned(),
        }
    }

    fn note(&mut self, path: &[String], at: Range<usize>, words: String, is_table: bool) {
        let line = self.lines.of(at.start);
        let place = Place {
            line,
            words,
            is_table,
        };
        self.places.insert(path.to_vec(), place);
    }
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The number of the line, from 1, that has the byte `at`.
    fn of(&self, at: usize) -> usize {
        self.0.partition_point(|end| *end < at) + 1
    }
}

fn below(path: &[String], name: &str) -> Vec<String> {
    let mut path = path.to_vec();
    path.push(name.to_owned());
    path
}

/// Keys of tables in a list whose values no message repeats.
const SECRETS: [&str; 1] = ["pin"];

/// Characters of a value that a message repeats.
const SHOWN_CHARS_MAX: usize = 60;
