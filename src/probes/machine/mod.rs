//! The machine: CPU by mode, memory, disks, network, pressure; out of /proc and /sys.

mod cpu;
mod disks;
mod network;
mod pressure;

use std::fs;

use super::Probe;
use cpu::Cpu;
use disks::Disks;
use network::Network;
use pressure::Pressure;

/// What it tells of a machine, in the order of the columns.
pub const QUANTITIES: &[&str] = &[
    "cpu_util",
    "user",
    "system",
    "iowait",
    "irq",
    "steal",
    "idle",
    "context_switches_per_second",
    "ram_used_mb",
    "ram_available_mb",
    "disk_read_mb_per_second",
    "disk_write_mb_per_second",
    "disk_read_iops",
    "disk_write_iops",
    "disk_util",
    "net_rx_mb_per_second",
    "net_tx_mb_per_second",
    "loopback_mb_per_second",
    "pressure_cpu",
    "pressure_memory",
    "pressure_memory_full",
    "pressure_io",
    "pressure_io_full",
];

pub struct Machine {
    cpu: Cpu,
    disks: Disks,
    network: Network,
    pressure: Pressure,
    missing: Vec<String>,
}

impl Machine {
    pub fn new() -> Self {
        Self {
            cpu: Cpu::new(),
            disks: Disks::new(),
            network: Network::new(),
            pressure: Pressure::default(),
            missing: Vec::new(),
        }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Probe for Machine {
    fn name(&self) -> String {
        "machine".to_owned()
    }

    fn quantities(&self) -> &'static [&'static str] {
        QUANTITIES
    }

    fn look(&mut self, elapsed_s: f64) -> Vec<Option<f64>> {
        let is_first = elapsed_s == 0.0;
        let mut read = |path: &str, what: &str| {
            let text = fs::read_to_string(path);
            if let (true, Err(error)) = (is_first, &text) {
                self.missing.push(format!("{what} of the machine is not known: `{path}`: {error}"));
            }
            text.unwrap_or_default()
        };
        let mut values = Vec::with_capacity(QUANTITIES.len());
        values.extend(self.cpu.look(&read("/proc/stat", "CPU time"), elapsed_s));
        values.extend(memory(&read("/proc/meminfo", "memory")));
        values.extend(self.disks.look(&read("/proc/diskstats", "disk use"), elapsed_s));
        values.extend(self.network.look(&read("/proc/net/dev", "network use"), elapsed_s));
        let [cpu, memory, io] = ["cpu", "memory", "io"]
            .map(|of| read(&format!("/proc/pressure/{of}"), &format!("{of} pressure")));
        values.extend(self.pressure.look(&cpu, &memory, &io, elapsed_s));
        values
    }

    fn missing(&self) -> Vec<String> {
        self.missing.clone()
    }
}

/// Used and available, in MB.
fn memory(meminfo: &str) -> [Option<f64>; 2] {
    let kib = |name: &str| -> Option<f64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let mb = |kib: f64| kib * 1024.0 / 1e6;
    let available = kib("MemAvailable");
    let used = kib("MemTotal").zip(available).map(|(total, available)| mb(total - available));
    [used, available.map(mb)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quantity_has_a_value_or_none() {
        let mut machine = Machine::new();
        assert_eq!(machine.look(0.0).len(), QUANTITIES.len());
        assert_eq!(machine.look(1.0).len(), QUANTITIES.len());
    }

    #[test]
    fn used_is_what_is_not_available() {
        let text = "MemTotal:        1000000 kB\nMemFree:  1 kB\nMemAvailable:     250000 kB\n";
        assert_eq!(memory(text), [Some(768.0), Some(256.0)]);
        assert_eq!(memory("MemTotal: 5 kB\n"), [None, None]);
    }
}
