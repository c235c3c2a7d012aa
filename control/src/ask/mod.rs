//! Questions from outside the calls: what an operator, or a page, wants to know of the moment, or
//! to have done.
//!
//! [`crate::Input::Ask`] brings one, and exactly one [`crate::Output::Answer`] with the same
//! [`AskId`] follows, in the same turn or in a later one.
//!
//! Absent on purpose: HTTP, who may ask what, the clock on the wall (`driver::http`).

mod answer;
mod draw;
pub mod limits;
mod orbit;
mod range;
mod status;

pub use orbit::{OrbitPage, OrbitState, OrbitView, OrbitsAsk, PartyView, WaitingCall};
pub use range::RangeView;
pub use status::StatusView;

use crate::happening::CallNumber;

/// Names a question; its answer has the same name. Whoever asks chooses it, and does not use it
/// again before the answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AskId(pub u64);

/// A question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// The taken orbits, a page of them. Answered by [`Answer::Orbits`].
    Orbits(OrbitsAsk),
    /// One orbit, as it is dialled. Answered by [`Answer::Orbit`].
    Orbit(String),
    /// The call in an orbit shall end. Answered by [`Answer::Done`].
    HangUp(Which),
    /// The call in an orbit shall be in another. Answered by [`Answer::Orbit`], the new one.
    Move {
        /// Which call.
        which: Which,
        /// The orbit it shall be in, as dialled.
        to: String,
    },
    /// A phone shall be called, and have the call in an orbit when it answers. Answered by
    /// [`Answer::Orbit`] when it is being called; what comes of it is a happening.
    Deliver {
        /// Which call.
        which: Which,
        /// The phone: a SIP URI.
        to: String,
    },
    /// Of two who talk the first shall wait again. Answered by [`Answer::Orbit`].
    Park {
        /// Their call.
        call: CallNumber,
        /// The orbit, as dialled; any where it says none.
        orbit: Option<String>,
    },
    /// Every range of this node. Answered by [`Answer::Ranges`].
    Ranges,
    /// Orbits drawn without parking. Answered by [`Answer::Drawn`].
    Draw(Draw),
    /// Figures. Answered by [`Answer::Status`].
    Status,
}

impl Ask {
    /// Whether it changes something: then its answer waits until that is durable.
    pub(crate) const fn is_act(&self) -> bool {
        match self {
            Self::HangUp(_) | Self::Move { .. } | Self::Deliver { .. } | Self::Park { .. } => true,
            Self::Orbits(_) | Self::Orbit(_) | Self::Ranges | Self::Draw(_) | Self::Status => false,
        }
    }
}

/// Orbits to be drawn as they are given out to who names none, each taken back at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draw {
    /// So many times; at most [`limits::DRAWS_MAX`].
    pub count: usize,
    /// From the range of this name only.
    pub range: Option<String>,
}

/// What was drawn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Drawn {
    /// How many orbits are free there.
    pub free: usize,
    /// How often each was drawn that was drawn at all, by prefix and number.
    pub orbits: Vec<(String, u32)>,
}

/// The call in an orbit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Which {
    /// As dialled.
    pub orbit: String,
    /// Its name, where it shall be this call and no other one.
    pub call: Option<CallNumber>,
}

/// What a question is answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Of [`Ask::Orbits`].
    Orbits(OrbitPage),
    /// Of [`Ask::Orbit`].
    Orbit(Box<OrbitView>),
    /// It is done, and there is nothing to say.
    Done,
    /// Of [`Ask::Ranges`], by prefix and start.
    Ranges(Vec<RangeView>),
    /// Of [`Ask::Draw`].
    Drawn(Drawn),
    /// Of [`Ask::Status`].
    Status(StatusView),
}

/// Why a question has no other answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AskError {
    /// The number is in no range of this node.
    #[error("\"{0}\" is no orbit of this node; see the ranges for those that are")]
    NoSuchOrbit(String),
    /// The range is not there.
    #[error("there is no range \"{0}\" on this node; see the ranges for those that are")]
    NoSuchRange(String),
    /// Nobody waits there.
    #[error("nobody waits in {0}")]
    EmptyOrbit(String),
    /// Another call waits there than was meant.
    #[error("another call waits in {0} by now; look at it first")]
    OtherCall(String),
    /// The call is being connected, or called back.
    #[error("the call in {0} is being connected or called back; try again when it waits")]
    NotAtRest(String),
    /// The orbit that a call shall be in is none.
    #[error("\"{0}\" is no orbit of this node; see the ranges for those that are")]
    NoOrbitToBe(String),
    /// The orbit that a call shall be in has one.
    #[error("{0} is taken; choose a free orbit")]
    OrbitTaken(String),
    /// No orbit is free.
    #[error("no orbit is free; add orbits to a range, or wait for one")]
    NoFreeOrbit,
    /// There is no such call.
    #[error("there is no call {0} (any more)")]
    NoSuchCall(CallNumber),
    /// The call is not one of two who talk.
    #[error("call {0} is not one of two who talk, so that none of them can be parked")]
    NoConversation(CallNumber),
    /// What shall be called is no SIP URI.
    #[error("\"{0}\" is nothing to call; write sip:USER@HOST, without header fields")]
    NotCallable(String),
    /// What shall be called would be we ourselves.
    #[error("\"{0}\" leads back here; name a phone")]
    OwnNumber(String),
    /// What shall be called is where the operator lets nobody be called.
    #[error("\"{0}\" is no host that may be called; [park] refer_to names those that may")]
    HostNotAllowed(String),
    /// Who shall be called may not retrieve the call.
    #[error("{0}")]
    Denied(String),
    /// Who shall be called may retrieve the call with a PIN only.
    #[error("\"{0}\" needs a PIN to retrieve this call; it must dial the orbit")]
    NeedsPin(String),
    /// No port or stream is to be had for another leg.
    #[error("no port or stream is free for another leg; try again later")]
    NoMedia,
    /// The server ends.
    #[error("the server is ending; ask the next one")]
    Stopping,
    /// What a page shall begin behind is not in the form of an orbit.
    #[error("\"{0}\" has not the form of an orbit; write what `next` said")]
    NotAnOrbit(String),
}
