//! The points of a declared scenario beside each other: what their repetitions measured, and what that answers.

use serde_json::{Map, Value};

use super::{Fact, Throughput, plain};
use crate::measure::Verdict;
use crate::report::number::{figures, percent};
use crate::report::table::{Cell, Table, Tone};
use crate::results::StoredRun;
use crate::results::schema::{FoundAnswer, Metrics, Objective, Status};

/// More combinations of the other parameters than this have no facts of their own.
const MOST_FACTS: usize = 6;

/// Parameters that say how much load there is: the first of them that is swept is what a capacity is told in.
const LOADS: [&str; 5] = ["rate", "concurrency", "users", "clients", "connections"];

/// All points with at least one trial that is done.
pub struct Sweep<'a> {
    /// Parameters that differ between points, in the order of the sweep.
    pub axes: Vec<&'a str>,
    pub points: Vec<Point<'a>>,
    throughput: Throughput<'a>,
}

/// One configuration, as often as it was measured.
pub struct Point<'a> {
    pub values: &'a Map<String, Value>,
    pub repetitions: Vec<&'a Metrics>,
}

/// Reads the sweep of a run; none if it has no points to set beside each other.
pub fn of(run: &StoredRun) -> Option<Sweep<'_>> {
    if run.run.declared.is_empty() {
        return None;
    }
    let done = || run.trials.iter().filter(|trial| trial.meta.status == Status::Done);
    let mut points: Vec<Point> = Vec::new();
    for trial in done() {
        let Some(metrics) = &trial.metrics else { continue };
        match points.iter_mut().find(|point| *point.values == trial.meta.point) {
            Some(point) => point.repetitions.push(metrics),
            None => points.push(Point { values: &trial.meta.point, repetitions: vec![metrics] }),
        }
    }
    let first = points.first()?;
    let differs = |name: &&str| points.iter().any(|point| point.values.get(*name) != first.values.get(*name));
    let axes: Vec<&str> = first.values.keys().map(String::as_str).filter(differs).collect();
    let throughput = Throughput::of(done());
    (points.len() > 1).then_some(Sweep { axes, points, throughput })
}

impl<'a> Sweep<'a> {
    /// The parameter that says how much load there is: swept, and all numbers.
    pub fn load(&self) -> Option<&'a str> {
        let numbers = |name: &str| self.points.iter().all(|point| point.number(name).is_some());
        let known = LOADS.iter().filter_map(|load| self.axes.iter().find(|axis| *axis == load));
        known.chain(&self.axes).copied().find(|name| numbers(name))
    }

    pub fn unit(&self) -> &'a str {
        self.throughput.unit
    }

    pub fn throughput(&self, point: &Point) -> Spread {
        spread(point.repetitions.iter().map(|metrics| self.throughput.value(metrics)))
    }

    /// The points by their values of all parameters but `axis`, each with them in words; sorted along the axis.
    pub fn along(&self, axis: &str) -> Vec<(String, Vec<&Point<'a>>)> {
        let mut lines: Vec<(String, Vec<&Point<'a>>)> = Vec::new();
        for point in &self.points {
            let others = self.axes.iter().filter(|name| **name != axis);
            let words = others.filter_map(|name| Some(format!("{name}={}", plain(point.values.get(*name)?))));
            let words = words.collect::<Vec<_>>().join(" ");
            match lines.iter_mut().find(|(known, _)| *known == words) {
                Some((_, points)) => points.push(point),
                None => lines.push((words, vec![point])),
            }
        }
        let at = |point: &Point| point.number(axis).unwrap_or(f64::NAN);
        lines.iter_mut().for_each(|(_, points)| points.sort_by(|a, b| at(a).total_cmp(&at(b))));
        lines
    }
}

impl Point<'_> {
    pub fn number(&self, name: &str) -> Option<f64> {
        self.values.get(name)?.as_f64()
    }

    /// A percentile in milliseconds; none where nothing succeeded.
    pub fn latency(&self, of: fn(&Metrics) -> f64) -> Option<Spread> {
        let with = || self.repetitions.iter().filter(|metrics| metrics.latency_ms.count > 0);
        (with().count() > 0).then(|| spread(with().map(|metrics| of(metrics))))
    }

    /// Whether all limits held in all repetitions; none without limits.
    pub fn held(&self) -> Option<bool> {
        let judged = self.repetitions.iter().any(|metrics| !metrics.slo.is_empty());
        judged.then(|| {
            self.repetitions.iter().all(|metrics| metrics.slo.iter().all(|objective| objective.held))
        })
    }

    /// The worst of its repetitions.
    pub fn verdict(&self) -> Verdict {
        let verdicts = || self.repetitions.iter().map(|metrics| metrics.validity.verdict);
        [Verdict::GeneratorLimited, Verdict::Suspect]
            .into_iter()
            .find(|worst| verdicts().any(|verdict| verdict == *worst))
            .unwrap_or(Verdict::Valid)
    }

    fn words(&self, axes: &[&str]) -> String {
        let named = axes.iter().filter_map(|name| Some(format!("{name}={}", plain(self.values.get(*name)?))));
        named.collect::<Vec<_>>().join(" ")
    }
}

/// What repetitions measured of one figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

fn spread(values: impl Iterator<Item = f64>) -> Spread {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median =
        if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
    Spread { low: values[0], median, high: values[values.len() - 1] }
}

/// The numbers to remember: what the system carries within its limits, and what happens at its peak.
pub fn answer(run: &StoredRun) -> Option<Vec<Fact>> {
    let sweep = of(run)?;
    let axis = sweep.load()?;
    let fact = |name: &str, value: String, of: String| Fact { name: name.into(), value, of };
    let mut facts = Vec::new();
    let lines = sweep.along(axis);
    let several = lines.len() > 1;
    for found in &run.run.answers {
        facts.push(searched(found));
    }
    for (words, points) in lines.iter().take(MOST_FACTS) {
        let whose = |name: &str| {
            if several && !words.is_empty() { format!("{name}, {words}") } else { name.to_owned() }
        };
        if run.run.answers.is_empty() && points.iter().any(|point| point.held().is_some()) {
            facts.push(capacity(&sweep, axis, &whose("capacity within the SLO"), points));
        }
        let best =
            points.iter().max_by(|a, b| sweep.throughput(a).median.total_cmp(&sweep.throughput(b).median));
        let Some(best) = best else { continue };
        let of = marked(format!("at {}", best.words(&[axis])), best);
        facts.push(fact(
            &whose("peak throughput"),
            format!("{} {}", figures(sweep.throughput(best).median), sweep.unit()),
            of.clone(),
        ));
        if let Some(p99) = best.latency(|metrics| metrics.latency_ms.p99) {
            facts.push(fact(&whose("p99 at the peak"), format!("{} ms", figures(p99.median)), of));
        }
        if let Some(each) = by_core(&sweep, best) {
            facts.push(fact(
                &whose("per core the service used"),
                format!("{} {}", figures(each), sweep.unit()),
                "at the peak".to_owned(),
            ));
        }
    }
    if lines.len() > MOST_FACTS {
        facts.push(fact(
            "more",
            (lines.len() - MOST_FACTS).to_string(),
            "combinations in the table below".to_owned(),
        ));
    }
    let undone = run.trials.iter().filter(|trial| trial.meta.status != Status::Done).count();
    let repeated = sweep.points.iter().map(|point| point.repetitions.len()).max().unwrap_or(0);
    facts.push(fact(
        "trials",
        run.trials.len().to_string(),
        format!(
            "{} points, up to {repeated} {} each{}",
            sweep.points.len(),
            if repeated == 1 { "repetition" } else { "repetitions" },
            if undone > 0 { format!("; {undone} are not done") } else { String::new() }
        ),
    ));
    facts.push(failed(run));
    Some(facts)
}

/// The highest load below the first that broke a limit.
fn capacity(sweep: &Sweep, axis: &str, name: &str, points: &[&Point]) -> Fact {
    let held: Vec<&&Point> = points.iter().take_while(|point| point.held() == Some(true)).collect();
    let broke = points.get(held.len());
    let Some(best) = held.last() else {
        let lowest = points.first().map_or(String::new(), |point| {
            format!("{} already misses it: {}", point.words(&[axis]), missed(point))
        });
        return Fact { name: name.into(), value: "none of the points".into(), of: lowest };
    };
    let value = best.values.get(axis).map(plain).unwrap_or_default();
    let then = match broke {
        Some(point) => format!("{} misses it: {}", point.words(&[axis]), missed(point)),
        None => "no higher one was tried".to_owned(),
    };
    let of = format!("{axis}; {} {}; {then}", figures(sweep.throughput(best).median), sweep.unit());
    Fact { name: name.into(), value, of: marked(of, best) }
}

/// What a search found.
fn searched(found: &FoundAnswer) -> Fact {
    let words: Vec<String> =
        found.point.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
    let name = match words.is_empty() {
        true => "capacity within the SLO".to_owned(),
        false => format!("capacity within the SLO, {}", words.join(" ")),
    };
    let value = found.load.map_or("not found".to_owned(), figures);
    let between = match (found.low, found.high) {
        (Some(low), Some(high)) => format!(", between {} and {}", figures(low), figures(high)),
        _ => String::new(),
    };
    let confirmed = match found.confirmed {
        Some(true) => "; a trial just below held",
        Some(false) => "; a trial just below did NOT hold",
        None => "",
    };
    Fact { name, value, of: format!("{}{between}; {}{confirmed}", found.parameter, found.why) }
}

/// `p99_ms 61.2 > 50`: the limits that a point did not hold.
fn missed(point: &Point) -> String {
    let all = point.repetitions.iter().flat_map(|metrics| &metrics.slo).filter(|objective| !objective.held);
    let mut words: Vec<String> = Vec::new();
    for objective in all {
        if !words.iter().any(|word| word.starts_with(&objective.name)) {
            words.push(said(objective));
        }
    }
    words.join(", ")
}

fn said(objective: &Objective) -> String {
    let Objective { name, limit, at_least, value, held, low_confidence } = objective;
    let sign = match (at_least, held) {
        (true, true) => "≥",
        (true, false) => "<",
        (false, true) => "≤",
        (false, false) => ">",
    };
    let guess = if *low_confidence { "~" } else { "" };
    match value {
        Some(value) => format!("{name} {guess}{} {sign} {}", figures(*value), figures(*limit)),
        None => format!("{name} was not measured"),
    }
}

/// Throughput by core that the service was using.
fn by_core(sweep: &Sweep, point: &Point) -> Option<f64> {
    let cores: Vec<f64> = point
        .repetitions
        .iter()
        .filter_map(|metrics| {
            let used = metrics.resource.as_ref()?;
            Some(used.service.get("cpu_util")?.avg * used.cores as f64)
        })
        .collect();
    let mean = cores.iter().sum::<f64>() / cores.len() as f64;
    (!cores.is_empty() && mean > 0.01).then(|| sweep.throughput(point).median / mean)
}

fn failed(run: &StoredRun) -> Fact {
    let measured = || run.trials.iter().filter_map(|trial| trial.metrics.as_ref());
    let requests: u64 = measured().map(|metrics| metrics.total.requests).sum();
    let failures: u64 = measured().map(|metrics| metrics.total.failures).sum();
    let share = if requests == 0 {
        "–".to_owned()
    } else {
        format!("{} %", percent(failures as f64 / requests as f64))
    };
    let of = format!(
        "{} of {} calls",
        crate::report::number::count(failures),
        crate::report::number::count(requests)
    );
    Fact { name: "failed".into(), value: share, of }
}

fn marked(of: String, point: &Point) -> String {
    match point.verdict() {
        Verdict::Valid => of,
        verdict => format!("{of}, {}", verdict.word()),
    }
}

/// Every point, with the best, the middle and the worst marked.
pub fn points(run: &StoredRun) -> Table {
    let Some(sweep) = of(run) else { return Table::new("") };
    let repeated = sweep.points.iter().any(|point| point.repetitions.len() > 1);
    let judged = sweep.points.iter().any(|point| point.held().is_some());
    let caption = if repeated {
        "Medians of the repetitions; response time from due."
    } else {
        "Response time from due."
    };
    let mut table = Table::new(caption);
    for axis in &sweep.axes {
        table = table.words(axis);
    }
    table = table.numbers("repetitions", "").numbers("throughput", sweep.unit()).words("");
    for name in ["p50", "p95", "p99"] {
        table = table.numbers(name, "ms");
    }
    table = table.words("").numbers("failed", "%");
    if judged {
        table = table.words("SLO");
    }
    table = table.words("verdict");
    let throughput: Vec<Option<f64>> =
        sweep.points.iter().map(|point| Some(sweep.throughput(point).median)).collect();
    let p99: Vec<Option<f64>> = sweep
        .points
        .iter()
        .map(|point| point.latency(|metrics| metrics.latency_ms.p99).map(|spread| spread.median))
        .collect();
    for (at, point) in sweep.points.iter().enumerate() {
        let ms = |of: fn(&Metrics) -> f64| {
            point.latency(of).map_or("–".to_owned(), |spread| figures(spread.median))
        };
        let failed = point.repetitions.iter().map(|metrics| metrics.errors.rate).sum::<f64>()
            / point.repetitions.len() as f64;
        let tone = if failed > 0.0 { Tone::Bad } else { Tone::Plain };
        let mut cells: Vec<Cell> = sweep
            .axes
            .iter()
            .map(|axis| point.values.get(*axis).map_or("–".to_owned(), plain).into())
            .collect();
        cells.extend([
            point.repetitions.len().to_string().into(),
            figures(sweep.throughput(point).median).into(),
            rank(&throughput, at, true),
            ms(|metrics| metrics.latency_ms.p50).into(),
            ms(|metrics| metrics.latency_ms.p95).into(),
            ms(|metrics| metrics.latency_ms.p99).into(),
            rank(&p99, at, false),
            Cell::toned(percent(failed), tone),
        ]);
        if judged {
            cells.push(match point.held() {
                Some(true) => Cell::toned("held", Tone::Good),
                Some(false) => Cell::toned(format!("missed: {}", missed(point)), Tone::Bad),
                None => "–".into(),
            });
        }
        cells.push(match point.verdict() {
            Verdict::Valid => Cell::toned("valid", Tone::Good),
            Verdict::Suspect => Cell::toned("suspect", Tone::Warn),
            Verdict::GeneratorLimited => Cell::toned(Verdict::GeneratorLimited.word(), Tone::Bad),
        });
        table.row(cells);
    }
    table
}

/// `best`, `median` or `worst` of several values.
fn rank(values: &[Option<f64>], at: usize, most: bool) -> Cell {
    let mut order: Vec<usize> =
        (0..values.len()).filter(|at| values[*at].is_some_and(f64::is_finite)).collect();
    order.sort_by(|a, b| values[*b].partial_cmp(&values[*a]).unwrap_or(std::cmp::Ordering::Equal));
    if !most {
        order.reverse();
    }
    let Some(place) = order.iter().position(|known| *known == at) else { return "".into() };
    match place {
        0 => Cell::toned("best", Tone::Good),
        last if last + 1 == order.len() => Cell::toned("worst", Tone::Bad),
        middle if order.len() > 2 && middle == (order.len() - 1) / 2 => "median".into(),
        _ => "".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_capacity_is_the_highest_load_below_the_first_that_broke_a_limit() {
        let run = sample::swept();
        let facts = answer(&run).expect("it has a sweep");
        let of = |name: &str| {
            facts.iter().find(|fact| fact.name == name).unwrap_or_else(|| panic!("{name}: {facts:?}"))
        };
        let small = of("capacity within the SLO, size=small");
        assert_eq!(small.value, "64");
        assert!(
            small.of.starts_with("users; 7,387 calls/s; users=256 misses it: p99_ms ")
                && small.of.contains("> 100"),
            "{small:?}"
        );
        assert_eq!(of("capacity within the SLO, size=large").value, "8");
        assert_eq!(of("peak throughput, size=small").of, "at users=256");
        assert_eq!(of("trials").of, "8 points, up to 3 repetitions each");
    }

    #[test]
    fn a_limit_that_no_point_holds_is_said_with_the_lowest() {
        let mut run = sample::swept();
        for trial in &mut run.trials {
            let metrics = trial.metrics.as_mut().expect("measured");
            metrics.slo[0].held = false;
        }
        let facts = answer(&run).expect("it has a sweep");
        assert_eq!(facts[0].value, "none of the points");
        assert!(facts[0].of.starts_with("users=1 already misses it"), "{:?}", facts[0]);
    }

    #[test]
    fn best_median_and_worst_are_marked_and_repetitions_are_medians() {
        let run = sample::swept();
        let sweep = of(&run).expect("it has a sweep");
        let point = &sweep.points[0];
        assert_eq!(point.repetitions.len(), 3);
        let spread = sweep.throughput(point);
        assert!(
            (spread.high - spread.median - 1.0).abs() < 1e-9
                && (spread.median - spread.low - 1.0).abs() < 1e-9
        );
        let text = points(&run).text(false);
        for mark in ["best", "median", "worst"] {
            assert_eq!(text.lines().filter(|line| line.contains(mark)).count(), 2, "{mark} in\n{text}");
        }
        assert!(points(&sample::ladder()).is_empty(), "nothing was declared");
    }

    #[test]
    fn a_failed_trial_is_in_no_point() {
        let mut run = sample::swept();
        run.trials[0].meta.status = Status::Failed;
        assert_eq!(
            of(&run)
                .expect("it has a sweep")
                .points
                .iter()
                .map(|point| point.repetitions.len())
                .sum::<usize>(),
            23
        );
    }
}
