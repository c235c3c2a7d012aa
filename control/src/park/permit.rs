//! Whether who calls may have what it comes for: parking, by the policy of who parks; retrieving,
//! by the policy of who calls.

use std::net::IpAddr;

use super::{Errand, Orbit};
use crate::call::arrival::{Arrival, Referred};
use crate::call::{Exchange, Refusal};
use crate::policy::{Act, Denied, Party, PolicyKey};

/// Who parks a call: where it may be put follows from it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Parker {
    /// The site that it is a member of.
    pub(super) site: Option<Box<str>>,
    /// The policy that it has.
    pub(super) policy: Option<Box<str>>,
}

impl Exchange {
    /// Refuses what the policies do not allow; the policy whose PIN must be dialled for it.
    pub(super) fn permit(
        &self,
        arrival: &Arrival,
        errand: Errand,
    ) -> Result<Option<PolicyKey>, Refusal> {
        match errand {
            Errand::ParkAnywhere => self.parker(arrival, None).map(|_| ())?,
            Errand::ParkAt(orbit) => self.parker(arrival, Some(orbit)).map(|_| ())?,
            Errand::Retrieve(call) => {
                let only = self.calls[&call].orbit().and_then(|orbit| self.only(orbit));
                let source = Some(arrival.source);
                let policies = &self.rules.policies;
                let permit = policies.permit(&arrival.caller, source, Act::Retrieve, only)?;
                return Ok(permit.pin);
            }
        }
        Ok(None)
    }

    /// Who parks an arriving call, if it may, in this orbit or in any: whoever has transferred it,
    /// or else who calls.
    pub(super) fn parker(
        &self,
        arrival: &Arrival,
        orbit: Option<Orbit>,
    ) -> Result<Parker, Refusal> {
        let transferor = arrival.parker.as_deref().and_then(Party::of_uri);
        match (transferor, arrival.referred) {
            (Some(party), _) => self.parker_of(&party, None, orbit),
            // Whoever it was, it is not who calls.
            (None, Referred::Yes) => self.parker_of(&Party::default(), None, orbit),
            (None, Referred::No) => self.parker_of(&arrival.caller, Some(arrival.source), orbit),
        }
    }

    /// A party that wants a call parked, if it may. `source` is where its request came from, if it
    /// has sent one itself.
    pub(super) fn parker_of(
        &self,
        party: &Party,
        source: Option<IpAddr>,
        orbit: Option<Orbit>,
    ) -> Result<Parker, Refusal> {
        let only = orbit.and_then(|orbit| self.only(orbit));
        let policies = &self.rules.policies;
        let permit = policies.permit(party, source, Act::Park, only)?;
        Ok(Parker {
            site: policies.site_of(party).map(Into::into),
            policy: permit.policy.map(Into::into),
        })
    }

    /// The one policy whose parties may use the range of an orbit, if it has one.
    pub(super) fn only(&self, orbit: Orbit) -> Option<&str> {
        self.orbits.policy(orbit)
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}
