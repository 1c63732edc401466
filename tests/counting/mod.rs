//! An allocator that counts, for tests that make what is asked of memory a condition. One a test binary.

// A counting allocator is unsafe by nature; that of the system does the work. Each binary uses its own part.
#![allow(unsafe_code, dead_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What this thread did to memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Allocations and growths.
    pub(crate) calls: usize,
    /// Bytes asked for, less what was given back of a buffer that stayed.
    pub(crate) kept: usize,
    /// Bytes that a growth may have copied.
    pub(crate) moved: usize,
    pub(crate) live: usize,
    pub(crate) peak: usize,
}

impl Counts {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            calls: self.calls - before.calls,
            kept: self.kept - before.kept,
            moved: self.moved - before.moved,
            ..self
        }
    }

    fn resized(mut self, old: usize, new: usize) -> Self {
        if new > old {
            self.calls += 1;
            self.moved += old;
        }
        self.kept = (self.kept + new).saturating_sub(old);
        self.live = (self.live + new).saturating_sub(old);
        self.peak = self.peak.max(self.live);
        self
    }
}

thread_local! {
    pub(crate) static COUNTS: Cell<Counts> = const { Cell::new(Counts { calls: 0, kept: 0, moved: 0, live: 0, peak: 0 }) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator as it came; counting touches only a thread-local without a
// destructor, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNTS.set(COUNTS.get().resized(0, layout.size()));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        COUNTS.set(COUNTS.get().resized(0, layout.size()));
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let counts = COUNTS.get();
        COUNTS.set(Counts { live: counts.live.saturating_sub(layout.size()), ..counts });
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNTS.set(COUNTS.get().resized(layout.size(), size));
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `work` does to memory; the peak is what it had at most beyond what there was before.
pub(crate) fn measure(work: impl FnOnce()) -> Counts {
    let before = COUNTS.get();
    COUNTS.set(Counts { peak: before.live, ..before });
    work();
    let after = COUNTS.get();
    Counts { peak: after.peak.saturating_sub(before.live), ..after.since(before) }
}
