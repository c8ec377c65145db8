//! Which statuses count as success.

use std::{fmt, ops::RangeInclusive};

use serde_json::Value;

use crate::error::{Error, Result};

/// A set of statuses; 2xx unless something else is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

impl Statuses {
    /// From `404`, `"404"`, `"4xx"`, or a list of them. What is expected replaces 2xx.
    pub fn parse(value: &Value) -> Result<Self> {
        let items = match value {
            Value::Array(items) if !items.is_empty() => items.as_slice(),
            Value::Array(_) => return Err(wrong(value)),
            one => std::slice::from_ref(one),
        };
        let ranges = items.iter().map(|item| range(item).ok_or_else(|| wrong(item)));
        Ok(Self(ranges.collect::<Result<_>>()?))
    }

    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl Default for Statuses {
    fn default() -> Self {
        Self(vec![200..=299])
    }
}

/// As it is given: `2xx`, or `200, 404`.
impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, range) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{first}")?,
                (first, _) => write!(f, "{}xx", first / 100)?,
            }
        }
        Ok(())
    }
}

fn range(item: &Value) -> Option<RangeInclusive<u16>> {
    let text = match item {
        Value::String(text) => text.to_ascii_lowercase(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    // Interim answers (1xx) are read past, so none can be expected.
    if let Some(class) = text.strip_suffix("xx") {
        let class: u16 = class.parse().ok().filter(|class| (2..=5).contains(class))?;
        return Some(class * 100..=class * 100 + 99);
    }
    let status = text.parse().ok().filter(|status| (200..=599).contains(status))?;
    Some(status..=status)
}

fn wrong(item: &Value) -> Error {
    Error::usage(format!("`{item}` is no status that can be expected"))
        .hint("give `404`, `\"4xx\"` or a list such as `[200, 404]`, from 200 to 599")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_way_to_write_them() {
        let of = |value| Statuses::parse(&value).unwrap();
        assert!(of(json!(404)).contains(404) && !of(json!(404)).contains(200));
        assert!(of(json!("4XX")).contains(499) && !of(json!("4xx")).contains(500));
        let list = of(json!([200, "404", "5xx"]));
        assert!([200, 404, 503].iter().all(|status| list.contains(*status)) && !list.contains(201));
        assert_eq!(list.to_string(), "200, 404, 5xx");
        assert_eq!(Statuses::default().to_string(), "2xx");
    }

    #[test]
    fn nonsense_is_refused() {
        for value in [json!(99), json!(600), json!("xx"), json!("1xx"), json!([]), json!(null), json!(2.5)] {
            assert!(!Statuses::parse(&value).unwrap_err().hints.is_empty(), "{value}");
        }
    }
}
