//! A number of the script's own, recorded by many virtual users: counter, gauge, rate or trend.

use std::collections::BTreeMap;

use super::Moment;

/// Half the width of a bucket of a trend, relative to its value: percentiles are within 0.5 %.
const ACCURACY: f64 = 0.005;
/// Names that one load may have.
pub const MOST_METRICS: usize = 64;

/// What becomes of the values of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They add up.
    Counter,
    /// The last one counts.
    Gauge,
    /// The share of those that are true.
    Rate,
    /// Their distribution counts.
    Trend,
}

impl Kind {
    pub const ALL: [(&'static str, Self); 4] =
        [("counter", Self::Counter), ("gauge", Self::Gauge), ("rate", Self::Rate), ("trend", Self::Trend)];

    /// The kind of this name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == word).map(|(_, kind)| kind)
    }
}

/// One value on its way from a script to the recorder.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    pub name: String,
    pub kind: Kind,
    pub value: f64,
}

/// All values of one name, in bounded memory.
///
/// The distribution is a sketch of logarithmic buckets (DDSketch; Masson, Rim, Lee 2019); count, sum, smallest and
/// largest value are exact.
#[derive(Debug, Clone)]
pub struct Metric {
    pub kind: Kind,
    pub count: u64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    last: f64,
    last_at: Moment,
    /// Values by bucket: sign and number.
    buckets: BTreeMap<(i8, i32), u64>,
}

impl Metric {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            last: 0.0,
            last_at: Moment::default(),
            buckets: BTreeMap::new(),
        }
    }

    /// Adds a finite value that was noted at `at`.
    pub fn add(&mut self, value: f64, at: Moment) {
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if at >= self.last_at {
            (self.last, self.last_at) = (value, at);
        }
        if self.kind == Kind::Trend {
            *self.buckets.entry(bucket(value)).or_default() += 1;
        }
    }

    /// Adds what was recorded elsewhere. Of two kinds the first one stays.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if other.last_at >= self.last_at {
            (self.last, self.last_at) = (other.last, other.last_at);
        }
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
    }

    /// The figures that results show, as `(suffix of the name, value)`, over a window of `duration_s` seconds.
    pub fn figures(&self, duration_s: f64) -> Vec<(&'static str, f64)> {
        match self.kind {
            Kind::Counter => vec![("", self.sum), ("_per_second", self.sum / duration_s.max(1e-9))],
            Kind::Gauge => vec![("", self.last), ("_min", self.min), ("_max", self.max)],
            Kind::Rate => vec![("", self.sum / self.count.max(1) as f64), ("_count", self.count as f64)],
            Kind::Trend => vec![
                ("_count", self.count as f64),
                ("_avg", self.sum / self.count.max(1) as f64),
                ("_min", self.min),
                ("_p50", self.percentile(50.0)),
                ("_p90", self.percentile(90.0)),
                ("_p99", self.percentile(99.0)),
                ("_max", self.max),
            ],
        }
    }

    /// The value below or at which `percentile` of 100 values lie.
    fn percentile(&self, percentile: f64) -> f64 {
        let wanted = ((percentile / 100.0 * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += count;
            if seen >= wanted {
                return middle(*bucket).clamp(self.min, self.max);
            }
        }
        self.max
    }
}

/// ln of the ratio of a bucket's ends.
fn width() -> f64 {
    ((1.0 + ACCURACY) / (1.0 - ACCURACY)).ln()
}

/// Ordered as the values are: negative ones from the largest magnitude, zero, positive ones.
fn bucket(value: f64) -> (i8, i32) {
    let number = (value.abs().ln() / width()).ceil();
    if value == 0.0 {
        (0, 0)
    } else if value < 0.0 {
        (-1, -(number as i32))
    } else {
        (1, number as i32)
    }
}

fn middle((sign, number): (i8, i32)) -> f64 {
    let magnitude = f64::from(number * i32::from(sign));
    f64::from(sign) * (magnitude * width()).exp() * (1.0 - ACCURACY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(metric: &Metric, suffix: &str) -> f64 {
        metric.figures(2.0).into_iter().find(|(name, _)| *name == suffix).unwrap().1
    }

    #[test]
    fn a_trend_is_within_half_a_percent() {
        let mut parts = [Metric::new(Kind::Trend), Metric::new(Kind::Trend)];
        for value in 1..=1_000 {
            parts[value % 2].add(value as f64 - 200.5, Moment(value as u64));
        }
        let [mut all, other] = parts;
        all.merge(&other);
        assert_eq!((all.count, all.min, all.max), (1_000, -199.5, 799.5));
        for (suffix, exact) in [("_p50", 299.5), ("_p90", 699.5), ("_p99", 789.5)] {
            let found = figure(&all, suffix);
            assert!((found / exact - 1.0f64).abs() < 0.006, "{suffix}: {found}, not {exact}");
        }
        assert_eq!(figure(&all, "_avg"), 300.0);
    }

    #[test]
    fn negative_values_are_in_order() {
        let mut metric = Metric::new(Kind::Trend);
        [-1_000.0, -10.0, 0.0, 10.0].iter().for_each(|value| metric.add(*value, Moment(1)));
        assert!((figure(&metric, "_p50") + 10.0).abs() < 0.06, "{:?}", metric.figures(1.0));
    }

    #[test]
    fn each_kind_counts_in_its_way() {
        let of = |kind| {
            let mut metric = Metric::new(kind);
            metric.add(1.0, Moment(1));
            metric.add(0.0, Moment(3));
            metric.add(3.0, Moment(2));
            metric
        };
        assert_eq!(figure(&of(Kind::Counter), ""), 4.0);
        assert_eq!(figure(&of(Kind::Counter), "_per_second"), 2.0);
        assert_eq!(figure(&of(Kind::Gauge), ""), 0.0, "the last one, by time");
        let mut rate = Metric::new(Kind::Rate);
        [1.0, 0.0, 1.0, 1.0].iter().for_each(|value| rate.add(*value, Moment(1)));
        assert_eq!(figure(&rate, ""), 0.75);
    }
}
