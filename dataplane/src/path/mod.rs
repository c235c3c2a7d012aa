//! How packets get to a peer without being routed one by one: by which interface, and to which
//! Ethernet address. It is looked up by a thread (`finder`) whenever the kernel says that something
//! has changed, put into a table that is replaced as a whole, and read by the workers
//! (`book`).
//!
//! Absent on purpose: what is sent there. A peer without a path is sent to by its socket.

mod book;
mod finder;
mod netlink;
mod review;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use shared::{Dscp, Wake, pair};

pub(crate) use book::{Book, PATHS_MAX};
use finder::Finder;

use crate::uring::doorbell::Doorbell;

/// Where packets for a peer are to be put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hop {
    /// The interface, by its number.
    pub(crate) interface: u32,
    /// The header of each frame.
    pub(crate) ethernet: [u8; ETHERNET_BYTES],
}

/// Two addresses and a protocol.
pub(crate) const ETHERNET_BYTES: usize = 14;

/// The peers that have a path.
type Known = HashMap<IpAddr, Hop>;

/// What a worker wants to know, or does not any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wish {
    Begin(IpAddr),
    End(IpAddr),
}

/// What the finder and the workers share.
#[derive(Debug)]
struct Shared {
    known: ArcSwap<Known>,
    bell: Arc<Doorbell>,
    ended: AtomicBool,
}

/// Ends the finder when the last worker lets go of it.
#[derive(Debug)]
struct Reader(Arc<Shared>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::SeqCst);
        self.0.bell.wake();
    }
}

/// Starts the thread that looks for paths from a local address, for so many workers.
///
/// # Errors
/// The kernel does not tell about routes and neighbours.
pub(crate) fn start(from: IpAddr, dscp: Dscp, workers: u8) -> io::Result<Vec<Book>> {
    let bell = Arc::new(Doorbell::new()?);
    let shared = Arc::new(Shared {
        known: ArcSwap::default(),
        bell: Arc::clone(&bell),
        ended: AtomicBool::new(false),
    });
    let reader = Arc::new(Reader(Arc::clone(&shared)));
    let mut wishes = Vec::new();
    let books = (0..workers).map(|_| {
        let (wish, wished) = pair(WISHES, Arc::clone(&bell) as Arc<dyn Wake>);
        wishes.push(wished);
        Book::new(Arc::clone(&reader), wish)
    });
    let books = books.collect();
    let finder = Finder::new(from, dscp, shared, wishes)?;
    let thread = std::thread::Builder::new().name("orbit-paths".to_owned());
    thread.spawn(move || finder.run())?;
    Ok(books)
}

/// Wishes of one worker that may wait.
const WISHES: usize = 4_096;
