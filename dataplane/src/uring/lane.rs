//! One io_uring with a descriptor table, receive buffers and places for sends of its own. A ring
//! has two: the kernel caps each table at RLIMIT_NOFILE.
//!
//! Absent on purpose: whose sockets they are, and what a completion means (`ring`).

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use io_uring::squeue::Entry;
use io_uring::types::{CancelBuilder, SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue};
use shared::{DropReason, Time};

use super::buffer_ring::BufferRing;
use super::clock;
use super::sends::Sends;

/// See the module.
pub(super) struct Lane {
    pub(super) io: IoUring,
    pub(super) sends: Sends,
    pub(super) buffers: BufferRing,
    /// Buffers being sent from; free when the submission queue is empty.
    pub(super) forwarded: Vec<u16>,
    /// Places of the descriptor table that are free.
    pub(super) files: Vec<u32>,
    /// Requests other than sends that found the submission queue full.
    waiting: VecDeque<Entry>,
    absolute_deadlines: bool,
    pub(super) enters: u64,
}

impl Lane {
    /// With `descriptors` places in its table and `buffers` receive buffers.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn new(
        io: IoUring,
        descriptors: u32,
        buffers: u16,
        absolute_deadlines: bool,
    ) -> io::Result<Self> {
        io.submitter().register_files_sparse(descriptors)?;
        let buffers = BufferRing::new(&io.submitter(), buffers)?;
        Ok(Self {
            io,
            sends: Sends::new(),
            buffers,
            forwarded: Vec::new(),
            files: (0..descriptors).rev().collect(),
            waiting: VecDeque::new(),
            absolute_deadlines,
            enters: 0,
        })
    }

    /// Whether something is to be collected.
    pub(super) fn has_completions(&mut self) -> bool {
        !self.io.completion().is_empty()
    }

    /// The oldest completion.
    pub(super) fn next(&mut self) -> Option<cqueue::Entry> {
        self.io.completion().next()
    }

    /// Whether anything waits to be submitted.
    pub(super) fn has_submissions(&mut self) -> bool {
        !self.waiting.is_empty() || !self.io.submission().is_empty()
    }

    /// Submits everything without sleeping, so that the places of sends are free again.
    ///
    /// # Errors
    /// As [`Lane::enter`].
    pub(super) fn submit(&mut self) -> io::Result<()> {
        self.flush_waiting();
        self.enter(None)
    }

    /// Submits what is queued if there is no place for a datagram and for `entries` more
    /// submissions.
    pub(super) fn make_room(&mut self, entries: usize) -> Result<(), DropReason> {
        if self.has_room(entries) {
            return Ok(());
        }
        self.submit().map_err(|_| DropReason::RingFull)?;
        if self.has_room(entries) {
            Ok(())
        } else {
            Err(DropReason::RingFull)
        }
    }

    fn has_room(&mut self, entries: usize) -> bool {
        let queue = self.io.submission();
        // What waits goes first: order is kept.
        let room = queue.capacity() - queue.len() >= entries;
        room && self.waiting.is_empty() && !self.sends.is_full()
    }

    pub(super) fn push_send(&mut self, entry: &Entry) -> Result<(), DropReason> {
        // SAFETY: bytes and address stay as they are until the submission queue is empty (`Sends`,
        // `forwarded`), and the kernel is done with them then, because the entry is flagged
        // MSG_DONTWAIT.
        unsafe { self.io.submission().push(entry) }.map_err(|_| DropReason::RingFull)
    }

    /// Queues a request that must not be lost.
    pub(super) fn push(&mut self, entry: Entry) {
        self.waiting.push_back(entry);
        self.flush_waiting();
    }

    /// Whether nothing waits.
    pub(super) fn flush_waiting(&mut self) -> bool {
        while let Some(entry) = self.waiting.front() {
            // SAFETY: such entries point to nothing, or to `Ring::rung`, `Ring::wanted`,
            // `Ring::traffic_class` and the buffer ring, which live as long as the ring and are not
            // moved.
            if unsafe { self.io.submission().push(entry) }.is_err() {
                return false;
            }
            self.waiting.pop_front();
        }
        true
    }

    /// One `io_uring_enter`; with a deadline it sleeps until then or until something completes.
    ///
    /// # Errors
    /// The ring is broken: the kernel refuses what it took before.
    pub(super) fn enter(&mut self, wait: Option<Time>) -> io::Result<()> {
        self.buffers.publish();
        self.enters += 1;
        let submissions = u32::try_from(self.io.submission().len()).unwrap_or(u32::MAX);
        let deadline = wait.unwrap_or(Time::ZERO);
        let mut flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG;
        let time = if self.absolute_deadlines {
            flags |= EnterFlags::ABS_TIMER;
            Duration::from_nanos(deadline.as_nanos())
        } else {
            deadline - clock::now()
        };
        let time = Timespec::from(time);
        let mut arguments = SubmitArgs::new();
        if deadline != FOREVER {
            arguments = arguments.timespec(&time);
        }
        // SAFETY: the argument is what EXT_ARG announces, and it lives until the call returns.
        let entered = unsafe {
            let want = wait.is_some().into();
            self.io
                .submitter()
                .enter(submissions, want, flags.bits(), Some(&arguments))
        };
        if self.io.submission().is_empty() {
            self.sends.free();
            while let Some(number) = self.forwarded.pop() {
                self.buffers.put(number);
            }
        }
        match entered {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // The deadline, a signal, or completions to be collected first.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }
}

impl Drop for Lane {
    /// Nothing may be written to memory that is about to be freed.
    fn drop(&mut self) {
        let everything = CancelBuilder::any();
        let submitter = self.io.submitter();
        if let Err(error) = submitter.register_sync_cancel(None, everything) {
            tracing::debug!(%error, "nothing was left to cancel");
        }
    }
}

/// A deadline that is none.
pub(super) const FOREVER: Time = Time::from_nanos(u64::MAX);
