//! Call detail records: one for each call that was parked, folded from what happened to it.
//!
//! A record begins when a call is parked and is whole when it is over. Times are of the wall clock,
//! in milliseconds since 1970. Absent on purpose: where records are written (`driver::store`).

use serde::{Deserialize, Serialize};

mod fold;

pub use fold::Folder;

/// One call, as far as it has come.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Cdr {
    /// Its number: 16 hexadecimal digits, never reused.
    pub call: String,
    /// The Call-ID of the parkee's leg.
    pub call_id: String,
    /// Where it was parked, as dialled.
    pub orbit: String,
    /// The name of that range.
    pub range: Option<String>,
    /// How its parking was asked for; `None` where that was lost with a process.
    pub dialect: Option<String>,
    /// Who was parked: a name-addr.
    pub parkee: String,
    /// Who has parked it: a URI.
    pub parker: Option<String>,
    /// When it was parked; `None` where that was lost with a process.
    pub parked_at: Option<u64>,
    /// Who had it last: a name-addr.
    pub retriever: Option<String>,
    /// Since when.
    pub retrieved_at: Option<u64>,
    /// How that came: `dialled`, `recall`, `fallback` or `chosen`.
    pub way: Option<String>,
    /// `None` while it is going on.
    pub ended_at: Option<u64>,
    /// How it ended; `unknown` where that was lost with a process.
    pub end: Option<String>,
    /// Who has ended it: `parkee`, `retriever` or `server`.
    pub ended_by: Option<String>,
    /// Everybody who was called back.
    pub recalls: Vec<RecallCdr>,
    /// Retrievals that came to nothing.
    pub retrieves_failed: u32,
    /// How often everybody was called and nobody came, so that it went on waiting.
    pub forsaken: u32,
    /// How often it was parked again, as who had retrieved it was never there.
    pub parked_again: u32,
    /// How long the two who talked have sent their media to each other, past the server, in
    /// milliseconds: the figures of their media below are of the rest.
    #[serde(default)]
    pub released_ms: u64,
    /// Since when they do.
    #[serde(default)]
    pub released_at: Option<u64>,
    /// How often another process has taken it up.
    pub adopted: u32,
    /// The media of the parkee.
    pub parkee_media: Option<MediaCdr>,
    /// The media of who has retrieved it.
    pub retriever_media: Option<MediaCdr>,
}

/// One attempt to call somebody back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecallCdr {
    /// When it began.
    pub at: u64,
    /// `parker`, `fallback` or `chosen`, by an operator.
    pub whom: String,
    /// The URI that was called.
    pub target: String,
    /// When it ended.
    pub ended_at: Option<u64>,
    /// How.
    pub how: Option<String>,
    /// The status of a refusal.
    pub status: Option<u16>,
}

/// The figures of a leg's stream, the peer's from its RTCP reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MediaCdr {
    /// RTP packets that we sent.
    pub sent: u64,
    /// RTP packets that the peer sent and we took.
    pub received: u64,
    /// Packets of ours that the peer says it did not get.
    pub lost_by_peer: u32,
    /// Interarrival jitter of what the peer sent (RFC 3550 §6.4.1), in microseconds.
    pub jitter_us: u32,
    /// From the peer's last report; `None` where there was none.
    pub round_trip_us: Option<u32>,
}

impl Cdr {
    /// The same call, without who took part in it.
    #[must_use]
    pub fn without_names(mut self) -> Self {
        self.parkee.clear();
        (self.parker, self.retriever) = (None, None);
        for recall in &mut self.recalls {
            recall.target.clear();
        }
        self
    }

    /// How long it has waited, in milliseconds, until it was retrieved for the last time or ended.
    #[must_use]
    pub fn waited_ms(&self) -> Option<u64> {
        let until = self.retrieved_at.or(self.ended_at)?;
        Some(until.saturating_sub(self.parked_at?))
    }

    /// How long two have talked, in milliseconds.
    #[must_use]
    pub fn talked_ms(&self) -> Option<u64> {
        Some(self.ended_at?.saturating_sub(self.retrieved_at?))
    }
}
