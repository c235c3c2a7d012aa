//! UDP sockets of SIP: read without waiting, written without waiting, with a bounded queue for what
//! the kernel does not take at once.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::sip::transport::{Flow, Ticket, Transmit};

/// Asked of the kernel for bursts; it gives what net.core.rmem_max allows.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// Datagrams that wait for the kernel; beyond, a transmission fails and the transaction says so.
const QUEUE_LENGTH: usize = 4_096;

/// One bound socket.
#[derive(Debug)]
pub(super) struct UdpListener {
    pub(super) flow: Flow,
    pub(super) local: SocketAddr,
    socket: UdpSocket,
    queue: VecDeque<Transmit>,
}

impl UdpListener {
    /// Binds; needs a running tokio runtime.
    pub(super) fn bind(flow: Flow, address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        let local = socket.local_addr()?;
        Ok(Self {
            flow,
            local,
            socket,
            queue: VecDeque::new(),
        })
    }

    /// Ready once something can be read, or queued datagrams can be written.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let readable = self.socket.poll_recv_ready(cx).is_ready();
        let writable = !self.queue.is_empty() && self.socket.poll_send_ready(cx).is_ready();
        if readable || writable {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// The next datagram, if one is there.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        loop {
            match self.socket.try_recv_from(buffer) {
                Ok(received) => return Some(received),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // An ICMP error of an earlier datagram; the next call has the next datagram.
                Err(error) => tracing::debug!(local = %self.local, %error, "receive"),
            }
        }
    }

    /// Sends now, or queues.
    ///
    /// # Errors
    /// The ticket of a datagram that neither the kernel nor the queue took.
    pub(super) fn send(&mut self, transmit: Transmit) -> Result<(), Ticket> {
        if !self.queue.is_empty() {
            return self.enqueue(transmit);
        }
        match self
            .socket
            .try_send_to(&transmit.bytes, transmit.destination)
        {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.enqueue(transmit),
            Err(error) => {
                tracing::debug!(destination = %transmit.destination, %error, "send");
                Err(transmit.ticket)
            }
        }
    }

    /// Sends what waits, as far as the kernel takes it; gives the tickets of what failed.
    pub(super) fn flush(&mut self) -> Vec<Ticket> {
        let mut failed = Vec::new();
        while let Some(transmit) = self.queue.front() {
            match self
                .socket
                .try_send_to(&transmit.bytes, transmit.destination)
            {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => failed.push(transmit.ticket),
            }
            self.queue.pop_front();
        }
        failed
    }

    fn enqueue(&mut self, transmit: Transmit) -> Result<(), Ticket> {
        if self.queue.len() >= QUEUE_LENGTH {
            return Err(transmit.ticket);
        }
        self.queue.push_back(transmit);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::transport::Transport;

    fn on_loopback(test: impl AsyncFnOnce(UdpListener)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            test(UdpListener::bind(Flow(0), "127.0.0.1:0".parse().unwrap()).unwrap()).await;
        });
    }

    async fn receive(listener: &UdpListener) -> Vec<u8> {
        let mut buffer = [0; 2_048];
        std::future::poll_fn(|cx| listener.poll_ready(cx)).await;
        let (count, _) = listener.receive(&mut buffer).unwrap();
        buffer[..count].to_vec()
    }

    #[test]
    fn datagrams_come_and_go() {
        on_loopback(async |mut listener| {
            let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            peer.send_to(b"hello", listener.local).unwrap();
            assert_eq!(receive(&listener).await, b"hello");
            let answer = Transmit {
                transport: Transport::Udp,
                flow: Some(Flow(0)),
                destination: peer.local_addr().unwrap(),
                ticket: Ticket(1),
                bytes: b"answer".to_vec(),
            };
            listener.send(answer).unwrap();
            let mut buffer = [0; 16];
            assert_eq!(peer.recv(&mut buffer).unwrap(), 6);
        });
    }

    #[test]
    fn an_icmp_error_does_not_hide_the_next_datagram() {
        on_loopback(async |mut listener| {
            let closed = std::net::UdpSocket::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap();
            let lost = Transmit {
                transport: Transport::Udp,
                flow: Some(Flow(0)),
                destination: closed,
                ticket: Ticket(1),
                bytes: b"lost".to_vec(),
            };
            listener.send(lost).unwrap();
            let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            peer.send_to(b"hello", listener.local).unwrap();
            assert_eq!(receive(&listener).await, b"hello");
        });
    }

    #[test]
    fn a_full_queue_names_the_transmission_that_failed() {
        on_loopback(async |mut listener| {
            let transmit = |ticket| Transmit {
                transport: Transport::Udp,
                flow: Some(Flow(0)),
                destination: "127.0.0.1:9".parse().unwrap(),
                ticket: Ticket(ticket),
                bytes: Vec::new(),
            };
            for ticket in 0..QUEUE_LENGTH as u64 {
                listener.enqueue(transmit(ticket)).unwrap();
            }
            assert_eq!(listener.send(transmit(99)), Err(Ticket(99)));
        });
    }
}
