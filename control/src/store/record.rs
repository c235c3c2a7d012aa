//! A call, and a subscription to orbits, as they are kept: everything that another process needs to
//! go on with them.
//!
//! Times are of the wall clock, in milliseconds since 1970: a monotonic clock does not outlive the
//! machine.

use serde::{Deserialize, Serialize};
use shared::SyncSource;
use shared::sync_source::CNAME_BYTES;

use crate::sdp::SessionRecord;
use crate::sip::agent::{SubscriptionRecord, UsageRecord};

/// Names a call for as long as it is kept: random, never reused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct CallName(pub Box<str>);

/// One call.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct CallRecord {
    /// Its name.
    pub name: CallName,
    /// What it is at.
    pub state: StateRecord,
    /// Who is called back; `None` where nobody but the parkee itself parked it.
    pub parker: Option<Box<str>>,
    /// The History-Info that it came with (RFC 7044).
    pub history: Option<Box<str>>,
    /// The parkee's leg.
    pub first: LegRecord,
    /// Whom it talks to.
    pub second: Option<LegRecord>,
}

/// What a call is at. Whatever is between two of these is kept as the one it came from.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateRecord {
    /// In an orbit.
    Parked(ParkedRecord),
    /// Two legs talk.
    Bridged {
        /// Since when.
        since_unix_ms: u64,
        /// How the first was parked, while it is not certain that the second knows of its answer:
        /// should it turn out that it does not, the first is parked so again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        way_back: Option<ParkedRecord>,
    },
}

/// How a call is parked.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ParkedRecord {
    /// As dialled.
    pub orbit: Box<str>,
    /// Since when.
    pub since_unix_ms: u64,
    /// When somebody is called.
    pub deadline_unix_ms: u64,
    /// How often somebody was called.
    pub recalls: u8,
    /// What a safe retrieval names it by: 16 hexadecimal digits.
    pub park_token: Box<str>,
}

/// One leg.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct LegRecord {
    /// The dialog.
    pub dialog: UsageRecord,
    /// The offers and answers so far.
    pub session: SessionRecord,
    /// The user part of our Contact: an orbit, as dialled.
    pub contact: Box<str>,
    /// Our host as the peer named it.
    pub host: Box<str>,
    /// The peer, as others are told: a name-addr.
    pub identity: Box<str>,
    /// Whether the peer's name stays inside the trusted network.
    pub private: bool,
    /// Who we are in its RTP; `None` in what an older version has kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SyncSourceRecord>,
}

/// A synchronisation source, as [`SyncSource`] has it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct SyncSourceRecord {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    cname: [u8; CNAME_BYTES],
}

impl From<&SyncSource> for SyncSourceRecord {
    fn from(source: &SyncSource) -> Self {
        let SyncSource {
            ssrc,
            sequence,
            timestamp,
            cname,
        } = *source;
        Self {
            ssrc,
            sequence,
            timestamp,
            cname,
        }
    }
}

impl From<&SyncSourceRecord> for SyncSource {
    fn from(record: &SyncSourceRecord) -> Self {
        let SyncSourceRecord {
            ssrc,
            sequence,
            timestamp,
            cname,
        } = *record;
        Self {
            ssrc,
            sequence,
            timestamp,
            cname,
        }
    }
}

/// Names a subscription: our tag in its dialog.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct WatchName(pub Box<str>);

/// One subscription to orbits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WatchRecord {
    /// Its name.
    pub name: WatchName,
    /// The dialog, and the event package.
    pub subscription: SubscriptionRecord,
    /// Until when it lasts, unless it is refreshed.
    pub until_unix_ms: u64,
    /// What is watched.
    pub scope: WatchScope,
    /// How it is told.
    pub form: WatchForm,
    /// The user part that was subscribed to, as written.
    pub user: Box<str>,
    /// Host and port that were subscribed to.
    pub host: Box<str>,
    /// Whether it may know what lets it take a call.
    pub sees_dialogs: bool,
    /// Whom it counts for.
    pub subscriber: Box<str>,
    /// A version that no document has reached.
    pub version: u64,
}

/// What is watched.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchScope {
    /// As dialled.
    Orbit(Box<str>),
    /// By its name.
    Range(Box<str>),
    /// The park address: every orbit.
    All,
}

/// How a watcher is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchForm {
    /// One document, always whole.
    Orbit,
    /// One document about many orbits, whole once and then what changes.
    Many,
    /// A document for each orbit.
    List,
    /// That of BroadWorks.
    CallPark,
    /// Presence of one orbit.
    Presence,
}
