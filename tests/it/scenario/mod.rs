//! Declared scenarios: planned, run, tried again, taken up again, run anew.

mod declared;
mod planned;
mod stored;

use serde_json::Value;

/// A point with its repetition, how it ended and its seed, of each row of `summary.json`.
fn rows(summary: &Value) -> Vec<String> {
    let rows = summary["trials"].as_array().unwrap().iter();
    rows.map(|row| {
        format!("{} r{} {}", row["parameters"], row["repetition"], row["status"].as_str().unwrap())
    })
    .collect()
}
