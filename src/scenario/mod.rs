//! What a script lets happen: so far single trials, in the order of the script.

mod live;
pub mod summary;
pub mod trial;
