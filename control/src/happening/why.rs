//! Why somebody did not get what it asked for, in a word for records and metrics.
//!
//! Absent on purpose: what the peer is told (`call::refusal`).

use crate::call::Refusal;
use crate::sdp::SdpError;
use crate::sip::status::Status;

/// A reason: few, so that they can be counted one by one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Why {
    /// In a word, such as `no-free-orbit`.
    pub name: &'static str,
    /// The status that the peer was told; 0 where it has left by itself.
    pub status: u16,
}

impl Why {
    /// Who asked has left before it was answered.
    pub(crate) const LEFT: Self = Self {
        name: "left",
        status: 0,
    };
}

/// Refusals that tell all reasons apart, but for `phone-refused`, whose status is the phone's.
const REFUSALS: [Refusal; 31] = [
    Refusal::BadRequest(""),
    Refusal::UnknownUser,
    Refusal::NoOrbitDialled,
    Refusal::EmptyOrbit,
    Refusal::OtherCall,
    Refusal::BeingRetrieved,
    Refusal::BeingAdopted,
    Refusal::OrbitTaken,
    Refusal::DoublePark,
    Refusal::NoConversation,
    Refusal::ParkTimeout,
    Refusal::ReferToElsewhere,
    Refusal::TooManyFetches,
    Refusal::NoOrbit,
    Refusal::WrongPin,
    Refusal::NoPin,
    Refusal::NoDigits,
    Refusal::Sdp(SdpError::Syntax),
    Refusal::Sdp(SdpError::NoCodec),
    Refusal::NoSuchDialog,
    Refusal::DialogEnded,
    Refusal::NotEarly,
    Refusal::Pending,
    Refusal::NoMedia,
    Refusal::ParkeeGone,
    Refusal::ParkeeRefused,
    Refusal::ParkeeUnavailable,
    Refusal::ParkeeSilent,
    Refusal::NotAnswered,
    Refusal::Draining,
    Refusal::Stopping,
];

impl Why {
    /// Every reason with each of its statuses, but for `phone-refused`, whose status is the
    /// phone's: who counts begins with 0 for each, so that the first shows as a rise.
    pub fn known() -> impl Iterator<Item = Self> {
        let denied = Self {
            name: "denied",
            status: Status::FORBIDDEN.code(),
        };
        let refusals = REFUSALS.into_iter().map(Self::from);
        refusals.chain([Self::LEFT, denied])
    }
}

impl From<Refusal> for Why {
    fn from(refusal: Refusal) -> Self {
        Self {
            name: name(refusal),
            status: refusal.status().code(),
        }
    }
}

const fn name(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BadRequest(_) | Refusal::ParkVersion => "bad-request",
        Refusal::UnknownUser | Refusal::NoOrbitDialled => "no-such-number",
        Refusal::EmptyOrbit => "empty-orbit",
        Refusal::OtherCall => "other-call",
        Refusal::BeingRetrieved => "being-retrieved",
        Refusal::BeingAdopted => "being-adopted",
        Refusal::OrbitTaken => "orbit-taken",
        Refusal::DoublePark => "parked-already",
        Refusal::NoConversation => "no-conversation",
        Refusal::NotReplaced(_) => "phone-refused",
        Refusal::ParkTimeout => "phone-silent",
        Refusal::ReferToElsewhere => "host-not-allowed",
        Refusal::TooManyFetches => "too-many-at-once",
        Refusal::NoOrbit => "no-free-orbit",
        Refusal::Denied(_) => "denied",
        Refusal::WrongPin | Refusal::TooManyPins => "wrong-pin",
        Refusal::NoPin => "no-pin",
        Refusal::NoDigits => "no-digits",
        Refusal::Sdp(_) => "sdp",
        Refusal::NoSuchDialog | Refusal::DialogEnded | Refusal::NotEarly => "no-such-dialog",
        Refusal::Pending => "offer-pending",
        Refusal::NoMedia => "no-media",
        Refusal::ParkeeGone => "parkee-gone",
        Refusal::ParkeeRefused => "parkee-refused",
        Refusal::ParkeeUnavailable => "parkee-unavailable",
        Refusal::ParkeeSilent => "parkee-silent",
        Refusal::NotAnswered => "not-answered",
        Refusal::RetrievedElsewhere => "retrieved-elsewhere",
        Refusal::Draining => "draining",
        Refusal::Stopping => "stopping",
    }
}
