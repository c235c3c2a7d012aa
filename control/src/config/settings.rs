//! What may differ from range to range: each setting of a range is its own, or else its site's, or
//! else that of `[park]`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::json;

use super::limits::{PICKUP_ATTEMPTS, RECALL_RING_TIMEOUT};
use super::nearest::nearest;
use super::table::Table;
use super::{
    Config, ConfigError, Definition, MediaPath, Music, OrbitRange, WhenAllFail, duration, forsaken,
};

/// What holds for the calls that wait in one range.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// 10 s to 10 min; 2 to 30 min in a range that gives its orbits out in sequence.
    pub pickup_timeout: Duration,
    /// 1 to 10.
    pub max_pickup_attempts: u8,
    /// 5 s to 2 min: how long a phone rings that is called back.
    pub recall_ring_timeout: Duration,
    /// A name in `music`; `None`: silence.
    pub music: Option<String>,
    /// Called after the last attempt.
    pub on_timeout_uri: Option<String>,
    /// What follows when that was in vain as well.
    pub when_all_fail: WhenAllFail,
    /// Which way media goes once a call was retrieved.
    pub media: MediaPath,
}

/// What one scope says by itself; `None` where it leaves that to the next wider one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Overrides {
    /// See [`Settings`].
    pub pickup_timeout: Option<Duration>,
    /// See [`Settings`].
    pub max_pickup_attempts: Option<u8>,
    /// See [`Settings`].
    pub recall_ring_timeout: Option<Duration>,
    /// Off: silence.
    pub music_on_hold: Option<bool>,
    /// A name in `music`.
    pub music: Option<String>,
    /// See [`Settings`].
    pub on_timeout_uri: Option<String>,
    /// See [`Settings`].
    pub when_all_fail: Option<WhenAllFail>,
    /// See [`Settings`].
    pub media: Option<MediaPath>,
}

impl Config {
    /// What holds in a range. A site that is not there, or says nothing, leaves all to `[park]`.
    #[must_use]
    pub fn settings(&self, range: &OrbitRange) -> Settings {
        let park = &self.park;
        let of_all = Overrides {
            pickup_timeout: Some(park.pickup_timeout),
            max_pickup_attempts: Some(park.max_pickup_attempts),
            recall_ring_timeout: Some(park.recall_ring_timeout),
            music_on_hold: Some(park.music_on_hold),
            music: Some(park.music.clone()),
            on_timeout_uri: park.on_timeout_uri.clone(),
            when_all_fail: Some(park.when_all_fail),
            media: Some(park.media),
        };
        let site = range.site.as_ref().and_then(|name| park.sites.get(name));
        let scopes = [Some(&range.own), site.map(|site| &site.own), Some(&of_all)];
        let scopes = || scopes.into_iter().flatten();
        let music_on_hold = scopes().find_map(|scope| scope.music_on_hold);
        let music = scopes().find_map(|scope| scope.music.clone());
        Settings {
            pickup_timeout: scopes()
                .find_map(|scope| scope.pickup_timeout)
                .unwrap_or(park.pickup_timeout),
            max_pickup_attempts: scopes()
                .find_map(|scope| scope.max_pickup_attempts)
                .unwrap_or(park.max_pickup_attempts),
            recall_ring_timeout: scopes()
                .find_map(|scope| scope.recall_ring_timeout)
                .unwrap_or(park.recall_ring_timeout),
            music: music.filter(|_| music_on_hold.unwrap_or(true)),
            on_timeout_uri: scopes().find_map(|scope| scope.on_timeout_uri.clone()),
            when_all_fail: scopes()
                .find_map(|scope| scope.when_all_fail)
                .unwrap_or_default(),
            media: scopes().find_map(|scope| scope.media).unwrap_or_default(),
        }
    }
}

impl Config {
    /// What holds in a range of a site that has nothing of its own, or of no site.
    #[must_use]
    pub fn settings_of(&self, site: Option<&str>) -> Settings {
        self.settings(&OrbitRange {
            site: site.map(str::to_owned),
            ..OrbitRange::default()
        })
    }
}

impl Settings {
    /// In the words of the file.
    #[must_use]
    pub fn definition(&self) -> Definition {
        let members = json!({
            "pickup_timeout": duration::show(self.pickup_timeout),
            "max_pickup_attempts": self.max_pickup_attempts,
            "recall_ring_timeout": duration::show(self.recall_ring_timeout),
            "music_on_hold": self.music.is_some(),
            "music": self.music,
            "on_timeout_uri": self.on_timeout_uri,
            WhenAllFail::KEY: self.when_all_fail.name(),
            MediaPath::KEY: self.media.name(),
        });
        Definition::new(members.as_object().cloned().unwrap_or_default())
    }
}

impl Overrides {
    /// The keys of each scope.
    pub(super) const KEYS: [&str; 8] = [
        "pickup_timeout",
        "max_pickup_attempts",
        "recall_ring_timeout",
        "music_on_hold",
        "music",
        "on_timeout_uri",
        WhenAllFail::KEY,
        MediaPath::KEY,
    ];

    /// Reads what a scope says; `timeout` is what it may say of the waiting time.
    pub(super) fn read(
        table: &Table<'_>,
        music: &BTreeMap<String, Music>,
        timeout: &RangeInclusive<Duration>,
    ) -> Result<Self, ConfigError> {
        let named = table.text("music", "write the name of a [music.NAME]")?;
        if let Some(name) = named.filter(|name| !music.contains_key(*name)) {
            let known: Vec<&str> = music.keys().map(String::as_str).collect();
            let what = nearest(name, &known).map_or_else(
                || {
                    format!(
                        "no such music; write [music.{name}], or one of: {}",
                        known.join(", ")
                    )
                },
                |meant| format!("no such music; did you mean {meant}?"),
            );
            return Err(table.wrong("music", &what));
        }
        Ok(Self {
            pickup_timeout: table.duration("pickup_timeout", timeout)?,
            max_pickup_attempts: table.number("max_pickup_attempts", &PICKUP_ATTEMPTS)?,
            recall_ring_timeout: table.duration("recall_ring_timeout", &RECALL_RING_TIMEOUT)?,
            music_on_hold: table.switch("music_on_hold")?,
            music: named.map(str::to_owned),
            on_timeout_uri: forsaken::fallback(table)?,
            when_all_fail: WhenAllFail::read(table)?,
            media: MediaPath::read(table)?,
        })
    }
}
