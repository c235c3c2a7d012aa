//! The prompts a worker holds: each that somebody plays, once, with the number of its players.
//! Looking one up per packet is an index; a replaced prompt is noticed between packets, and the old
//! one is let go.
//!
//! Absent on purpose: how recordings come to be (`prompt`), and where in them a stream is
//! (`player`).

use std::sync::Arc;

use shared::limits::PROMPTS_MAX;
use shared::{Codec, PromptId};

use crate::prompt::{Prompt, PromptTable};

/// One prompt in one codec, as a hot line names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Track(u16);

impl Track {
    /// Prompt numbers end far below the numbers of tracks.
    #[must_use]
    pub const fn new(prompt: PromptId, codec: Codec) -> Self {
        Self(prompt.0 * CODECS + codec as u16)
    }

    /// Which prompt.
    #[must_use]
    pub const fn prompt(self) -> PromptId {
        PromptId(self.0 / CODECS)
    }

    /// In which codec.
    #[must_use]
    pub const fn codec(self) -> Codec {
        Codec::ALL[(self.0 % CODECS) as usize]
    }
}

/// [`Codec::ALL`] has this many; a test holds them together.
const CODECS: u16 = 2;
const _: () = assert!(Codec::ALL.len() == CODECS as usize);
const _: () = assert!(PROMPTS_MAX < u16::MAX / CODECS);

/// The prompts in use on one worker.
#[derive(Debug)]
pub struct Library {
    table: Arc<PromptTable>,
    /// The table's, when it was looked at last.
    generation: u64,
    /// One place for each id that there can be.
    held: Box<[Option<Held>]>,
}

#[derive(Debug)]
struct Held {
    prompt: Arc<Prompt>,
    players: u32,
}

impl Library {
    /// Holds nothing yet.
    #[must_use]
    pub fn new(table: Arc<PromptTable>) -> Self {
        Self {
            generation: table.generation(),
            table,
            held: (0..PROMPTS_MAX).map(|_| None).collect(),
        }
    }

    /// One more plays this; `false` when there is no such prompt.
    pub fn acquire(&mut self, id: PromptId) -> bool {
        let Some(slot) = self.held.get_mut(usize::from(id.0)) else {
            return false;
        };
        if slot.is_none() {
            *slot = self
                .table
                .current(id)
                .map(|prompt| Held { prompt, players: 0 });
        }
        slot.as_mut().map(|held| held.players += 1).is_some()
    }

    /// One plays this no more.
    pub fn release(&mut self, id: PromptId) {
        let slot = &mut self.held[usize::from(id.0)];
        let Some(held) = slot else {
            unreachable!("released more often than acquired")
        };
        held.players -= 1;
        if held.players == 0 {
            *slot = None;
        }
    }

    /// The samples of a track that was acquired; never empty.
    #[must_use]
    pub fn audio(&self, track: Track) -> &[u8] {
        match &self.held[usize::from(track.prompt().0)] {
            Some(held) => held.prompt.audio(track.codec()),
            None => unreachable!("a line plays what it did not acquire"),
        }
    }

    /// Takes up prompts that were replaced; tells of each.
    pub fn refresh(&mut self, mut replaced: impl FnMut(PromptId, &Prompt)) {
        let generation = self.table.generation();
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        for (number, slot) in (0..).zip(&mut self.held) {
            let (Some(held), Some(current)) = (slot, self.table.current(PromptId(number))) else {
                continue;
            };
            if !Arc::ptr_eq(&held.prompt, &current) {
                held.prompt = current;
                replaced(PromptId(number), &held.prompt);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_names_its_prompt_and_codec() {
        for codec in Codec::ALL {
            let track = Track::new(PromptId(1_023), codec);
            assert_eq!((track.prompt(), track.codec()), (PromptId(1_023), codec));
        }
    }
}
