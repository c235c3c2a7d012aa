//! Whether a party may park, or retrieve.

use std::net::IpAddr;

use super::{Party, Policies};
use crate::config::{Kind, Pin, Policy, Scope};

/// What a party wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    Park,
    Retrieve,
}

/// What a party may do, and by which policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Permit<'a> {
    /// The policy it has; `None` where there are none at all.
    pub(crate) policy: Option<&'a str>,
    /// The policy whose PIN must be dialled first.
    pub(crate) pin: Option<PolicyKey>,
}

/// A policy, by its place among all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PolicyKey(u16);

/// Why a party may not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Denied {
    /// The policy it has.
    policy: Option<PolicyKey>,
    kind: Kind,
    act: Act,
    /// Whether its policy would allow it elsewhere: the range is another policy's.
    elsewhere: bool,
}

impl Policies {
    /// Whether a party may do it. `source` is where its request came from, if it has sent one
    /// itself; `only` is the one policy whose parties may use the range, if it has one.
    pub(crate) fn permit(
        &self,
        party: &Party,
        source: Option<IpAddr>,
        act: Act,
        only: Option<&str>,
    ) -> Result<Permit<'_>, Denied> {
        if self.policies.is_empty() {
            return Ok(Permit {
                policy: None,
                pin: None,
            });
        }
        let kind = self.kind(party, source);
        let key = self.policy_of(party);
        let denied = |elsewhere| Denied {
            policy: key,
            kind,
            act,
            elsewhere,
        };
        let Some(policy) = key.and_then(|key| self.policy(key)) else {
            return Err(denied(false));
        };
        let (kinds, with_pin) = match act {
            Act::Park => (&policy.park, &[][..]),
            Act::Retrieve => (&policy.retrieve, &policy.retrieve_with_pin[..]),
        };
        let needs_pin = with_pin.contains(&kind);
        if !kinds.contains(&kind) && !needs_pin {
            return Err(denied(false));
        }
        if only.is_some_and(|only| only != policy.name) {
            return Err(denied(true));
        }
        Ok(Permit {
            policy: Some(&policy.name),
            pin: key.filter(|_| needs_pin),
        })
    }

    /// The PIN of a policy; `None` where a change has taken it away.
    pub(crate) fn pin(&self, key: PolicyKey) -> Option<&Pin> {
        self.policy(key)?.pin.as_ref()
    }

    fn policy(&self, key: PolicyKey) -> Option<&Policy> {
        self.policies.get(usize::from(key.0))
    }

    /// What to tell who may not, and the log: one line that names the policy.
    pub(crate) fn words(&self, denied: Denied) -> String {
        let Denied { kind, act, .. } = denied;
        let doing = match act {
            Act::Park => "park",
            Act::Retrieve => "retrieve",
        };
        match denied.policy.and_then(|key| self.policy(key)) {
            Some(Policy { name, .. }) if denied.elsewhere => {
                format!("Policy {name} does not let its callers {doing} in this range")
            }
            Some(Policy { name, .. }) => {
                format!("Policy {name} does not let {kind} callers {doing}")
            }
            None => format!("No policy lets this {kind} caller {doing}"),
        }
    }

    /// The policy of a party: of its users, or else of its site, or else of all.
    fn policy_of(&self, party: &Party) -> Option<PolicyKey> {
        let find = |has: &dyn Fn(&Scope) -> bool| {
            let mut keyed = (0..).zip(&self.policies);
            let (key, _) = keyed.find(|(_, policy)| has(&policy.scope))?;
            Some(PolicyKey(key))
        };
        let site = self.site_of(party);
        find(&|scope| matches!(scope, Scope::Users(users) if party.is_one_of(users)))
            .or_else(|| find(&|scope| matches!(scope, Scope::Site(name) if site == Some(name))))
            .or_else(|| find(&|scope| *scope == Scope::Global))
    }
}

impl Denied {
    /// What was wanted.
    pub(crate) const fn act(self) -> Act {
        self.act
    }
}
