//! What a thread uses of its core: CPU time, and time it was ready to run but had none.

use std::fs;

use super::{Moment, ThreadUse, tally};

/// A stopwatch for the thread that made it.
pub struct Usage {
    at: Moment,
    cpu: u64,
    delay: u64,
    /// Nanoseconds spent in scripts since the last lap.
    pub script: u64,
    free_calls: u64,
    free_late: u64,
}

impl Usage {
    pub fn start() -> Self {
        Self {
            at: Moment::now(),
            cpu: cpu_time(),
            delay: runnable_delay(),
            script: 0,
            free_calls: 0,
            free_late: 0,
        }
    }

    /// Notes how late a call started although a session was free, in nanoseconds.
    pub fn start_lag(&mut self, nanos: u64) {
        self.free_calls += 1;
        self.free_late += u64::from(nanos > tally::LATE);
    }

    /// What was used since the last lap.
    pub fn lap(&mut self, thread: usize) -> ThreadUse {
        let (at, cpu, delay) = (Moment::now(), cpu_time(), runnable_delay());
        let lap = ThreadUse {
            thread,
            wall: at.since(self.at),
            cpu: cpu.saturating_sub(self.cpu),
            runnable_delay: delay.saturating_sub(self.delay),
            script: std::mem::take(&mut self.script),
            free_calls: std::mem::take(&mut self.free_calls),
            free_late: std::mem::take(&mut self.free_late),
        };
        (self.at, self.cpu, self.delay) = (at, cpu, delay);
        lap
    }
}

/// CPU time of this thread in nanoseconds.
fn cpu_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Second field of schedstat: nanoseconds on the run queue. 0 where the kernel keeps none.
fn runnable_delay() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0)
}
