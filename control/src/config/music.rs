//! `[music.NAME]`: what waiting callers hear.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use shared::limits::PROMPTS_MAX;

use super::limits::PATTERNS_MAX;
use super::numbers::NUMBERS_RULE;
use super::table::{NAME_RULE, Table, is_name};
use super::{Config, ConfigError, Numbers, Word};

/// `[music.NAME]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Music {
    /// `None`: the one that ships with the project (`"builtin"`).
    pub file: Option<PathBuf>,
    /// Programme (true), or from-start.
    pub programme: bool,
    /// Who has called one of these hears it, whatever its orbit has.
    pub numbers: Vec<Numbers>,
}

impl Default for Music {
    fn default() -> Self {
        Self {
            file: None,
            programme: true,
            numbers: Vec::new(),
        }
    }
}

impl Config {
    /// Prepares every recording with the given functions, in the order that numbers them as
    /// prompts: the i-th is prompt `PromptId(i)`. First the music, then the words, which `spoken`
    /// has by language and name.
    ///
    /// # Errors
    /// The first that cannot be prepared, at the key that names it.
    pub fn prepare_prompts<P, E: fmt::Display>(
        &self,
        builtin: impl Fn() -> P,
        spoken: impl Fn(&str, &str) -> P,
        load: impl Fn(&Path) -> Result<P, E>,
    ) -> Result<Vec<P>, ConfigError> {
        let prepare = |(name, music): (&String, &Music)| {
            let Some(path) = &music.file else {
                return Ok(builtin());
            };
            let key = ["music", name, "file"];
            load(path).map_err(|error| self.problem(&key, &format!("{}: {error}", path.display())))
        };
        let speech = &self.park.speech;
        let say = |word: Word| {
            let Some(path) = speech.own(word) else {
                return Ok(spoken(&speech.language, word.name()));
            };
            let wrong = |error| {
                self.problem(
                    &["park", "prompts"],
                    &format!("{}: {error}", path.display()),
                )
            };
            load(&path).map_err(wrong)
        };
        if let Some(folder) = speech.prompts.as_ref().filter(|folder| !folder.is_dir()) {
            let what = format!("{}: no such folder", folder.display());
            return Err(self.problem(&["park", "prompts"], &what));
        }
        let words = Word::all().map(say);
        self.music.iter().map(prepare).chain(words).collect()
    }

    /// The number of the first word's prompt.
    #[must_use]
    pub fn first_word(&self) -> u16 {
        u16::try_from(self.music.len()).expect("the configuration bounds its music")
    }
}

/// The music of whoever names none.
pub(super) const DEFAULT: &str = "default";

/// All of it; [`DEFAULT`] is there whether the file has it or not.
pub(super) fn read(
    root: &Table<'_>,
    folder: &Path,
) -> Result<BTreeMap<String, Music>, ConfigError> {
    let mut all = BTreeMap::from([(DEFAULT.to_owned(), Music::default())]);
    let Some(table) = root.table("music")? else {
        return Ok(all);
    };
    for name in table.keys() {
        if !is_name(name) {
            return Err(table.wrong(name, &format!("not a name; {NAME_RULE}")));
        }
        let one = table.table(name)?;
        let one = one.ok_or_else(|| table.wrong(name, "not a table; write [music.NAME]"))?;
        all.insert(name.to_owned(), Music::read(&one, folder)?);
    }
    let most = usize::from(PROMPTS_MAX - Word::COUNT);
    if all.len() > most {
        return Err(root.wrong("music", &format!("more than {most}; strike some")));
    }
    Ok(all)
}

impl Music {
    fn read(table: &Table<'_>, folder: &Path) -> Result<Self, ConfigError> {
        table.knows(&["file", "mode", "numbers"])?;
        let mut music = Self::default();
        let rule = "write \"builtin\", or the path of a wav, flac, mp3 or ogg file";
        match table.text("file", rule)? {
            None | Some("builtin") => {}
            Some("") => return Err(table.wrong("file", &format!("empty; {rule}"))),
            Some(path) => music.file = Some(folder.join(path)),
        }
        let rule = "write \"programme\" or \"from-start\"";
        match table.text("mode", rule)? {
            None | Some("programme") => {}
            Some("from-start") => music.programme = false,
            Some(_) => return Err(table.wrong("mode", &format!("unknown; {rule}"))),
        }
        music.numbers = table.list("numbers", NUMBERS_RULE, PATTERNS_MAX)?;
        Ok(music)
    }
}
