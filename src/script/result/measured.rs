//! A result as analysis takes it.

use super::LoadResult;
use crate::analysis::compare::Repetition;
use crate::results::{Point, schema::Metrics};

/// The numbers and seconds of a load, or of one operation of it as if that were all there was.
#[derive(Clone)]
pub struct Measured {
    metrics: Metrics,
    series: Vec<Point>,
}

impl Measured {
    pub fn repetition(&self) -> Repetition<'_> {
        Repetition { metrics: &self.metrics, series: &self.series }
    }
}

impl LoadResult {
    /// None in a plan.
    pub fn measured(&self) -> Option<Measured> {
        let outcome = self.outcome.as_ref()?;
        let (mut metrics, mut series) = (outcome.metrics.clone(), outcome.series.clone());
        if let Some(name) = &self.row {
            let row = self.summary()?.clone();
            metrics.latency_ms = row.latency_ms.clone();
            metrics.errors = row.errors.clone();
            metrics.extras = row.extras.iter().map(|(name, value)| (name.clone(), (*value).into())).collect();
            metrics.total = row;
            series.retain(|point| point.operation == *name);
            series.iter_mut().for_each(|point| point.part_of = None);
        }
        Some(Measured { metrics, series })
    }
}
