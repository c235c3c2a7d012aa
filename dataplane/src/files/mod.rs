//! The one thread for files: it reads recordings and writes captures, by tokio-uring where the
//! kernel allows io_uring. Workers and control only put something into its queues.
//!
//! Absent on purpose: what a recording is (`prompt`), what is in a capture (`capture`), and any use
//! of a worker's ring (`uring`).

mod disk;
mod route;
mod shelf;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use shared::capture::Reply;
use shared::{
    CaptureEnd, CaptureError, CaptureId, CaptureOrder, CaptureStatus, CapturedMessage,
    CapturedPacket, Piece, Receiver, Recorder,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use disk::By;
use shelf::Shelf;

/// A way to read files.
pub trait FileIo {
    /// The whole file.
    ///
    /// # Errors
    /// Whatever the kernel says; also when it is not a file, or longer than `bytes_max`.
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>>;
}

/// The thread, for as long as anybody has this.
#[derive(Debug)]
pub struct Files {
    orders: mpsc::Sender<Order>,
    shown: Arc<Shown>,
}

/// What the thread shows of itself.
#[derive(Debug)]
struct Shown {
    captures: ArcSwap<Vec<CaptureStatus>>,
    /// Messages that found no room in its queue.
    lost: AtomicU64,
}

/// What the thread is told.
enum Order {
    Read {
        path: PathBuf,
        bytes_max: u64,
        reply: std::sync::mpsc::SyncSender<io::Result<Vec<u8>>>,
    },
    Tap(Vec<Receiver<CapturedPacket>>),
    Begin(CaptureOrder, Reply<()>),
    Message(CapturedMessage),
    End(CaptureId, CaptureEnd),
    Forget(CaptureId),
    ReadOn(CaptureId, u64, Reply<Piece>),
}

/// Orders that wait for the thread; messages beyond are lost and counted.
const ORDERS_MAX: usize = 1_024;

/// How often captures are written.
const TURN: Duration = Duration::from_millis(100);

/// How often files are looked at that wait to be fetched.
const LOOK: Duration = Duration::from_secs(60);

impl Files {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the operating system has none to give.
    pub fn start() -> io::Result<Self> {
        Self::start_with(By::Ring)
    }

    fn start_with(by: By) -> io::Result<Self> {
        let (orders, waiting) = mpsc::channel(ORDERS_MAX);
        let shown = Arc::new(Shown {
            captures: ArcSwap::default(),
            lost: AtomicU64::new(0),
        });
        let clerk = Clerk {
            orders: waiting,
            shown: Arc::clone(&shown),
        };
        std::thread::Builder::new()
            .name("orbit-files".to_owned())
            .spawn(move || clerk.run(by))?;
        Ok(Self { orders, shown })
    }

    /// The copies that workers make of packets are written from now on.
    pub fn tap(&self, taps: Vec<Receiver<CapturedPacket>>) {
        // Refused only by a thread that has ended.
        let _ = self.orders.try_send(Order::Tap(taps));
    }
}

impl FileIo for Files {
    /// Not from within async code.
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        let order = Order::Read {
            path: path.to_path_buf(),
            bytes_max,
            reply,
        };
        let over = |_| io::Error::other("the file thread has ended");
        self.orders
            .blocking_send(order)
            .map_err(|error| over(error.to_string()))?;
        answer.recv().map_err(|error| over(error.to_string()))?
    }
}

impl Recorder for Files {
    fn begin(&self, order: CaptureOrder, reply: Reply<()>) {
        if let Err(order) = self.orders.try_send(Order::Begin(order, reply))
            && let Order::Begin(_, reply) = order.into_inner()
        {
            reply(Err(CaptureError::Busy));
        }
    }

    fn message(&self, message: CapturedMessage) {
        if self.orders.try_send(Order::Message(message)).is_err() {
            self.shown.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn end(&self, capture: CaptureId, end: CaptureEnd) {
        // What does not arrive is said again by whoever keeps the book, or the time ends it.
        let _ = self.orders.try_send(Order::End(capture, end));
    }

    fn forget(&self, capture: CaptureId) {
        // What does not arrive, age does.
        let _ = self.orders.try_send(Order::Forget(capture));
    }

    fn read(&self, capture: CaptureId, from: u64, reply: Reply<Piece>) {
        if let Err(order) = self.orders.try_send(Order::ReadOn(capture, from, reply))
            && let Order::ReadOn(_, _, reply) = order.into_inner()
        {
            reply(Err(CaptureError::Busy));
        }
    }

    fn captures(&self) -> Arc<Vec<CaptureStatus>> {
        self.shown.captures.load_full()
    }
}

/// The thread's own.
struct Clerk {
    orders: mpsc::Receiver<Order>,
    shown: Arc<Shown>,
}

impl Clerk {
    fn run(self, by: By) {
        let done = match by {
            By::Ring => match tokio_uring::Runtime::new(&tokio_uring::builder()) {
                Ok(runtime) => return runtime.block_on(self.serve(By::Ring)),
                Err(error) => {
                    tracing::debug!(%error, "no io_uring for files, but std");
                    plain()
                }
            },
            By::Std => plain(),
        };
        match done {
            Ok(runtime) => runtime.block_on(self.serve(By::Std)),
            Err(error) => {
                tracing::error!(%error, "no recordings are read, and no captures written")
            }
        }
    }

    async fn serve(mut self, by: By) {
        let mut shelf = Shelf::new(by);
        let mut turn = Instant::now() + LOOK;
        loop {
            let order = tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => Some(order),
                    None => return,
                },
                () = sleep_until(turn) => None,
            };
            match order {
                Some(order) => self.obey(order, &mut shelf).await,
                None => {
                    shelf.lost(self.shown.lost.swap(0, Ordering::Relaxed));
                    shelf.turn().await;
                    self.shown.captures.store(Arc::new(shelf.statuses()));
                    turn = Instant::now() + LOOK;
                }
            }
            if shelf.is_busy() {
                turn = turn.min(Instant::now() + TURN);
            }
        }
    }

    async fn obey(&self, order: Order, shelf: &mut Shelf) {
        match order {
            Order::Read {
                path,
                bytes_max,
                reply,
            } => {
                // Whoever asked may have gone away.
                let _ = reply.send(disk::whole(shelf.by(), &path, bytes_max).await);
            }
            Order::Tap(taps) => shelf.tap(taps),
            Order::Begin(order, reply) => {
                let begun = shelf.begin(order).await;
                self.shown.captures.store(Arc::new(shelf.statuses()));
                reply(begun);
            }
            Order::Message(message) => shelf.message(message),
            Order::End(capture, end) => {
                shelf.end(capture, end).await;
                self.shown.captures.store(Arc::new(shelf.statuses()));
            }
            Order::Forget(capture) => {
                shelf.forget(capture);
                self.shown.captures.store(Arc::new(shelf.statuses()));
            }
            Order::ReadOn(capture, from, reply) => reply(shelf.read(capture, from).await),
        }
    }
}

/// Where io_uring is not to be had.
fn plain() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
}

#[cfg(test)]
mod tests;
