//! A change of the configuration while calls wait. None of them is disturbed: each keeps its orbit
//! and its time; what follows, such as another call back, follows what holds by then.

use shared::Time;

use crate::call::Exchange;
use crate::config::{Config, ConfigError};

use super::OrbitTable;
use super::settings::ranges;

impl Exchange {
    /// Takes `[park]`, the policies, the ranges and the music of another configuration: all of it
    /// or, with a message, nothing.
    pub(crate) fn configure(&mut self, now: Time, config: &Config) -> Result<(), ConfigError> {
        self.orbits = self.orbits_by(config)?;
        let host = std::mem::take(&mut self.rules.host);
        self.rules = crate::call::Rules::new(config, host);
        self.watch_anew(now);
        self.tell_configured();
        tracing::info!(ranges = config.orbit_ranges.len(), "configured anew");
        Ok(())
    }

    /// The orbits with their calls as another configuration has them, or why it is not to be had
    /// now.
    pub(crate) fn orbits_by(&self, config: &Config) -> Result<OrbitTable, ConfigError> {
        let (before, after) = (&self.rules.park.speech, &config.park.speech);
        let fixed = [
            ("media", self.rules.media == config.media),
            (
                "park",
                before.language == after.language && before.prompts == after.prompts,
            ),
        ];
        if let Some((table, _)) = fixed.iter().find(|(_, is_same)| !is_same) {
            let what = "cannot change while the server runs; restart it";
            return Err(config.problem(&[table], what));
        }
        let changed = self.orbits.changed(ranges(config));
        let changed =
            changed.map_err(|error| config.problem(&["orbit_range"], &error.to_string()))?;
        let policies: Vec<&str> = config.policies.iter().map(|one| &*one.name).collect();
        if let Some((orbit, policy)) = changed.closing_without(&policies) {
            let what = format!(
                "a call waits in {orbit} of a removed range, and by the policy \"{policy}\" alone \
                 it can be retrieved; try again when it is over"
            );
            return Err(config.problem(&["policy"], &what));
        }
        Ok(changed)
    }
}
