//! A happening in JSON.

use std::fmt::Write as _;

use hyper::body::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::moment::Wall;
use super::ring::EventId;
use crate::happening::{self, AdoptedState, Fact as Told, Happening, RecallEnd, Whom};

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Names the call; null where a request was refused before there was one.
    #[schema(required, example = "0123456789abcdef")]
    pub call: Option<String>,
    /// The Call-ID of the parkee's dialog, or of the request that was refused.
    pub call_id: String,
    /// The orbit, as dialled, where one is concerned.
    #[schema(required, example = "701")]
    pub orbit: Option<String>,
    /// The name of its range.
    #[schema(required)]
    pub range: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Fact {
    /// A call waits in its orbit.
    Parked {
        /// How that was asked for: dialled, transfer, attended-transfer, refer, refer-in-call,
        /// lync or operator.
        dialect: String,
        /// The URI that is called back.
        parker: Option<String>,
        /// When somebody is called, or it ends.
        deadline: Timestamp,
    },
    /// Somebody wanted a call parked, and it is not.
    ParkRefused {
        /// How that was asked for.
        dialect: String,
        /// Why.
        why: String,
        /// The SIP status; 0 where who asked has left.
        status: u16,
    },
    /// Somebody is being connected to the call.
    Claimed {
        /// How it came: dialled, recall, fallback, chosen.
        way: String,
    },
    /// Somebody wanted a call that was not to be had.
    RetrieveRefused {
        /// Why.
        why: String,
        /// The SIP status; 0 where who asked has left.
        status: u16,
    },
    /// Who was being connected does not get it: it waits as before.
    RetrieveFailed {
        /// How it came.
        way: String,
        /// Why.
        why: String,
        /// The SIP status; 0 where who asked has left.
        status: u16,
    },
    /// A call is connected and its orbit free.
    Retrieved {
        /// How who has it came.
        way: String,
    },
    /// The two of a retrieved call send their media to each other from here on.
    Released,
    /// They send it through the server again.
    Anchored {
        /// Why: refused, translated, restless, moved, replaced.
        why: String,
    },
    /// Somebody is called who may want the call.
    RecallBegun {
        /// Who, and how often.
        #[serde(flatten)]
        recall: RecallTarget,
        /// The URI that is called.
        target: String,
    },
    /// That came to an end.
    RecallEnded {
        /// Who, and how often.
        #[serde(flatten)]
        recall: RecallTarget,
        /// How: answered, refused, not-answered, retrieved-elsewhere, call-over, not-called.
        how: String,
        /// The SIP status with which it was refused.
        status: Option<u16>,
    },
    /// Everybody was called and nobody came: it goes on waiting.
    Forsaken {
        /// When somebody is called again.
        deadline: Timestamp,
    },
    /// Who had retrieved it was never there: it waits again.
    ParkedAgain {
        /// Since when, as before.
        since: Timestamp,
        /// When somebody is called.
        deadline: Timestamp,
    },
    /// An operator has put it into another orbit, where it waits on.
    Moved {
        /// The orbit it was in.
        from: String,
    },
    /// A call of an earlier process was taken up.
    Adopted {
        /// Whether it waits in its orbit, and does not talk.
        waiting: bool,
    },
    /// A call of an earlier process could not be taken up.
    NotAdopted,
    /// No more calls are taken; those that are there run to their end.
    DrainBegun,
    /// The configuration was changed; the audit log says by whom.
    Configured,
    /// The call is over.
    Ended {
        /// How: hung-up, not-retrieved, media-timeout, …
        how: String,
        /// By whom: parkee, retriever, server.
        by: String,
    },
    /// The stream of a leg is closed.
    MediaEnded {
        /// Whose: parkee, retriever.
        side: String,
        /// Packets sent to it.
        sent: u64,
        /// Packets of it.
        received: u64,
        /// Packets that it says it did not get.
        lost: u32,
    },
}

/// Who is called back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecallTarget {
    /// `parker`, `fallback` or `chosen`, by an operator.
    pub whom: String,
    /// Counts from one; 0 for whom an operator has chosen.
    pub attempt: u8,
}

impl Event {
    pub(super) fn of(happening: &Happening, wall: Wall) -> Self {
        Self {
            at: wall.at(happening.at),
            call: happening.call.map(|call| call.to_string()),
            call_id: happening.call_id.to_string(),
            orbit: happening.orbit.as_deref().map(str::to_owned),
            range: happening.range.as_deref().map(str::to_owned),
            fact: Fact::of(&happening.fact, wall),
        }
    }

    /// As it is sent.
    pub(super) fn print(&self, id: EventId) -> Bytes {
        let mut text = String::new();
        let json = serde_json::to_string(self).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "id: {id}\nevent: {}\ndata: {json}\n\n",
            self.fact.name()
        );
        text.into()
    }
}

impl Fact {
    /// As `event` says it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Parked { .. } => "parked",
            Self::ParkRefused { .. } => "park-refused",
            Self::Claimed { .. } => "claimed",
            Self::RetrieveRefused { .. } => "retrieve-refused",
            Self::RetrieveFailed { .. } => "retrieve-failed",
            Self::Retrieved { .. } => "retrieved",
            Self::Released => "released",
            Self::Anchored { .. } => "anchored",
            Self::RecallBegun { .. } => "recall-begun",
            Self::RecallEnded { .. } => "recall-ended",
            Self::Forsaken { .. } => "forsaken",
            Self::ParkedAgain { .. } => "parked-again",
            Self::Moved { .. } => "moved",
            Self::Adopted { .. } => "adopted",
            Self::NotAdopted => "not-adopted",
            Self::DrainBegun => "drain-begun",
            Self::Configured => "configured",
            Self::Ended { .. } => "ended",
            Self::MediaEnded { .. } => "media-ended",
        }
    }

    fn of(fact: &happening::Fact, wall: Wall) -> Self {
        match fact {
            Told::Parked {
                dialect,
                parker,
                deadline,
                ..
            } => Self::Parked {
                dialect: dialect.name().to_owned(),
                parker: parker.as_deref().map(str::to_owned),
                deadline: wall.at(*deadline),
            },
            Told::Forsaken { deadline } => Self::Forsaken {
                deadline: wall.at(*deadline),
            },
            Told::ParkedAgain { since, deadline } => Self::ParkedAgain {
                since: wall.at(*since),
                deadline: wall.at(*deadline),
            },
            Told::Moved { from } => Self::Moved {
                from: from.to_string(),
            },
            Told::Adopted { state, .. } => Self::Adopted {
                waiting: matches!(state, AdoptedState::Parked { .. }),
            },
            Told::NotAdopted => Self::NotAdopted,
            Told::Released => Self::Released,
            Told::Anchored { why } => Self::Anchored {
                why: (*why).to_owned(),
            },
            Told::DrainBegun => Self::DrainBegun,
            Told::Configured => Self::Configured,
            Told::Ended { how, by } => Self::Ended {
                how: how.name().to_owned(),
                by: by.name().to_owned(),
            },
            Told::MediaEnded { side, stats } => Self::MediaEnded {
                side: side.name().to_owned(),
                sent: stats.sent,
                received: stats.received,
                lost: stats.lost_by_peer,
            },
            Told::RecallBegun { .. } | Told::RecallEnded { .. } => Self::of_recall(fact),
            Told::ParkRefused { .. }
            | Told::Claimed { .. }
            | Told::RetrieveRefused { .. }
            | Told::RetrieveFailed { .. }
            | Told::Retrieved { .. } => Self::of_request(fact),
        }
    }

    /// What became of somebody's wish to park or to retrieve.
    fn of_request(fact: &happening::Fact) -> Self {
        match fact {
            Told::ParkRefused { dialect, why, .. } => Self::ParkRefused {
                dialect: dialect.name().to_owned(),
                why: why.name.to_owned(),
                status: why.status,
            },
            Told::Claimed { way, .. } => Self::Claimed {
                way: way.name().to_owned(),
            },
            Told::RetrieveRefused { why, .. } => Self::RetrieveRefused {
                why: why.name.to_owned(),
                status: why.status,
            },
            Told::RetrieveFailed { way, why, .. } => Self::RetrieveFailed {
                way: way.name().to_owned(),
                why: why.name.to_owned(),
                status: why.status,
            },
            Told::Retrieved { way, .. } => Self::Retrieved {
                way: way.name().to_owned(),
            },
            other => unreachable!("{other:?} is nobody's wish"),
        }
    }

    fn of_recall(fact: &happening::Fact) -> Self {
        match fact {
            Told::RecallBegun {
                attempt,
                whom,
                target,
            } => Self::RecallBegun {
                recall: RecallTarget::new(*whom, *attempt),
                target: target.to_string(),
            },
            Told::RecallEnded { attempt, whom, how } => Self::RecallEnded {
                recall: RecallTarget::new(*whom, *attempt),
                how: how.name().to_owned(),
                status: match how {
                    RecallEnd::Refused(status) => Some(*status),
                    _ => None,
                },
            },
            other => unreachable!("{other:?} is no recall"),
        }
    }
}

impl RecallTarget {
    fn new(whom: Whom, attempt: u8) -> Self {
        Self {
            whom: whom.name().to_owned(),
            attempt,
        }
    }
}
