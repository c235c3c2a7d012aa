//! Why an INVITE is refused, and how that is said: a status, a Reason that names the cause (RFC
//! 3326), and what else the status asks for.

use std::borrow::Cow;

use super::Exchange;
use super::limits::{ADOPTED_AFTER_S, RETRY_AFTER_S};
use crate::policy::{Act, Denied};
use crate::sdp::SdpError;
use crate::sip::agent::{DialogKey, Reply};
use crate::sip::header::Header;
use crate::sip::status::Status;
use shared::Time;

/// Why an INVITE or re-INVITE is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// It breaks its own grammar.
    BadRequest(&'static str),
    /// Nobody has this number.
    UnknownUser,
    /// An orbit without a call.
    EmptyOrbit,
    /// A park token whose call is not there any more.
    OtherCall,
    /// A feature code, or a park token, without an orbit.
    NoOrbitDialled,
    /// Another retriever was first.
    BeingRetrieved,
    /// The call is of an earlier process and not quite taken up.
    BeingAdopted,
    /// A transfer to an orbit that holds another call.
    OrbitTaken,
    /// A call that is parked already, or on its way into an orbit.
    DoublePark,
    /// There is no call of two that could be parked.
    NoConversation,
    /// Who is to be parked would not leave its parker for us, with this status.
    NotReplaced(Status),
    /// A park-request of a version that is not known.
    ParkVersion,
    /// Who is to be parked did not answer in time.
    ParkTimeout,
    /// A REFER to a host that the operator does not allow.
    ReferToElsewhere,
    /// More calls are being taken over than we take over at once.
    TooManyFetches,
    /// All orbits are taken.
    NoOrbit,
    /// A policy does not let this party do it.
    Denied(Denied),
    /// The PIN was wrong too often.
    WrongPin,
    /// Too many wrong PINs came from this caller, or for this orbit.
    TooManyPins,
    /// No PIN was dialled in time.
    NoPin,
    /// A PIN is needed, and the phone cannot send digits (RFC 4733).
    NoDigits,
    /// Offer and answer do not come together.
    Sdp(SdpError),
    /// Replaces names no dialog of ours (RFC 3891 §3).
    NoSuchDialog,
    /// Replaces names a dialog that has ended (RFC 3891 §3).
    DialogEnded,
    /// Replaces is for an early dialog only, and this one is confirmed (RFC 3891 §3).
    NotEarly,
    /// An offer of ours is not answered yet (RFC 3261 §14.2).
    Pending,
    /// No place for its media: streams, ports, descriptors.
    NoMedia,
    /// The parkee hung up, or is not there any more.
    ParkeeGone,
    /// The parkee refused our offer.
    ParkeeRefused,
    /// The parkee could not take our offer now; it is parked still.
    ParkeeUnavailable,
    /// The parkee did not answer in time.
    ParkeeSilent,
    /// Who was called did not answer in time.
    NotAnswered,
    /// Who was called need not answer: somebody has retrieved the call (RFC 3326 §3.1).
    RetrievedElsewhere,
    /// The server takes no more calls.
    Draining,
    /// The server ends.
    Stopping,
}

impl Refusal {
    /// What a retriever is told when the parkee answers our offer with this status.
    pub(crate) const fn of_parkee(status: Status) -> Self {
        match status {
            Status::NOT_ACCEPTABLE
            | Status::UNSUPPORTED_MEDIA_TYPE
            | Status::NOT_ACCEPTABLE_HERE
            | Status::NOT_ACCEPTABLE_ANYWHERE => Self::ParkeeRefused,
            _ => Self::ParkeeUnavailable,
        }
    }

    pub(crate) const fn status(self) -> Status {
        match self {
            Self::BadRequest(_) | Self::ParkVersion | Self::Sdp(SdpError::Syntax) => {
                Status::BAD_REQUEST
            }
            Self::UnknownUser | Self::EmptyOrbit => Status::NOT_FOUND,
            Self::OtherCall => Status::GONE,
            Self::NoOrbitDialled => Status::ADDRESS_INCOMPLETE,
            Self::BeingRetrieved
            | Self::OrbitTaken
            | Self::NoOrbit
            | Self::DoublePark
            | Self::NotEarly => Status::BUSY_HERE,
            Self::NoPin => Status::REQUEST_TIMEOUT,
            Self::NoDigits => Status::NOT_ACCEPTABLE_HERE,
            Self::WrongPin | Self::TooManyPins => Status::FORBIDDEN,
            Self::Denied(_) | Self::NoConversation | Self::ReferToElsewhere => Status::FORBIDDEN,
            // A redirection is not followed: the call stays where it is.
            Self::NotReplaced(status) if status.code() < 400 => Status::TEMPORARILY_UNAVAILABLE,
            Self::NotReplaced(status) => status,
            Self::Sdp(_) | Self::ParkeeRefused => Status::NOT_ACCEPTABLE_HERE,
            Self::NoSuchDialog => Status::CALL_DOES_NOT_EXIST,
            Self::DialogEnded => Status::DECLINE,
            Self::Pending => Status::REQUEST_PENDING,
            Self::ParkeeGone | Self::ParkeeUnavailable | Self::BeingAdopted => {
                Status::TEMPORARILY_UNAVAILABLE
            }
            Self::ParkeeSilent => Status::SERVER_TIMEOUT,
            Self::NotAnswered | Self::ParkTimeout => Status::REQUEST_TIMEOUT,
            Self::RetrievedElsewhere => Status::OK,
            Self::NoMedia | Self::TooManyFetches | Self::Draining | Self::Stopping => {
                Status::SERVICE_UNAVAILABLE
            }
        }
    }

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::BadRequest(what) => what,
            Self::UnknownUser => "No such number",
            Self::EmptyOrbit => "No call parked here",
            Self::OtherCall => "The call is not parked here any more",
            Self::NoOrbitDialled => "Dial the orbit behind the code",
            Self::BeingRetrieved => "Already being retrieved",
            Self::BeingAdopted => "Being taken up again after a restart",
            Self::OrbitTaken => "Orbit is taken",
            Self::DoublePark => "The call is parked already",
            Self::NoConversation => "There is no call to park",
            Self::NotReplaced(Status::BAD_EXTENSION) => "The phone to be parked knows no Replaces",
            Self::NotReplaced(
                Status::CALL_DOES_NOT_EXIST | Status::GONE | Status::NOT_FOUND | Status::DECLINE,
            ) => "The call to be parked has ended",
            Self::NotReplaced(_) => "The phone to be parked refuses",
            Self::ParkVersion => "The version of the park-request is not 1.0",
            Self::ParkTimeout => "The phone to be parked did not answer",
            Self::ReferToElsewhere => "Refer-To leads to a host that is not allowed",
            Self::TooManyFetches => "Too many calls are being parked",
            Self::NoOrbit => "No free orbit",
            Self::Denied(_) => "Not permitted",
            Self::WrongPin => "Wrong PIN",
            Self::TooManyPins => "Too many wrong PINs; try again later",
            Self::NoPin => "No PIN was dialled",
            Self::NoDigits => "A PIN is needed, and no telephone-event was offered",
            Self::Sdp(error) => error.warning().1,
            Self::NoSuchDialog => "No such dialog to replace",
            Self::DialogEnded => "The dialog to replace has ended",
            Self::NotEarly => "The dialog to replace is confirmed",
            Self::Pending => "An offer is pending",
            Self::NoMedia => "No media resources",
            Self::ParkeeGone => "The parked call has ended",
            Self::ParkeeRefused => "The parked phone would not be connected",
            Self::ParkeeUnavailable => "The parked phone is not available",
            Self::ParkeeSilent => "The parked phone did not answer",
            Self::NotAnswered => "Not answered in time",
            Self::RetrievedElsewhere => "Call completed elsewhere",
            Self::Draining => "Server is drained and takes no more calls",
            Self::Stopping => "Server stopping",
        }
    }

    /// Its number in the `ms-diagnostics` header field (MS-OCER §7.25), for peers that tell
    /// failures of call park apart by it. `None` for what call park has no number of.
    const fn diagnostics(self) -> Option<u16> {
        Some(match self {
            Self::UnknownUser | Self::EmptyOrbit => 35_000,
            Self::NoMedia | Self::TooManyFetches => 35_001,
            Self::NoOrbit => 35_002,
            Self::Denied(denied) => match denied.act() {
                Act::Park => 35_001,
                Act::Retrieve => 35_003,
            },
            Self::WrongPin | Self::TooManyPins | Self::NoPin | Self::NoDigits => 35_003,
            Self::ParkTimeout => 35_004,
            Self::DoublePark => 35_006,
            Self::NotReplaced(_) => 35_007,
            Self::ParkVersion => 35_008,
            Self::BadRequest(_)
            | Self::NoOrbitDialled
            | Self::OrbitTaken
            | Self::ReferToElsewhere => 35_009,
            Self::OtherCall => 35_010,
            Self::Draining | Self::Stopping => 35_012,
            Self::NoConversation | Self::NoSuchDialog | Self::DialogEnded | Self::NotEarly => {
                35_016
            }
            Self::BeingRetrieved
            | Self::ParkeeGone
            | Self::ParkeeRefused
            | Self::ParkeeUnavailable
            | Self::ParkeeSilent
            | Self::BeingAdopted => 35_017,
            Self::Sdp(_) | Self::Pending | Self::NotAnswered | Self::RetrievedElsewhere => {
                return None;
            }
        })
    }

    /// Whether a limit of ours was hit, which the operator wants to know.
    const fn is_limit(self) -> bool {
        matches!(self, Self::NoOrbit | Self::NoMedia | Self::TooManyFetches)
    }

    /// Code and text of the Warning header field that a 488 should have (RFC 3261 §21.4.26).
    fn warning(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Sdp(error) => Some(error.warning()),
            Self::ParkeeRefused => Some((399, self.text())),
            _ => None,
        }
    }
}

impl From<SdpError> for Refusal {
    fn from(error: SdpError) -> Self {
        Self::Sdp(error)
    }
}

impl Exchange {
    /// What a refusal says, with the names that the operator gave.
    pub(crate) fn words(&self, refusal: Refusal) -> Cow<'static, str> {
        match refusal {
            Refusal::Denied(denied) => self.rules.policies.words(denied).into(),
            _ => refusal.text().into(),
        }
    }

    /// Refuses an INVITE or re-INVITE.
    pub(crate) fn refuse(&mut self, now: Time, dialog: DialogKey, refusal: Refusal) {
        let alarm = refusal.is_limit().then(|| self.limit_alarm.raise(now));
        let (status, text) = (refusal.status(), &*self.words(refusal));
        let name = self.agent.name(dialog);
        let call_id = name.map_or("", |name| name.call_id);
        let dialog_number = dialog.0;
        match alarm {
            Some(Some(times)) => {
                tracing::warn!(call_id, dialog = dialog_number, %status, times, "refused: {text}");
            }
            Some(None) => {
                tracing::debug!(call_id, dialog = dialog_number, %status, "refused: {text}");
            }
            None => tracing::info!(call_id, dialog = dialog_number, %status, "refused: {text}"),
        }
        let reply = self.refusal_reply(refusal);
        self.agent.reject(now, dialog, status, reply);
    }

    /// What a refusal says besides its status.
    pub(crate) fn refusal_reply(&mut self, refusal: Refusal) -> Reply {
        let (status, text) = (refusal.status(), &*self.words(refusal));
        let mut headers = vec![reason(status.code(), text)];
        let denied = matches!(refusal, Refusal::Denied(_)).then_some((399, text));
        if let Some((code, warning)) = refusal.warning().or(denied) {
            let value = format!("{code} {} \"{warning}\"", self.rules.host);
            headers.push((Header::Warning, value));
        }
        if let Some(number) = refusal.diagnostics() {
            let value = format!("{number};reason=\"{text}\";source=\"{}\"", self.rules.host);
            headers.push((Header::MsDiagnostics, value));
        }
        if status == Status::SERVICE_UNAVAILABLE {
            let spread = RETRY_AFTER_S.end() - RETRY_AFTER_S.start() + 1;
            let seconds = RETRY_AFTER_S.start() + self.random.below(spread);
            headers.push((Header::RetryAfter, seconds.to_string()));
        } else if refusal == Refusal::BeingAdopted {
            headers.push((Header::RetryAfter, ADOPTED_AFTER_S.to_string()));
        }
        Reply {
            headers,
            body: None,
        }
    }
}

/// A Reason header field (RFC 3326).
pub(crate) fn reason(cause: u16, text: &str) -> (Header, String) {
    (Header::Reason, format!("SIP;cause={cause};text=\"{text}\""))
}
