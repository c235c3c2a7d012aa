//! What can be configured while the server runs, in the words of the file: the same keys, the same
//! values, in JSON. What is not said, or null, has its usual value.
//!
//! Absent on purpose: what is right. The file's own rules say that (`crate::config`).

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an object comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The operator's file, or built in.
    File,
    /// The store: it was changed while a server ran, and whatever the file says does not count.
    Store,
}

/// A definition with the settings that each scope may have of its own.
macro_rules! definition {
    ($(#[$about:meta])* $name:ident { $($members:tt)* }) => {
        $(#[$about])*
        #[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($members)*
            /// How long a call waits before its parker is called: `10s` to `10min`, where orbits
            /// are given out in sequence `2min` to `30min`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(example = "90s")]
            pub pickup_timeout: Option<String>,
            /// How often the parker is called.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 1, maximum = 10)]
            pub max_pickup_attempts: Option<u8>,
            /// How long a phone rings that is called back: `5s` to `2min`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(example = "20s")]
            pub recall_ring_timeout: Option<String>,
            /// Whether there is music; otherwise silence.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub music_on_hold: Option<bool>,
            /// The name of the music.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(example = "default")]
            pub music: Option<String>,
            /// Who is called after the last attempt: a SIP URI.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(example = "sip:operator@example.com")]
            pub on_timeout_uri: Option<String>,
            /// What follows when that was in vain as well: `end` or `repark`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(example = "end")]
            pub when_all_fail: Option<String>,
            /// Which way media goes once a call was retrieved: `anchored` or `released`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(example = "anchored")]
            pub media: Option<String>,
        }
    };
}

definition! {
    /// What a range says, as `[[orbit_range]]` does.
    RangeDefinition {
        /// Its first orbit, as dialled: `*` or `#` and at most 8 digits, or 1 to 9 digits, of which
        /// the first is not 0.
        #[schema(example = "700")]
        pub start: String,
        /// Its last orbit: of the same prefix, as long as the first.
        #[schema(example = "799")]
        pub end: String,
        /// What it is for: `park` or `group-pickup`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(example = "park")]
        pub kind: Option<String>,
        /// The node it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub node: Option<String>,
        /// The site whose members park there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub site: Option<String>,
        /// The policy whose parties alone may park and retrieve there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub policy: Option<String>,
        /// Which free orbit a call gets: `random` or `sequential`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(example = "random")]
        pub allocation: Option<String>,
        /// What dialling an orbit does where nobody waits: `404` or `park`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(example = "404")]
        pub empty: Option<String>,
    }
}

definition! {
    /// What a scope says: of all as `[park]` does, of a site as `[park.site.NAME]` does.
    SettingsDefinition {
        /// Who belongs to the site; those of all have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub members: Option<Vec<String>>,
    }
}

/// What music says, as `[music.NAME]` does.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MusicDefinition {
    /// The recording that was uploaded: the SHA-256 of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub recording: Option<String>,
    /// A file on the server's host, or `builtin`; not both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "builtin")]
    pub file: Option<String>,
    /// `programme`: everybody hears the same moment; `from-start`: each caller its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "programme")]
    pub mode: Option<String>,
    /// Who has called one of these numbers hears it, whatever its orbit has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Vec<String>>,
}

/// What a policy says, as `[[policy]]` does.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDefinition {
    /// Whose it is: `global`, `site:NAME` or `users`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "global")]
    pub scope: Option<String>,
    /// Of whom it is, where it is of users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<Vec<String>>,
    /// The kinds of party that may park: `internal`, `pstn`, `federated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub park: Option<Vec<String>>,
    /// The kinds that may retrieve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrieve: Option<Vec<String>>,
    /// The kinds that may retrieve once they have dialled the PIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrieve_with_pin: Option<Vec<String>>,
    /// 4 to 12 digits, or `sha256:SALT:HASH`. It is told as `***`, which stands for the one that is
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
}

impl fmt::Debug for PolicyDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyDefinition")
            .field("scope", &self.scope)
            .field("users", &self.users)
            .finish_non_exhaustive()
    }
}
