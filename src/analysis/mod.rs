//! What measurements mean: objectives, comparisons, capacity. Pure functions of results; nothing here runs a load.

pub mod compare;
mod figure;
#[cfg(test)]
mod sample;
pub mod saturation;
mod slo;
pub mod stats;

pub use figure::{figure, more_is_better, refuse_misspelt};
pub use slo::Slo;
