//! How much of the thread's stack is left: what bounds the depth of scripts.

use std::{cell::Cell, mem::MaybeUninit};

use crate::error::Error;

/// Scripts end with an error when less than this is left: one Rhai expression nested to its limit needs some 600 KiB
/// in a debug build.
const RESERVE: usize = 1 << 20;

thread_local! {
    /// Lowest address of this thread's stack; 0 until it is asked for, 1 if the system does not tell.
    static LOWEST: Cell<usize> = const { Cell::new(0) };
}

/// Whether the stack of this thread is nearly used up.
pub fn is_low() -> bool {
    let mut lowest = LOWEST.get();
    if lowest == 0 {
        lowest = lowest_address().unwrap_or(1);
        LOWEST.set(lowest);
    }
    let here = 0u8;
    let here = std::ptr::addr_of!(here) as usize;
    lowest > 1 && here.saturating_sub(lowest) < RESERVE
}

/// Measures another stack of this thread from now on, by its lowest address; returns that of the one before.
pub fn switch(lowest: usize) -> usize {
    LOWEST.replace(lowest)
}

/// What a script that used it up is told.
pub fn too_deep() -> Error {
    Error::usage("functions call each other too deeply").hint("is there a recursion that never ends?")
}

fn lowest_address() -> Option<usize> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the attributes are filled by the first call, read by the second and released by the third.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let (mut address, mut size) = (std::ptr::null_mut(), 0);
        let known = libc::pthread_attr_getstack(attributes.as_ptr(), &mut address, &mut size) == 0;
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        known.then_some(address as usize)
    }
}
