//! Which music a leg hears, and where in it: a recording that begins for each caller goes on where
//! the caller heard it last, on hold or parked again.

use std::collections::BTreeMap;

use shared::{PromptId, PromptStart, Repeat, Source, Time};

use super::limits::{MUSIC_MEMORY, MUSIC_MEMORY_MAX};
use super::{Exchange, Leg};
use crate::park::NumbersMusic;
use crate::sip::agent::DialogKey;

/// What a leg has heard.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    /// The music of the number that was called, before that of its orbit.
    of_number: Option<PromptId>,
    /// Where it was in which recording when it heard that last.
    left: Option<Place>,
    /// Since when it hears what it hears.
    since: Time,
}

impl Heard {
    /// Nothing yet.
    pub(crate) fn of_number(of_number: Option<PromptId>) -> Self {
        Self {
            of_number,
            ..Self::default()
        }
    }
}

/// A place in a recording, in milliseconds; beyond its end it goes round.
#[derive(Clone, Copy, Debug)]
struct Place {
    prompt: PromptId,
    position_ms: u32,
}

/// Where those who are gone have heard their music last, by name.
#[derive(Debug, Default)]
pub(crate) struct MusicMemory {
    places: BTreeMap<Box<str>, (Place, Time)>,
}

impl MusicMemory {
    fn keep(&mut self, now: Time, name: Box<str>, place: Place) {
        if self.places.len() >= MUSIC_MEMORY_MAX {
            self.places.retain(|_, (_, until)| now < *until);
        }
        if self.places.len() < MUSIC_MEMORY_MAX || self.places.contains_key(&name) {
            self.places.insert(name, (place, now + MUSIC_MEMORY));
        }
    }

    fn place(&self, now: Time, name: &str) -> Option<Place> {
        let (place, until) = self.places.get(name)?;
        (now < *until).then_some(*place)
    }
}

impl Exchange {
    /// The music of a leg that waits.
    pub(crate) fn music(&self, leg: &Leg) -> Source {
        match self.settings(leg.orbit).music {
            Source::Silent => Source::Silent,
            music => {
                let is_it = |one: &&NumbersMusic| Some(one.prompt) == leg.heard.of_number;
                let of_number = self.rules.of_numbers.iter().find(is_it);
                of_number.map_or(music, |one| one.source)
            }
        }
    }

    /// The name of the music of a leg that waits; `None` for silence.
    pub(crate) fn music_name(&self, leg: &Leg) -> Option<String> {
        let Source::Prompt { prompt, .. } = self.music(leg) else {
            return None;
        };
        let mut recordings = self.rules.recordings.iter();
        let named = recordings.find(|(_, music)| music.prompt == prompt);
        named.map(|(name, _)| name.clone())
    }

    /// What a leg shall be sent instead of `source`, so that it hears its music from where it was.
    pub(super) fn resumed(&self, leg: &Leg, source: Source) -> Source {
        let Source::Prompt {
            prompt,
            start: PromptStart::At { .. },
            repeat: Repeat::Forever,
        } = source
        else {
            return source;
        };
        if leg
            .place(self.now)
            .is_some_and(|place| place.prompt == prompt)
        {
            return leg.source;
        }
        let is_this = |place: &Place| place.prompt == prompt;
        let remembered = || self.music_memory.place(self.now, leg.identity.name());
        let place = leg.heard.left.filter(is_this);
        let place = place.or_else(|| remembered().filter(is_this));
        Source::Prompt {
            prompt,
            start: PromptStart::At {
                position_ms: place.map_or(0, |place| place.position_ms),
            },
            repeat: Repeat::Forever,
        }
    }

    /// A leg is about to hear something else.
    pub(super) fn note_music(&mut self, dialog: DialogKey) {
        let now = self.now;
        let leg = self.legs.get_mut(&dialog).expect("the caller looked");
        leg.heard.left = leg.place(now).or(leg.heard.left);
        leg.heard.since = now;
    }

    /// A leg is gone: its party may be parked again.
    pub(super) fn remember_music(&mut self, leg: &Leg) {
        let name = leg.identity.name();
        if let Some(place) = leg.place(self.now).or(leg.heard.left)
            && !name.is_empty()
        {
            self.music_memory.keep(self.now, name.into(), place);
        }
    }
}

impl Leg {
    /// Where it is now in a recording that has begun for it alone.
    fn place(&self, now: Time) -> Option<Place> {
        let Source::Prompt {
            prompt,
            start: PromptStart::At { position_ms },
            repeat: Repeat::Forever,
        } = self.source
        else {
            return None;
        };
        let heard = now.since(self.heard.since).as_millis();
        let heard = u32::try_from(heard).unwrap_or(u32::MAX);
        let position_ms = position_ms.wrapping_add(heard);
        Some(Place {
            prompt,
            position_ms,
        })
    }
}
