//! Prompts: recordings decoded, resampled and encoded once, shared by every stream that plays them.
//!
//! `decode → resample → encode` happens in [`Prompt::decode`], at load and never on a worker's
//! thread. Absent on purpose: who plays them (`player`), and RTP.

use std::path::Path;

use shared::Codec;

use crate::files::FileIo;

mod builtin;
pub mod decode;
mod encode;
pub mod limits;
mod resample;
mod table;

use encode::Encoded;
pub use table::PromptTable;

/// One recording, encoded in every codec, immutable.
#[derive(Debug)]
pub struct Prompt {
    encoded: Encoded,
}

/// Why a recording cannot be played; each message says what would be right.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// Not one of WAV, FLAC, MP3, Ogg Vorbis, or damaged, or beyond a limit.
    #[error("{0}")]
    Decode(String),
}

impl Prompt {
    /// The hold music that ships with the project, as a WAV file.
    pub const SHIPPED: &'static [u8] = builtin::HOLD_MUSIC;

    /// Decodes a recording (WAV, FLAC, MP3, Ogg Vorbis; 4 to 192 kHz, any number of channels),
    /// mixes to mono, resamples as a loop, encodes. Takes CPU time in proportion to the length:
    /// some seconds for half an hour.
    ///
    /// # Errors
    /// [`PromptError::Decode`].
    pub fn decode(bytes: Vec<u8>) -> Result<Self, PromptError> {
        Self::decode_bytes(&bytes)
    }

    /// As [`Prompt::decode`], from a file.
    ///
    /// # Errors
    /// [`PromptError`].
    pub fn load(files: &dyn FileIo, path: &Path) -> Result<Self, PromptError> {
        let bytes = files.read(path, limits::FILE_BYTES_MAX)?;
        Self::decode_bytes(&bytes)
    }

    /// The hold music that ships with the project.
    #[must_use]
    pub fn builtin() -> Self {
        Self::decode_bytes(Self::SHIPPED).expect("the shipped hold music is a valid recording")
    }

    /// A word that ships with the project, by language and name: `("en", "parked-at")`.
    ///
    /// # Panics
    /// For a word that does not ship.
    #[must_use]
    pub fn spoken(language: &str, word: &str) -> Self {
        let file = builtin::word(language, word).expect("a word that ships");
        Self::decode_bytes(file).expect("each shipped word is a valid recording")
    }

    /// Its length in milliseconds, rounded down.
    #[must_use]
    pub fn length_ms(&self) -> u32 {
        let millis = self.samples() * 1_000 / limits::RATE_HZ as usize;
        u32::try_from(millis).expect("bounded by LENGTH_MS_MAX")
    }

    /// Its length in samples at 8,000 Hz; at least [`limits::LENGTH_MS_MIN`] of them.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.encoded.samples()
    }

    /// Its audio in a codec, once through: one byte a sample for G.711.
    #[must_use]
    pub fn audio(&self, codec: Codec) -> &[u8] {
        self.payload(codec, 0, self.samples())
    }

    /// `samples` of it from `position`, in one piece also where the recording starts over.
    ///
    /// # Panics
    /// When `position` is not below [`Prompt::samples`], or when it reaches further beyond the end
    /// than the longest packet ([`limits::LAP_SAMPLES`]).
    #[must_use]
    pub fn payload(&self, codec: Codec, position: usize, samples: usize) -> &[u8] {
        assert!(position < self.samples(), "positions are modulo the length");
        self.encoded.payload(codec, position, samples)
    }

    fn decode_bytes(bytes: &[u8]) -> Result<Self, PromptError> {
        let mono = decode::mono_8khz(bytes)?;
        Ok(Self {
            encoded: Encoded::new(&mono),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Files;
    use crate::prompt::decode::testing::{sine, wav};

    #[test]
    fn a_payload_that_plays_over_the_end_goes_on_at_the_beginning() {
        let prompt = Prompt::decode(wav(8_000, 1, &sine(8_000, 440.0, 0.3, 1_000))).unwrap();
        for codec in Codec::ALL {
            let audio = prompt.audio(codec);
            let over = prompt.payload(codec, 900, 160);
            assert_eq!(over[..100], audio[900..]);
            assert_eq!(over[100..], audio[..60]);
        }
    }

    #[test]
    fn a_prompt_knows_its_length() {
        let prompt = Prompt::decode(wav(8_000, 1, &sine(8_000, 440.0, 0.3, 12_345))).unwrap();
        assert_eq!((prompt.samples(), prompt.length_ms()), (12_345, 1_543));
    }

    #[test]
    fn a_file_that_is_not_there_is_refused_with_the_reason() {
        let files = Files::start().unwrap();
        let error = Prompt::load(&files, Path::new("/nonexistent/music.wav")).unwrap_err();
        assert!(error.to_string().starts_with("cannot be read: "), "{error}");
    }

    #[test]
    fn a_prompt_is_the_same_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tone.wav");
        let recording = wav(8_000, 1, &sine(8_000, 440.0, 0.3, 4_000));
        std::fs::write(&path, &recording).unwrap();
        let files = Files::start().unwrap();
        let read = Prompt::load(&files, &path).unwrap();
        let plain = Prompt::decode(recording).unwrap();
        assert_eq!(plain.audio(Codec::Pcma), read.audio(Codec::Pcma));
    }
}
