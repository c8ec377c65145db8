//! /proc/net/dev: what went over the network, and over the loopback.

use std::path::Path;

use crate::probes::counter::Counter;

#[derive(Default)]
pub struct Network {
    /// Interfaces of hardware; all others but the loopback where there is none, as in a container. Bridges and tunnels above
    /// hardware would count twice.
    hardware: Vec<String>,
    received: Counter,
    sent: Counter,
    looped: Counter,
}

impl Network {
    pub fn new() -> Self {
        let interfaces = std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
        let names = interfaces.filter_map(|entry| entry.file_name().into_string().ok());
        let real = names.filter(|name| Path::new("/sys/class/net").join(name).join("device").exists());
        Self { hardware: real.collect(), ..Self::default() }
    }

    /// MB received and sent a second, and over the loopback, where what is sent is received.
    pub fn look(&mut self, dev: &str, elapsed_s: f64) -> [Option<f64>; 3] {
        let (mut received, mut sent, mut looped) = (None, None, None);
        for line in dev.lines() {
            let Some((name, rest)) = line.split_once(':') else { continue };
            let name = name.trim();
            let mut fields = rest.split_whitespace().map(|field| field.parse::<u64>().ok());
            let (rx, tx) = (fields.next().flatten(), fields.nth(7).flatten());
            let add = |sum: &mut Option<u64>, bytes: Option<u64>| {
                *sum = bytes.map(|bytes| sum.unwrap_or(0) + bytes).or(*sum)
            };
            if name == "lo" {
                looped = tx;
            } else if self.hardware.is_empty() || self.hardware.iter().any(|known| known == name) {
                add(&mut received, rx);
                add(&mut sent, tx);
            }
        }
        let mb = |bytes: Option<f64>| bytes.map(|bytes| bytes / 1e6);
        [
            mb(self.received.rate(received, elapsed_s)),
            mb(self.sent.rate(sent, elapsed_s)),
            mb(self.looped.rate(looped, elapsed_s)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dev(eth: u64, lo: u64) -> String {
        format!(
            "Inter-|   Receive\n face |bytes packets\n    lo: {lo} 1 0 0 0 0 0 0 {lo} 1 0 0 0 0 0 0\n  eth0:{eth} 1 0 0 0 0 0 0 {} 1 0 0 0 0 0 0\n   br0: {eth} 1 0 0 0 0 0 0 {eth} 1\n",
            eth * 2
        )
    }

    #[test]
    fn the_loopback_is_apart_and_bridges_do_not_count_twice() {
        let mut network = Network { hardware: vec!["eth0".to_owned()], ..Network::default() };
        assert_eq!(network.look(&dev(0, 0), 0.0), [None; 3]);
        assert_eq!(network.look(&dev(4_000_000, 500_000), 2.0), [Some(2.0), Some(4.0), Some(0.25)]);
        let mut container = Network::default();
        container.look(&dev(0, 0), 0.0);
        assert_eq!(container.look(&dev(1_000_000, 0), 1.0)[0], Some(2.0));
    }
}
