//! UDP sockets of SIP: read without waiting, written without waiting, with a bounded queue for what the kernel
//! does not take at once.

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
