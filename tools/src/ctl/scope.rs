//! The keys of a definition as they are given on the command line, in JSON.

use serde_json::{Map, Value};

use super::Failure;
use super::options::{RangeOptions, ScopeOptions};

/// Puts what is given in the place of what is there.
pub(super) fn put(members: &mut Map<String, Value>, options: &ScopeOptions) {
    let texts = [
        ("pickup_timeout", &options.pickup_timeout),
        ("recall_ring_timeout", &options.recall_ring_timeout),
        ("music", &options.music),
        ("on_timeout_uri", &options.on_timeout_uri),
        ("when_all_fail", &options.when_all_fail),
        ("media", &options.media),
    ];
    put_texts(members, &texts);
    if let Some(attempts) = options.max_pickup_attempts {
        members.insert("max_pickup_attempts".to_owned(), attempts.into());
    }
    if let Some(music) = options.music_on_hold {
        members.insert("music_on_hold".to_owned(), music.into());
    }
}

/// The same of the keys that ranges alone have.
pub(super) fn put_range(members: &mut Map<String, Value>, options: &RangeOptions) {
    let texts = [
        ("kind", &options.kind),
        ("node", &options.node),
        ("site", &options.site),
        ("policy", &options.policy),
        ("allocation", &options.allocation),
        ("empty", &options.empty),
    ];
    put_texts(members, &texts);
}

/// The same of texts.
pub(super) fn put_texts(members: &mut Map<String, Value>, texts: &[(&str, &Option<String>)]) {
    for (key, text) in texts {
        if let Some(text) = text {
            members.insert((*key).to_owned(), text.as_str().into());
        }
    }
}

/// Takes keys away. A slip of the pen must not look like success.
pub(super) fn unset(members: &mut Map<String, Value>, keys: &[String]) -> Result<(), Failure> {
    for key in keys {
        if members.remove(key).is_none() {
            let there: Vec<&str> = members.keys().map(String::as_str).collect();
            let what = format!("--unset {key}: not set; set are: {}", there.join(", "));
            return Err(Failure::Argument(what));
        }
    }
    Ok(())
}
