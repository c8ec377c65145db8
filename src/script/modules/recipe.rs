//! The Rhai module `recipe`: what recipes may name and this version has no module for.

use rhai::{Map, plugin::*};

use crate::error::Error;
use crate::script::{ScriptResult, host, raise};

/// What the scripts of YAML recipes are built on. `benchscript new --from recipe.yaml` prints such a script.
///
/// Functions named after a service make its operation: of one kind of call, or a mix of several. They take the server that was started
/// or where it runs, and a map of options.
#[export_module]
pub mod recipe {
    /// Starts a service that this version has no module for: throws, and says so. Scripts of recipes for `vllm`, `ollama`,
    /// `triton` and vector databases stand on it, so that they can be checked and planned.
    ///
    /// ```rhai,no_run
    /// let server = recipe::start("vllm", #{ model: "facebook/opt-125m" });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn start(ctx: NativeCallContext, service: &str, _settings: Map) -> ScriptResult<Dynamic> {
        let host = host(&ctx);
        if host.is_planning() {
            host.state().planned_services.push(service.to_owned());
            return Ok(Dynamic::UNIT);
        }
        Err(raise(&ctx)(missing("start", service)))
    }

    /// Throws, because this version cannot load `service`; in a plan it does nothing.
    ///
    /// ```rhai,no_run
    /// recipe::unavailable("vllm");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn unavailable(ctx: NativeCallContext, service: &str) -> ScriptResult<()> {
        match host(&ctx).is_planning() {
            true => Ok(()),
            false => Err(raise(&ctx)(missing("load", service))),
        }
    }
}

fn missing(what: &str, service: &str) -> Error {
    Error::unavailable(format!("this version of benchscript cannot {what} `{service}`")).hint(
        "its recipes can be checked, planned and translated; what runs: http, postgres, redis, s3, minio, files, command",
    )
}
