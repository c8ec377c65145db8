//! What `setup` returns as it is stored with the run: plain values, and services by where they are.

use rhai::Dynamic;
use serde_json::{Map, Value, json};

use super::{
    explain::a,
    modules::{service::Service, target::Target},
    options::to_json,
};
use crate::error::{Error, Result};
use crate::measure::secrets;

/// A value of a script for `setup.json`; `what` names it in an error. Secrets are masked.
pub fn stored(value: &Dynamic, what: &str) -> Result<Value> {
    if let Some(service) = value.read_lock::<Service>() {
        return Ok(json!({ "service": service.title(), "url": secrets::mask_urls(service.address()) }));
    }
    if let Some(target) = value.read_lock::<Target>() {
        return Ok(json!({ "service": "target", "url": target.address() }));
    }
    if let Some(values) = value.read_lock::<rhai::Array>() {
        return values.iter().map(|value| stored(value, what)).collect();
    }
    if let Some(map) = value.read_lock::<rhai::Map>() {
        let entries = map
            .iter()
            .map(|(key, value)| Ok((key.to_string(), stored(value, &format!("`{key}` in {what}"))?)));
        return Ok(Value::Object(secrets::masked(entries.collect::<Result<Map<_, _>>>()?)));
    }
    if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
        return Ok(secrets::mask_urls(&text).into());
    }
    to_json(value, what).map_err(|_| {
        Error::usage(format!("{what} cannot be stored: {}", a(value.type_name()))).hint(
            "return a service, a text, a number, or arrays and maps of them; make clients of it in `trial`",
        )
    })
}
