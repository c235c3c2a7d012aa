//! `[park]`: how calls wait, and what becomes of those that nobody picks up.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;

use super::limits::{NAME_BYTES_MAX, PATTERNS_MAX, PICKUP_TIMEOUT};
use super::numbers::NUMBERS_RULE;
use super::settings::Overrides;
use super::table::Table;
use super::{
    ConfigError, MediaPath, Music, NotifyParker, Numbers, OrbitRange, Site, Speech, WhenAllFail,
    music, sip, site,
};

/// `[park]`
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
    /// After that.
    pub when_all_fail: WhenAllFail,
    /// Which way media goes once a call was retrieved.
    pub media: MediaPath,
    /// What callers are told in words.
    pub speech: Speech,
    /// `[park.site.NAME]`, by name.
    pub sites: BTreeMap<String, Site>,
    /// How the parker is told what became of its call.
    pub notify_parker: NotifyParker,
    /// Watchers that are told what lets them take a call: tags and token.
    pub reveal_dialogs_to: Vec<IpNet>,
    /// The numbers of users; no orbit is one of them.
    pub assigned: Vec<Numbers>,
    /// The numbers that call for help; an orbit that is one of them is warned of.
    pub emergency: Vec<Numbers>,
}

impl Park {
    pub(super) fn read(
        root: &Table<'_>,
        music: &BTreeMap<String, Music>,
        orbit_ranges: &[OrbitRange],
        folder: &Path,
    ) -> Result<Self, ConfigError> {
        let mut park = Self::default();
        let Some(table) = root.table("park")? else {
            return Ok(park);
        };
        table.knows(&[
            "user",
            "assigned",
            "emergency",
            "reveal_dialogs_to",
            NotifyParker::KEY,
            "site",
            "announce",
            "comfort",
            "language",
            "prompts",
            "pickup_timeout",
            "max_pickup_attempts",
            "recall_ring_timeout",
            "music_on_hold",
            "music",
            "on_timeout_uri",
            WhenAllFail::KEY,
            MediaPath::KEY,
            "park_code",
            "retrieve_code",
            "refer_to",
        ])?;
        park.read_user(&table)?;
        park.notify_parker = NotifyParker::read(&table)?;
        park.reveal_dialogs_to = sip::networks(&table, "reveal_dialogs_to")?.unwrap_or_default();
        if let Some(range) = orbit_ranges.iter().find(|range| range.has(&park.user)) {
            let what = format!("an orbit of the range \"{}\"; write a name", range.name);
            return Err(table.wrong("user", &what));
        }
        park.read_rules(&table, music)?;
        park.speech = Speech::read(&table, folder)?;
        park.sites = site::read(&table, music)?;
        park.assigned = table.list("assigned", NUMBERS_RULE, PATTERNS_MAX)?;
        if table.texts("emergency", NUMBERS_RULE)?.is_some() {
            park.emergency = table.list("emergency", NUMBERS_RULE, PATTERNS_MAX)?;
        }
        park.check_numbers(&table, orbit_ranges)?;
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

    /// What a site or a range may have of its own as well.
    fn read_rules(
        &mut self,
        table: &Table<'_>,
        music: &BTreeMap<String, Music>,
    ) -> Result<(), ConfigError> {
        let own = Overrides::read(table, music, &PICKUP_TIMEOUT)?;
        self.pickup_timeout = own.pickup_timeout.unwrap_or(self.pickup_timeout);
        self.max_pickup_attempts = own.max_pickup_attempts.unwrap_or(self.max_pickup_attempts);
        self.recall_ring_timeout = own.recall_ring_timeout.unwrap_or(self.recall_ring_timeout);
        self.music_on_hold = own.music_on_hold.unwrap_or(self.music_on_hold);
        if let Some(name) = own.music {
            self.music = name;
        }
        self.on_timeout_uri = own.on_timeout_uri;
        self.when_all_fail = own.when_all_fail.unwrap_or_default();
        self.media = own.media.unwrap_or_default();
        Ok(())
    }

    /// An orbit that is somebody's number would keep calls from them; one that rescues somebody is
    /// the worst of all, but may be meant.
    fn check_numbers(
        &self,
        table: &Table<'_>,
        orbit_ranges: &[OrbitRange],
    ) -> Result<(), ConfigError> {
        for (number, assigned) in self.assigned.iter().enumerate() {
            let clash = |range: &OrbitRange| Some((assigned.clash(range)?, range.name.clone()));
            if let Some((orbit, name)) = orbit_ranges.iter().find_map(clash) {
                let what = format!(
                    "{orbit} is an orbit of the range \"{name}\"; write other numbers there, or \
                     here"
                );
                return Err(table.wrong_element("assigned", number, &what));
            }
        }
        Ok(())
    }

    /// What to say of orbits that are emergency numbers.
    pub(super) fn warn_of_emergency(
        &self,
        root: &Table<'_>,
        orbit_ranges: &[OrbitRange],
        warnings: &mut Vec<String>,
    ) {
        for emergency in &self.emergency {
            let clash = |range: &OrbitRange| Some((emergency.clash(range)?, range.name.clone()));
            if let Some((orbit, name)) = orbit_ranges.iter().find_map(clash) {
                let what = format!(
                    "{orbit} is an orbit of the range \"{name}\" and an emergency number: whoever \
                     dials it here reaches a parked call; write other numbers"
                );
                warnings.push(root.wrong("orbit_range", &what).message);
            }
        }
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
            when_all_fail: WhenAllFail::End,
            media: MediaPath::Anchored,
            speech: Speech::default(),
            sites: BTreeMap::new(),
            reveal_dialogs_to: Vec::new(),
            notify_parker: NotifyParker::Off,
            assigned: Vec::new(),
            emergency: EMERGENCY
                .iter()
                .filter_map(|number| number.parse().ok())
                .collect(),
        }
    }
}

/// Most of the world's; none begins with 0, as no orbit does.
const EMERGENCY: [&str; 3] = ["112", "911", "999"];
