//! The prompts of a node by id, replaceable while they are played.
//!
//! Absent on purpose: positions. Who plays a prompt keeps its own, and takes it modulo the length
//! of the new one.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use crossbeam::queue::SegQueue;
use shared::PromptId;
use shared::limits::PROMPTS_MAX;

use super::Prompt;

/// The prompts of a node by id.
///
/// A worker holds the [`Arc`]s it plays and looks at [`PromptTable::generation`] once a batch; only
/// when that moved does it ask [`PromptTable::current`] again. So a packet costs no lock, no
/// allocation and no shared counter, and a replaced prompt is never freed on a worker's thread.
pub struct PromptTable {
    entries: Box<[ArcSwap<Prompt>]>,
    generation: AtomicU64,
    /// Replaced prompts that a worker may still play.
    retired: SegQueue<Arc<Prompt>>,
}

impl PromptTable {
    /// A table with prompt `PromptId(i)` for the i-th of `prompts`.
    ///
    /// # Panics
    /// With more than [`PROMPTS_MAX`] prompts: the configuration was to refuse that.
    #[must_use]
    pub fn new(prompts: Vec<Prompt>) -> Self {
        assert!(
            prompts.len() <= usize::from(PROMPTS_MAX),
            "at most {PROMPTS_MAX} prompts"
        );
        Self {
            entries: prompts.into_iter().map(ArcSwap::from_pointee).collect(),
            generation: AtomicU64::new(0),
            retired: SegQueue::new(),
        }
    }

    /// How many prompts there are; ids are below.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Grows with every replacement. Cheap: one load.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The prompt to play now; `None` for an id the table does not have. Neither locks nor
    /// allocates, but writes a shared counter: keep the result while the generation stays.
    #[must_use]
    pub fn current(&self, id: PromptId) -> Option<Arc<Prompt>> {
        self.entries.get(usize::from(id.0)).map(ArcSwap::load_full)
    }

    /// Puts a prompt in the place of another. Who plays the old one goes on in the new one at the
    /// same position, modulo its length; the old one is freed by a later call of this or of
    /// [`PromptTable::sweep`], once nobody plays it.
    ///
    /// # Panics
    /// When the table has no such id.
    pub fn replace(&self, id: PromptId, prompt: Prompt) {
        let old = self.entries[usize::from(id.0)].swap(Arc::new(prompt));
        self.generation.fetch_add(1, Ordering::Release);
        self.retired.push(old);
        self.sweep();
    }

    /// Frees replaced prompts that nobody plays any more; returns how many are still played. Not
    /// for a worker's thread.
    pub fn sweep(&self) -> usize {
        for _ in 0..self.retired.len() {
            let Some(prompt) = self.retired.pop() else {
                break;
            };
            // The last holder besides this one dropped it: nobody can get it back.
            if let Err(played) = Arc::try_unwrap(prompt) {
                self.retired.push(played);
            }
        }
        self.retired.len()
    }
}

impl fmt::Debug for PromptTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptTable")
            .field("prompts", &self.len())
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::decode::testing::{sine, wav};

    fn tone(samples: usize) -> Prompt {
        Prompt::decode(wav(8_000, 1, &sine(8_000, 440.0, 0.3, samples))).unwrap()
    }

    #[test]
    fn prompts_are_found_by_their_place() {
        let table = PromptTable::new(vec![tone(1_000), tone(2_000)]);
        assert_eq!(
            table.current(PromptId(1)).map(|prompt| prompt.samples()),
            Some(2_000)
        );
        assert!(table.current(PromptId(2)).is_none());
    }

    #[test]
    fn a_replacement_is_seen_at_the_next_look_and_moves_the_generation() {
        let table = PromptTable::new(vec![tone(1_000)]);
        let before = table.generation();
        table.replace(PromptId(0), tone(3_000));
        assert_ne!(table.generation(), before);
        assert_eq!(table.current(PromptId(0)).unwrap().samples(), 3_000);
    }

    #[test]
    fn a_replaced_prompt_lives_as_long_as_it_is_played_and_is_freed_by_the_table() {
        let table = PromptTable::new(vec![tone(1_000)]);
        let played = table.current(PromptId(0)).unwrap();
        let watch = Arc::downgrade(&played);
        table.replace(PromptId(0), tone(2_000));
        assert_eq!((played.samples(), table.sweep()), (1_000, 1));
        drop(played);
        assert!(watch.upgrade().is_some(), "the player's drop frees nothing");
        assert_eq!(table.sweep(), 0);
        assert!(watch.upgrade().is_none());
    }
}
