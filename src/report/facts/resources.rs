//! What was used while a load ran: trials side by side, then every quantity of one.

use crate::report::number::{figures, trimmed};
use crate::report::table::Table;
use crate::results::schema::Metrics;
use crate::results::{ResourceUse, Spread, Used};

const NONE: &str = "–";

/// A row for each trial that knows: means over the measured window.
pub fn resources<'a>(trials: impl Iterator<Item = (&'a str, &'a Metrics)>) -> Table {
    let known: Vec<(&str, &ResourceUse)> =
        trials.filter_map(|(label, metrics)| Some((label, metrics.resource.as_ref()?))).collect();
    let cores = known.iter().map(|(_, all)| all.cores).max().unwrap_or(0);
    let cores = if cores == 1 { "the one core".to_owned() } else { format!("all {cores} cores") };
    let caption = format!(
        "Means over the measured window; 100 % CPU are {cores} that were allowed; service: processes that the script started; MB are 10^6 bytes."
    );
    let mut table = Table::new(caption).words("trial");
    for who in ["service", "generator", "machine"] {
        table = table.numbers(who, "% CPU");
    }
    table = table.numbers("iowait", "%").numbers("service", "MB RAM");
    table = table.numbers("disks", "MB/s").numbers("network", "MB/s");
    for (label, all) in known {
        let mean = |used: &Used, name: &str| used.get(name).map(|spread| spread.avg);
        let share = |used: &Used, name: &str| mean(used, name).map(|share| share * 100.0);
        let both = |a: &str, b: &str| Some(mean(&all.machine, a)? + mean(&all.machine, b)?);
        let cells = [
            share(&all.service, "cpu_util"),
            share(&all.generator, "cpu_util"),
            share(&all.machine, "cpu_util"),
            share(&all.machine, "iowait"),
            mean(&all.service, "rss_mb"),
            both("disk_read_mb_per_second", "disk_write_mb_per_second"),
            both("net_rx_mb_per_second", "net_tx_mb_per_second"),
        ];
        let cells = cells.into_iter().map(|value| value.map_or(NONE.to_owned(), short));
        table.row([label.to_owned()].into_iter().chain(cells).map(Into::into).collect());
    }
    table
}

/// Every quantity of one load.
pub fn quantities(metrics: &Metrics) -> Table {
    let mut table = spreads(
        "Of the seconds in the measured window. MB are 10^6 bytes; `cpu_util` and its like are shares of the allowed cores, 0 to 1.",
    );
    let Some(all) = &metrics.resource else { return table };
    let services = all.services.iter().map(|(name, used)| (name.as_str(), used));
    let parts = [("service", &all.service)].into_iter().chain(services);
    for (who, used) in parts.chain([("generator", &all.generator), ("machine", &all.machine)]) {
        used.iter().for_each(|(name, spread)| row(&mut table, format!("{who} {name}"), spread));
    }
    table
}

/// The quantities of the machine, or of some processes.
pub fn used(used: &Used) -> Table {
    let mut table = spreads("");
    used.iter().for_each(|(name, spread)| row(&mut table, name.clone(), spread));
    table
}

fn spreads(caption: &str) -> Table {
    let table = Table::new(caption).words("quantity");
    ["mean", "min", "p95", "max"].iter().fold(table, |table, name| table.numbers(name, ""))
}

fn row(table: &mut Table, name: String, spread: &Spread) {
    let numbers = [spread.avg, spread.min, spread.p95, spread.max].map(figures);
    table.row([name].into_iter().chain(numbers).map(Into::into).collect());
}

/// Three digits: more would be noise.
fn short(value: f64) -> String {
    match value {
        _ if !value.is_finite() => NONE.to_owned(),
        _ if value >= 100.0 => figures(value.round()).trim_end_matches(".0").to_owned(),
        _ if value >= 10.0 => trimmed(&format!("{value:.1}")),
        _ => trimmed(&format!("{value:.2}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_is_not_known_is_a_dash_and_a_trial_without_any_has_no_row() {
        let mut stored = sample::storage();
        let metrics = stored.trials[0].metrics.as_mut().expect("measured");
        assert!(resources([("disk", &*metrics)].into_iter()).is_empty());
        sample::used(metrics);
        let text = resources([("disk", &*metrics)].into_iter()).text(false);
        let row = text.lines().find(|line| line.starts_with("disk")).expect("a row");
        assert_eq!(
            row.split_whitespace().collect::<Vec<_>>(),
            ["disk", "62.5", "10", "75", "–", "213", "–", "–"]
        );
        assert!(text.contains("100 % CPU are all 2 cores"), "{text}");
        assert_eq!(quantities(metrics).rows.len(), 4);
    }
}
