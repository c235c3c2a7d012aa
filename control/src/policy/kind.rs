//! What kind of party somebody is: of this organisation, of the telephone network, or of another
//! organisation.

use std::net::IpAddr;

use super::{Party, Policies};
use crate::config::Kind;

impl Policies {
    /// The kind of a party. `source` is where its request came from, if it has sent one itself.
    pub(crate) fn kind(&self, party: &Party, source: Option<IpAddr>) -> Kind {
        let rules = &self.party;
        let gateways = &rules.pstn_networks;
        let came = source.map(|source| source.to_canonical());
        if came.is_some_and(|at| gateways.iter().any(|network| network.contains(&at))) {
            return Kind::Pstn;
        }
        if party.is_one_of(&rules.pstn) {
            return Kind::Pstn;
        }
        let is_assigned = self.assigned.iter().any(|numbers| numbers.has(&party.user));
        if party.is_one_of(&rules.internal) || self.site_of(party).is_some() {
            return Kind::Internal;
        }
        if !self.is_at_home(&party.host) {
            return Kind::Federated;
        }
        if is_assigned || !self.is_of_telephone(&party.user) {
            return Kind::Internal;
        }
        Kind::Pstn
    }

    /// Whether a host is one of our domains or addresses, in lower case.
    pub(crate) fn is_ours(&self, host: &str) -> bool {
        self.hosts.iter().any(|ours| ours == host)
    }

    /// Whether a host is ours: a domain we serve, our own address, or a phone's or proxy's in a
    /// trusted network. A telephone's number has no host.
    fn is_at_home(&self, host: &str) -> bool {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        let address = address
            .parse::<IpAddr>()
            .map(|address| address.to_canonical());
        host.is_empty()
            || self.is_ours(host)
            || address.is_ok_and(|at| self.trusted.iter().any(|network| network.contains(&at)))
    }

    /// Whether a user part is a telephone's number, and longer than an extension's.
    fn is_of_telephone(&self, user: &str) -> bool {
        let digits = user.strip_prefix('+').unwrap_or(user);
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let is_global = digits.len() < user.len();
        is_number && (is_global || digits.len() > usize::from(self.party.extension_digits))
    }
}
