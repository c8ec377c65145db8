//! An axis: where a value lies on it, and which few round values are written beside it.

use crate::report::number::{grouped, letter, trimmed};

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    Linear,
    Log,
    /// Percentiles, stretched towards 100: each further nine takes as much room as the one before.
    Tail,
    /// One band a row, the first on top.
    Rows,
}

#[derive(Debug, Clone)]
pub struct Axis {
    pub title: String,
    scale: Scale,
    low: f64,
    high: f64,
    /// Value and label.
    pub ticks: Vec<(f64, String)>,
}

/// Values that differ by more than this factor are drawn on a logarithmic axis.
const LARGE_SPAN: f64 = 30.0;
/// About as many ticks as fit without crowding.
const TICKS: f64 = 6.0;

impl Axis {
    /// From zero to a round value at or above `most`.
    pub fn from_zero(title: &str, most: f64) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let step = round_step(most / TICKS);
        let steps = (most / step - 1e-9).ceil().max(1.0);
        let ticks = (0..=steps as u32).map(|n| (f64::from(n) * step, label(f64::from(n) * step, step)));
        Self {
            title: title.into(),
            scale: Scale::Linear,
            low: 0.0,
            high: steps * step,
            ticks: ticks.collect(),
        }
    }

    /// Over these values: logarithmic when they span much, else from zero.
    pub fn over(title: &str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let most = values.clone().filter(|value| value.is_finite()).fold(0.0, f64::max);
        let least = values.filter(|value| value.is_finite() && *value > 0.0).fold(f64::INFINITY, f64::min);
        match most > least * LARGE_SPAN {
            true => Self::log(title, least, most),
            false => Self::from_zero(title, most),
        }
    }

    fn log(title: &str, least: f64, most: f64) -> Self {
        let (low, high) = (round_down(least), round_up(most));
        let decades = (high / low).log10();
        let marks: &[f64] = if decades <= 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let stride = (decades / (TICKS + 1.0)).ceil().max(1.0) as i32;
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let decades = (first..=last).filter(|decade| (decade - first) % stride == 0);
        let ticks = decades
            .flat_map(|decade| marks.iter().map(move |mark| mark * 10f64.powi(decade)))
            .filter(|value| (low * 0.999..=high * 1.001).contains(value))
            .map(|value| (value, label(value, value)))
            .collect();
        Self { title: format!("{title}, logarithmic"), scale: Scale::Log, low, high, ticks }
    }

    /// Time since the start of the load, in the unit that fits.
    pub fn time(title: &str, end_s: f64) -> Self {
        let end = if end_s.is_finite() { end_s.max(1.0) } else { 1.0 };
        let (unit, length) = match end {
            _ if end <= 300.0 => ("s", 1.0),
            _ if end <= 3.0 * 3600.0 => ("min", 60.0),
            _ => ("h", 3600.0),
        };
        const STEPS: [f64; 19] = [
            1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0,
            7200.0, 14_400.0, 21_600.0, 43_200.0, 86_400.0,
        ];
        let fits = |step: &f64| end / step <= 10.0;
        let step = STEPS.into_iter().find(fits).unwrap_or_else(|| (end / 10.0 / 86_400.0).ceil() * 86_400.0);
        let ticks = (0..=(end / step + 1e-9) as u32).map(|n| {
            let at = f64::from(n) * step;
            (at, trimmed(&format!("{:.2}", at / length)))
        });
        let title = format!("{title} ({unit})");
        Self { title, scale: Scale::Linear, low: 0.0, high: end, ticks: ticks.collect() }
    }

    /// Percentiles from 0 to `most` (below 100), where the right edge is.
    pub fn tail(title: &str, most: f64) -> Self {
        let high = if most.is_finite() { most.clamp(90.0, 99.999_999) } else { 99.0 };
        let nines = (3..=8).map(|nines| 100.0 - 10f64.powi(2 - nines)).map(|p| trimmed(&format!("{p:.6}")));
        let labels = ["0", "50", "75", "90", "95", "99"].map(str::to_owned).into_iter().chain(nines);
        let ticks = labels.filter_map(|text| Some((text.parse().ok()?, text)));
        let ticks = ticks.filter(|(value, _)| *value <= high).collect();
        Self { title: title.into(), scale: Scale::Tail, low: 0.0, high, ticks }
    }

    /// A named row for each label.
    pub fn rows(title: &str, labels: impl Iterator<Item = String>) -> Self {
        let ticks: Vec<_> = labels.enumerate().map(|(row, label)| (row as f64 + 0.5, label)).collect();
        Self { title: title.into(), scale: Scale::Rows, low: 0.0, high: ticks.len().max(1) as f64, ticks }
    }

    /// A named column for each label.
    pub fn columns(title: &str, labels: impl Iterator<Item = String>) -> Self {
        let ticks: Vec<_> = labels.enumerate().map(|(column, label)| (column as f64 + 0.5, label)).collect();
        Self { title: title.into(), scale: Scale::Linear, low: 0.0, high: ticks.len().max(1) as f64, ticks }
    }

    /// Makes room beyond the largest value, for what is written there.
    pub fn widened(mut self, share: f64) -> Self {
        self.high = match self.scale {
            Scale::Log => self.high * (self.high / self.low).powf(share),
            _ => self.low + (self.high - self.low) * (1.0 + share),
        };
        if self.scale == Scale::Log {
            // The least value is a dot, which must not lie on the axis.
            self.low /= (self.high / self.low).powf(0.03);
        }
        self
    }

    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Where `value` lies, from 0 (left or bottom) to 1; values outside lie at the edge.
    pub fn place(&self, value: f64) -> f64 {
        let nines = |percentile: f64| -(1.0 - percentile / 100.0).log10();
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value.max(self.low) / self.low).log10() / (self.high / self.low).log10(),
            Scale::Tail => nines(value.min(self.high)) / nines(self.high),
            Scale::Rows => 1.0 - value / self.high,
        };
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= least * 0.999_999);
    step.unwrap_or(10.0) * power
}

fn round_up(value: f64) -> f64 {
    round_step(value)
}

fn round_down(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [5.0, 2.0, 1.0].into_iter().find(|step| step * power <= value * 1.000_001).unwrap_or(1.0) * power
}

/// A tick's label: as many decimals as the step between ticks needs, millions and more with a letter.
fn label(value: f64, step: f64) -> String {
    let (divisor, letter) = letter(value);
    let decimals = (-(step / divisor).log10().floor()).clamp(0.0, 12.0) as usize;
    let digits = format!("{:.decimals$}", value / divisor);
    format!("{}{letter}", grouped(&if divisor > 1.0 || value == 0.0 { trimmed(&digits) } else { digits }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(labels(&Axis::from_zero("", 0.55)), ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6"]);
        assert_eq!(
            labels(&Axis::from_zero("", 9_400.0)),
            ["0", "2,000", "4,000", "6,000", "8,000", "10,000"]
        );
        assert_eq!(labels(&Axis::from_zero("", 1e9)), ["0", "200M", "400M", "600M", "800M", "1G"]);
        assert_eq!(labels(&Axis::from_zero("", 0.0)).last(), Some(&"1.0"));
    }

    #[test]
    fn a_large_span_is_logarithmic() {
        let axis = Axis::over("ms", [0.3, 45.0].into_iter());
        assert_eq!(axis.scale(), Scale::Log);
        assert_eq!(labels(&axis), ["0.2", "0.5", "1", "2", "5", "10", "20", "50"]);
        let axis = Axis::over("ms", [1e-3, 1e9].into_iter());
        assert!(axis.ticks.len() <= 8, "{:?}", axis.ticks);
        assert_eq!(Axis::over("ms", [10.0, 45.0].into_iter()).scale(), Scale::Linear);
    }

    #[test]
    fn time_chooses_its_unit() {
        assert_eq!(labels(&Axis::time("time", 10.0)).last(), Some(&"10"));
        let axis = Axis::time("time", 3600.0);
        assert_eq!(axis.title, "time (min)");
        assert_eq!(labels(&axis), ["0", "10", "20", "30", "40", "50", "60"]);
        assert_eq!(Axis::time("time", f64::NAN).ticks.len(), 2);
        assert!(Axis::time("time", 1e9).ticks.len() <= 12);
    }

    #[test]
    fn the_tail_stretches() {
        let axis = Axis::tail("percentile", 99.99);
        assert_eq!(labels(&axis), ["0", "50", "75", "90", "95", "99", "99.9", "99.99"]);
        assert!((axis.place(90.0) - 0.25).abs() < 1e-9);
        assert_eq!(axis.place(100.0), 1.0);
    }

    #[test]
    fn nothing_leaves_the_axis() {
        for axis in [
            Axis::from_zero("", f64::INFINITY),
            Axis::from_zero("", f64::NAN),
            Axis::from_zero("", 1e-300),
            Axis::over("", [1e-12, 1e18].into_iter()),
            Axis::tail("", f64::NAN),
            Axis::rows("", std::iter::empty()),
        ] {
            for value in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e-300, 1e300] {
                assert!((0.0..=1.0).contains(&axis.place(value)), "{axis:?} at {value}");
            }
            assert!(axis.ticks.len() < 40, "{axis:?}");
        }
    }
}
