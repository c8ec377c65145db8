//! What must never be written down: values of keys that name a secret, and passwords in URLs.

use serde_json::{Map, Value};

/// Stands for what was there.
pub const MASK: &str = "***";

/// A key with one of these names, or that ends in one, holds a secret. `token` only in the singular: `output_tokens`
/// is a number.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "secret_key",
    "access_key",
    "api_key",
    "apikey",
    "private_key",
    "authorization",
    "credential",
    "credentials",
    "token",
];

/// Whether a value under this key must be masked; `-` counts as `_`, case does not count.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    NAMES.iter().any(|name| key.ends_with(name))
}

/// A tree of values without its secrets.
pub fn masked(map: Map<String, Value>) -> Map<String, Value> {
    let mask = |(key, value): (String, Value)| {
        let value = if is_secret(&key) && !value.is_null() { MASK.into() } else { masked_value(value) };
        (key, value)
    };
    map.into_iter().map(mask).collect()
}

fn masked_value(value: Value) -> Value {
    match value {
        Value::String(text) => mask_urls(&text).into(),
        Value::Array(values) => values.into_iter().map(masked_value).collect(),
        Value::Object(map) => Value::Object(masked(map)),
        plain => plain,
    }
}

/// `url` with its password and the values of secret query parameters masked.
pub fn mask_url(url: &str) -> String {
    let (before, query) = url.split_once('?').map_or((url, None), |(before, query)| (before, Some(query)));
    let mut masked = mask_urls(before);
    if let Some(query) = query {
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
                _ => pair.to_owned(),
            })
            .collect();
        masked = format!("{masked}?{}", pairs.join("&"));
    }
    masked
}

/// A text in which the password of every `scheme://user:password@host` is masked.
pub fn mask_urls(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        masked.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'`<>".contains(c)).unwrap_or(after.len());
        let authority = &after[..end];
        match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
            Some((user, host)) => masked.push_str(&format!("{user}:{MASK}@{host}")),
            None => masked.push_str(authority),
        }
        rest = &after[end..];
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_others() {
        for name in [
            "password",
            "PGPASSWORD",
            "api_key",
            "X-Api-Key",
            "HF_TOKEN",
            "Authorization",
            "aws_secret_access_key",
            "credentials",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "output_tokens",
            "prompt_tokens",
            "max_tokens",
            "tokenizer",
            "key_size_bytes",
            "monkey",
            "keys",
            "secretary",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn passwords_in_urls_are_masked_wherever_they_stand() {
        assert_eq!(
            mask_urls("postgres://me:p@ss@db:5432/x and http://h/a:b@c and redis://:pw@r"),
            "postgres://me:***@db:5432/x and http://h/a:b@c and redis://:***@r"
        );
    }

    #[test]
    fn secret_query_parameters_are_masked() {
        assert_eq!(
            mask_url("http://u:p@h/x?api_key=1&max_tokens=5"),
            "http://u:***@h/x?api_key=***&max_tokens=5"
        );
    }

    #[test]
    fn secrets_are_masked_in_trees() {
        let tree = serde_json::json!({ "a": [{ "token": 5, "output_tokens": 5 }], "url": "http://u:p@h" });
        let masked = Value::Object(masked(tree.as_object().unwrap().clone()));
        assert_eq!(masked.to_string(), r#"{"a":[{"token":"***","output_tokens":5}],"url":"http://u:***@h"}"#);
    }
}
