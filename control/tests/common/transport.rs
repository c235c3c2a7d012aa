//! The sockets and connections of a simulated world: what the driver does, without a kernel.

use std::net::SocketAddr;
use std::time::Duration;

use control::sip::transport::{Flow, Transmit, Transport};

use super::link::Way;
use super::world::{Happening, World};

/// A TCP connection between a phone and the server.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) flow: Flow,
    pub(super) phone: usize,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) is_open: bool,
}

impl World {
    pub(super) fn transmit(&mut self, transmit: Transmit) {
        match transmit.transport {
            Transport::Udp => self.transmit_datagram(transmit),
            Transport::Tcp => self.transmit_stream(transmit),
        }
    }

    fn transmit_datagram(&mut self, transmit: Transmit) {
        let flow = transmit.flow.expect("UDP goes out by a socket");
        let listener = self.listeners.iter().find(|listener| listener.flow == flow);
        let listener = listener.unwrap_or_else(|| panic!("there is no socket {flow:?}"));
        assert_eq!(
            listener.transport,
            Transport::Udp,
            "{flow:?} is no UDP socket"
        );
        assert_eq!(
            listener.local.is_ipv6(),
            transmit.destination.is_ipv6(),
            "the family"
        );
        let to = self
            .phones
            .iter()
            .position(|phone| phone.address == transmit.destination);
        let Some(phone) = to else { return };
        self.note_sent(phone, &transmit.bytes);
        let arrivals = self.link.datagram(self.now, Way::ToPhone, &transmit.bytes);
        if arrivals.is_empty() {
            self.lost_notifies += u64::from(transmit.bytes.starts_with(b"NOTIFY "));
            let name = &self.phones[phone].name;
            self.trace
                .message(self.now, "<- lost", name, &transmit.bytes);
        }
        for at in arrivals {
            self.in_flight += 1;
            self.agenda.note(
                at,
                Happening::ToPhone {
                    phone,
                    bytes: transmit.bytes.clone(),
                },
            );
        }
    }

    fn transmit_stream(&mut self, transmit: Transmit) {
        let open = self
            .connections
            .iter()
            .find(|c| c.is_open && Some(c.flow) == transmit.flow);
        let found = match open {
            Some(connection) => Some((connection.phone, connection.flow)),
            None => self.connect_out(transmit.destination),
        };
        let Some((phone, flow)) = found else {
            let at = self.now + Duration::from_millis(10);
            self.agenda.note(at, Happening::Failed(transmit.ticket));
            return;
        };
        self.note_sent(phone, &transmit.bytes);
        let at = self.link.stream(self.now, Way::ToPhone, flow.0);
        self.in_flight += 1;
        self.agenda.note(
            at,
            Happening::ToPhone {
                phone,
                bytes: transmit.bytes,
            },
        );
    }

    fn connect_out(&mut self, to: SocketAddr) -> Option<(usize, Flow)> {
        let phone = self
            .phones
            .iter()
            .position(|p| p.tcp && p.address == to && !p.is_dead)?;
        let existing = self
            .connections
            .iter()
            .find(|c| c.is_open && c.remote == to);
        let flow = existing.map(|connection| connection.flow);
        Some((phone, flow.unwrap_or_else(|| self.connect(phone, to))))
    }

    fn connect(&mut self, phone: usize, remote: SocketAddr) -> Flow {
        let flow = Flow(100 + self.connections.len() as u64);
        let local = self.phones[phone].server;
        self.connections.push(Connection {
            flow,
            phone,
            local,
            remote,
            is_open: true,
        });
        flow
    }

    pub(super) fn flush(&mut self, phone: usize) {
        while let Some((to, bytes)) = self.phones[phone].poll_out() {
            if self.phones[phone].tcp {
                self.send_stream(phone, bytes);
            } else {
                self.send_datagram(phone, to, &bytes);
            }
        }
        let Some(due) = self.phones[phone].next_timeout() else {
            return;
        };
        if self.wakes[phone].is_none_or(|at| due < at) {
            self.wakes[phone] = Some(due);
            self.agenda.note(due.max(self.now), Happening::Wake(phone));
        }
    }

    pub(super) fn send_datagram(&mut self, phone: usize, to: SocketAddr, bytes: &[u8]) {
        let listener = self
            .listeners
            .iter()
            .find(|listener| listener.transport == Transport::Udp && listener.local == to);
        let Some(listener) = listener else {
            self.trace
                .message(self.now, "-> nowhere", &self.phones[phone].name, bytes);
            return;
        };
        let (flow, from) = (listener.flow, self.phones[phone].address);
        let arrivals = self.link.datagram(self.now, Way::ToServer, bytes);
        if arrivals.is_empty() {
            self.trace
                .message(self.now, "-> lost", &self.phones[phone].name, bytes);
        }
        for at in arrivals {
            self.in_flight += 1;
            let (transport, bytes) = (Transport::Udp, bytes.to_vec());
            let packet = Happening::ToServer {
                phone,
                transport,
                flow,
                to,
                from,
                bytes,
            };
            self.agenda.note(at, packet);
        }
    }

    fn send_stream(&mut self, phone: usize, bytes: Vec<u8>) {
        let open = self
            .connections
            .iter()
            .find(|c| c.is_open && c.phone == phone);
        let flow = match open {
            Some(connection) => connection.flow,
            None => {
                let mut ephemeral = self.phones[phone].address;
                ephemeral.set_port(40_000 + u16::try_from(self.connections.len()).unwrap());
                self.connect(phone, ephemeral)
            }
        };
        let connection = self.connections.iter().find(|c| c.flow == flow).unwrap();
        let (to, from) = (connection.local, connection.remote);
        let at = self.link.stream(self.now, Way::ToServer, flow.0);
        self.in_flight += 1;
        let transport = Transport::Tcp;
        self.agenda.note(
            at,
            Happening::ToServer {
                phone,
                transport,
                flow,
                to,
                from,
                bytes,
            },
        );
    }
}
