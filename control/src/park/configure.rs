//! A change of the configuration while calls wait. None of them is disturbed: each keeps its orbit
//! and its time; what follows, such as another call back, follows what holds by then.

use crate::call::Exchange;
use crate::config::{Config, ConfigError};

use super::settings::ranges;

impl Exchange {
    /// Takes `[park]` and the ranges of another configuration: all of it or, with a message,
    /// nothing.
    pub(crate) fn configure(&mut self, config: &Config) -> Result<(), ConfigError> {
        let (before, after) = (&self.rules.park.speech, &config.park.speech);
        let fixed = [
            ("media", self.rules.media == config.media),
            ("music", self.rules.recordings == config.music),
            (
                "park",
                before.language == after.language && before.prompts == after.prompts,
            ),
        ];
        if let Some((table, _)) = fixed.iter().find(|(_, is_same)| !is_same) {
            let what = "cannot change while the server runs; restart it";
            return Err(config.problem(&[table], what));
        }
        self.orbits
            .change(ranges(config))
            .map_err(|error| config.problem(&["orbit_range"], &error.to_string()))?;
        let host = std::mem::take(&mut self.rules.host);
        self.rules = crate::call::Rules::new(config, host);
        tracing::info!(ranges = config.orbit_ranges.len(), "configured anew");
        Ok(())
    }
}
