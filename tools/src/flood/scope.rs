//! Whom a run may send to: the SIP server that the user named, and the hosts named for its media;
//! nobody else, whatever a server answers. Public addresses need a word of their own.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// The permitted destinations.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) sip: SocketAddr,
    hosts: Vec<IpAddr>,
}

/// Why a destination is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum ScopeError {
    #[error("--sip {name}: {why}; give HOST:PORT, such as 127.0.0.1:5060")]
    Name { name: String, why: String },
    #[error("{0} is no address that a server can have")]
    Nowhere(IpAddr),
    #[error(
        "{0} is a public address: rtpflood floods only loopback and private networks, unless you \
         say that this one is yours (--i-own-this-network)"
    )]
    Public(IpAddr),
    #[error(
        "the server wants audio at {0}, which is neither --sip nor --media: add --media {ip}",
        ip = .0.ip()
    )]
    NotNamed(SocketAddr),
}

impl Scope {
    /// The server and the hosts of its media.
    pub(super) fn new(sip: &str, media: &[IpAddr], is_owned: bool) -> Result<Self, ScopeError> {
        let refuse = |why: String| ScopeError::Name {
            name: sip.to_owned(),
            why,
        };
        let mut found = sip
            .to_socket_addrs()
            .map_err(|error| refuse(error.to_string()))?;
        let address = found
            .next()
            .ok_or_else(|| refuse("has no address".to_owned()))?;
        if address.port() == 0 {
            return Err(refuse("port 0 is none".to_owned()));
        }
        let mut hosts = vec![address.ip().to_canonical()];
        hosts.extend(media.iter().map(IpAddr::to_canonical));
        for host in &hosts {
            if host.is_unspecified() || host.is_multicast() || is_broadcast(*host) {
                return Err(ScopeError::Nowhere(*host));
            }
            if !is_owned && !is_private(*host) {
                return Err(ScopeError::Public(*host));
            }
        }
        Ok(Self {
            sip: address,
            hosts,
        })
    }

    /// Who may be sent RTP, and is expected to send it.
    pub(super) fn hosts(&self) -> &[IpAddr] {
        &self.hosts
    }

    /// The address again, if RTP may be sent there.
    pub(super) fn admit(&self, media: SocketAddr) -> Result<SocketAddr, ScopeError> {
        if self.hosts.contains(&media.ip().to_canonical()) {
            Ok(media)
        } else {
            Err(ScopeError::NotNamed(media))
        }
    }
}

/// Loopback, link-local, and what RFC 1918 and RFC 4193 keep for private use.
fn is_private(host: IpAddr) -> bool {
    match host {
        IpAddr::V4(host) => host.is_loopback() || host.is_private() || host.is_link_local(),
        IpAddr::V6(host) => host == Ipv6Addr::LOCALHOST || is_private6(host),
    }
}

fn is_private6(host: Ipv6Addr) -> bool {
    host.is_unique_local() || host.is_unicast_link_local()
}

fn is_broadcast(host: IpAddr) -> bool {
    matches!(host, IpAddr::V4(host) if host.is_broadcast())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(sip: &str, is_owned: bool) -> Result<Scope, ScopeError> {
        Scope::new(sip, &[], is_owned)
    }

    #[test]
    fn loopback_and_private_networks_may_be_flooded() {
        for sip in [
            "127.0.0.1:5060",
            "10.1.2.3:5060",
            "172.31.0.1:5060",
            "192.168.1.1:5060",
            "[::1]:5060",
            "[fd00::1]:5060",
            "[::ffff:10.0.0.1]:5060",
        ] {
            assert!(scope(sip, false).is_ok(), "{sip}");
        }
    }

    #[test]
    fn a_public_address_needs_the_word_of_its_owner() {
        for sip in ["203.0.113.7:5060", "172.32.0.1:5060", "[2001:db8::1]:5060"] {
            let error = scope(sip, false).unwrap_err();
            assert!(matches!(error, ScopeError::Public(_)), "{sip}: {error}");
            assert!(error.to_string().contains("--i-own-this-network"));
            assert!(scope(sip, true).is_ok(), "{sip}");
        }
    }

    #[test]
    fn addresses_of_many_and_of_nobody_are_refused_also_from_their_owner() {
        for sip in [
            "224.0.1.75:5060",
            "255.255.255.255:5060",
            "0.0.0.0:5060",
            "[ff02::1]:5060",
        ] {
            assert!(
                matches!(scope(sip, true), Err(ScopeError::Nowhere(_))),
                "{sip}"
            );
        }
        for sip in ["127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999"] {
            assert!(
                matches!(scope(sip, true), Err(ScopeError::Name { .. })),
                "{sip}"
            );
        }
    }

    #[test]
    fn a_server_cannot_send_the_flood_elsewhere() {
        let scope = scope("127.0.0.1:5060", true).unwrap();
        assert!(scope.admit("127.0.0.1:20000".parse().unwrap()).is_ok());
        let error = scope.admit("10.0.0.9:20000".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("--media 10.0.0.9"), "{error}");
        let media = ["10.0.0.9".parse().unwrap()];
        let wider = Scope::new("127.0.0.1:5060", &media, false).unwrap();
        assert!(wider.admit("10.0.0.9:20000".parse().unwrap()).is_ok());
    }
}
