//! The RTP sockets of a run, and the system's limits they meet.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use nix::sys::socket::{setsockopt, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::limits::RECEIVE_BUFFER_BYTES;

/// One RTP socket, shared by the calls that have it, and by who sends from it and who listens.
pub(super) type Port = Arc<UdpSocket>;

/// Descriptors besides RTP: SIP, signals, epolls, the standard streams.
const DESCRIPTORS_BESIDE: u64 = 64;

/// Sockets on ports that the kernel chooses.
pub(super) fn bind(host: IpAddr, count: usize) -> Result<Vec<Port>, String> {
    allow_descriptors(count as u64)?;
    let ports = (0..count).map(|_| bind_at(SocketAddr::new(host, 0)));
    ports
        .collect::<io::Result<_>>()
        .map_err(|error| format!("no RTP port at {host}: {error}; use fewer --sockets"))
}

/// One socket, with as much room as the kernel gives.
pub(super) fn bind_at(address: SocketAddr) -> io::Result<Port> {
    let socket = UdpSocket::bind(address)?;
    // Beyond the system's limit only for root; within it for all.
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER_BYTES).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER_BYTES)?;
    }
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    setsockopt(&socket, sockopt::RxqOvfl, &1)?;
    Ok(Arc::new(socket))
}

/// Where a socket is bound.
pub(super) fn address(port: &UdpSocket) -> SocketAddr {
    port.local_addr().expect("a bound socket has an address")
}

/// The address of ours that reaches a server.
pub(super) fn local_address(server: SocketAddr) -> io::Result<IpAddr> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => ([0; 4], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let probe = UdpSocket::bind(any)?;
    probe.connect(server)?;
    Ok(probe.local_addr()?.ip())
}

fn allow_descriptors(count: u64) -> Result<(), String> {
    let needed = count + DESCRIPTORS_BESIDE;
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    if needed > most {
        return Err(format!(
            "{count} sockets need {needed} open files, and this process may have {most}: use \
             --sockets {}, or raise the hard limit (ulimit -Hn {needed} as root)",
            most.saturating_sub(DESCRIPTORS_BESIDE)
        ));
    }
    if limit.current.is_some_and(|current| current < needed) {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, raised).map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_sockets_than_files_are_refused_with_a_number_that_fits() {
        let most = getrlimit(Resource::Nofile).maximum;
        if most.is_some_and(|most| most < 1 << 40) {
            let message = allow_descriptors(1 << 40).unwrap_err();
            assert!(message.contains("--sockets"), "{message}");
        }
    }

    #[test]
    fn loopback_is_reached_from_loopback() {
        let server = "127.0.0.1:9".parse().unwrap();
        assert!(local_address(server).unwrap().is_loopback());
    }
}
