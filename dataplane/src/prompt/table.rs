//! The prompts of a node by id: put, replaced and taken away while they are played.
//!
//! Absent on purpose: positions, which who plays a prompt keeps, and takes modulo the length of a
//! new one; and who gives ids out (control).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
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
    /// One place for each id that there can be.
    entries: Box<[ArcSwapOption<Prompt>]>,
    generation: AtomicU64,
    /// Replaced prompts that a worker may still play.
    retired: SegQueue<Arc<Prompt>>,
}

impl PromptTable {
    /// A table with these prompts.
    ///
    /// # Panics
    /// For an id that is not below [`PROMPTS_MAX`]: control gives out none.
    #[must_use]
    pub fn new(prompts: impl IntoIterator<Item = (PromptId, Prompt)>) -> Self {
        let places = (0..PROMPTS_MAX).map(|_| ArcSwapOption::empty());
        let entries: Box<[_]> = places.collect();
        for (id, prompt) in prompts {
            entries[usize::from(id.0)].store(Some(Arc::new(prompt)));
        }
        Self {
            entries,
            generation: AtomicU64::new(0),
            retired: SegQueue::new(),
        }
    }

    /// A table with prompt `PromptId(i)` for the i-th of `prompts`.
    ///
    /// # Panics
    /// With more than [`PROMPTS_MAX`] prompts.
    #[must_use]
    pub fn in_order(prompts: Vec<Prompt>) -> Self {
        Self::new((0..).map(PromptId).zip(prompts))
    }

    /// Grows with every replacement. Cheap: one load.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The prompt to play now; `None` where there is none of the id. Neither locks nor allocates,
    /// but writes a shared counter: keep the result while the generation stays.
    #[must_use]
    pub fn current(&self, id: PromptId) -> Option<Arc<Prompt>> {
        self.entries.get(usize::from(id.0))?.load_full()
    }

    /// Puts a prompt there, in the place of another where there is one. Who plays the old one goes
    /// on in the new one at the same position, modulo its length; the old one is freed by a later
    /// change or by [`PromptTable::sweep`], once nobody plays it.
    ///
    /// # Panics
    /// For an id that is not below [`PROMPTS_MAX`].
    pub fn put(&self, id: PromptId, prompt: Prompt) {
        self.swap(id, Some(Arc::new(prompt)));
    }

    /// Takes a prompt away. Who plays it goes on; nobody can begin to.
    ///
    /// # Panics
    /// For an id that is not below [`PROMPTS_MAX`].
    pub fn remove(&self, id: PromptId) {
        self.swap(id, None);
    }

    fn swap(&self, id: PromptId, prompt: Option<Arc<Prompt>>) {
        let old = self.entries[usize::from(id.0)].swap(prompt);
        self.generation.fetch_add(1, Ordering::Release);
        if let Some(old) = old {
            self.retired.push(old);
        }
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
    fn prompts_are_found_by_their_id() {
        let last = PromptId(PROMPTS_MAX - 1);
        let table = PromptTable::new([(PromptId(1), tone(1_000)), (last, tone(2_000))]);
        let samples = |id| table.current(id).map(|prompt| prompt.samples());
        assert_eq!(samples(PromptId(0)), None);
        assert_eq!(samples(PromptId(1)), Some(1_000));
        assert_eq!(samples(last), Some(2_000));
        assert_eq!(samples(PromptId(PROMPTS_MAX)), None);
    }

    #[test]
    fn a_prompt_is_put_where_none_was_and_taken_away_again() {
        let table = PromptTable::new([]);
        let before = table.generation();
        table.put(PromptId(7), tone(1_000));
        let played = table.current(PromptId(7)).unwrap();
        table.remove(PromptId(7));
        assert_eq!(table.generation(), before + 2);
        assert!(table.current(PromptId(7)).is_none());
        assert_eq!((played.samples(), table.sweep()), (1_000, 1));
        drop(played);
        assert_eq!(table.sweep(), 0);
    }

    #[test]
    fn a_replacement_is_seen_at_the_next_look_and_moves_the_generation() {
        let table = PromptTable::in_order(vec![tone(1_000)]);
        let before = table.generation();
        table.put(PromptId(0), tone(3_000));
        assert_ne!(table.generation(), before);
        assert_eq!(table.current(PromptId(0)).unwrap().samples(), 3_000);
    }

    #[test]
    fn a_replaced_prompt_lives_as_long_as_it_is_played_and_is_freed_by_the_table() {
        let table = PromptTable::in_order(vec![tone(1_000)]);
        let played = table.current(PromptId(0)).unwrap();
        let watch = Arc::downgrade(&played);
        table.put(PromptId(0), tone(2_000));
        assert_eq!((played.samples(), table.sweep()), (1_000, 1));
        drop(played);
        assert!(watch.upgrade().is_some(), "the player's drop frees nothing");
        assert_eq!(table.sweep(), 0);
        assert!(watch.upgrade().is_none());
    }
}
