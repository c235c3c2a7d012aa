//! An ear at a port: what is said there, for phones that have no recording of their own.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use super::Ports;
use super::clock::{Deadline, PATIENCE};
use super::wav::{self, RATE};

/// A port that RTP in PCMU comes to.
#[derive(Debug)]
pub(crate) struct Ear {
    socket: UdpSocket,
    pub(crate) port: u16,
}

impl Ear {
    pub(crate) fn new(ports: &Ports) -> Self {
        let port = ports.pair();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("a port of our own");
        Self { socket, port }
    }

    /// What is said from now on, in the order it comes, until there are so many seconds of it.
    ///
    /// # Panics
    /// When nobody says that much.
    pub(crate) fn hear(&self, seconds: usize) -> Vec<i16> {
        let mut buffer = [0; 2_048];
        self.socket.set_nonblocking(true).expect("a socket");
        // What has come before nobody asks for.
        while self.socket.recv(&mut buffer).is_ok() {}
        self.socket.set_nonblocking(false).expect("a socket");
        let mut heard = Vec::new();
        let deadline = Deadline::after(PATIENCE);
        while heard.len() < seconds * RATE {
            let left = deadline.left().max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left)).expect("a timeout");
            let length = self.socket.recv(&mut buffer).expect("somebody speaks");
            let payload = buffer[..length].get(RTP_HEADER_BYTES..);
            let samples = payload.unwrap_or_default().iter();
            heard.extend(samples.map(|byte| wav::from_mu_law(*byte)));
        }
        heard
    }
}

/// Of packets without extension and sources, as the server sends them.
const RTP_HEADER_BYTES: usize = 12;
