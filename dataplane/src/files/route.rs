//! Which address of ours a packet to a peer has, where its socket is bound to all of them: the
//! kernel is asked by connecting a socket, which sends nothing.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use shared::Ends;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Routes {
    found: HashMap<IpAddr, IpAddr>,
}

impl Routes {
    /// The ends with an address of ours.
    pub(super) fn complete(&mut self, ends: Ends) -> Ends {
        if !ends.local.ip().is_unspecified() {
            return ends;
        }
        let peer = ends.remote.ip();
        if self.found.len() >= PEERS_MAX && !self.found.contains_key(&peer) {
            self.found.clear();
        }
        let ours = *self.found.entry(peer).or_insert_with(|| {
            let asked = ask(ends.local.ip(), ends.remote);
            asked.unwrap_or_else(|| ends.local.ip())
        });
        Ends {
            local: SocketAddr::new(ours, ends.local.port()),
            remote: ends.remote,
        }
    }
}

fn ask(any: IpAddr, peer: SocketAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(peer).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Peers of the calls that are captured.
const PEERS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_the_address_that_a_peer_sees() {
        let mut routes = Routes::default();
        let ends = |local: &str| Ends {
            local: local.parse().unwrap(),
            remote: "127.0.0.1:9".parse().unwrap(),
        };
        let complete = routes.complete(ends("0.0.0.0:5060"));
        assert_eq!(complete, ends("127.0.0.1:5060"));
        let known = ends("192.0.2.1:4000");
        assert_eq!(routes.complete(known), known);
    }
}
