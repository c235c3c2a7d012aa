//! What happened, as facts: each said once, when it is so, by [`crate::Output::Happened`].
//!
//! Call records, event streams and counters are folds of these. Invariant: the fold of all of them
//! is the orbit table ([`Board`]), and whoever was parked ends exactly once. Absent on purpose:
//! wall-clock time, and anything that is kept here.

use std::fmt;
use std::sync::Arc;

use shared::{StreamStats, Time};

mod board;
mod news;
mod tally;
mod tell;
mod why;

pub use board::{Board, Waiting};
pub(crate) use news::News;
pub use tally::Tally;
pub use why::Why;

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Happening {
    /// When, by the clock of the control plane.
    pub at: Time,
    /// The call; `None` where a request was refused before there was one, and for what is about
    /// the whole server.
    pub call: Option<CallNumber>,
    /// The Call-ID of the parkee's leg, or of the request that was refused; empty for what is about
    /// the whole server.
    pub call_id: Arc<str>,
    /// The orbit, as dialled, where one is concerned.
    pub orbit: Option<Box<str>>,
    /// The name of its range.
    pub range: Option<Box<str>>,
    /// What it is.
    pub fact: Fact,
}

/// Names a parked call until it is over, also in the next process that takes it up: 16 hexadecimal
/// digits, never reused. A call that was retrieved and is parked anew is another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallNumber(pub u64);

/// What can happen. Who somebody is: a name-addr, or empty where that is not known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    /// A call waits in its orbit.
    Parked {
        /// How that was asked for.
        dialect: Dialect,
        /// Who waits.
        parkee: Box<str>,
        /// The URI that is called back; `None` where there is none to call.
        parker: Option<Box<str>>,
        /// When somebody is called, or it ends.
        deadline: Time,
    },
    /// Somebody wanted a call parked, and it is not.
    ParkRefused {
        /// How that was asked for.
        dialect: Dialect,
        /// Who asked.
        by: Box<str>,
        /// Why.
        why: Why,
    },
    /// Somebody has dialled a parked call, or has answered a recall, and is being connected.
    Claimed {
        /// Who.
        by: Box<str>,
        /// How it came.
        way: Way,
    },
    /// Somebody wanted a call that was not to be had.
    RetrieveRefused {
        /// Who.
        by: Box<str>,
        /// Why.
        why: Why,
    },
    /// Who has claimed a call does not get it: it waits as before.
    RetrieveFailed {
        /// Who.
        by: Box<str>,
        /// How it came.
        way: Way,
        /// Why.
        why: Why,
    },
    /// A call is connected and its orbit free.
    Retrieved {
        /// With whom.
        by: Box<str>,
        /// How it came.
        way: Way,
    },
    /// The two of a retrieved call send their media to each other from here on.
    Released,
    /// They send it through us again.
    Anchored {
        /// Why, in a word.
        why: &'static str,
    },
    /// Somebody is called who may want the call.
    RecallBegun {
        /// Counts from one; after all have failed, again from one. Whom an operator has chosen
        /// counts for none: 0.
        attempt: u8,
        /// Who.
        whom: Whom,
        /// Its URI.
        target: Box<str>,
    },
    /// That came to an end.
    RecallEnded {
        /// As when it began.
        attempt: u8,
        /// As when it began.
        whom: Whom,
        /// How.
        how: RecallEnd,
    },
    /// Everybody was called and nobody came: it goes on waiting, with an alarm.
    Forsaken {
        /// When somebody is called again.
        deadline: Time,
    },
    /// Who had retrieved it was never there: it waits again, as if nobody had come, maybe in
    /// another orbit.
    ParkedAgain {
        /// Since when, as before.
        since: Time,
        /// When somebody is called.
        deadline: Time,
    },
    /// An operator has put it into another orbit, where it waits on.
    Moved {
        /// The orbit it was in, as dialled.
        from: Box<str>,
    },
    /// A call of an earlier process was taken up.
    Adopted {
        /// What it is at.
        state: AdoptedState,
        /// Its first leg: the parkee.
        parkee: Box<str>,
        /// The URI that is called back.
        parker: Option<Box<str>>,
    },
    /// A call of an earlier process could not be taken up: it is over.
    NotAdopted,
    /// The call is over. Said once for each that was parked.
    Ended {
        /// How.
        how: End,
        /// By whom.
        by: Side,
    },
    /// No more calls are taken; those that are there run to their end.
    DrainBegun,
    /// The configuration was changed.
    Configured,
    /// The stream of a leg is closed, and this is what it did. After [`Fact::Ended`] too, and not
    /// at all where a worker is lost.
    MediaEnded {
        /// Whose it was.
        side: Side,
        /// Its figures.
        stats: StreamStats,
    },
}

/// How somebody asked for a call to be parked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Dialect {
    /// By dialling: the park address, an orbit, a feature code.
    Dialled,
    /// By transfer to an orbit or the park address (Referred-By).
    Transfer,
    /// By a transfer after having dialled (Replaces).
    AttendedTransfer,
    /// By REFER that names the parkee's dialog (RFC 5359 §2.15).
    Refer,
    /// By REFER within a call that was retrieved here.
    ReferInCall,
    /// By `park-request` (MS-SIPAPP).
    Lync,
    /// By an operator, through the API.
    Operator,
}

/// How who gets a call came to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Way {
    /// By dialling.
    Dialled,
    /// The parker was called back.
    Recall,
    /// The fallback was called.
    Fallback,
    /// It was called because an operator has chosen it.
    Chosen,
}

/// Who is called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Whom {
    /// Who has parked it.
    Parker,
    /// `on_timeout_uri`.
    Fallback,
    /// Whom an operator has chosen.
    Chosen,
}

/// How calling somebody back ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RecallEnd {
    /// By an answer: [`Fact::Claimed`] follows.
    Answered,
    /// With this status.
    Refused(u16),
    /// It rang in vain.
    NotAnswered,
    /// Somebody else had the call meanwhile, by dialling.
    RetrievedElsewhere,
    /// The call ended meanwhile.
    CallOver,
    /// It was not called: no stream was to be had, or nobody is to be called any more.
    NotCalled,
}

/// What an adopted call is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdoptedState {
    /// In its orbit.
    Parked {
        /// Since when; the beginning of our clock for what was before.
        since: Time,
        /// The same by the wall clock, in milliseconds since 1970.
        since_unix_ms: u64,
        /// When somebody is called.
        deadline: Time,
        /// How often somebody was called.
        recalls: u8,
    },
    /// With whoever has retrieved it.
    Bridged {
        /// Since when, by the wall clock, in milliseconds since 1970.
        since_unix_ms: u64,
    },
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum End {
    /// By BYE, or CANCEL.
    HungUp,
    /// A phone does not answer any more, or does not know the call.
    PhoneGone,
    /// A 200 of ours was never acknowledged.
    NoAck,
    /// Nobody refreshed the session (RFC 4028).
    SessionExpired,
    /// Nobody came, and nobody is left to be called.
    NotRetrieved,
    /// Another call has taken its place.
    Replaced,
    /// It was parked anew, as another call.
    ParkedAnew,
    /// An operator has ended it.
    Operator,
    /// A phone answered what does not fit the offer.
    BadAnswer,
    /// Nothing was heard of a phone any more.
    MediaTimeout,
    /// Its media worker ended, or had no place.
    MediaLost,
    /// The server ended.
    Stopping,
}

/// A side of a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// Who was parked.
    Parkee,
    /// Whoever has retrieved it.
    Retriever,
    /// We.
    Server,
}

impl fmt::Display for CallNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl CallNumber {
    /// What `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
        Some(Self(number))
    }
}

impl Dialect {
    /// In logs, records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dialled => "dialled",
            Self::Transfer => "transfer",
            Self::AttendedTransfer => "attended-transfer",
            Self::Refer => "refer",
            Self::ReferInCall => "refer-in-call",
            Self::Lync => "lync",
            Self::Operator => "operator",
        }
    }
}

impl Way {
    /// In logs, records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dialled => "dialled",
            Self::Recall => "recall",
            Self::Fallback => "fallback",
            Self::Chosen => "chosen",
        }
    }
}

impl Whom {
    /// In logs, records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parker => "parker",
            Self::Fallback => "fallback",
            Self::Chosen => "chosen",
        }
    }
}

impl RecallEnd {
    /// In logs, records and metrics; the status beside it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused(_) => "refused",
            Self::NotAnswered => "not-answered",
            Self::RetrievedElsewhere => "retrieved-elsewhere",
            Self::CallOver => "call-over",
            Self::NotCalled => "not-called",
        }
    }
}

impl End {
    /// In logs, records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HungUp => "hung-up",
            Self::PhoneGone => "phone-gone",
            Self::NoAck => "no-ack",
            Self::SessionExpired => "session-expired",
            Self::NotRetrieved => "not-retrieved",
            Self::Replaced => "replaced",
            Self::ParkedAnew => "parked-anew",
            Self::Operator => "operator",
            Self::BadAnswer => "bad-answer",
            Self::MediaTimeout => "media-timeout",
            Self::MediaLost => "media-lost",
            Self::Stopping => "stopping",
        }
    }
}

impl Side {
    /// In logs, records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parkee => "parkee",
            Self::Retriever => "retriever",
            Self::Server => "server",
        }
    }
}
