//! Questions from outside the calls: what an operator, or a page, wants to know of the moment.
//!
//! [`crate::Input::Ask`] brings one, and exactly one [`crate::Output::Answer`] with the same
//! [`AskId`] follows, in the same turn or in a later one.
//!
//! Absent on purpose: HTTP, who may ask what, the clock on the wall (`driver::http`).

mod answer;
pub mod limits;
mod orbit;
mod range;
mod status;

pub use orbit::{OrbitPage, OrbitState, OrbitView, OrbitsAsk, PartyView, WaitingCall};
pub use range::RangeView;
pub use status::StatusView;

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
    /// Every range of this node. Answered by [`Answer::Ranges`].
    Ranges,
    /// Figures. Answered by [`Answer::Status`].
    Status,
}

/// What a question is answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Of [`Ask::Orbits`].
    Orbits(OrbitPage),
    /// Of [`Ask::Orbit`].
    Orbit(Box<OrbitView>),
    /// Of [`Ask::Ranges`], by prefix and start.
    Ranges(Vec<RangeView>),
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
    /// What a page shall begin behind is not in the form of an orbit.
    #[error("\"{0}\" has not the form of an orbit; write what `next` said")]
    NotAnOrbit(String),
}
