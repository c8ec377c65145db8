//! /proc/diskstats: what the disks were asked for.

use std::{collections::BTreeMap, path::Path};

use crate::probes::counter::Counter;

/// Bytes of a sector in these statistics, whatever the disk's own.
const SECTOR: f64 = 512.0;

#[derive(Default)]
pub struct Disks {
    /// Whole disks by name: partitions, and what is made of other disks, would count twice.
    disks: BTreeMap<String, Disk>,
}

/// Reads, sectors read, writes, sectors written, and milliseconds in which something was under way.
type Disk = [Counter; 5];

/// Where they stand behind the name.
const FIELDS: [usize; 5] = [0, 2, 4, 6, 9];

impl Disks {
    pub fn new() -> Self {
        let blocks = std::fs::read_dir("/sys/block").into_iter().flatten().flatten();
        let names = blocks.filter_map(|entry| entry.file_name().into_string().ok());
        let real = names.filter(|name| Path::new("/sys/block").join(name).join("device").exists());
        Self { disks: real.map(|name| (name, Disk::default())).collect() }
    }

    /// MB read and written a second, reads and writes a second of all disks; how much of the time the busiest was busy.
    pub fn look(&mut self, diskstats: &str, elapsed_s: f64) -> [Option<f64>; 5] {
        let mut sums = [None; 4];
        let mut busiest: Option<f64> = None;
        for line in diskstats.lines() {
            let mut fields = line.split_whitespace().skip(2);
            let Some(disk) = fields.next().and_then(|name| self.disks.get_mut(name)) else { continue };
            let numbers: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
            let mut rate = |at: usize| disk[at].rate(numbers.get(FIELDS[at]).copied(), elapsed_s);
            let [reads, read, writes, written, busy] = std::array::from_fn(&mut rate);
            let mb = |sectors: Option<f64>| sectors.map(|sectors| sectors * SECTOR / 1e6);
            for (sum, value) in sums.iter_mut().zip([mb(read), mb(written), reads, writes]) {
                *sum = value.map(|value| sum.unwrap_or(0.0) + value).or(*sum);
            }
            busiest = busy.map(|ms| (ms / 1e3).min(1.0).max(busiest.unwrap_or(0.0))).or(busiest);
        }
        let [read, written, reads, writes] = sums;
        [read, written, reads, writes, busiest]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_disks_are_summed_and_the_busiest_is_told() {
        let names = ["sda", "sdb"].map(|name| (name.to_owned(), Disk::default()));
        let mut disks = Disks { disks: names.into() };
        let before = "8 0 sda 1 0 1000 0 1 0 0 0 0 0 0\n8 1 sda1 9 9 9 9 9 9 9 9 9 9 9\n8 16 sdb 0 0 0 0 0 0 0 0 0 0 0\n";
        assert_eq!(disks.look(before, 0.0), [None; 5]);
        let after = "8 0 sda 11 0 3000 0 5 0 4000 0 0 500 0\n8 1 sda1 99 9 999 9 9 9 9 9 9 999 9\n8 16 sdb 2 0 2000 0 0 0 0 0 0 1500 0\n";
        let [read, written, reads, writes, busy] = disks.look(after, 2.0).map(Option::unwrap);
        assert_eq!((read, written, reads, writes, busy), (1.024, 1.024, 6.0, 2.0, 0.75));
    }
}
