//! Memory for one block, aligned as direct I/O needs it.

use std::{alloc, ptr::NonNull, slice};

/// Enough for every disk in use: memory must be aligned to the logical block size, which is 512 or 4096
/// bytes.
const ALIGNMENT: usize = 4096;

/// A block of memory that the kernel or a pool thread may fill while an `Arc` of it is held.
///
/// Whoever performs a call holds a clone of the `Arc` until the call is over, so `Arc::get_mut` succeeds only
/// when nobody else touches the memory: that is the way to its bytes.
pub struct Buffer {
    start: NonNull<u8>,
    /// How much of it is used, bytes.
    used: usize,
    layout: alloc::Layout,
}

// SAFETY: the memory belongs to this value alone; its bytes are reached through `&mut`, or through the
// pointer by the one performing a call.
unsafe impl Send for Buffer {}
// SAFETY: as above; `&Buffer` gives out only a pointer.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Zeroed memory of `length` bytes, which is not 0.
    pub fn new(length: usize) -> Self {
        assert!(length > 0, "blocks are checked to have a size");
        let layout = alloc::Layout::from_size_align(length, ALIGNMENT)
            .expect("blocks are checked to be at most 1 GiB");
        // SAFETY: the layout's size is not 0.
        let start = unsafe { alloc::alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { alloc::handle_alloc_error(layout) };
        Self { start, used: length, layout }
    }

    pub fn len(&self) -> usize {
        self.used
    }

    /// Uses the first `length` bytes, which are not more than it was made with.
    pub fn resize(&mut self, length: usize) {
        assert!(length <= self.layout.size(), "made for the largest block");
        self.used = length;
    }

    /// Where the memory is, for a system call.
    pub fn pointer(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the memory has at least `used` initialized bytes that live as long as `self`, which is borrowed
        // mutably: no call on it is under way (see the type).
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.used) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, freed only here.
        unsafe { alloc::dealloc(self.start.as_ptr(), self.layout) };
    }
}
