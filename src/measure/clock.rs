//! The one clock of a run, and an alarm with the kernel's resolution.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::Duration,
};

use tokio::io::unix::AsyncFd;

/// An instant of `CLOCK_MONOTONIC` in nanoseconds: comparable between threads and processes of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

impl Moment {
    pub fn now() -> Self {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` outlives the call; CLOCK_MONOTONIC exists on every Linux.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
        Self(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }

    /// Nanoseconds from `earlier` to this moment; 0 if it lies before.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment and `nanos` nanoseconds more; saturates, so `u64::MAX` means never.
    pub fn plus(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    pub fn plus_duration(self, duration: Duration) -> Self {
        self.plus(nanos(duration))
    }
}

/// A duration in nanoseconds; saturates after 584 years.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds as milliseconds.
pub fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

/// A timer on a `timerfd`: tokio's own timers tick in milliseconds, this one in the kernel's nanoseconds.
///
/// Belongs to the runtime it was made in.
pub struct Alarm(AsyncFd<OwnedFd>);

impl Alarm {
    pub fn new() -> io::Result<Self> {
        // SAFETY: a plain system call; the descriptor is owned from here on.
        let fd =
            unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` is a fresh descriptor that nothing else owns.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: an `OwnedFd` names one open file for its whole life, and closes it only when dropped.
        Ok(Self(unsafe { AsyncFd::register(fd) }?))
    }

    /// Waits until `due`; returns at once if that has passed.
    pub async fn until(&self, due: Moment) -> io::Result<()> {
        if due <= Moment::now() {
            return Ok(());
        }
        self.set(due)?;
        loop {
            let mut ready = self.0.readable().await?;
            let mut expirations = [0u8; 8];
            // SAFETY: the buffer is the eight bytes that a timerfd writes.
            let read = unsafe { libc::read(self.0.as_raw_fd(), expirations.as_mut_ptr().cast(), 8) };
            ready.clear_ready();
            if read == 8 && Moment::now() >= due {
                return Ok(());
            }
        }
    }

    fn set(&self, due: Moment) -> io::Result<()> {
        let value = libc::timespec {
            tv_sec: (due.0 / 1_000_000_000) as i64,
            tv_nsec: (due.0 % 1_000_000_000) as i64,
        };
        let spec =
            libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        // SAFETY: `spec` outlives the call; no old value is asked for.
        let set = unsafe {
            libc::timerfd_settime(self.0.as_raw_fd(), libc::TFD_TIMER_ABSTIME, &spec, std::ptr::null_mut())
        };
        if set < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Asks the kernel not to round this thread's sleeps up (by 50 µs unless told).
pub fn exact_timers() {
    // SAFETY: a plain system call on this thread; a refusal only leaves the default.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1usize, 0, 0, 0) };
}
