//! Packets cost no allocation: a counting allocator under the core, over thousands of packets.

#![allow(unsafe_code, reason = "an allocator is unsafe by its trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use orbit_benches::{Plane, bridged};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: it passes everything to the system's allocator, which keeps the rules.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises; it was allocated above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    let counted = allocations(|| drop(std::hint::black_box(Box::new(7))));
    assert_eq!(counted, 1);
}

#[test]
fn playing_allocates_nothing() {
    let mut plane = Plane::playing(200);
    plane.slot();
    // Ten seconds, so that reports are due as well.
    let counted = allocations(|| (0..10_000).for_each(|_| plane.slot()));
    assert_eq!(counted, 0, "in 100,000 packets");
}

#[test]
fn relaying_allocates_nothing() {
    let mut bridge = bridged(true);
    bridge.pass();
    let counted = allocations(|| (0..10_000).for_each(|_| bridge.pass()));
    assert_eq!(counted, 0, "in 10,000 packets");
}
