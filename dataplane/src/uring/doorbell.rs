//! The doorbell of a worker: an eventfd that its ring reads. Ringing it again before the worker has
//! woken costs no system call.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use shared::Wake;

/// One end is rung from any thread, the other is read by one ring.
#[derive(Debug)]
pub(crate) struct Doorbell {
    fd: OwnedFd,
    rung: AtomicBool,
}

impl Doorbell {
    /// Silent.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            fd: eventfd(0, EventfdFlags::CLOEXEC)?,
            rung: AtomicBool::new(false),
        })
    }

    /// To be called before the queues are looked into: from now on ringing wakes again.
    pub(crate) fn answer(&self) {
        self.rung.store(false, Ordering::SeqCst);
    }

    /// Reads what made it readable, for who is no ring.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn hear(&self) -> std::io::Result<()> {
        let mut counter = [0; 8];
        rustix::io::read(&self.fd, &mut counter)?;
        Ok(())
    }

    pub(super) fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Wake for Doorbell {
    fn wake(&self) {
        if self.rung.swap(true, Ordering::SeqCst) {
            return;
        }
        // It cannot fail: the counter grows by one for each wake-up of the reader, and the
        // descriptor is ours.
        let written = rustix::io::write(&self.fd, &1_u64.to_ne_bytes());
        debug_assert!(written.is_ok(), "{written:?}");
    }
}
