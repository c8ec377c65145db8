//! `resources.csv`: what the machine, the service and the generator used, one line a second of the load; and the trial's sums of it.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};

/// Seconds of a load, in order, by column: `machine.cpu_util`, `service.rss_mb`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resources {
    pub columns: Arc<[String]>,
    pub rows: Vec<ResourceRow>,
}

/// One line of `resources.csv`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceRow {
    /// Whole seconds since the start of the load, as in `metrics.csv`.
    pub second: u64,
    /// When it was looked, in seconds since the start of the load: at the end of the second, or of the load.
    pub until_s: f64,
    /// By column; none where it could not be known.
    pub values: Vec<Option<f64>>,
}

/// What was used in the measured window of a trial, by quantity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceUse {
    /// Cores that the load and what it started were allowed: what a `cpu_util` of 1 is.
    pub cores: usize,
    /// The service's where its processes are known, else the machine's without the generator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_util: Option<Spread>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ram_mb: Option<Spread>,
    #[serde(default)]
    pub machine: Used,
    /// All services that were started, together.
    #[serde(default, skip_serializing_if = "Used::is_empty")]
    pub service: Used,
    /// Each of them by name, where there are several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, Used>,
    #[serde(default)]
    pub generator: Used,
}

/// Quantities by name; one that could not be known is absent.
pub type Used = BTreeMap<String, Spread>;

/// A quantity over the seconds of a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub min: f64,
    pub avg: f64,
    pub max: f64,
    pub p95: f64,
}

impl Resources {
    /// What the window from `from_s` to `to_s` used, in seconds since the start of the load; none if nothing is known of it.
    pub fn of_window(&self, cores: usize, from_s: f64, to_s: f64) -> Option<ResourceUse> {
        let weights: Vec<f64> = self.rows.iter().map(|row| row.overlap(from_s, to_s)).collect();
        let mut all = ResourceUse { cores, ..ResourceUse::default() };
        for (at, column) in self.columns.iter().enumerate() {
            let Some(spread) = self.spread(&weights, |row| row.value(at)) else { continue };
            let Some((of, quantity)) = column.rsplit_once('.') else { continue };
            let used = match of.split_once('.') {
                Some((_, service)) => all.services.entry(service.to_owned()).or_default(),
                None if of == "machine" => &mut all.machine,
                None if of == "generator" => &mut all.generator,
                None => &mut all.service,
            };
            used.insert(quantity.to_owned(), spread);
        }
        let flat = |service: &str, machine: &str, generator: &str| {
            let [service, machine, generator] = [service, machine, generator].map(|name| self.column(name));
            if let Some(service) = service {
                return self.spread(&weights, |row| row.value(service));
            }
            let (machine, generator) = (machine?, generator?);
            self.spread(&weights, |row| Some((row.value(machine)? - row.value(generator)?).max(0.0)))
        };
        all.cpu_util = flat("service.cpu_util", "machine.cpu_util", "generator.cpu_util");
        all.ram_mb = flat("service.rss_mb", "machine.ram_used_mb", "generator.rss_mb");
        (!all.machine.is_empty() || !all.generator.is_empty()).then_some(all)
    }

    /// The place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// `value` over rows: the mean by how much of a row lies in the window, the rest over rows that mostly do.
    fn spread(&self, weights: &[f64], value: impl Fn(&ResourceRow) -> Option<f64>) -> Option<Spread> {
        let known: Vec<(f64, f64, bool)> = self
            .rows
            .iter()
            .zip(weights)
            .filter(|(_, weight)| **weight > 0.0)
            .filter_map(|(row, weight)| Some((value(row)?, *weight, *weight * 2.0 >= row.length())))
            .collect();
        let mut inside: Vec<f64> =
            known.iter().filter(|(.., mostly)| *mostly).map(|(value, ..)| *value).collect();
        if inside.is_empty() {
            inside = known.iter().map(|(value, ..)| *value).collect();
        }
        inside.sort_by(f64::total_cmp);
        let (min, max) = (*inside.first()?, *inside.last()?);
        let weight: f64 = known.iter().map(|(_, weight, _)| weight).sum();
        let sum: f64 = known.iter().map(|(value, weight, _)| value * weight).sum();
        // By nearest rank.
        let p95 = inside[(inside.len() * 95).div_ceil(100) - 1];
        Some(Spread { min, avg: sum / weight, max, p95 })
    }

    /// Reads the file back; a last line that a crash cut off is left out.
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let mut lines = whole.lines();
        let head = lines.next().unwrap_or_default();
        let columns: Arc<[String]> = head.split(',').skip(2).map(str::to_owned).collect();
        let row = |line: &str| {
            let mut fields = line.split(',');
            let (second, until_s) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            let values: Vec<Option<f64>> = fields.map(|field| field.parse().ok()).collect();
            (values.len() == columns.len()).then_some(ResourceRow { second, until_s, values })
        };
        let rows = lines.filter_map(row).collect();
        Self { columns, rows }
    }
}

impl ResourceRow {
    pub fn value(&self, column: usize) -> Option<f64> {
        *self.values.get(column)?
    }

    /// The line, with its end.
    pub(super) fn line(&self) -> String {
        let mut text = format!("{},{:.6}", self.second, self.until_s);
        for value in &self.values {
            text.push(',');
            if let Some(value) = value {
                // Writing to a `String` does not fail.
                write!(text, "{value:.6}").ok();
            }
        }
        text.push('\n');
        text
    }

    /// Seconds that it stands for: the last of a load is mostly shorter.
    fn length(&self) -> f64 {
        (self.until_s - self.second as f64).clamp(0.0, 1.0)
    }

    fn overlap(&self, from_s: f64, to_s: f64) -> f64 {
        let start = self.second as f64;
        ((start + self.length()).min(to_s) - start.max(from_s)).max(0.0)
    }
}

/// The first line of the file.
pub(super) fn header(columns: &[String]) -> String {
    format!("second,until_s,{}\n", columns.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(second: u64, until_s: f64, values: [Option<f64>; 3]) -> ResourceRow {
        ResourceRow { second, until_s, values: values.to_vec() }
    }

    fn some() -> Resources {
        let columns = ["machine.cpu_util", "generator.cpu_util", "machine.iowait"].map(str::to_owned);
        let rows = vec![
            row(0, 1.001, [Some(0.9), Some(0.1), None]),
            row(1, 2.0, [Some(0.4), Some(0.3), None]),
            row(2, 3.0, [Some(0.6), Some(0.3), None]),
            row(3, 3.5, [Some(0.8), Some(0.9), None]),
        ];
        Resources { columns: columns.into(), rows }
    }

    #[test]
    fn a_window_counts_by_how_much_of_a_second_lies_in_it() {
        let all = some().of_window(2, 1.0, 3.25).unwrap();
        let machine = all.machine["cpu_util"];
        assert!((machine.avg - (0.4 + 0.6 + 0.8 * 0.25) / 2.25).abs() < 1e-9, "{machine:?}");
        assert_eq!((machine.min, machine.max, machine.p95), (0.4, 0.8, 0.8));
        assert!(!all.machine.contains_key("iowait"), "what is not known is absent");
        let flat = all.cpu_util.unwrap();
        assert!(
            (flat.avg - (0.1 + 0.3 + 0.0) / 2.25).abs() < 1e-9,
            "the machine's without the generator's: {flat:?}"
        );
        assert_eq!(some().of_window(2, 7.0, 9.0), None);
    }

    #[test]
    fn the_processes_of_a_service_are_told_before_the_rest_of_the_machine() {
        let mut resources = some();
        resources.columns =
            ["machine.cpu_util", "service.cpu_util", "service.my.db.rss_mb"].map(str::to_owned).into();
        resources.rows[2].values[2] = Some(12.5);
        let all = resources.of_window(2, 1.0, 3.0).unwrap();
        assert_eq!(all.cpu_util, Some(all.service["cpu_util"]));
        assert_eq!(all.services["my.db"]["rss_mb"].avg, 12.5);
    }

    #[test]
    fn the_file_reads_back_without_a_line_that_was_cut_off() {
        let path = std::env::temp_dir().join(format!("benchscript-resources-{}.csv", std::process::id()));
        let resources = some();
        let lines: String = resources.rows.iter().map(ResourceRow::line).collect();
        fs::write(&path, [header(&resources.columns), lines, "4,4.0,0.".to_owned()].concat()).unwrap();
        assert_eq!(Resources::read(&path), resources);
        fs::remove_file(&path).unwrap();
        assert_eq!(Resources::read(&path), Resources::default());
    }
}
