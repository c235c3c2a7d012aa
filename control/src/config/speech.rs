//! What callers are told in words: the words, their languages, and where an operator's own
//! recordings of them are.

use std::path::{Path, PathBuf};

use shared::PromptId;
use shared::limits::PROMPTS_MAX;

use super::ConfigError;
use super::table::Table;

/// The keys of `[park]` about words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Speech {
    /// Whether who parks by a call of its own hears the orbit.
    pub announce: bool,
    /// Whether a parkee is asked to hold on before it hears music.
    pub comfort: bool,
    /// One of [`LANGUAGES`].
    pub language: String,
    /// A folder with recordings that take the place of those that ship: `WORD.wav` and the like.
    pub prompts: Option<PathBuf>,
}

/// A word, or a few that are always said together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// 0 to 9.
    Digit(u8),
    /// `*`
    Star,
    /// `#`
    Pound,
    /// The call is parked at …
    ParkedAt,
    /// Please hold.
    PleaseHold,
    /// Please enter your PIN.
    EnterPin,
    /// That PIN is not right.
    WrongPin,
}

/// The languages in which the words ship.
pub const LANGUAGES: [&str; 5] = ["en", "fr", "de", "it", "es"];

impl Word {
    /// How many there are.
    pub const COUNT: u16 = 16;

    /// All of them, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        let others = [
            Self::Star,
            Self::Pound,
            Self::ParkedAt,
            Self::PleaseHold,
            Self::EnterPin,
            Self::WrongPin,
        ];
        (0..=9).map(Self::Digit).chain(others)
    }

    /// Its place among all.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Digit(digit) => digit as u16,
            Self::Star => 10,
            Self::Pound => 11,
            Self::ParkedAt => 12,
            Self::PleaseHold => 13,
            Self::EnterPin => 14,
            Self::WrongPin => 15,
        }
    }

    /// The number under which the workers have it: the words are the last of all.
    #[must_use]
    pub const fn prompt(self) -> PromptId {
        PromptId(PROMPTS_MAX - Self::COUNT + self.number())
    }

    /// Which word a number is.
    #[must_use]
    pub fn of_prompt(prompt: PromptId) -> Option<Self> {
        Self::all().find(|word| word.prompt() == prompt)
    }

    /// The name of its recording, without extension.
    #[must_use]
    pub const fn name(self) -> &'static str {
        NAMES[self.number() as usize]
    }

    /// How an orbit is said, sign by sign.
    pub fn of_number(number: &str) -> impl DoubleEndedIterator<Item = Self> + Clone + '_ {
        number.bytes().filter_map(|sign| match sign {
            b'0'..=b'9' => Some(Self::Digit(sign - b'0')),
            b'*' => Some(Self::Star),
            b'#' => Some(Self::Pound),
            _ => None,
        })
    }
}

impl Speech {
    pub(super) fn read(table: &Table<'_>, folder: &Path) -> Result<Self, ConfigError> {
        let mut speech = Self::default();
        speech.announce = table.switch("announce")?.unwrap_or(speech.announce);
        speech.comfort = table.switch("comfort")?.unwrap_or(speech.comfort);
        let rule = format!("write one of: {}", LANGUAGES.join(", "));
        if let Some(language) = table.text("language", &rule)? {
            if !LANGUAGES.contains(&language) {
                return Err(table.wrong("language", &format!("not there; {rule}")));
            }
            language.clone_into(&mut speech.language);
        }
        match table.text("prompts", PROMPTS_RULE)? {
            Some("") => return Err(table.wrong("prompts", &format!("empty; {PROMPTS_RULE}"))),
            Some(path) => speech.prompts = Some(folder.join(path)),
            None => {}
        }
        Ok(speech)
    }

    /// The operator's own recording of a word, if there is one.
    pub(super) fn own(&self, word: Word) -> Option<PathBuf> {
        let folder = self.prompts.as_ref()?;
        let file = |extension| folder.join(format!("{}.{extension}", word.name()));
        let files = ["wav", "flac", "mp3", "ogg"].map(file);
        files.into_iter().find(|file| file.is_file())
    }
}

impl Default for Speech {
    fn default() -> Self {
        Self {
            announce: false,
            comfort: false,
            language: LANGUAGES[0].to_owned(),
            prompts: None,
        }
    }
}

const PROMPTS_RULE: &str = "write the path of a folder with recordings such as 7.wav";

const NAMES: [&str; Word::COUNT as usize] = [
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "star",
    "pound",
    "parked-at",
    "please-hold",
    "enter-pin",
    "wrong-pin",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_has_a_number_and_a_name() {
        assert!(Word::all().map(Word::number).eq(0..Word::COUNT));
        assert_eq!(Word::Digit(7).name(), "7");
        assert_eq!(Word::WrongPin.name(), "wrong-pin");
        assert_eq!(Word::WrongPin.prompt(), PromptId(PROMPTS_MAX - 1));
        assert_eq!(Word::of_prompt(Word::Star.prompt()), Some(Word::Star));
        assert_eq!(Word::of_prompt(PromptId(0)), None);
    }

    #[test]
    fn row_61_an_orbit_is_said_sign_by_sign() {
        let said: Vec<_> = Word::of_number("*701#").map(Word::name).collect();
        assert_eq!(said, ["star", "7", "0", "1", "pound"]);
    }
}
