//! Park tokens: each names one parked call, and never the next one in the same orbit. Who parks is
//! told one, and who retrieves with it gets that call or an answer that says why not.

use std::fmt;

use super::Orbit;
use crate::call::{Adopted, CallKey, Exchange, Random, Refusal, State};
use crate::sip::uri::Uri;

/// One parked call, wherever it waits. Nobody can guess it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ParkToken(u64);

/// The URI parameter that carries it: `sip:701@example.com;park-token=0123456789abcdef`.
pub(crate) const PARAMETER: &str = "park-token";

impl ParkToken {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self(random.token())
    }

    /// The one that a URI carries.
    pub(crate) fn of(uri: &Uri<'_>) -> Result<Option<Self>, Refusal> {
        let Some(text) = uri.parameter(PARAMETER) else {
            return Ok(None);
        };
        Self::parse(text)
            .map(Some)
            .ok_or(Refusal::BadRequest("park-token is not one of ours"))
    }

    /// Sixteen digits of base sixteen.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_token = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let token = u64::from_str_radix(text, 16).ok()?;
        is_token.then_some(Self(token))
    }
}

impl fmt::Display for ParkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for ParkToken {
    /// Not into any log: who knows it can retrieve the call.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParkToken(…)")
    }
}

impl Exchange {
    /// The call in an orbit, if it is the one that the token names.
    pub(super) fn named_by(&self, token: ParkToken, orbit: Orbit) -> Option<CallKey> {
        let call = self.orbits.occupant(orbit)?;
        match self.state(call)? {
            State::Parked(parked)
            | State::Retrieving(parked, _)
            | State::Recalling(parked, _)
            | State::Adopting(Adopted::Parked(parked)) => (parked.token == token).then_some(call),
            State::Parking(_)
            | State::Fetching(_)
            | State::Asking(_)
            | State::Bridged(_)
            | State::Joining { .. }
            | State::Adopting(Adopted::Bridged(_)) => None,
        }
    }

    /// Where a parked call can be retrieved, and no other one: for who has parked it.
    pub(super) fn safe_uri(&self, orbit: Orbit, token: ParkToken, host: &str) -> String {
        format!("sip:{}@{host};{PARAMETER}={token}", self.orbits.user(orbit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_written() {
        let token = ParkToken(0x0123_4567_89ab_cdef);
        assert_eq!(ParkToken::parse(&token.to_string()), Some(token));
        for wrong in [
            "",
            "1",
            "+123456789abcdef",
            "0123456789abcdef0",
            "0123456789abcdeg",
        ] {
            assert_eq!(ParkToken::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_is_not_shown_to_logs() {
        assert!(!format!("{:?}", ParkToken(0xabcd)).contains("abcd"));
    }
}
