//! What a terminal shows: a whole run with the answer first, or one load.

use super::facts;
use super::number::{count, figures, line};
use super::table::{Table, Tone};
use crate::measure::{Quantiles, Summary};
use crate::results::{StoredRun, Used, schema::Metrics};

const GUESS: &str = "~ marks a percentile with fewer than 10 samples beyond it.";

/// The final table of a run: its question, the checks, the numbers to remember, then the trials and what is wrong with them.
pub fn run(run: &StoredRun, color: bool) -> String {
    let mut out = String::new();
    let mut block = |text: &str| {
        if !out.is_empty() {
            out.push('\n');
        }
        out += text;
    };
    let facts = &run.run;
    let mut head = format!("{}\n", line(facts::title(facts), 400));
    for (what, said) in [("why", &facts.why), ("this run", &facts.note)] {
        if let Some(said) = said {
            head += &format!("{what}: {}\n", line(said, 400));
        }
    }
    if let Some((tone, banner)) = facts::banner(run) {
        head += &format!("{}\n", tone.paint(&line(&banner, 400), color));
    }
    block(&head);
    if let Some((tone, sum)) = facts::check_count(facts) {
        block(&format!("checks: {}\n{}", tone.paint(&sum, color), facts::checks(facts).text(color)));
    }
    let headline: Vec<String> = facts::headline(run)
        .into_iter()
        .map(|fact| {
            let of = if fact.of.is_empty() { String::new() } else { format!(" ({})", fact.of) };
            format!("{}: {}{of}\n", fact.name, fact.value)
        })
        .collect();
    block(&headline.concat());
    let points = facts::sweep::points(run);
    if points.is_empty() {
        block(&facts::trials(run).text(color));
    } else {
        block(&points.text(color));
    }

    let labels = facts::labels(run);
    let measured = || {
        let named = labels.iter().zip(&run.trials);
        named.filter_map(|(label, trial)| Some((label.as_str(), trial.metrics.as_ref()?)))
    };
    for (name, table) in [
        ("storage", facts::storage(measured())),
        // A sweep has many: the pages show them.
        ("resources", if points.is_empty() { facts::resources(measured()) } else { Table::new("") }),
        ("failures", facts::failures(measured(), run.trials.len() > 1)),
        ("metrics", facts::metrics(facts)),
    ] {
        if !table.is_empty() {
            block(&format!("{name}\n{}", table.text(color)));
        }
    }
    let warnings = facts::warnings(run);
    if !warnings.is_empty() {
        let lines: Vec<String> = warnings.iter().map(|warning| bullet(warning, color)).collect();
        block(&format!("warnings\n{}", lines.concat()));
    }
    // Only if one is shown: the pages have percentiles that these tables leave out.
    if out.contains('~') {
        out += &format!("\n{GUESS}\n");
    }
    out
}

/// One load, as `print(result)` shows it.
pub fn load(metrics: &Metrics, color: bool) -> String {
    let total = &metrics.total;
    let failed = match total.failures {
        0 => "none failed".to_owned(),
        failures => Tone::Bad.paint(&format!("{} failed", count(failures)), color),
    };
    let window = super::number::seconds(total.duration_s);
    let name = line(&total.name, 100);
    let mut out = format!("{name}: {} calls in {window}, {failed}\n", count(total.requests));
    let tables: [Table; 3] = [
        facts::operations(metrics),
        facts::timing(total),
        facts::failures([(total.name.as_str(), metrics)].into_iter(), false),
    ];
    let storage = facts::storage([(total.name.as_str(), metrics)].into_iter());
    let extras = facts::extras(metrics);
    for table in tables.iter().chain([&storage, &extras]).filter(|table| !table.is_empty()) {
        out += &format!("\n{}", table.text(color));
    }
    let warnings = facts::warnings_of_metrics(metrics);
    if !warnings.is_empty() {
        out.push('\n');
        warnings.iter().for_each(|warning| out += &bullet(warning, color));
    }
    if out.contains('~') {
        out += &format!("\n{GUESS}\n");
    }
    out
}

/// One operation of a load, as `print(result.operations.NAME)` shows it.
pub fn row(row: &Summary) -> String {
    let (calls, failed, window) =
        (count(row.requests), count(row.failures), super::number::seconds(row.duration_s));
    format!(
        "{}: {calls} calls in {window}, {failed} failed\n\n{}",
        line(&row.name, 100),
        facts::timing(row).text(false)
    )
}

/// What a load used, as `print(result.resource)` shows it.
pub fn resources(metrics: &Metrics) -> String {
    match facts::quantities(metrics) {
        table if table.is_empty() => "nothing is known".to_owned(),
        table => table.text(false),
    }
}

/// What one part of the machine used, as `print(result.resource.service)` shows it.
pub fn used(used: &Used) -> String {
    facts::used(used).text(false)
}

/// One distribution on a line.
pub fn times(what: &str, times: &Quantiles) -> String {
    if times.count == 0 {
        return format!("{what}: no samples");
    }
    let named =
        [("avg", times.avg), ("p50", times.p50), ("p90", times.p90), ("p99", times.p99), ("max", times.max)];
    let shown: Vec<String> = named
        .iter()
        .map(|(name, ms)| {
            let guess = if times.low_confidence.iter().any(|low| low == name) { "~" } else { "" };
            format!("{name} {guess}{} ms", figures(*ms))
        })
        .collect();
    format!("{what}: {} ({} samples)", shown.join(", "), count(times.count))
}

/// Several loads side by side, a line each.
pub fn compare(loads: &[Metrics], color: bool) -> String {
    let mut table = Table::new("response time from due; throughput of successes")
        .words("load")
        .numbers("throughput", "1/s")
        .numbers("p50", "ms")
        .numbers("p99", "ms")
        .numbers("max", "ms")
        .numbers("failed", "%")
        .words("verdict");
    for metrics in loads {
        let (times, total) = (&metrics.latency_ms, &metrics.total);
        let ms = |name: &str, value: f64| {
            let guess = if times.low_confidence.iter().any(|low| low == name) { "~" } else { "" };
            if times.count == 0 { "-".to_owned() } else { format!("{guess}{}", figures(value)) }
        };
        table.row(vec![
            total.name.clone().into(),
            figures(total.throughput).into(),
            ms("p50", times.p50).into(),
            ms("p99", times.p99).into(),
            ms("max", times.max).into(),
            figures(total.errors.rate * 100.0).into(),
            metrics.validity.verdict.word().into(),
        ]);
    }
    table.text(color)
}

fn bullet(warning: &str, color: bool) -> String {
    format!("{} {}\n", Tone::Warn.paint("!", color), line(warning, 400))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_run_of_several_trials() {
        sample::snapshot("report-run.txt", &run(&sample::ladder(), false));
    }

    #[test]
    fn a_run_that_was_interrupted() {
        sample::snapshot("report-interrupted.txt", &run(&sample::interrupted(), false));
    }

    #[test]
    fn a_storage_run() {
        sample::snapshot("report-storage.txt", &run(&sample::storage(), false));
    }

    #[test]
    fn one_load() {
        let stored = sample::mixed();
        let metrics = stored.trials[0].metrics.as_ref().expect("measured");
        sample::snapshot("report-load.txt", &load(metrics, false));
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let colored = run(&sample::ladder(), true);
        assert!(colored.contains("\x1b[31m"));
        let plain = ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"]
            .iter()
            .fold(colored, |t, code| t.replace(code, ""));
        assert_eq!(plain, run(&sample::ladder(), false));
    }

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        let mut stored = sample::ladder();
        stored.run.question = Some("\x1b[2Jgone".into());
        stored.trials[0].meta.name = "a\x1b[31m\nb".into();
        assert!(!run(&stored, false).contains('\x1b'));
    }
}
