//! Processes: those of a service with all that it started, or this one alone.

use std::{collections::BTreeMap, fs};

use super::Probe;
use crate::cluster::family;
use crate::load::cores_allowed;
use crate::results::facts;

/// What it tells of processes, in the order of the columns.
pub const QUANTITIES: &[&str] = &[
    "cpu_util",
    "user",
    "system",
    "rss_mb",
    "rss_anon_mb",
    "read_mb_per_second",
    "write_mb_per_second",
    "processes",
    "threads",
];

/// The first process of something that was started; all below it belong to it.
#[derive(Debug, Clone)]
pub struct Started {
    pub name: String,
    pid: u32,
    /// With the pid it names a process for good.
    start: Option<u64>,
}

impl Started {
    pub fn new(name: &str, pid: u32) -> Self {
        Self { name: name.to_owned(), pid, start: facts::process_start(pid) }
    }

    pub fn is_running(&self) -> bool {
        self.start.is_some() && facts::process_start(self.pid) == self.start
    }
}

pub struct Processes {
    name: String,
    /// None for this process alone.
    roots: Option<Vec<Started>>,
    cores: f64,
    kernel: Kernel,
    before: BTreeMap<(u32, u64), Seen>,
    missing: Vec<String>,
}

/// The units that the kernel counts in.
struct Kernel {
    ticks_per_second: f64,
    page_bytes: f64,
}

/// What a process has used since it began: CPU in ticks, bytes read and written.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    user: u64,
    system: u64,
    /// Of its children that have ended.
    children_user: u64,
    children_system: u64,
    /// With those of its children that have ended.
    read: u64,
    written: u64,
}

/// What it is now.
#[derive(Default)]
struct Size {
    rss: f64,
    anon: f64,
    processes: f64,
    threads: f64,
}

impl Processes {
    /// Of `services` together.
    pub fn of(name: String, services: &[Started]) -> Self {
        Self::new(name, Some(services.to_vec()))
    }

    /// Of this process.
    pub fn ourselves() -> Self {
        Self::new("generator".to_owned(), None)
    }

    fn new(name: String, roots: Option<Vec<Started>>) -> Self {
        // SAFETY: plain system calls.
        let (ticks, page) = unsafe { (libc::sysconf(libc::_SC_CLK_TCK), libc::sysconf(libc::_SC_PAGESIZE)) };
        let kernel = Kernel { ticks_per_second: ticks.max(1) as f64, page_bytes: page.max(1) as f64 };
        Self {
            name,
            roots,
            cores: cores_allowed() as f64,
            kernel,
            before: BTreeMap::new(),
            missing: Vec::new(),
        }
    }

    fn pids(&self) -> Vec<u32> {
        let Some(roots) = &self.roots else { return vec![std::process::id()] };
        let running = roots.iter().filter(|root| root.is_running());
        running.flat_map(|root| family(root.pid)).collect()
    }
}

impl Probe for Processes {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn quantities(&self) -> &'static [&'static str] {
        QUANTITIES
    }

    fn look(&mut self, elapsed_s: f64) -> Vec<Option<f64>> {
        let mut now = BTreeMap::new();
        let mut size = Size::default();
        let mut bytes_are_known = true;
        for pid in self.pids() {
            let Some((start, mut seen)) = read_stat(pid, &mut size) else { continue };
            read_memory(pid, self.kernel.page_bytes, &mut size);
            match read_bytes(pid) {
                Ok((read, written)) => (seen.read, seen.written) = (read, written),
                // It may have ended meanwhile.
                Err(_) if !fs::exists(format!("/proc/{pid}/io")).unwrap_or(false) => {}
                Err(error) => {
                    bytes_are_known = false;
                    if elapsed_s == 0.0 && self.missing.is_empty() {
                        let what = format!("what `{}` reads and writes is not known", self.name);
                        self.missing.push(format!("{what}: `/proc/{pid}/io`: {error}"));
                    }
                }
            }
            now.insert((pid, start), seen);
        }
        let before = std::mem::replace(&mut self.before, now);
        if self.before.is_empty() {
            return vec![None; QUANTITIES.len()];
        }
        let is_rate = elapsed_s > 0.0 && !before.is_empty();
        let change = Change { now: &self.before, before: &before, alone: self.roots.is_none() };
        let cpu = |own: fn(&Seen) -> u64, children: fn(&Seen) -> u64| {
            let ticks = change.of_cpu(own, children);
            is_rate.then(|| ticks / self.kernel.ticks_per_second / elapsed_s / self.cores)
        };
        let user = cpu(|seen| seen.user, |seen| seen.children_user);
        let system = cpu(|seen| seen.system, |seen| seen.children_system);
        let mb_per_second = |bytes: fn(&Seen) -> u64| {
            (is_rate && bytes_are_known).then(|| change.of_bytes(bytes) / 1e6 / elapsed_s)
        };
        vec![
            user.zip(system).map(|(user, system)| user + system),
            user,
            system,
            Some(size.rss / 1e6),
            Some(size.anon / 1e6),
            mb_per_second(|seen| seen.read),
            mb_per_second(|seen| seen.written),
            Some(size.processes),
            Some(size.threads),
        ]
    }

    fn missing(&self) -> Vec<String> {
        self.missing.clone()
    }
}

/// Between two looks. What a process that has ended used goes to its parent, so that nothing is lost of those that came and
/// went, or counted twice.
struct Change<'a> {
    now: &'a BTreeMap<(u32, u64), Seen>,
    before: &'a BTreeMap<(u32, u64), Seen>,
    /// Children are somebody else's.
    alone: bool,
}

impl Change<'_> {
    fn of_cpu(&self, own: fn(&Seen) -> u64, children: fn(&Seen) -> u64) -> f64 {
        let inherited = self.grown(children) - self.gone(|seen| own(seen) + children(seen));
        // A parent that does not wait for its children inherits nothing.
        self.grown(own) + if self.alone { 0.0 } else { inherited.max(0.0) }
    }

    fn of_bytes(&self, bytes: fn(&Seen) -> u64) -> f64 {
        (self.grown(bytes) - self.gone(bytes)).max(0.0)
    }

    fn grown(&self, value: fn(&Seen) -> u64) -> f64 {
        let before = |key| self.before.get(key).map_or(0, value);
        self.now.iter().map(|(key, seen)| value(seen).saturating_sub(before(key)) as f64).sum()
    }

    fn gone(&self, value: impl Fn(&Seen) -> u64) -> f64 {
        let gone = self.before.iter().filter(|(key, _)| !self.now.contains_key(key));
        gone.map(|(_, seen)| value(seen) as f64).sum()
    }
}

/// When it started, and its CPU time.
fn read_stat(pid: u32, size: &mut Size) -> Option<(u64, Seen)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name, may hold spaces and brackets: count from its end.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // Once it has ended it stays in the list until its parent has seen that.
    if !matches!(*fields.first()?, "Z" | "X") {
        size.processes += 1.0;
        size.threads += number(17)? as f64;
    }
    let seen = Seen {
        user: number(11)?,
        system: number(12)?,
        children_user: number(13)?,
        children_system: number(14)?,
        ..Seen::default()
    };
    Some((number(19)?, seen))
}

fn read_memory(pid: u32, page_bytes: f64, size: &mut Size) {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages: Vec<f64> = statm.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    if let [_, resident, shared, ..] = pages[..] {
        size.rss += resident * page_bytes;
        size.anon += (resident - shared).max(0.0) * page_bytes;
    }
}

/// Bytes that were fetched from and sent to storage.
fn read_bytes(pid: u32) -> std::io::Result<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/io"))?;
    let of = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    };
    Ok((of("read_bytes:"), of("write_bytes:")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(user: u64, children_user: u64, written: u64) -> Seen {
        Seen { user, children_user, written, ..Seen::default() }
    }

    fn change(before: &[(u32, Seen)], now: &[(u32, Seen)]) -> (f64, f64) {
        let map = |list: &[(u32, Seen)]| list.iter().map(|(pid, seen)| ((*pid, 0), *seen)).collect();
        let (before, now) = (map(before), map(now));
        let change = Change { now: &now, before: &before, alone: false };
        (change.of_cpu(|seen| seen.user, |seen| seen.children_user), change.of_bytes(|seen| seen.written))
    }

    #[test]
    fn what_ended_is_counted_once() {
        let parent = seen(10, 5, 100);
        // One goes on, one ends at 50 ticks and 500 bytes, one comes and goes with 7 ticks and 70 bytes.
        let before = [(1, parent), (2, seen(30, 0, 300)), (3, seen(40, 0, 400))];
        let now = [(1, seen(11, 5 + 50 + 7, 100 + 500 + 70)), (2, seen(36, 0, 360))];
        assert_eq!(change(&before, &now), (1.0 + 6.0 + 10.0 + 7.0, 60.0 + 100.0 + 70.0));
        // A new one counts from its beginning.
        assert_eq!(change(&[(1, parent)], &[(1, parent), (4, seen(3, 0, 30))]), (3.0, 30.0));
        // Nobody inherits what a child used whose end its parent ignores.
        assert_eq!(change(&before, &[(1, parent), (2, seen(36, 0, 300))]).0, 6.0);
    }
}
