//! Facts about where a run happened: machine, git work tree, time.

use std::{
    ffi::CString, fs, io, mem::MaybeUninit, os::unix::ffi::OsStrExt, path::Path, process::Command,
    time::SystemTime,
};

use super::schema::{Git, HostFacts};

/// Now, as RFC 3339 in UTC with milliseconds.
pub fn now() -> String {
    rfc3339(SystemTime::now())
}

/// RFC 3339 in UTC with milliseconds.
pub fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let time = jiff::Timestamp::from_millisecond(since.as_millis() as i64).unwrap_or_default();
    format!("{time:.3}")
}

/// `yyyymmdd-hhmmss` of now in UTC, as run ids have it.
pub fn stamp() -> String {
    jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string()
}

/// `count` random bytes in hexadecimal.
pub fn random_hex(count: usize) -> String {
    let mut bytes = vec![0u8; count];
    // SAFETY: the buffer has `count` bytes. It fails for no request under 256 bytes once the kernel is up.
    unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), count, 0) };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A random UUID, version 4.
pub fn uuid() -> String {
    let hex = random_hex(16);
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// This machine.
pub fn host() -> HostFacts {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cpuinfo = read("/proc/cpuinfo");
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let memory_kb = field(&read("/proc/meminfo"), "MemTotal");
    let memory_kb: u64 = memory_kb.split_whitespace().next().and_then(|kb| kb.parse().ok()).unwrap_or(0);
    let governor = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    HostFacts {
        name: read("/proc/sys/kernel/hostname"),
        kernel: read("/proc/sys/kernel/osrelease"),
        cpu_model: field(&cpuinfo, "model name"),
        cores_allowed: crate::load::cores_allowed(),
        cores: cpuinfo.lines().filter(|line| line.starts_with("processor")).count().max(1),
        memory_mb: memory_kb / 1024,
        governor: (!governor.is_empty()).then_some(governor),
    }
}

/// The work tree that holds `folder`, if it is one and git is installed.
pub fn git(folder: &Path) -> Option<Git> {
    let ask = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = ask(&["rev-parse", "HEAD"])?;
    let dirty = !ask(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(Git { commit, dirty })
}

/// When process `pid` started, in clock ticks since boot: with the pid it names a process for good. None once it has ended.
pub fn process_start(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name, may hold spaces and brackets: count from its end.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // It stays in the list until its parent looks, which may take a while.
    let state = fields.next()?;
    if ["Z", "X"].contains(&state) {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// What a person without special rights may still write.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let path = CString::new(folder.as_os_str().as_bytes())?;
    let mut stat = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with a zero; the struct is read only if the call filled it.
    let stat = unsafe {
        if libc::statvfs(path.as_ptr(), stat.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        stat.assume_init()
    };
    Ok(stat.f_bavail * stat.f_frsize)
}
