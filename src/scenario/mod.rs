//! What a script lets happen: single loads in the order of the script, or the trials of a declared scenario.

pub mod agenda;
pub mod body;
pub mod campaign;
pub mod declaration;
mod figures;
mod limit;
mod live;
mod numbers;
pub mod recipe;
pub mod search;
pub mod summary;
pub mod sweep;
pub mod trial;
mod watched;
