//! What the operator settled for the calls of a range, in the words of calls.

use std::time::Duration;

use shared::{PromptId, PromptStart, Repeat, Source};

use super::{Orbit, OrbitTable};
use crate::call::arrival::Arrival;
use crate::call::{Exchange, Rules};
use crate::config::{self, Config, MediaPath, Music, Numbers, OrbitRange, WhenAllFail};

/// What holds for the calls that wait in a range.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How long a call waits before somebody is called.
    pub(crate) pickup_timeout: Duration,
    /// How often the parker is called.
    pub(crate) max_pickup_attempts: u8,
    /// How long a phone rings that is called.
    pub(crate) recall_ring_timeout: Duration,
    /// What they hear.
    pub(crate) music: Source,
    /// Who is called after the parker.
    pub(crate) on_timeout_uri: Option<Box<str>>,
    /// What follows when nobody came.
    pub(crate) when_all_fail: WhenAllFail,
    /// Which way media goes once the call was retrieved.
    pub(crate) media: MediaPath,
}

impl Settings {
    /// Those of one range.
    pub(crate) fn of_range(config: &Config, range: &OrbitRange) -> Self {
        Self::new(config, config.settings(range))
    }

    /// Those of `[park]`.
    pub(crate) fn of_all(config: &Config) -> Self {
        Self::new(config, config.settings(&OrbitRange::default()))
    }

    fn new(config: &Config, settings: config::Settings) -> Self {
        Self {
            pickup_timeout: settings.pickup_timeout,
            max_pickup_attempts: settings.max_pickup_attempts,
            recall_ring_timeout: settings.recall_ring_timeout,
            music: settings
                .music
                .and_then(|name| config.music.get(&name))
                .map_or(Source::Silent, source),
            on_timeout_uri: settings.on_timeout_uri.map(Into::into),
            when_all_fail: settings.when_all_fail,
            media: settings.media,
        }
    }
}

impl OrbitTable {
    /// The ranges of a configuration.
    pub(crate) fn of(config: &Config) -> Self {
        Self::new(ranges(config))
    }
}

impl Exchange {
    /// What holds for the calls in an orbit; those of an orbit that is one no more have what holds
    /// for all.
    pub(crate) fn settings(&self, orbit: Orbit) -> &Settings {
        self.orbits.settings(orbit).unwrap_or(&self.rules.of_all)
    }
}

/// The ranges of a configuration, with their settings.
pub(super) fn ranges(config: &Config) -> impl Iterator<Item = (OrbitRange, Settings)> + '_ {
    config
        .orbit_ranges
        .iter()
        .map(|range| (range.clone(), Settings::of_range(config, range)))
}

impl Rules {
    /// The music of the number that a caller has called, if that has its own: where its call went
    /// first (RFC 7044), or else To.
    pub(crate) fn music_of(&self, arrival: &Arrival) -> Option<PromptId> {
        let called = &*arrival.called.as_ref()?.user;
        let has = |numbers: &[Numbers]| numbers.iter().any(|one| one.has(called));
        let mut all = self.of_numbers.iter();
        let found = all.find(|one| has(&one.numbers));
        found.map(|one| one.prompt)
    }
}

/// Music of its own for who has called one of these.
#[derive(Clone, Debug)]
pub(crate) struct NumbersMusic {
    pub(crate) numbers: Vec<Numbers>,
    pub(crate) prompt: PromptId,
    pub(crate) source: Source,
}

/// The numbers that have music of their own.
pub(crate) fn music_of_numbers(config: &Config) -> Vec<NumbersMusic> {
    let all = config.music.values();
    let with_numbers = all.filter(|music| !music.numbers.is_empty());
    let own = |music: &Music| NumbersMusic {
        numbers: music.numbers.clone(),
        prompt: music.prompt,
        source: source(music),
    };
    with_numbers.map(own).collect()
}

fn source(music: &Music) -> Source {
    Source::Prompt {
        prompt: music.prompt,
        start: if music.programme {
            PromptStart::Programme
        } else {
            PromptStart::At { position_ms: 0 }
        },
        repeat: Repeat::Forever,
    }
}
