//! The numbers of a load by name, each with its unit in the name, and which way each is better.

use serde_json::Value;

use crate::error::{Error, Result, edits};
use crate::measure::is_guess;
use crate::results::schema::Metrics;

/// Percentiles of the response time of successes that results keep.
pub const PERCENTILES: [(&str, f64); 5] =
    [("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p999", 99.9)];
/// Other response times.
const OTHERS: [&str; 2] = ["avg", "max"];
/// Failed calls / all calls, 0 to 1.
pub const ERROR_RATE: &str = "error_rate";
/// Successful calls a second.
pub const THROUGHPUT: &str = "throughput";

/// Figures of which more is better, besides those that are so many a second.
const MORE: [&str; 6] = [THROUGHPUT, "goodput", "iops", "recall", "hit_rate", "success_rate"];

/// `p99_ms` and the like, `avg_ms`, `max_ms` (response time of successes), `error_rate`, `throughput`, `bytes_per_second`, or any
/// number among the load's own `extras`; none if it was not measured.
pub fn figure(metrics: &Metrics, name: &str) -> Option<f64> {
    let times = &metrics.latency_ms;
    let time = |value| (times.count > 0).then_some(value);
    match name {
        "p50_ms" => time(times.p50),
        "p90_ms" => time(times.p90),
        "p95_ms" => time(times.p95),
        "p99_ms" => time(times.p99),
        "p999_ms" => time(times.p999),
        "avg_ms" => time(times.avg),
        "max_ms" => time(times.max),
        ERROR_RATE => (metrics.total.requests > 0).then_some(metrics.errors.rate),
        THROUGHPUT => Some(metrics.total.throughput),
        _ => {
            let bytes = || (name == "bytes_per_second").then_some(metrics.total.bytes_per_second);
            metrics.extras.get(name).and_then(Value::as_f64).or_else(bytes)
        }
    }
}

/// Whether the figure is a percentile with fewer than 10 samples beyond it.
pub fn is_low_confidence(metrics: &Metrics, name: &str) -> bool {
    let count = metrics.latency_ms.count;
    let percentile = PERCENTILES.iter().find(|known| name.strip_suffix("_ms") == Some(known.0));
    count > 0 && percentile.is_some_and(|(_, percentile)| is_guess(count, *percentile))
}

/// Whether `name`, without its unit, is a response time.
pub fn is_response_time(name: &str) -> bool {
    PERCENTILES.iter().map(|known| known.0).chain(OTHERS).any(|known| known == name)
}

/// Whether more of the figure `name` is better: of rates and of the like of `goodput`; less of everything else.
pub fn more_is_better(name: &str) -> bool {
    name.ends_with("_per_second")
        || MORE.iter().any(|known| {
            let rest = name.strip_prefix(known).or_else(|| name.strip_suffix(known));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '@']) || rest.ends_with('_'))
        })
}

/// Refuses what is nearly a name that always means something; any other may be a figure of the load's own. `what` it should
/// be is for the message: an objective, a metric.
pub fn refuse_misspelt(what: &str, name: &str) -> Result<()> {
    let plain = name.strip_suffix("_ms").unwrap_or(name);
    if is_response_time(plain) || [ERROR_RATE, THROUGHPUT].contains(&name) {
        return Ok(());
    }
    let error = Error::usage(format!("there is no {what} `{name}`"));
    if plain.strip_prefix('p').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        let names = PERCENTILES.map(|(name, _)| name);
        return Err(error.hint(format!("percentiles: {}", names.join(", "))));
    }
    let names = PERCENTILES.iter().map(|known| known.0).chain(OTHERS).chain([ERROR_RATE, THROUGHPUT]);
    // Short words lie near each other by chance.
    let near =
        names.map(|known| (edits(plain, known), known)).filter(|(edits, known)| edits * 4 <= known.len() + 1);
    match near.min() {
        Some((_, near)) => Err(error.hint(format!("did you mean `{near}`?"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::more_is_better;

    #[test]
    fn names_tell_which_way_is_better() {
        for name in
            ["throughput", "output_throughput", "goodput", "read_iops", "recall_10", "rows_per_second"]
        {
            assert!(more_is_better(name), "{name}");
        }
        for name in ["p99_ms", "error_rate", "ttfb_s", "drop_rate", "first_done_s", "recalled"] {
            assert!(!more_is_better(name), "{name}");
        }
    }
}
