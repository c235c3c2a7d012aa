//! Bare loops: what this machine can do when nothing but the system calls is there. Each runs on a
//! thread of its own, in the server's namespace, on the worker's CPU, with the worker's priority.

use std::error::Error;
use std::io::IoSlice;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::mpsc::channel;
use std::time::Duration;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};
use rustix::thread::{clock_nanosleep_absolute, gettid};
use rustix::time::{ClockId, Timespec, clock_gettime};
use shared::Time;

use super::machine::{Rank, pin, prefer};
use super::namespace::{self, SERVER};
use crate::clock;
use crate::judge::Pacing;

/// Where a bare loop runs.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) space: String,
    pub(super) cpu: usize,
}

/// What a loop that moves packets did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moved {
    pub(super) packets: u64,
    pub(super) cpu: Duration,
    /// Before that, to warm up.
    pub(super) warm_up: u64,
}

impl Moved {
    /// CPU time a packet, in nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "counts of seconds fit a double")]
    pub(super) fn cpu_ns(self) -> f64 {
        self.cpu.as_secs_f64() * 1e9 / self.packets.max(1) as f64
    }
}

/// A packet of 20 ms of PCMU.
pub(super) const PACKET_BYTES: usize = 172;

/// Packets in one system call, as in the measurements the goal comes from.
pub(super) const BATCH: usize = 64;

/// Before anything is counted.
const WARM_UP: Duration = Duration::from_millis(200);

/// Called when a bare loop is about to begin, so that nothing else is paused for longer.
pub(super) type Begin<'a> = &'a dyn Fn() -> Result<(), Box<dyn Error>>;

/// Sends to all destinations in turn as fast as it can, with `sendmmsg` on one unconnected socket.
pub(super) fn send(
    place: &Place,
    begin: Begin<'_>,
    destinations: &[SocketAddr],
    time: Duration,
) -> Result<Moved, Box<dyn Error>> {
    let addresses: Vec<Option<SockaddrIn>> = destinations
        .iter()
        .filter_map(|address| match address {
            SocketAddr::V4(address) => Some(Some(sockaddr(*address))),
            SocketAddr::V6(_) => None,
        })
        .collect();
    on_thread(place, begin, move || {
        let socket = UdpSocket::bind((SERVER, 0))?;
        let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
        let bytes = [0x55; PACKET_BYTES];
        let parts = [[IoSlice::new(&bytes)]; BATCH];
        let mut turn = |until: Time| -> Result<u64, Box<dyn Error>> {
            let mut packets = 0;
            loop {
                for batch in addresses.chunks(BATCH) {
                    // It waits for room, so all of the batch are sent.
                    let socket = socket.as_raw_fd();
                    sendmmsg(socket, &mut headers, &parts, batch, [], MsgFlags::empty())?;
                    packets += batch.len() as u64;
                    if clock::now() >= until {
                        return Ok(packets);
                    }
                }
            }
        };
        let warm_up = turn(clock::now() + WARM_UP)?;
        let before = thread_cpu();
        let packets = turn(clock::now() + time)?;
        let cpu = thread_cpu() - before;
        Ok(Moved {
            packets,
            cpu,
            warm_up,
        })
    })
}

/// Wakes every millisecond, and notes how late that was. With `work`, it is then busy for that long
/// each time, and makes up for a stall as a worker does: one that is busy for most of its time
/// takes several times the stall to be on time again.
pub(super) fn tick(
    place: &Place,
    begin: Begin<'_>,
    time: Duration,
    work: Duration,
) -> Result<Pacing, Box<dyn Error>> {
    on_thread(place, begin, move || {
        let mut pacing = Pacing::new();
        let mut due = clock::now();
        let end = due + time;
        while due < end {
            due += SLOT;
            let until = Timespec::try_from(Duration::from_nanos(due.as_nanos()))?;
            // A signal ends the sleep early, which is no lateness.
            let _ = clock_nanosleep_absolute(ClockId::Monotonic, &until);
            let woken = clock::now();
            pacing.record(woken - due);
            while clock::now() < woken + work {
                std::hint::spin_loop();
            }
        }
        Ok(pacing)
    })
}

pub(super) const SLOT: Duration = Duration::from_millis(1);

/// Runs a loop where the worker would run.
pub(super) fn on_thread<T: Send + 'static>(
    place: &Place,
    begin: Begin<'_>,
    body: impl FnOnce() -> Result<T, Box<dyn Error>> + Send + 'static,
) -> Result<T, Box<dyn Error>> {
    let (ready, is_ready) = channel();
    let (go, told) = channel();
    let place = place.clone();
    let run = move || -> Result<Option<T>, String> {
        let prepared = place.take();
        let is_prepared = prepared.is_ok();
        // The other end waits for both.
        let _ = ready.send(());
        if !is_prepared || told.recv().is_err() {
            return prepared.map(|()| None).map_err(|error| error.to_string());
        }
        body().map(Some).map_err(|error| error.to_string())
    };
    let thread = std::thread::Builder::new().name("bed-bare".to_owned());
    let thread = thread.spawn(run)?;
    let begun = is_ready.recv().map_err(Into::into).and_then(|()| begin());
    match &begun {
        // Refused only by a thread that could not be prepared, which says so itself.
        Ok(()) => drop(go.send(())),
        Err(_) => drop(go),
    }
    let ended = thread.join().map_err(|_| "a bare loop panicked")?;
    begun?;
    ended?.ok_or_else(|| "a bare loop did not run".into())
}

impl Place {
    /// Brings the calling thread there.
    fn take(&self) -> Result<(), Box<dyn Error>> {
        namespace::enter(&self.space)?;
        pin(self.cpu)?;
        prefer(&gettid().as_raw_nonzero().to_string(), Rank::Worker)
    }
}

/// What the calling thread has used.
pub(super) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn sockaddr(address: SocketAddrV4) -> SockaddrIn {
    address.into()
}
