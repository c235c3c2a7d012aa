//! `[park]`: how calls wait, and what becomes of those that nobody picks up.

use std::collections::BTreeMap;
use std::time::Duration;

use super::limits::{NAME_BYTES_MAX, PICKUP_ATTEMPTS, PICKUP_TIMEOUT, RECALL_RING_TIMEOUT};
use super::music;
use super::nearest::nearest;
use super::table::{NAME_RULE, Table, is_name};
use super::{ConfigError, Music, OrbitRange};

/// `[park]`; `[park.site.NAME]` is checked and kept for later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Park {
    /// The user part of the park address; never an orbit.
    pub user: String,
    /// 10 s to 10 min.
    pub pickup_timeout: Duration,
    /// 1 to 10.
    pub max_pickup_attempts: u8,
    /// 5 s to 2 min: how long a phone rings that is called back.
    pub recall_ring_timeout: Duration,
    /// Off: silence.
    pub music_on_hold: bool,
    /// A name in `music`.
    pub music: String,
    /// After the last attempt.
    pub on_timeout_uri: Option<String>,
}

impl Park {
    pub(super) fn read(
        root: &Table<'_>,
        music: &BTreeMap<String, Music>,
        orbit_ranges: &[OrbitRange],
        warnings: &mut Vec<String>,
    ) -> Result<Self, ConfigError> {
        let mut park = Self::default();
        let Some(table) = root.table("park")? else {
            return Ok(park);
        };
        table.knows(&[
            "user",
            "pickup_timeout",
            "max_pickup_attempts",
            "recall_ring_timeout",
            "music_on_hold",
            "music",
            "on_timeout_uri",
            "park_code",
            "retrieve_code",
            "site",
        ])?;
        park.read_user(&table)?;
        if let Some(range) = orbit_ranges.iter().find(|range| range.has(&park.user)) {
            let what = format!("an orbit of the range \"{}\"; write a name", range.name);
            return Err(table.wrong("user", &what));
        }
        park.read_rules(&table, music)?;
        park.check_sites(&table, music, warnings)?;
        Ok(park)
    }

    fn read_user(&mut self, table: &Table<'_>) -> Result<(), ConfigError> {
        let rule = "write the part of sip:park@… before the @";
        let Some(user) = table.text("user", rule)? else {
            return Ok(());
        };
        // RFC 3261 §25.1 without what would need escaping, or has a meaning in a dial plan.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.!~*'()+&=".contains(&b);
        if !(1..=NAME_BYTES_MAX).contains(&user.len()) || !user.bytes().all(plain) {
            return Err(table.wrong("user", &format!("not a user part; {rule}")));
        }
        user.clone_into(&mut self.user);
        Ok(())
    }

    /// What a site may have of its own.
    fn read_rules(
        &mut self,
        table: &Table<'_>,
        music: &BTreeMap<String, Music>,
    ) -> Result<(), ConfigError> {
        if let Some(timeout) = table.duration("pickup_timeout", &PICKUP_TIMEOUT)? {
            self.pickup_timeout = timeout;
        }
        if let Some(attempts) = table.number("max_pickup_attempts", &PICKUP_ATTEMPTS)? {
            self.max_pickup_attempts = attempts;
        }
        if let Some(timeout) = table.duration("recall_ring_timeout", &RECALL_RING_TIMEOUT)? {
            self.recall_ring_timeout = timeout;
        }
        if let Some(on) = table.switch("music_on_hold")? {
            self.music_on_hold = on;
        }
        if let Some(name) = table.text("music", "write the name of a [music.NAME]")? {
            if !music.contains_key(name) {
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
            name.clone_into(&mut self.music);
        }
        if let Some(uri) = table.sip_uri("on_timeout_uri")? {
            self.on_timeout_uri = Some(uri);
        }
        Ok(())
    }

    fn check_sites(
        &self,
        table: &Table<'_>,
        music: &BTreeMap<String, Music>,
        warnings: &mut Vec<String>,
    ) -> Result<(), ConfigError> {
        let Some(sites) = table.table("site")? else {
            return Ok(());
        };
        for name in sites.keys() {
            if !is_name(name) {
                return Err(sites.wrong(name, &format!("not a name; {NAME_RULE}")));
            }
            let Some(site) = sites.table(name)? else {
                continue;
            };
            site.knows(&[
                "pickup_timeout",
                "max_pickup_attempts",
                "recall_ring_timeout",
                "music_on_hold",
                "music",
                "on_timeout_uri",
            ])?;
            self.clone().read_rules(&site, music)?;
            warnings.push(
                site.wrong_itself("sites are not built in this version; without effect")
                    .0,
            );
        }
        Ok(())
    }
}

impl Default for Park {
    fn default() -> Self {
        Self {
            user: "park".to_owned(),
            pickup_timeout: Duration::from_secs(90),
            max_pickup_attempts: 1,
            recall_ring_timeout: Duration::from_secs(20),
            music_on_hold: true,
            music: music::DEFAULT.to_owned(),
            on_timeout_uri: None,
        }
    }
}
