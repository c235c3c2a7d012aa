//! In which words somebody asked for a call to be parked, and what is told of who was refused.

use super::Dialled;
use super::fetch::{Asker, Fetch};
use super::lync::is_park_request;
use super::refer::{refer_to, request_uri};
use crate::call::arrival::{Arrival, Referred, replaces};
use crate::call::identity::Identity;
use crate::call::{CallKey, Exchange, Refusal};
use crate::happening::{Dialect, Fact};
use crate::sip::agent::DialogName;
use crate::sip::header::Header;
use crate::sip::message::Message;

impl Dialect {
    /// Of an INVITE that asks to be parked itself.
    pub(super) fn of(arrival: &Arrival) -> Self {
        match (arrival.replaces, arrival.referred) {
            (true, _) => Self::AttendedTransfer,
            (false, Referred::Yes) => Self::Transfer,
            (false, Referred::No) => Self::Dialled,
        }
    }
}

impl Asker {
    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            Self::Refer(_) => Dialect::Refer,
            Self::Lync => Dialect::Lync,
        }
    }
}

impl Exchange {
    /// An INVITE is refused that has not become a call. One that dials nothing of ours is nobody's
    /// failure to park or retrieve.
    pub(super) fn tell_invite_refused(&mut self, request: &Message<'_>, refusal: Refusal) {
        let by: Box<str> = Identity::of(request).name().into();
        let why = refusal.into();
        let dialled = self.dialled_by(request);
        let fact = match self.dialect_of(request, dialled) {
            Some(dialect) => Fact::ParkRefused { dialect, by, why },
            None if dialled == Dialled::Unknown => return,
            None => Fact::RetrieveRefused { by, why },
        };
        let call_id = request.call_id().unwrap_or_default();
        self.tell_refused(call_id, dialled.orbit(), fact);
    }

    /// A REFER is refused.
    pub(super) fn tell_refer_refused(
        &mut self,
        request: &Message<'_>,
        is_in_call: bool,
        refusal: Refusal,
    ) {
        let dialled = match (is_in_call, refer_to(request)) {
            (true, Ok(uri)) => self.dialled(uri.user_unescaped().as_deref().unwrap_or_default()),
            (true, Err(_)) => Dialled::Unknown,
            (false, _) => self.dialled_by(request),
        };
        let fact = Fact::ParkRefused {
            dialect: match is_in_call {
                true => Dialect::ReferInCall,
                false => Dialect::Refer,
            },
            by: Identity::of(request).name().into(),
            why: refusal.into(),
        };
        let call_id = request.call_id().unwrap_or_default();
        self.tell_refused(call_id, dialled.orbit(), fact);
    }

    /// A call was to be taken over, and stays its parker's.
    pub(super) fn tell_not_fetched(&mut self, key: CallKey, refusal: Refusal) {
        let orbit = self.calls.get(&key).and_then(|call| call.orbit());
        let Fetch {
            dialect, wanted, ..
        } = &*self.fetches[&key];
        let fact = Fact::ParkRefused {
            dialect: *dialect,
            by: wanted.parker.clone().unwrap_or_default(),
            why: refusal.into(),
        };
        let call_id = wanted.call_id.clone();
        self.tell_refused(&call_id, orbit, fact);
    }

    fn dialled_by(&self, request: &Message<'_>) -> Dialled {
        let uri = request_uri(request).ok();
        let user = uri.as_ref().and_then(|uri| uri.user_unescaped());
        self.dialled(user.as_deref().unwrap_or_default())
    }

    /// `None` for an INVITE that does not ask for parking.
    fn dialect_of(&self, request: &Message<'_>, dialled: Dialled) -> Option<Dialect> {
        if is_park_request(request) {
            return Some(Dialect::Lync);
        }
        let dialect = match request.header(Header::ReferredBy) {
            Some(_) => Dialect::Transfer,
            None => Dialect::Dialled,
        };
        match (dialled, replaces(request)) {
            (Dialled::Unknown, _) => None,
            (_, Ok(Some(replaces))) => {
                let theirs = DialogName {
                    call_id: replaces.call_id,
                    local_tag: replaces.from_tag,
                    remote_tag: replaces.to_tag,
                };
                let retrieves = self.agent.find(&theirs).is_some();
                (!retrieves).then_some(Dialect::AttendedTransfer)
            }
            (Dialled::Park | Dialled::ParkAt(_), _) => Some(dialect),
            (Dialled::Orbit(_), _) if dialect == Dialect::Transfer => Some(dialect),
            (Dialled::Orbit(orbit), _) => self.parks_who_dials(orbit).then_some(dialect),
            (Dialled::Retrieve(_) | Dialled::RetrieveWhat, _) => None,
        }
    }
}
