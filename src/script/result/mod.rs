//! What a load measured, as a script value: types with fields, never maps, so that a misspelt field is an error.

mod comparisons;
mod measured;
mod parts;
mod resource;
mod unmeasured;
mod uses;
mod whole;

use std::sync::Arc;

use rhai::{Dynamic, NativeCallContext};

pub use comparisons::refuse_comparisons;
pub use measured::Measured;
pub use parts::{LoadErrors, Times, Validity, fields};
pub use resource::{Resource, Uses, resource_face};
pub use unmeasured::register as register_unmeasured;
pub use uses::face as uses_face;
pub use whole::face;

use super::host;
use crate::measure::{Summary, Totals};
use crate::results::Outcome;

/// An `int` or `float`; in a plan, where nothing was measured, not a number: every comparison with it is false.
pub type Number = Dynamic;

/// The numbers of one load, or of one operation of it.
#[derive(Clone)]
pub struct LoadResult {
    outcome: Option<Arc<Outcome>>,
    /// The operation that this row is about; none for the whole load.
    row: Option<String>,
    name: String,
    /// What the operations are called, which a plan knows too.
    operations: Vec<String>,
    /// It has more of them that only the load itself tells: the steps of journeys, the samples of commands.
    has_steps: bool,
}

impl LoadResult {
    pub fn new(name: &str, operations: Vec<String>, has_steps: bool, outcome: Option<Arc<Outcome>>) -> Self {
        Self { outcome, row: None, name: name.to_owned(), operations, has_steps }
    }

    /// The numbers of a declared trial.
    pub fn of_trial(outcome: &Arc<Outcome>) -> Self {
        let metrics = &outcome.metrics;
        let operations = metrics.operations.keys().cloned().collect();
        Self::new(&metrics.total.name, operations, false, Some(outcome.clone()))
    }

    /// None in a plan.
    pub fn outcome(&self) -> Option<&Arc<Outcome>> {
        self.outcome.as_ref()
    }

    fn summary(&self) -> Option<&Summary> {
        let metrics = &self.outcome.as_ref()?.metrics;
        match &self.row {
            None => Some(&metrics.total),
            Some(name) => metrics.operations.get(name),
        }
    }

    pub fn totals(&self) -> Option<&Totals> {
        let outcome = self.outcome.as_ref()?;
        match &self.row {
            None => Some(&outcome.totals),
            Some(name) => outcome.operations.get(name),
        }
    }

    fn count(&self, ctx: &NativeCallContext, field: impl Fn(&Summary) -> u64) -> Number {
        self.number(ctx, |row| Dynamic::from_int(field(row) as i64))
    }

    fn float(&self, ctx: &NativeCallContext, field: impl Fn(&Summary) -> f64) -> Number {
        self.number(ctx, |row| Dynamic::from_float(field(row)))
    }

    fn number(&self, ctx: &NativeCallContext, field: impl Fn(&Summary) -> Number) -> Number {
        self.summary().map_or_else(|| unmeasured(ctx).into(), field)
    }
}

/// Stands for a number in a plan.
pub fn unmeasured(ctx: &NativeCallContext) -> f64 {
    host(ctx).state().read_unmeasured = true;
    f64::NAN
}
