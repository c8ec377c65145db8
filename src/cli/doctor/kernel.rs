//! What the kernel lets a process have: files, memory, io_uring, its own statistics.

use std::io;

use super::{Finding, kernel_file};
use crate::results::facts;

/// Sessions of a big load, with room to spare.
const FILES: u64 = 16_384;

/// Below this not even a load of a thousand users fits.
const FEW_FILES: u64 = 2048;

/// Memory that a run with full records may need.
const MEMORY_MB: u64 = 2048;

pub fn look() -> Vec<Finding> {
    vec![file_limit(), io_uring(), memory(), swap(), statistics()]
}

fn file_limit() -> Finding {
    const CHECK: &str = "file descriptors";
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` outlives the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return Finding::ok(CHECK, "not told");
    }
    // The soft limit is raised by the run itself.
    let found = format!("{} soft, {} hard", limit.rlim_cur, limit.rlim_max);
    let sessions = limit.rlim_max.saturating_sub(64);
    let raise = format!(
        "a load can open {sessions} sessions at most; raise the hard limit: `echo \"$USER hard nofile 65536\" | sudo tee \
         -a /etc/security/limits.conf`, then log in again (in Docker: `--ulimit nofile=65536`)"
    );
    match limit.rlim_max {
        0..FEW_FILES => Finding::bad(CHECK, found, raise),
        FEW_FILES..FILES => Finding::warn(CHECK, found, raise),
        _ => Finding::ok(CHECK, found),
    }
}

fn io_uring() -> Finding {
    const CHECK: &str = "io_uring";
    let Err(error) = io_uring::IoUring::new(8) else { return Finding::ok(CHECK, "available") };
    let disabled = kernel_file("/proc/sys/kernel/io_uring_disabled").filter(|value| value != "0");
    let pool = "file loads fall back to a pool of threads, which costs more CPU a call";
    match (disabled, error.raw_os_error()) {
        (Some(value), _) => Finding::warn(
            CHECK,
            format!("switched off (kernel.io_uring_disabled = {value})"),
            format!("{pool}; switch it on: `sudo sysctl kernel.io_uring_disabled=0`"),
        ),
        (None, Some(libc::ENOSYS)) => Finding::warn(
            CHECK,
            "the kernel has none",
            format!("{pool}; a kernel of 5.6 or newer has it (`uname -r` shows this one)"),
        ),
        (None, Some(libc::ENOMEM)) => Finding::warn(
            CHECK,
            "too little memory may be locked",
            format!("{pool}; raise the limit: `ulimit -l unlimited`"),
        ),
        _ => Finding::warn(
            CHECK,
            format!("refused: {error}"),
            format!(
                "{pool}; a container's seccomp profile often forbids it: `docker run --security-opt seccomp=unconfined`"
            ),
        ),
    }
}

fn memory() -> Finding {
    let all = facts::host().memory_mb;
    let free = meminfo_mb("MemAvailable").unwrap_or(all);
    let found = format!("{free} MB free of {all} MB");
    if free < MEMORY_MB {
        return Finding::warn(
            "memory",
            found,
            "a long load with many users may not fit beside its service; see who holds it (`ps aux --sort=-rss | head`), or \
             ask for more (`srun --mem=8G --pty bash`)",
        );
    }
    Finding::ok("memory", found)
}

fn swap() -> Finding {
    let (all, free) = (meminfo_mb("SwapTotal").unwrap_or(0), meminfo_mb("SwapFree").unwrap_or(0));
    match all - free.min(all) {
        _ if all == 0 => Finding::ok("swap", "none"),
        0 => Finding::ok("swap", format!("{all} MB, unused")),
        used => Finding::warn(
            "swap",
            format!("{used} MB of {all} MB in use"),
            "a service whose pages come back from disk looks slow; empty it: `sudo swapoff -a && sudo swapon -a`",
        ),
    }
}

fn meminfo_mb(name: &str) -> Option<u64> {
    let text = kernel_file("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

/// What a load's verdict reads to see whether its threads had to wait for a core.
fn statistics() -> Finding {
    const CHECK: &str = "scheduler statistics";
    let read = std::fs::read_to_string("/proc/thread-self/schedstat");
    let told = |text: &str| text.split_whitespace().next().is_some_and(|time| time != "0");
    let why = match &read {
        Ok(text) if told(text) => return Finding::ok(CHECK, "available"),
        Ok(_) => "switched off".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => "the kernel keeps none".to_owned(),
        Err(error) => error.to_string(),
    };
    Finding::warn(
        CHECK,
        why,
        "a load cannot tell whether its threads waited for a core, so watch them yourself (`top -H`); where the kernel has \
         them: `sudo sysctl kernel.sched_schedstats=1`",
    )
}
