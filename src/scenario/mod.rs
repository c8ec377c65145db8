//! What a script lets happen: so far single trials, in the order of the script.

mod figures;
mod live;
mod numbers;
pub mod summary;
pub mod trial;
mod watched;
