//! Receive buffers that the kernel takes as datagrams arrive. One it filled belongs to us until it
//! is put back.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

use super::request::Flow;

/// Bytes of one: the kernel's header, the source, and the longest datagram accepted.
pub(super) const BUFFER_BYTES: usize = 2_048;

/// Its number to the kernel.
pub(super) const GROUP: u16 = 0;

/// The ring and its buffers.
#[derive(Debug)]
pub(super) struct BufferRing {
    /// `count` entries, shared with the kernel.
    entries: NonNull<BufRingEntry>,
    bytes: Box<[u8]>,
    /// How many there are, a power of two.
    count: u16,
    tail: u16,
}

/// A buffer that holds a datagram; ours until it is put back.
#[derive(Debug)]
pub(crate) struct Filled {
    /// The lane it belongs to.
    pub(super) flow: Flow,
    pub(super) number: u16,
    pub(super) start: u16,
    pub(super) length: u16,
}

const _: () = assert!(BUFFER_BYTES >= 128 + shared::limits::RTP_BYTES_MAX);

impl BufferRing {
    /// Registers a ring of `count` buffers, a power of two, and gives every one to the kernel.
    pub(super) fn new(submitter: &Submitter<'_>, count: u16) -> io::Result<Self> {
        assert!(count.is_power_of_two());
        let layout = layout(count);
        // SAFETY: the layout has a size; the kernel wants this memory page-aligned and shared,
        // which no collection gives.
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(entries) = NonNull::new(memory.cast::<BufRingEntry>()) else {
            handle_alloc_error(layout)
        };
        let mut ring = Self {
            entries,
            bytes: vec![0; usize::from(count) * BUFFER_BYTES].into_boxed_slice(),
            count,
            tail: 0,
        };
        // SAFETY: the memory has `count` entries and lives as long as `self`, which the io_uring
        // does not outlive.
        unsafe {
            submitter.register_buf_ring_with_flags(entries.as_ptr() as u64, count, GROUP, 0)?;
        }
        (0..count).for_each(|number| ring.put(number));
        ring.publish();
        Ok(ring)
    }

    /// The bytes of buffer `number`.
    pub(super) fn buffer(&mut self, number: u16) -> &mut [u8] {
        let start = usize::from(number) * BUFFER_BYTES;
        &mut self.bytes[start..start + BUFFER_BYTES]
    }

    /// Gives a buffer to the kernel, from the next [`BufferRing::publish`] on.
    pub(super) fn put(&mut self, number: u16) {
        let address = self.buffer(number).as_mut_ptr() as u64;
        let place = usize::from(self.tail & (self.count - 1));
        // SAFETY: `place` is below `count`, the memory is ours, and the kernel reads an entry
        // only once the tail is past it.
        let entry = unsafe { &mut *self.entries.as_ptr().add(place) };
        entry.set_addr(address);
        entry.set_len(u32::try_from(BUFFER_BYTES).unwrap_or(0));
        entry.set_bid(number);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Lets the kernel see what was put.
    pub(super) fn publish(&self) {
        // SAFETY: the ring has at least one entry; its first one holds the tail where that has a
        // reserved field.
        let tail = unsafe { BufRingEntry::tail(self.entries.as_ptr()) };
        // SAFETY: the tail is a u16 aligned to 2 that both sides access atomically from here on.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}

impl Drop for BufferRing {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout; the io_uring that knew it is gone
        // (`Lane`).
        unsafe { dealloc(self.entries.as_ptr().cast(), layout(self.count)) }
    }
}

fn layout(count: u16) -> Layout {
    let bytes = usize::from(count) * size_of::<BufRingEntry>();
    Layout::from_size_align(bytes, 4_096)
        .unwrap_or_else(|_| unreachable!("the size is far from the end of memory"))
}
