//! Whose messages are heard at all.

use std::net::IpAddr;

use ipnet::IpNet;

/// The networks whose messages are heard.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    trusted: Vec<IpNet>,
}

impl Trust {
    pub(crate) fn new(trusted: Vec<IpNet>) -> Self {
        Self { trusted }
    }

    /// Whether messages from this address are heard. An IPv4 peer of a dual-stack socket is an IPv4
    /// peer.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted
            .iter()
            .any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_networks_are_trusted() {
        let trust = Trust::new(vec![
            "10.0.0.0/8".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ]);
        for (address, trusted) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("11.1.2.3", false),
            ("2001:db8::7", true),
            ("2001:db9::7", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(trust.trusts(address.parse().unwrap()), trusted, "{address}");
        }
    }
}
