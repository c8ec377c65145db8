//! The load engine: what is sent when, what counts, and what it says of itself. Asserted from recorded calls.

mod closed;
mod failures;
mod fake;
mod open;
mod pace;
mod same;
mod schedules;
mod verdict;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
