//! The hold music and the words that ship with the project.
//!
//! `cargo run -p orbit-tools --bin compose` makes the music, bit for bit.

/// 16-bit mono WAV at 8,000 Hz, so that what is heard is what was composed: nothing is resampled.
pub(super) const HOLD_MUSIC: &[u8] = include_bytes!("hold_music.wav");

/// A word that is said to callers, such as `7` or `parked-at`, in a language such as `en`. 8 kHz
/// µ-law; `cargo run -p orbit-tools --bin record` makes the files.
pub(super) fn word(language: &str, word: &str) -> Option<&'static [u8]> {
    let (_, words) = LANGUAGES.iter().find(|(name, _)| *name == language)?;
    let (_, file) = words.iter().find(|(name, _)| *name == word)?;
    Some(file)
}

/// The words of one language, by name.
type Words = [(&'static str, &'static [u8]); 16];

macro_rules! words {
    ($language:literal: $($word:literal)*) => {
        ($language, [$((
            $word,
            include_bytes!(concat!("words/", $language, "/", $word, ".wav")) as &[u8],
        )),*])
    };
}

macro_rules! languages {
    ($($language:literal)*) => {
        [$(words!(
            $language: "0" "1" "2" "3" "4" "5" "6" "7" "8" "9" "star" "pound"
            "parked-at" "please-hold" "enter-pin" "wrong-pin"
        )),*]
    };
}

static LANGUAGES: [(&str, Words); 5] = languages!("en" "fr" "de" "it" "es");

#[cfg(test)]
mod tests {
    use super::super::Prompt;
    use super::*;

    #[test]
    fn row_61_each_word_that_ships_is_a_recording_that_is_heard() {
        for (language, words) in &LANGUAGES {
            for (name, file) in words {
                let prompt = Prompt::decode(file.to_vec()).unwrap();
                let shown = format!("{language}/{name}");
                assert!((300..6_000).contains(&prompt.length_ms()), "{shown}");
                let mono = super::super::decode::mono_8khz(file).unwrap();
                let peak = mono.iter().fold(0.0_f32, |peak, one| peak.max(one.abs()));
                assert!((0.3..0.7).contains(&peak), "{shown}: {peak}");
            }
        }
    }
}
