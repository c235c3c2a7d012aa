//! The target of the configuration: any text, as an operator's file.

use std::path::Path;

use control::config::Config;

/// One file. It is refused with one line that names it, or it is right: then its ranges keep clear
/// of each other, and each has its settings.
///
/// # Panics
/// When that is not so.
pub fn config(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let config = match Config::parse(text, "site.toml", Path::new("")) {
        Ok(config) => config,
        Err(error) => {
            assert!(error.message.starts_with("site.toml:"), "{error}");
            assert!(!error.message.contains('\n'), "{error}");
            return;
        }
    };
    for range in &config.orbit_ranges {
        assert!(range.start <= range.end);
        let settings = config.settings(range);
        assert!((10..=1_800).contains(&settings.pickup_timeout.as_secs()));
        assert!(
            settings
                .music
                .is_none_or(|name| config.music.contains_key(&name))
        );
    }
    for pair in config.orbit_ranges.windows(2) {
        assert!((pair[0].prefix, pair[0].end) < (pair[1].prefix, pair[1].start));
    }
}
