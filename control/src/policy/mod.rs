//! Who may speak to us, who may park and who may retrieve: facts of the configuration, nothing
//! else.

use ipnet::IpNet;

mod kind;
mod party;
mod permit;
#[cfg(test)]
mod tests;
mod trust;

use crate::config::{Config, Numbers, PartyRules, Policy, Site};

pub(crate) use party::Party;
pub(crate) use permit::{Act, Denied, PolicyKey};
pub(crate) use trust::Trust;

/// What the operator settled about parties.
#[derive(Clone, Debug)]
pub(crate) struct Policies {
    policies: Vec<Policy>,
    party: PartyRules,
    sites: Vec<(String, Site)>,
    assigned: Vec<Numbers>,
    /// Domains and addresses of ours, in lower case.
    hosts: Vec<String>,
    trusted: Vec<IpNet>,
}

impl Policies {
    /// Those of a configuration.
    pub(crate) fn new(config: &Config) -> Self {
        let sip = &config.sip;
        let mut hosts = sip.domains.clone();
        hosts.extend(sip.advertise.as_ref().map(|host| host.to_ascii_lowercase()));
        hosts.extend(
            sip.listen
                .iter()
                .map(|(_, address)| address.ip().to_string()),
        );
        Self {
            policies: config.policies.clone(),
            party: config.party.clone(),
            sites: config.park.sites.clone().into_iter().collect(),
            assigned: config.park.assigned.clone(),
            hosts,
            trusted: config.sip.trusted.clone(),
        }
    }

    /// The site that a party is a member of.
    pub(crate) fn site_of(&self, party: &Party) -> Option<&str> {
        let is_member = |(_, site): &&(String, Site)| party.is_one_of(&site.members);
        let (name, _) = self.sites.iter().find(is_member)?;
        Some(name)
    }
}
