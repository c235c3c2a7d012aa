//! What ranges are for: most for parking here; the others only keep their numbers free.

use super::OrbitRange;

/// What the orbits of a range are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RangeKind {
    /// Parking.
    #[default]
    Park,
    /// Answering the calls of a group.
    GroupPickup,
}

/// A range that nobody parks in here: its numbers are nobody else's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reserved {
    /// The range.
    pub range: OrbitRange,
    /// What it is for.
    pub kind: RangeKind,
    /// The node it belongs to, where that is another one.
    pub node: Option<String>,
}

impl RangeKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Park, Self::GroupPickup];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Park => "park",
            Self::GroupPickup => "group-pickup",
        }
    }

    /// By its name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
