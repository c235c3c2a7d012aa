//! What a leg is told in words before it hears music, or nothing: one recording after the other.
//!
//! Absent on purpose: when something is said (`park`).

use shared::{PromptStart, Repeat, Source, StreamId};

use super::leg::Speech;
use super::{Exchange, Leg};
use crate::config::Word;
use crate::sip::agent::DialogKey;

impl Exchange {
    /// Lets a leg hear words from its next [`Exchange::apply`] on, instead of what it was to hear.
    pub(crate) fn say(&mut self, dialog: DialogKey, words: impl DoubleEndedIterator<Item = Word>) {
        let leg = self.legs.get_mut(&dialog).expect("the caller looked");
        let unsaid = words.rev().map(Word::prompt).collect();
        leg.speech = Some(Box::new(Speech { unsaid }));
    }

    /// A word is said: the next one, or whatever the leg hears then.
    pub(crate) fn word_ended(&mut self, stream: StreamId) {
        let Some(leg) = self.owner(stream) else {
            return;
        };
        // An event that has crossed our next command is about what is over already.
        if self.legs[&leg].said_now() != Some(self.legs[&leg].source) {
            return;
        }
        let speech = &mut self.legs.get_mut(&leg).expect("it was there above").speech;
        speech.as_mut().expect("it says something").unsaid.pop();
        self.hush(leg);
        let key = self.legs[&leg].call;
        self.apply(key);
    }

    /// Nothing more is said.
    pub(crate) fn stop_saying(&mut self, dialog: DialogKey) {
        let leg = self.legs.get_mut(&dialog).expect("the caller looked");
        leg.speech = None;
    }

    fn owner(&self, stream: StreamId) -> Option<DialogKey> {
        let owner = self.streams.owner(stream)?;
        self.legs.contains_key(&owner).then_some(owner)
    }
}

impl Leg {
    /// The word that it hears now, or is to hear.
    pub(crate) fn said_now(&self) -> Option<Source> {
        let prompt = *self.speech.as_ref()?.unsaid.last()?;
        Some(Source::Prompt {
            prompt,
            start: PromptStart::At { position_ms: 0 },
            repeat: Repeat::Times(1),
        })
    }
}
