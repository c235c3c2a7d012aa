//! Prompts: recordings decoded, resampled, encoded and cut into packets once, shared by every stream that plays them.
//!
//! Absent on purpose: who plays them (`player`), and reading files on a worker thread.

use std::path::Path;

use shared::{Codec, PromptId};

/// One recording, encoded in every codec, immutable.
#[derive(Debug)]
pub struct Prompt {
    /// Its audio by codec, in the order of [`Codec::ALL`]: one byte a sample for G.711.
    encoded: [Vec<u8>; 2],
    /// Samples at 8,000 Hz.
    samples: usize,
}

/// The prompts of a node by id, replaceable while they are played.
#[derive(Debug)]
pub struct PromptTable {
    _private: (),
}

/// Why a recording cannot be played; each message says what would be right.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// Not one of WAV, FLAC, MP3, Ogg Vorbis, or damaged.
    #[error("{0}")]
    Decode(String),
}

#[allow(unused_variables, reason = "signatures first")]
impl Prompt {
    /// Decodes a recording (WAV, FLAC, MP3, Ogg Vorbis; any rate, any number of channels), mixes to mono, resamples, encodes.
    ///
    /// # Errors
    /// [`PromptError`].
    pub fn decode(bytes: Vec<u8>) -> Result<Self, PromptError> {
        unimplemented!()
    }

    /// As [`Prompt::decode`], from a file.
    ///
    /// # Errors
    /// [`PromptError`].
    pub fn load(path: &Path) -> Result<Self, PromptError> {
        unimplemented!()
    }

    /// The hold music that ships with the project.
    #[must_use]
    pub fn builtin() -> Self {
        unimplemented!()
    }

    /// Its length in milliseconds.
    #[must_use]
    pub fn length_ms(&self) -> u32 {
        unimplemented!()
    }

    /// Its audio in a codec.
    #[must_use]
    pub fn audio(&self, codec: Codec) -> &[u8] {
        unimplemented!()
    }
}

#[allow(unused_variables, reason = "signatures first")]
impl PromptTable {
    /// A table with prompt `PromptId(i)` for the i-th of `prompts`.
    #[must_use]
    pub fn new(prompts: Vec<Prompt>) -> Self {
        unimplemented!()
    }

    /// Puts a prompt in the place of another. Who plays the old one goes on in the new one at the same position, modulo its length; the
    /// old one is freed when nobody holds it.
    pub fn replace(&self, id: PromptId, prompt: Prompt) {
        unimplemented!()
    }
}
