//! /proc/stat: how the allowed cores spent their time.

use crate::probes::counter::Counter;

/// user, nice, system, idle, iowait, irq, softirq, steal; guests are in user.
const MODES: usize = 8;

pub struct Cpu {
    /// Their lines begin so.
    allowed: Vec<String>,
    before: Option<[u64; MODES]>,
    switches: Counter,
}

impl Cpu {
    pub fn new() -> Self {
        Self { allowed: allowed(), before: None, switches: Counter::default() }
    }

    /// `cpu_util`, `user`, `system`, `iowait`, `irq`, `steal` and `idle` as shares of the time of the allowed cores; context switches
    /// a second of all cores.
    pub fn look(&mut self, stat: &str, elapsed_s: f64) -> [Option<f64>; 8] {
        let mut now = [0; MODES];
        let mut found = false;
        let mut switches = None;
        for line in stat.lines() {
            let Some((name, rest)) = line.split_once(' ') else { continue };
            if name == "ctxt" {
                switches = rest.trim().parse().ok();
            } else if self.allowed.iter().any(|allowed| allowed == name) {
                found = true;
                let fields = rest.split_whitespace().filter_map(|field| field.parse::<u64>().ok());
                now.iter_mut().zip(fields).for_each(|(sum, ticks)| *sum += ticks);
            }
        }
        let switches = self.switches.rate(switches, elapsed_s);
        let before = std::mem::replace(&mut self.before, found.then_some(now));
        let shares = before.filter(|_| found).and_then(|before| shares(&before, &now));
        let [user, system, iowait, irq, steal, idle] = shares.map_or([None; 6], |shares| shares.map(Some));
        let busy = shares.map(|[user, system, _, irq, ..]| user + system + irq);
        [busy, user, system, iowait, irq, steal, idle, switches]
    }
}

fn shares(before: &[u64; MODES], now: &[u64; MODES]) -> Option<[f64; 6]> {
    // Some kernels let iowait go back a little.
    let grown: Vec<f64> =
        now.iter().zip(before).map(|(now, before)| now.saturating_sub(*before) as f64).collect();
    let all: f64 = grown.iter().sum();
    let of = |modes: &[usize]| modes.iter().map(|mode| grown[*mode]).sum::<f64>() / all;
    (all > 0.0).then(|| [of(&[0, 1]), of(&[2]), of(&[4]), of(&[5, 6]), of(&[7]), of(&[3])])
}

/// The cores that this process may run on; all of them if that cannot be known.
fn allowed() -> Vec<String> {
    // SAFETY: all zeros is an empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    let size = std::mem::size_of::<libc::cpu_set_t>();
    // SAFETY: `set` outlives the call and has the size that is told.
    if unsafe { libc::sched_getaffinity(0, size, &mut set) } != 0 {
        return vec!["cpu".to_owned()];
    }
    let cores = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: a core below CPU_SETSIZE lies in the set.
    cores.filter(|core| unsafe { libc::CPU_ISSET(*core, &set) }).map(|core| format!("cpu{core}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_cores_count() {
        let mut cpu = Cpu { allowed: vec!["cpu1".to_owned()], before: None, switches: Counter::default() };
        let stat = |busy: u64, switches: u64| {
            format!(
                "cpu  9 9 9 9 9 9 9 9 0 0\ncpu1 {busy} 10 20 500 30 2 3 5 0 0\ncpu11 7 7 7 7\nctxt {switches}\n"
            )
        };
        assert_eq!(cpu.look(&stat(0, 100), 0.0), [None; 8]);
        let later = "cpu1 60 10 30 510 40 4 6 10 0 0\nctxt 300\n";
        let [busy, user, system, iowait, irq, steal, idle, switches] =
            cpu.look(later, 2.0).map(Option::unwrap);
        assert_eq!((user, system, iowait, irq), (0.6, 0.1, 0.1, 0.05));
        assert_eq!((steal, idle, switches), (0.05, 0.1, 100.0));
        assert!((busy - 0.75).abs() < 1e-9, "waiting for a disk and for a hypervisor is not busy: {busy}");
        assert_eq!(cpu.look("", 1.0), [None; 8]);
    }
}
