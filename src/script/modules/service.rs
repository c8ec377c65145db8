//! The Rhai module `service`.

use std::{collections::BTreeMap, sync::Arc};

use rhai::{Map, plugin::*};

use crate::error::{Error, Result, nearest};
use crate::results::facts;
use crate::script::{
    ScriptResult, effect, host, not_in_a_journey,
    options::{options, to_json},
    raise,
};
use crate::services::lifecycle::{self, Definition};

/// A service that was started; in a plan, one that would be.
#[derive(Clone)]
pub struct Service {
    /// What is known of it in a plan as well.
    known: Arc<Known>,
    started: Option<Arc<lifecycle::Service>>,
}

struct Known {
    name: String,
    host: String,
    ports: BTreeMap<String, u16>,
    url: String,
    credentials: BTreeMap<String, String>,
}

/// Where services are in a plan.
const HERE: &str = "127.0.0.1";

/// Servers that are started for a run, awaited, watched and stopped with it. `postgres::start`, `redis::start` and the like
/// are definitions for this module.
///
/// What a run started is gone when the run ends, however it ends: a guardian process ends it with all of its processes and
/// removes its folder, also after `kill -9` of benchscript. What a service says is in `logs/` of the run folder. One
/// that ends by itself makes the run fail.
#[export_module]
pub mod service {
    /// Starts a service and waits until it is ready. The definition is a map:
    ///
    /// * `name`, and `command`: an array of the program and its arguments
    /// * `ready`: how to see that it is ready, all that is given: `#{ http: "/health" }` (a path or a URL; `status`: 200 to 299), `#{ tcp: "port" }` (the
    ///   name of a port; `send` is written there, `expect` is what the answer begins with), `#{ command: [...] }` (succeeds;
    ///   `output` is what it says first) or `#{ log: "text" }` (stands in its log)
    /// * `ready_timeout`: how long that may take (`"60s"`)
    /// * `ports`: numbers by name, 0 for a free one (`#{ port: 0 }`); `url`: where clients find it (`"http://{host}:{port}"`)
    /// * `daemon`: whether the program ends well and leaves processes behind that are the service (false)
    /// * `env`: variables; `files`: texts by their path in `{dir}`; `credentials`: texts by name, which are never stored
    /// * `before`, `after`: arrays of commands that run before it is started and once it is ready
    /// * `version`: a command that says its version
    /// * `data_dir`: the folder in which its own folder is made (the system's temporary one)
    /// * `user`: whom it runs as where we are root
    /// * `stop`: `signal` (`"TERM"`) and `grace`, after which it is killed (`"10s"`)
    /// * `search`: folders where its programs may be besides the PATH; `install`: how they are had
    /// * `settings`: what stands in `run.json` as its settings
    /// * `image`, `binds`: of a container; not supported yet
    ///
    /// In commands, `env`, `url`, `ready` and `files` stand `{host}`, `{name}`, `{dir}` (its own folder), `{data}` (an empty folder in it),
    /// each port and each credential; `{{` and `}}` are braces.
    ///
    /// ```rhai,no_run
    /// let web = service::start(#{
    ///     name: "web",
    ///     command: ["python3", "-m", "http.server", "{port}", "--bind", "{host}"],
    ///     ready: #{ http: "/" },
    /// });
    /// let home = http::client(web.url).get("/");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn start(ctx: NativeCallContext, definition: Map) -> ScriptResult<Service> {
        not_in_a_journey(&ctx, "starting a service")?;
        let host = host(&ctx);
        let read = options::<Definition>("service::start", definition).and_then(Definition::check);
        let definition = read.map_err(raise(&ctx))?;
        if host.is_planning() {
            let (ports, url) = lifecycle::rehearse(&definition, HERE).map_err(raise(&ctx))?;
            host.state().planned_services.push(definition.name.clone());
            let Definition { name, credentials, .. } = definition;
            let known = Known { name, host: HERE.to_owned(), ports, url, credentials };
            return Ok(Service { known: Arc::new(known), started: None });
        }
        let started = lifecycle::start(&host, &definition).map_err(raise(&ctx))?;
        let known = Known {
            name: started.name.clone(),
            host: started.host.clone(),
            ports: started.ports.clone(),
            url: started.url.clone(),
            credentials: started.credentials.clone(),
        };
        Ok(Service { known: Arc::new(known), started: Some(started) })
    }

    /// The settings that somebody gave, on top of defaults; for functions that make definitions. A key without a default is
    /// refused in the name of `function`, as is a value of another type; the default `()` takes any, a text also a number.
    ///
    /// ```rhai
    /// let settings = service::settings("cache::start", #{ size: 10 }, #{ size: 5, port: 0 });
    /// print(settings.size + settings.port);                   // 10
    /// ```
    #[rhai_fn(return_raw)]
    pub fn settings(ctx: NativeCallContext, function: &str, given: Map, defaults: Map) -> ScriptResult<Map> {
        joined(function, given, defaults).map_err(raise(&ctx))
    }

    /// A random text of `length` letters and digits, another one each time, for credentials.
    ///
    /// ```rhai
    /// check(service::secret(20).len() == 20, "long enough");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn secret(ctx: NativeCallContext, length: i64) -> ScriptResult<String> {
        match usize::try_from(length) {
            Ok(length @ 1..=200) => Ok(facts::random_hex(length.div_ceil(2))[..length].to_owned()),
            _ => Err(raise(&ctx)(Error::usage(format!("a secret has 1 to 200 letters, not {length}")))),
        }
    }

    /// What the service is called.
    ///
    /// ```rhai,no_run
    /// print(redis::start().name);
    /// ```
    #[rhai_fn(global, get = "name", pure)]
    pub fn name(service: &mut Service) -> String {
        service.known.name.clone()
    }

    /// Where clients find it: `redis://127.0.0.1:41233`.
    ///
    /// ```rhai,no_run
    /// print(redis::start().url);
    /// ```
    #[rhai_fn(global, get = "url", pure)]
    pub fn url(service: &mut Service) -> String {
        service.known.url.clone()
    }

    /// The host of its address.
    ///
    /// ```rhai,no_run
    /// print(redis::start().host);
    /// ```
    #[rhai_fn(global, get = "host", pure)]
    pub fn host_of(service: &mut Service) -> String {
        service.known.host.clone()
    }

    /// The port of its address.
    ///
    /// ```rhai,no_run
    /// print(redis::start().port);
    /// ```
    #[rhai_fn(global, get = "port", pure)]
    pub fn port(service: &mut Service) -> i64 {
        service.known.ports.get("port").copied().unwrap_or_default().into()
    }

    /// All of its ports, by name.
    ///
    /// ```rhai,no_run
    /// print(s3::start().ports.port);
    /// ```
    #[rhai_fn(global, get = "ports", pure)]
    pub fn ports(service: &mut Service) -> Map {
        service.known.ports.iter().map(|(name, port)| (name.into(), i64::from(*port).into())).collect()
    }

    /// What a client must know, by name: `access_key` and `secret_key` of S3.
    ///
    /// ```rhai,no_run
    /// let store = s3::start();
    /// let key = store.credentials.access_key;
    /// ```
    #[rhai_fn(global, get = "credentials", pure)]
    pub fn credentials(service: &mut Service) -> Map {
        service.known.credentials.iter().map(|(name, secret)| (name.into(), secret.into())).collect()
    }

    /// The version that its program told; `()` if it told none.
    ///
    /// ```rhai,no_run
    /// print(redis::start().version);
    /// ```
    #[rhai_fn(global, get = "version", return_raw, pure)]
    pub fn version(ctx: NativeCallContext, service: &mut Service) -> ScriptResult<Dynamic> {
        let started = service.started(&ctx, "the version")?;
        Ok(started.version.clone().map_or(Dynamic::UNIT, Dynamic::from))
    }

    /// The file with what it says.
    ///
    /// ```rhai,no_run
    /// print(redis::start().logs);
    /// ```
    #[rhai_fn(global, get = "logs", return_raw, pure)]
    pub fn logs(ctx: NativeCallContext, service: &mut Service) -> ScriptResult<String> {
        Ok(service.started(&ctx, "the log")?.log.display().to_string())
    }

    /// Its process.
    ///
    /// ```rhai,no_run
    /// print(redis::start().pid);
    /// ```
    #[rhai_fn(global, get = "pid", return_raw, pure)]
    pub fn pid(ctx: NativeCallContext, service: &mut Service) -> ScriptResult<i64> {
        Ok(service.started(&ctx, "the process")?.pid.into())
    }

    /// Seconds from its start until it was ready.
    ///
    /// ```rhai,no_run
    /// print(redis::start().ready_s);
    /// ```
    #[rhai_fn(global, get = "ready_s", return_raw, pure)]
    pub fn ready_s(ctx: NativeCallContext, service: &mut Service) -> ScriptResult<f64> {
        Ok(service.started(&ctx, "the start")?.ready_after.as_secs_f64())
    }

    /// Whether it runs: false once it was stopped or has ended by itself.
    ///
    /// ```rhai,no_run
    /// let server = redis::start();
    /// check(server.running, "it is still there");
    /// ```
    #[rhai_fn(global, get = "running", return_raw, pure)]
    pub fn running(ctx: NativeCallContext, service: &mut Service) -> ScriptResult<bool> {
        Ok(service.started(&ctx, "the state")?.is_running())
    }

    /// Ends the service before the run does, and waits until nothing of it is left.
    ///
    /// ```rhai,no_run
    /// let server = redis::start();
    /// server.stop();
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn stop(ctx: NativeCallContext, service: &mut Service) -> ScriptResult<()> {
        not_in_a_journey(&ctx, "stopping a service")?;
        if let Some(started) = &service.started {
            started.stop(&host(&ctx));
        }
        Ok(())
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn service_to_string(service: &mut Service) -> String {
        let version = service.started.as_ref().and_then(|started| started.version.as_ref());
        let version = version.map_or(String::new(), |version| format!(" {version}"));
        format!(
            "{}{version} at {}",
            service.known.name,
            crate::measure::secrets::mask_urls(&service.known.url)
        )
    }
}

impl Service {
    /// What it is called.
    pub fn title(&self) -> &str {
        &self.known.name
    }

    /// Where clients find it.
    pub fn address(&self) -> &str {
        &self.known.url
    }

    /// What a client must know, by name.
    pub fn secret_of(&self, name: &str) -> Option<&str> {
        self.known.credentials.get(name).map(String::as_str)
    }

    /// What only a service that runs can tell; a plan ends there.
    fn started(&self, ctx: &NativeCallContext, what: &str) -> ScriptResult<&lifecycle::Service> {
        effect(ctx, &format!("{what} of `{}`", self.known.name))?;
        Ok(self.started.as_deref().expect("only a plan has a service without one"))
    }
}

fn joined(function: &str, given: Map, mut defaults: Map) -> Result<Map> {
    for (key, value) in given {
        let Some(default) = defaults.get(&key) else {
            let known: Vec<&str> = defaults.keys().map(|key| key.as_str()).collect();
            let error = Error::usage(format!("`{function}` has no option `{key}`"));
            return Err(match nearest(&key, &known) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("options: {}", known.join(", "))),
            });
        };
        let plain = to_json(&value, &key)?;
        let wanted = to_json(default, &key)?;
        let value = if wanted.is_string() && plain.is_number() { plain.to_string().into() } else { value };
        let fits =
            wanted.is_null() || wanted.is_string() && value.is_string() || kind(&wanted) == kind(&plain);
        if !fits {
            return Err(Error::usage(format!("`{key}` must be {}, not {plain}", kind(&wanted))));
        }
        defaults.insert(key, value);
    }
    Ok(defaults)
}

fn kind(value: &serde_json::Value) -> &'static str {
    use serde_json::Value;
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "a map `#{ ... }`",
    }
}
