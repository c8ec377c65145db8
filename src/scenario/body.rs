//! What a declared scenario does, step by step; the script side implements it over the script's functions.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{agenda::Planned, sweep::Point};
use crate::error::Error;
use crate::results::Outcome;

/// The functions of a scenario.
pub trait Body {
    /// Why a step could not be done, with its place.
    type Fault;

    /// Starts what trials need. `group` has the parameters that need a service of their own.
    fn setup(&mut self, group: &Point) -> Result<(), Self::Fault>;

    /// Untimed, before each trial.
    fn prepare(&mut self, trial: &Planned) -> Result<(), Self::Fault>;

    fn trial(&mut self, trial: &Planned) -> Result<Answer, Self::Fault>;

    /// After the last trial of a group, also after a failure.
    fn teardown(&mut self) -> Result<(), Self::Fault>;

    /// On all trials that are done, in their order.
    fn report(&mut self, done: &[Arc<Outcome>]) -> Result<(), Self::Fault>;

    /// What a fault is about, for records and for whether to try again.
    fn error(&self, fault: &Self::Fault) -> Error;
}

/// What a trial returned.
#[derive(Default)]
pub struct Answer {
    /// The load whose numbers are the trial's.
    pub main: Option<Arc<Outcome>>,
    /// Numbers of its own.
    pub numbers: Map<String, Value>,
}
