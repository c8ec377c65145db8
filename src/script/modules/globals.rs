//! Functions that need no module name.

use rhai::plugin::*;

use crate::error::Error;
use crate::host::Parameter;
use crate::measure::Span;
use crate::script::{
    ScriptResult, host,
    options::{from_json, to_json, with_hint},
    raise,
};

/// Available everywhere without a module name, beside `print` and `check(condition, "name")`.
#[export_module]
pub mod globals {
    /// The environment variable `name`; throws if it is not set.
    ///
    /// ```rhai,no_run
    /// let api = http::client(env("API_URL"));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn env(ctx: NativeCallContext, name: &str) -> ScriptResult<String> {
        std::env::var(name).map_err(|_| {
            raise(&ctx)(
                Error::usage(format!("the environment variable `{name}` is not set"))
                    .hint(format!("set it, or give a default: `env(\"{name}\", \"...\")`")),
            )
        })
    }

    /// The environment variable `name`, or `default` if it is not set.
    ///
    /// ```rhai
    /// let url = env("API_URL", "http://127.0.0.1:8080");
    /// ```
    #[rhai_fn(name = "env")]
    pub fn env_or(name: &str, default: &str) -> String {
        std::env::var(name).unwrap_or_else(|_| default.to_owned())
    }

    /// A parameter of the scenario: `default`, unless the command line says `-p name=value`. The value must have the
    /// type of the default.
    ///
    /// ```rhai
    /// let seconds = param("seconds", 10);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn param(ctx: NativeCallContext, name: &str, default: Dynamic) -> ScriptResult<Dynamic> {
        let host = host(&ctx);
        let plain = to_json(&default, name).map_err(raise(&ctx))?;
        let given = host.settings.parameters.iter().rev().find(|(known, _)| known == name);
        let value = match given {
            None => default.clone(),
            Some((_, text)) => typed(name, text, &default).map_err(raise(&ctx))?,
        };
        let stored = to_json(&value, name).map_err(raise(&ctx))?;
        let mut state = host.state();
        if !state.parameters.iter().any(|known| known.name == name) {
            if let Some(folder) = &mut state.folder {
                let masked = crate::measure::secrets::masked(
                    [(name.to_owned(), stored.clone())].into_iter().collect(),
                );
                folder.run.parameters.extend(masked);
            }
            state.parameters.push(Parameter { name: name.to_owned(), default: plain, value: stored });
        }
        Ok(value)
    }

    /// Records a number of your own under `name`: it stands in the run's summary and report, and in the `extras` of the
    /// next load's results. Of several values of one name the last counts.
    ///
    /// ```rhai
    /// metric("rows_loaded", 1_000);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn metric(ctx: NativeCallContext, name: &str, value: Dynamic) -> ScriptResult<()> {
        let number = to_json(&value, name).map_err(raise(&ctx))?;
        if !number.is_number() {
            return Err(raise(&ctx)(Error::usage(format!(
                "the metric `{name}` must be a number, not {number}"
            ))));
        }
        host(&ctx).add_metric(name, number);
        Ok(())
    }

    /// Waits: a time such as `"500ms"` or a number of seconds.
    ///
    /// ```rhai
    /// sleep("10ms");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sleep(ctx: NativeCallContext, length: Dynamic) -> ScriptResult<()> {
        let length = span("sleep", &length).map_err(raise(&ctx))?;
        let host = host(&ctx);
        if host.is_planning() {
            return Ok(());
        }
        host.sleep(length.0).map_err(raise(&ctx))
    }
}

/// A length of time as scripts write it.
pub fn span(what: &str, value: &Dynamic) -> crate::error::Result<Span> {
    serde_json::from_value(to_json(value, what)?).map_err(|error| with_hint(&format!("`{what}`: {error}")))
}

/// The text of `-p name=text` as a value of the default's type.
fn typed(name: &str, text: &str, default: &Dynamic) -> crate::error::Result<Dynamic> {
    let wrong = |wanted: &str| {
        Error::usage(format!("the parameter `{name}` must be {wanted}, not `{text}`"))
            .hint(format!("its default is {default}"))
    };
    if default.is_string() {
        return Ok(text.to_owned().into());
    }
    if default.is_int() {
        let number: i64 = text.replace('_', "").parse().map_err(|_| wrong("a whole number"))?;
        return Ok(number.into());
    }
    if default.is_float() {
        let number: f64 = text.replace('_', "").parse().map_err(|_| wrong("a number"))?;
        return Ok(number.into());
    }
    if default.is_bool() {
        return text.parse::<bool>().map(Dynamic::from).map_err(|_| wrong("true or false"));
    }
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| wrong("written as JSON").because(&error))?;
    let same_kind = (default.is_array() && value.is_array()) || (default.is_map() && value.is_object());
    if same_kind || default.is_unit() {
        Ok(from_json(value))
    } else {
        Err(wrong("of the type of its default"))
    }
}
