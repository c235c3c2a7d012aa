//! TCP connections of SIP (RFC 3261 §18): a task reads each into whole messages, a task writes each
//! from a bounded queue. Connections come from trusted networks only; how many, how long idle and
//! how much is queued is limited.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::reactor::Arrival;
use crate::sip::frame::{Frame, Framer};
use crate::sip::transport::{Flow, Ticket, Transmit};

/// Connections at once, both ways; further ones are closed as they come.
const CONNECTIONS_MAX: usize = 4_096;
/// Messages that wait for one connection; a peer that does not read loses the connection.
const QUEUE_LENGTH: usize = 256;
/// Bytes read at once.
const READ_BYTES: usize = 16 * 1_024;
/// A connection attempt that takes longer has failed: well below timer B, so that another way can
/// be tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// A connection on which nothing arrives for this long is closed; RFC 5626 §4.4.1 keep-alives come
/// every two minutes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// A write that takes longer has failed: the peer does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPT_BACKLOG: i32 = 1_024;

/// Every connection, and how to make one.
#[derive(Debug)]
pub(super) struct Connections {
    open: HashMap<Flow, Connection>,
    by_peer: HashMap<SocketAddr, Flow>,
    next_flow: u64,
    arrivals: mpsc::Sender<Arrival>,
}

#[derive(Debug)]
struct Connection {
    /// Ours; `None` until it is connected.
    local: Option<SocketAddr>,
    peer: SocketAddr,
    queue: mpsc::Sender<(Ticket, Vec<u8>)>,
    tasks: JoinHandle<()>,
}

/// Binds a listening socket; needs a running tokio runtime.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(ACCEPT_BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts for as long as the server runs; strangers are closed at once.
pub(super) async fn accept(
    listener: TcpListener,
    trusted: Vec<IpNet>,
    arrivals: mpsc::Sender<Arrival>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) if trusted.iter().any(|network| network.contains(&peer.ip())) => {
                if arrivals
                    .send(Arrival::Accepted(stream, peer))
                    .await
                    .is_err()
                {
                    return;
                }
            }
            Ok((_, peer)) => tracing::debug!(%peer, "connection of an untrusted peer closed"),
            Err(error) => {
                // Out of descriptors, mostly: accepting again at once would spin.
                tracing::warn!(%error, "accept failed; raise RLIMIT_NOFILE if this repeats");
                let pause = tokio::time::Instant::now() + Duration::from_millis(100);
                tokio::time::sleep_until(pause).await;
            }
        }
    }
}

impl Connections {
    /// `first_flow` is the first number that names no listener.
    pub(super) fn new(first_flow: u64, arrivals: mpsc::Sender<Arrival>) -> Self {
        Self {
            open: HashMap::new(),
            by_peer: HashMap::new(),
            next_flow: first_flow,
            arrivals,
        }
    }

    /// Takes a connection that a peer made.
    pub(super) fn accepted(&mut self, stream: TcpStream, peer: SocketAddr) {
        if self.open.len() >= CONNECTIONS_MAX {
            tracing::warn!(%peer, "connection refused: {CONNECTIONS_MAX} are open");
            return;
        }
        let flow = self.number();
        let local = stream.local_addr().ok();
        let (queue, waiting) = mpsc::channel(QUEUE_LENGTH);
        let arrivals = self.arrivals.clone();
        let tasks = tokio::spawn(async move {
            serve(stream, flow, peer, waiting, &arrivals).await;
            let _ = arrivals.send(Arrival::Closed(flow)).await;
        });
        let connection = Connection {
            local,
            peer,
            queue,
            tasks,
        };
        self.open.insert(flow, connection);
    }

    /// A connection that we made is there.
    pub(super) fn connected(&mut self, flow: Flow, local: SocketAddr) {
        if let Some(connection) = self.open.get_mut(&flow) {
            connection.local = Some(local);
        }
    }

    /// The address of ours that a message will have, where that is known.
    pub(super) fn local(&self, transmit: &Transmit) -> Option<SocketAddr> {
        self.open.get(&self.flow(transmit)?)?.local
    }

    /// The connection for a message, where one is there.
    fn flow(&self, transmit: &Transmit) -> Option<Flow> {
        let wanted = transmit.flow.filter(|flow| self.open.contains_key(flow));
        wanted.or_else(|| self.by_peer.get(&transmit.destination).copied())
    }

    /// Sends on the flow, or on a connection to the destination, made where there is none.
    ///
    /// # Errors
    /// The ticket, when the connection's queue or the table is full.
    pub(super) fn send(&mut self, transmit: Transmit) -> Result<(), Ticket> {
        let flow = match self.flow(&transmit) {
            Some(flow) => flow,
            None => self.connect(transmit.destination).ok_or(transmit.ticket)?,
        };
        let ticket = transmit.ticket;
        let Some(connection) = self.open.get(&flow) else {
            return Err(ticket);
        };
        if connection.queue.try_send((ticket, transmit.bytes)).is_ok() {
            return Ok(());
        }
        tracing::warn!(peer = %connection.peer, "connection closed: its peer does not read");
        connection.tasks.abort();
        self.closed(flow);
        Err(ticket)
    }

    /// A connection has ended.
    pub(super) fn closed(&mut self, flow: Flow) {
        if let Some(connection) = self.open.remove(&flow)
            && self.by_peer.get(&connection.peer) == Some(&flow)
        {
            self.by_peer.remove(&connection.peer);
        }
    }

    fn connect(&mut self, peer: SocketAddr) -> Option<Flow> {
        if self.open.len() >= CONNECTIONS_MAX {
            return None;
        }
        let flow = self.number();
        let (queue, mut waiting) = mpsc::channel(QUEUE_LENGTH);
        let arrivals = self.arrivals.clone();
        let tasks = tokio::spawn(async move {
            match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(peer)).await {
                Ok(Ok(stream)) => {
                    if let Ok(local) = stream.local_addr() {
                        // Refused only by a reactor that has ended.
                        let _ = arrivals.send(Arrival::Connected(flow, local)).await;
                    }
                    serve(stream, flow, peer, waiting, &arrivals).await;
                }
                Ok(Err(error)) => {
                    tracing::debug!(%peer, %error, "connect");
                    fail(&mut waiting, &arrivals).await;
                }
                Err(_) => fail(&mut waiting, &arrivals).await,
            }
            let _ = arrivals.send(Arrival::Closed(flow)).await;
        });
        let connection = Connection {
            local: None,
            peer,
            queue,
            tasks,
        };
        self.open.insert(flow, connection);
        self.by_peer.insert(peer, flow);
        Some(flow)
    }

    fn number(&mut self) -> Flow {
        let flow = Flow(self.next_flow);
        self.next_flow += 1;
        flow
    }
}

/// Reads and writes one connection until either side of it ends.
async fn serve(
    stream: TcpStream,
    flow: Flow,
    peer: SocketAddr,
    mut waiting: mpsc::Receiver<(Ticket, Vec<u8>)>,
    arrivals: &mpsc::Sender<Arrival>,
) {
    // Without Nagle's delay: one message is one write. Refused only on a socket that is already
    // dead.
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else {
        return fail(&mut waiting, arrivals).await;
    };
    let (reader, mut writer) = stream.into_split();
    let (pong, mut pongs) = mpsc::channel(1);
    let from = Ends { flow, local, peer };
    let writing = async {
        loop {
            let (ticket, bytes) = tokio::select! {
                next = waiting.recv() => match next {
                    Some((ticket, bytes)) => (Some(ticket), bytes),
                    None => return None,
                },
                Some(()) = pongs.recv() => (None, b"\r\n".to_vec()),
            };
            if !write(&mut writer, &bytes).await {
                return ticket;
            }
        }
    };
    let unsent = tokio::select! {
        () = read(reader, &from, &pong, arrivals) => None,
        unsent = writing => unsent,
    };
    if let Some(ticket) = unsent {
        let _ = arrivals.send(Arrival::Unsent(ticket)).await;
    }
    fail(&mut waiting, arrivals).await;
}

/// A connection's two ends and its number.
struct Ends {
    flow: Flow,
    local: SocketAddr,
    peer: SocketAddr,
}

async fn read(
    mut reader: OwnedReadHalf,
    from: &Ends,
    pong: &mpsc::Sender<()>,
    arrivals: &mpsc::Sender<Arrival>,
) {
    let mut framer = Framer::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = match tokio::time::timeout(IDLE_TIMEOUT, reader.read(&mut buffer)).await {
            Ok(Ok(count)) if count > 0 => count,
            _ => return,
        };
        framer.push(&buffer[..count]);
        while let Some(frame) = framer.next_frame() {
            let (bytes, last) = match frame {
                // A pong that waits already answers this ping as well.
                Frame::KeepAlive => {
                    let _ = pong.try_send(());
                    continue;
                }
                Frame::Message(bytes) => (bytes, false),
                Frame::Broken(bytes) => (bytes, true),
            };
            let Ends { flow, local, peer } = *from;
            if arrivals
                .send(Arrival::Message {
                    flow,
                    local,
                    peer,
                    bytes,
                })
                .await
                .is_err()
            {
                return;
            }
            if last {
                tracing::debug!(%peer, "connection closed: its stream cannot be followed");
                return drain_before_close().await;
            }
        }
    }
}

/// Leaves the reactor a moment to answer what broke the stream before the connection is closed.
async fn drain_before_close() {
    let end = tokio::time::Instant::now() + Duration::from_millis(200);
    tokio::time::sleep_until(end).await;
}

async fn write(writer: &mut OwnedWriteHalf, bytes: &[u8]) -> bool {
    matches!(
        tokio::time::timeout(WRITE_TIMEOUT, writer.write_all(bytes)).await,
        Ok(Ok(()))
    )
}

/// Reports everything that waits as not sent.
async fn fail(waiting: &mut mpsc::Receiver<(Ticket, Vec<u8>)>, arrivals: &mpsc::Sender<Arrival>) {
    waiting.close();
    while let Some((ticket, _)) = waiting.recv().await {
        if arrivals.send(Arrival::Unsent(ticket)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const MESSAGE: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 2\r\n\r\nhi";

    /// Runs a test against a listener on loopback that trusts loopback.
    fn with_listener<F: Future<Output = ()>>(
        test: impl FnOnce(SocketAddr, mpsc::Sender<Arrival>, mpsc::Receiver<Arrival>) -> F,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let address = listener.local_addr().unwrap();
            let (arrivals, arrived) = mpsc::channel(8);
            let trusted = vec!["127.0.0.1/32".parse().unwrap()];
            tokio::spawn(accept(listener, trusted, arrivals.clone()));
            tokio::time::timeout(Duration::from_secs(20), test(address, arrivals, arrived))
                .await
                .expect("the test ends in time");
        });
    }

    fn to(destination: SocketAddr, ticket: u64, bytes: &[u8]) -> Transmit {
        Transmit {
            transport: crate::sip::transport::Transport::Tcp,
            flow: None,
            destination,
            ticket: Ticket(ticket),
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn a_message_in_two_pieces_arrives_whole_and_its_answer_goes_back_by_the_same_connection() {
        with_listener(async |address, arrivals, mut arrived| {
            let mut peer = TcpStream::connect(address).await.unwrap();
            let mut connections = Connections::new(7, arrivals);
            let Some(Arrival::Accepted(stream, from)) = arrived.recv().await else {
                panic!()
            };
            connections.accepted(stream, from);
            peer.write_all(&MESSAGE[..30]).await.unwrap();
            tokio::task::yield_now().await;
            peer.write_all(&MESSAGE[30..]).await.unwrap();
            let Some(Arrival::Message { flow, bytes, .. }) = arrived.recv().await else {
                panic!()
            };
            assert_eq!((flow, bytes.as_slice()), (Flow(7), MESSAGE));
            let answer = Transmit {
                flow: Some(flow),
                ..to(from, 1, b"answer")
            };
            connections.send(answer).unwrap();
            let mut read = [0; 6];
            peer.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"answer");
        });
    }

    #[test]
    fn a_double_line_break_is_answered_with_one() {
        with_listener(async |address, arrivals, mut arrived| {
            let mut peer = TcpStream::connect(address).await.unwrap();
            let mut connections = Connections::new(0, arrivals);
            let Some(Arrival::Accepted(stream, from)) = arrived.recv().await else {
                panic!()
            };
            connections.accepted(stream, from);
            peer.write_all(b"\r\n\r\n").await.unwrap();
            let mut read = [0; 2];
            peer.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"\r\n");
        });
    }

    #[test]
    fn a_stream_that_is_not_sip_is_handed_over_once_and_closed() {
        with_listener(async |address, arrivals, mut arrived| {
            let mut peer = TcpStream::connect(address).await.unwrap();
            let mut connections = Connections::new(0, arrivals);
            let Some(Arrival::Accepted(stream, from)) = arrived.recv().await else {
                panic!()
            };
            connections.accepted(stream, from);
            peer.write_all(b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: x\r\n\r\n")
                .await
                .unwrap();
            assert!(matches!(
                arrived.recv().await,
                Some(Arrival::Message { .. })
            ));
            let mut read = [0; 1];
            assert_eq!(peer.read(&mut read).await.unwrap(), 0, "closed");
            let Some(Arrival::Closed(flow)) = arrived.recv().await else {
                panic!()
            };
            connections.closed(flow);
            assert!(connections.open.is_empty());
        });
    }

    #[test]
    fn connections_are_made_once_for_a_destination() {
        with_listener(async |address, arrivals, mut arrived| {
            let mut connections = Connections::new(0, arrivals);
            connections.send(to(address, 1, MESSAGE)).unwrap();
            connections.send(to(address, 2, MESSAGE)).unwrap();
            assert_eq!(connections.open.len(), 1);
            let Some(Arrival::Accepted(mut stream, _)) = arrived.recv().await else {
                panic!()
            };
            let mut read = vec![0; 2 * MESSAGE.len()];
            stream.read_exact(&mut read).await.unwrap();
            assert_eq!(read, [MESSAGE, MESSAGE].concat());
        });
    }

    #[test]
    fn what_cannot_be_sent_comes_back_by_its_ticket() {
        with_listener(async |_, arrivals, mut arrived| {
            // A port that was just given back: nobody listens there.
            let closed = bind("127.0.0.1:0".parse().unwrap())
                .unwrap()
                .local_addr()
                .unwrap();
            let mut connections = Connections::new(0, arrivals);
            connections.send(to(closed, 5, MESSAGE)).unwrap();
            connections.send(to(closed, 6, MESSAGE)).unwrap();
            let mut unsent = Vec::new();
            while let Some(arrival) = arrived.recv().await {
                match arrival {
                    Arrival::Unsent(ticket) => unsent.push(ticket),
                    Arrival::Closed(flow) => {
                        connections.closed(flow);
                        break;
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(unsent, [Ticket(5), Ticket(6)]);
            assert!(connections.open.is_empty() && connections.by_peer.is_empty());
        });
    }

    #[test]
    fn a_peer_that_is_not_trusted_is_closed_at_once() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let address = listener.local_addr().unwrap();
            let (arrivals, mut arrived) = mpsc::channel(8);
            let trusted = vec!["10.0.0.0/8".parse().unwrap()];
            let accepting = tokio::spawn(accept(listener, trusted, arrivals));
            let mut peer = TcpStream::connect(address).await.unwrap();
            assert_eq!(peer.read(&mut [0; 1]).await.unwrap(), 0, "closed");
            accepting.abort();
            assert!(arrived.recv().await.is_none(), "and never handed over");
        });
    }
}
