//! `[music.NAME]`: what waiting callers hear.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use shared::PromptId;
use shared::limits::PROMPTS_MAX;

use super::limits::PATTERNS_MAX;
use super::numbers::NUMBERS_RULE;
use super::table::{NAME_RULE, Table, is_name};
use super::{Config, ConfigError, Numbers, RecordingName, Store, Word};

/// `[music.NAME]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Music {
    /// `None`: the one that ships with the project (`"builtin"`).
    pub file: Option<PathBuf>,
    /// What the file is, where it was uploaded.
    pub recording: Option<RecordingName>,
    /// Programme (true), or from-start.
    pub programme: bool,
    /// Who has called one of these hears it, whatever its orbit has.
    pub numbers: Vec<Numbers>,
    /// The number under which the workers have it, for as long as the process lives: whatever is
    /// added or removed beside it. No two have the same.
    pub prompt: PromptId,
}

impl Default for Music {
    fn default() -> Self {
        Self {
            file: None,
            recording: None,
            programme: true,
            numbers: Vec::new(),
            prompt: PromptId(0),
        }
    }
}

impl Config {
    /// Prepares every recording with the given functions, each with its number: the music, and the
    /// words, which `spoken` has by language and name.
    ///
    /// # Errors
    /// The first that cannot be prepared, at the key that names it.
    pub fn prepare_prompts<P, E: fmt::Display>(
        &self,
        builtin: impl Fn() -> P,
        spoken: impl Fn(&str, &str) -> P,
        load: impl Fn(&Path) -> Result<P, E>,
    ) -> Result<Vec<(PromptId, P)>, ConfigError> {
        let prepare = |(name, music): (&String, &Music)| {
            let Some(path) = &music.file else {
                return Ok((music.prompt, builtin()));
            };
            let key = ["music", name, music.key()];
            let wrong = |error| self.problem(&key, &format!("{}: {error}", path.display()));
            Ok((music.prompt, load(path).map_err(wrong)?))
        };
        let speech = &self.park.speech;
        let say = |word: Word| {
            let Some(path) = speech.own(word) else {
                return Ok((word.prompt(), spoken(&speech.language, word.name())));
            };
            let wrong = |error| {
                self.problem(
                    &["park", "prompts"],
                    &format!("{}: {error}", path.display()),
                )
            };
            Ok((word.prompt(), load(&path).map_err(wrong)?))
        };
        if let Some(folder) = speech.prompts.as_ref().filter(|folder| !folder.is_dir()) {
            let what = format!("{}: no such folder", folder.display());
            return Err(self.problem(&["park", "prompts"], &what));
        }
        let words = Word::all().map(say);
        self.music.iter().map(prepare).chain(words).collect()
    }

    /// Gives the music that another configuration has too its number there, and new music numbers
    /// that are free: the next ones after `last`, so that a number that was somebody's is nobody
    /// else's for as long as can be. The last one given.
    #[must_use]
    pub fn number_as(&mut self, other: &Self, last: PromptId) -> PromptId {
        let mut taken: BTreeSet<u16> = { other.music.values() }.map(|one| one.prompt.0).collect();
        let mut last = last.0;
        for (name, music) in &mut self.music {
            if let Some(there) = other.music.get(name) {
                music.prompt = there.prompt;
                continue;
            }
            // Those of music that is removed now are taken too: somebody may still hear it.
            let after = last + 1..MUSIC_MAX;
            let mut free = after.chain(0..MUSIC_MAX).filter(|one| !taken.contains(one));
            let number = free.next();
            last = number.expect("the two have room together");
            taken.insert(last);
            music.prompt = PromptId(last);
        }
        PromptId(last)
    }
}

/// The numbers of music are below; those of the words are above.
const MUSIC_MAX: u16 = PROMPTS_MAX - Word::COUNT;
/// Music that there can be: that of before a change and that of afterwards have numbers together.
const NAMES_MAX: usize = MUSIC_MAX as usize / 2;

/// The music of whoever names none.
pub(super) const DEFAULT: &str = "default";

/// All of it; [`DEFAULT`] is there whether the file has it or not.
pub(super) fn read(
    root: &Table<'_>,
    folder: &Path,
    store: &Store,
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
        all.insert(name.to_owned(), Music::read(&one, folder, store)?);
    }
    if all.len() > NAMES_MAX {
        return Err(root.wrong("music", &format!("more than {NAMES_MAX}; strike some")));
    }
    for (number, music) in (0..).zip(all.values_mut()) {
        music.prompt = PromptId(number);
    }
    Ok(all)
}

impl Music {
    fn read(table: &Table<'_>, folder: &Path, store: &Store) -> Result<Self, ConfigError> {
        table.knows(&["file", "recording", "mode", "numbers"])?;
        let mut music = Self::default();
        let rule = "write \"builtin\", or the path of a wav, flac, mp3 or ogg file";
        match table.text("file", rule)? {
            None | Some("builtin") => {}
            Some("") => return Err(table.wrong("file", &format!("empty; {rule}"))),
            Some(path) => music.file = Some(folder.join(path)),
        }
        music.read_recording(table, store)?;
        let rule = "write \"programme\" or \"from-start\"";
        match table.text("mode", rule)? {
            None | Some("programme") => {}
            Some("from-start") => music.programme = false,
            Some(_) => return Err(table.wrong("mode", &format!("unknown; {rule}"))),
        }
        music.numbers = table.list("numbers", NUMBERS_RULE, PATTERNS_MAX)?;
        Ok(music)
    }

    /// The key that names its file.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self.recording {
            Some(_) => RECORDING,
            None => "file",
        }
    }

    fn read_recording(&mut self, table: &Table<'_>, store: &Store) -> Result<(), ConfigError> {
        let rule = "write the 64 digits of base sixteen that orbitctl music show tells";
        let Some(text) = table.text(RECORDING, rule)? else {
            return Ok(());
        };
        let name = RecordingName::of(text);
        let name = name.ok_or_else(|| table.wrong(RECORDING, &format!("not one; {rule}")))?;
        if table.keys().any(|key| key == "file") {
            return Err(table.wrong(RECORDING, "file is there too; strike one of them"));
        }
        let Some(folder) = store.recordings() else {
            let what = "recordings are kept beside a store; write [store] path";
            return Err(table.wrong(RECORDING, what));
        };
        self.file = Some(folder.join(name.as_str()));
        self.recording = Some(name);
        Ok(())
    }
}

/// The key of an uploaded recording.
const RECORDING: &str = "recording";
