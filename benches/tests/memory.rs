//! What a parked call keeps, once its transactions are over: counted by an allocator.

#![allow(unsafe_code, reason = "an allocator is unsafe by its trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use orbit_benches::house::House;
use shared::Time;

struct Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
}

/// What an allocator adds to a block and rounds it up to.
fn cost(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

// SAFETY: it passes everything to the system's allocator, which keeps the rules.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get().wrapping_add(cost(layout)));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get().wrapping_sub(cost(layout)));
        // SAFETY: as the caller promises; it was allocated above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Tables are as full then as with 10,000.
const CALLS: usize = 5_000;
/// The goal is 2 KB. What a table reserves for its growth counts as well.
const BYTES_MAX: usize = 2_048;

#[test]
fn a_parked_call_keeps_two_kilobytes() {
    let mut house = House::new(|| Time::ZERO);
    let before = LIVE.get();
    for _ in 0..CALLS {
        house.park();
    }
    house.wait(Duration::from_secs(40));
    let status = house.status();
    assert_eq!((status.parked, status.transactions), (CALLS, 0));
    let bytes = (LIVE.get() - before) / CALLS;
    println!("{bytes} bytes a parked call");
    assert!(bytes <= BYTES_MAX, "{bytes} bytes a parked call");
}
