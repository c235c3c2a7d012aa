//! The music that was to be played, and where in it a packet is.

use dataplane::prompt::Prompt;
use dataplane::prompt::limits::LAP_SAMPLES;
use memchr::memmem;
use shared::Codec;

/// A prompt in one codec.
#[derive(Debug)]
pub struct Music {
    prompt: Prompt,
    codec: Codec,
}

impl Music {
    /// What a stream with this codec is to hear.
    #[must_use]
    pub fn new(prompt: Prompt, codec: Codec) -> Self {
        Self { prompt, codec }
    }

    /// Where in the music this is, in samples from its beginning; the first place of several.
    #[must_use]
    pub fn find(&self, payload: &[u8]) -> Option<usize> {
        if payload.is_empty() || payload.len() > LAP_SAMPLES {
            return None;
        }
        let audio = self
            .prompt
            .payload(self.codec, 0, self.prompt.samples() + payload.len() - 1);
        memmem::find(audio, payload)
    }

    /// The place where the music would have begun, when it is at `position` after `offset` samples.
    #[must_use]
    pub fn origin(&self, position: usize, offset: u64) -> u64 {
        let length = self.prompt.samples() as u64;
        (position as u64 + length - offset % length) % length
    }

    /// Whether the music has this at a place, counted modulo its length.
    #[must_use]
    pub fn has_at(&self, position: u64, payload: &[u8]) -> bool {
        let position = position % self.prompt.samples() as u64;
        let position = usize::try_from(position).expect("below the length");
        payload.len() <= LAP_SAMPLES
            && self.prompt.payload(self.codec, position, payload.len()) == payload
    }
}
