//! The Rhai module `command`.

use std::{any::Any, sync::Arc};

use rhai::{Array, Map, plugin::*};

use crate::error::{Error, Result, nearest};
use crate::load::payload::{Generator, Param};
use crate::measure::Outcome;
use crate::script::{
    ScriptResult,
    explain::a,
    operation::Op,
    options::{from_json, options, to_json},
    raise,
};
use crate::services::command::{self as service, ClientOptions, CommandReply, ExecOptions};

/// Where and with what environment commands run.
#[derive(Clone)]
pub struct CommandClient(Arc<service::CommandClient>);

/// What `run()` of a command returns.
#[derive(Clone)]
pub struct CommandAnswer(Arc<CommandReply>);

/// Options of a command; every other key is a parameter of its arguments or its input.
const OPTIONS: &[&str] = &["name", "stdin", "ok", "timeout", "env", "samples", "params"];

/// Any command as an operation: under load, each call starts a process and waits for its end.
///
/// Options of a command: `stdin` (a text that it reads; nothing), `ok` (the exit code that counts as success, or an array of
/// them; 0; a signal counts 128 and its number, as in a shell), `timeout` (after which it is killed; for `run()` `"60s"`),
/// `env` (a map), `samples` (whether lines of JSON that it writes are merged into the results; `false`), `name` (what it is called
/// in results), `params`. Every other key is a parameter that stands for `{key}` in the
/// arguments and in `stdin`; with parameters, `{{` and `}}` are braces, without any, braces mean themselves.
///
/// An exit code that `ok` does not name is a failure of class `exit`, a program that cannot be started one of class `io`.
/// What a command leaves running in its process group ends with it.
///
/// With `samples: true` a line of standard output that is a JSON object with `latency_s` or `latency_ms` is a sample: it counts in
/// the row that its `name` (or `operation_type`) says, as a failure if `success` is false or it has an `error`. Every other field that is
/// a number is recorded as a metric, a trend (`result.extras.NAME_p50`), and one that is true or false as a rate.
#[export_module]
pub mod command {
    /// Commands in the current folder, with our own environment. Nothing runs until an operation does.
    ///
    /// ```rhai
    /// let here = command::client();
    /// ```
    pub fn client() -> CommandClient {
        let client = service::client(ClientOptions::default());
        CommandClient(client.expect("there is nothing wrong with no options"))
    }

    /// Commands with options: `folder` to run in, `env` (a map of variables on top of our own), `service` (a map of `url`
    /// and `name`, which commands find in `SERVICE_URL`, `SERVICE_HOSTNAME`, `SERVICE_PORT` and `SERVICE_NAME`).
    ///
    /// ```rhai
    /// let shop = command::client(#{ folder: "/tmp", service: #{ name: "shop", url: "http://127.0.0.1:8080" } });
    /// ```
    #[rhai_fn(name = "client", return_raw)]
    pub fn client_with(ctx: NativeCallContext, settings: Map) -> ScriptResult<CommandClient> {
        let client = options("command::client", settings).and_then(service::client);
        client.map(CommandClient).map_err(raise(&ctx))
    }

    /// The operation of running a program: an array of its name and its arguments. No shell has a part in it.
    ///
    /// ```rhai
    /// let answer = command::client().exec(["echo", "a b", 7]).run();
    /// check(answer.stdout == "a b 7\n", "arguments stay apart");
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn exec(ctx: NativeCallContext, client: &mut CommandClient, arguments: Array) -> ScriptResult<Op> {
        client.operation(&arguments, Map::new()).map_err(raise(&ctx))
    }

    /// The operation of running a program, with options and parameters.
    ///
    /// ```rhai
    /// let sort = command::client().exec(["sort", "-n"], #{ stdin: "10\n9\n", timeout: "2s" });
    /// check(sort.run().stdout == "9\n10\n", "sorted");
    /// let touch = command::client(#{ folder: "/tmp" }).exec(["test", "-n", "{n}"], #{ n: data::sequence(), name: "test" });
    /// ```
    ///
    /// ```rhai
    /// let client = command::client().exec(["cat"], #{
    ///     samples: true, stdin: `{"name": "get", "latency_s": 0.012, "hits": 3}`,
    /// });
    /// let result = load::run(client, #{ requests: 4 });
    /// check(result.operations.get.requests == 4 && result.extras.hits_avg == 3.0, "samples are merged");
    /// ```
    #[rhai_fn(global, name = "exec", return_raw, pure)]
    pub fn exec_with(
        ctx: NativeCallContext,
        client: &mut CommandClient,
        arguments: Array,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.operation(&arguments, settings).map_err(raise(&ctx))
    }

    /// The operation of running a line of `sh`: pipes, variables and quotes are the shell's.
    ///
    /// ```rhai
    /// let lines = command::client().shell("printf 'a\nb\n' | wc -l").run();
    /// print(parse_int(lines.stdout.split()[0]));              // 2
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn shell(ctx: NativeCallContext, client: &mut CommandClient, line: &str) -> ScriptResult<Op> {
        client.shell(line, Map::new()).map_err(raise(&ctx))
    }

    /// The operation of running a line of `sh`, with options. Values of parameters become part of the line as they are.
    ///
    /// ```rhai
    /// let found = command::client().shell("grep -q root", #{ stdin: "root:x:0", ok: [0, 1] });
    /// print(found.run().exit_code);                           // 0
    /// ```
    #[rhai_fn(global, name = "shell", return_raw, pure)]
    pub fn shell_with(
        ctx: NativeCallContext,
        client: &mut CommandClient,
        line: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.shell(line, settings).map_err(raise(&ctx))
    }

    /// The exit code of a command; 128 and the signal's number if a signal ended it.
    ///
    /// ```rhai
    /// fn found(answer) { answer.exit_code == 0 }
    /// ```
    #[rhai_fn(global, get = "exit_code", pure)]
    pub fn exit_code(answer: &mut CommandAnswer) -> i64 {
        i64::from(answer.0.exit_code)
    }

    /// The number of the signal that ended a command; 0 if none did.
    ///
    /// ```rhai
    /// fn was_killed(answer) { answer.signal == 9 }
    /// ```
    #[rhai_fn(global, get = "signal", pure)]
    pub fn signal(answer: &mut CommandAnswer) -> i64 {
        i64::from(answer.0.signal)
    }

    /// What a command wrote to its standard output. Of more than 2 MiB the first and the last MiB, and a line between
    /// them that says how much is left out.
    ///
    /// ```rhai
    /// fn version(answer) { answer.stdout.split()[1] }
    /// ```
    #[rhai_fn(global, get = "stdout", pure)]
    pub fn stdout(answer: &mut CommandAnswer) -> String {
        answer.0.stdout.clone()
    }

    /// What a command wrote to its standard error, bounded as `stdout` is.
    ///
    /// ```rhai
    /// fn was_silent(answer) { answer.stderr == "" }
    /// ```
    #[rhai_fn(global, get = "stderr", pure)]
    pub fn stderr(answer: &mut CommandAnswer) -> String {
        answer.0.stderr.clone()
    }

    /// Standard output read as JSON; throws if it is none.
    ///
    /// ```rhai
    /// let answer = command::client().exec(["echo", `{"rate": 12.5}`]).run();
    /// print(answer.json.rate);                                // 12.5
    /// ```
    #[rhai_fn(global, get = "json", return_raw, pure)]
    pub fn json(ctx: NativeCallContext, answer: &mut CommandAnswer) -> ScriptResult<Dynamic> {
        serde_json::from_str(&answer.0.stdout).map(from_json).map_err(|error| {
            let start: String = answer.0.stdout.trim().chars().take(60).collect();
            let error =
                Error::new(crate::error::ErrorKind::Protocol, format!("the output is not JSON: `{start}`"))
                    .because(&error);
            raise(&ctx)(error)
        })
    }

    /// From the start of a command to its end, in seconds.
    ///
    /// ```rhai
    /// fn slow(answer) { answer.duration_s > 10.0 }
    /// ```
    #[rhai_fn(global, get = "duration_s", pure)]
    pub fn duration_s(answer: &mut CommandAnswer) -> f64 {
        answer.0.duration.as_secs_f64()
    }

    /// CPU time of a command in seconds, its own and the system's for it, with that of all children it waited for.
    ///
    /// ```rhai
    /// fn cores_used(answer) { answer.cpu_s / answer.duration_s }
    /// ```
    #[rhai_fn(global, get = "cpu_s", pure)]
    pub fn cpu_s(answer: &mut CommandAnswer) -> f64 {
        (answer.0.user + answer.0.system).as_secs_f64()
    }

    /// The part of `cpu_s` that a command spent in its own code, in seconds.
    ///
    /// ```rhai
    /// fn own_share(answer) { answer.user_s / answer.cpu_s }
    /// ```
    #[rhai_fn(global, get = "user_s", pure)]
    pub fn user_s(answer: &mut CommandAnswer) -> f64 {
        answer.0.user.as_secs_f64()
    }

    /// The part of `cpu_s` that the system spent for a command, in seconds.
    ///
    /// ```rhai
    /// fn system_share(answer) { answer.system_s / answer.cpu_s }
    /// ```
    #[rhai_fn(global, get = "system_s", pure)]
    pub fn system_s(answer: &mut CommandAnswer) -> f64 {
        answer.0.system.as_secs_f64()
    }

    /// The most memory that the largest process of a command held, in megabytes (10^6 bytes). Never less than what
    /// benchscript itself held when it started the command: some 10 MB.
    ///
    /// ```rhai
    /// fn is_lean(answer) { answer.max_rss_mb < 100.0 }
    /// ```
    #[rhai_fn(global, get = "max_rss_mb", pure)]
    pub fn max_rss_mb(answer: &mut CommandAnswer) -> f64 {
        answer.0.max_rss_bytes as f64 / 1e6
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn answer_to_string(answer: &mut CommandAnswer) -> String {
        let reply = &answer.0;
        let cpu = (reply.user + reply.system).as_secs_f64();
        format!("exit code {} in {:.3} s, CPU {cpu:.3} s", reply.exit_code, reply.duration.as_secs_f64())
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn client_to_string(client: &mut CommandClient) -> String {
        use crate::load::Client;
        format!("commands, {}", client.0.endpoint())
    }
}

fn answer(reply: Box<dyn Any + Send>, _outcome: Outcome, _elapsed_ns: u64) -> Dynamic {
    let reply = *reply.downcast::<CommandReply>().expect("a command session replies with a CommandReply");
    Dynamic::from(CommandAnswer(Arc::new(reply)))
}

impl CommandClient {
    fn operation(&self, arguments: &Array, settings: Map) -> Result<Op> {
        let arguments: Vec<String> = arguments.iter().map(argument).collect::<Result<_>>()?;
        self.build(&arguments, exec_options("exec", &arguments, settings)?)
    }

    fn shell(&self, line: &str, settings: Map) -> Result<Op> {
        let arguments = ["sh", "-c", line].map(str::to_owned);
        let mut options = exec_options("shell", &arguments, settings)?;
        options.name = options.name.or_else(|| Some(service::short_name(line)));
        self.build(&arguments, options)
    }

    fn build(&self, arguments: &[String], options: ExecOptions) -> Result<Op> {
        let patience = options.timeout;
        let op = Op::new(self.0.exec(arguments, options)?, answer);
        Ok(match patience {
            // The session keeps the limit itself, and says what it did.
            Some(limit) => op.waiting(limit.saturating_add(std::time::Duration::from_secs(5))),
            None => op,
        })
    }
}

fn argument(value: &Dynamic) -> Result<String> {
    if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
        return Ok(text.to_string());
    }
    if value.is_int() || value.is_float() || value.is_char() {
        return Ok(value.to_string());
    }
    let error = Error::usage(format!("an argument must be a text or a number, not {}", a(value.type_name())));
    Err(match value.is::<Generator>() {
        true => error.hint("write `\"{n}\"` as the argument, and give `n` among the options"),
        false => error,
    })
}

fn exec_options(what: &str, arguments: &[String], settings: Map) -> Result<ExecOptions> {
    let mut built = ExecOptions::default();
    for (key, value) in settings {
        match key.as_str() {
            "name" => built.name = Some(text("name", value)?),
            "stdin" => built.stdin = Some(text("stdin", value)?),
            "ok" => built.ok = codes(&value)?,
            "timeout" => built.timeout = Some(super::globals::span("timeout", &value)?.0),
            "env" => built.env = env(&value)?,
            "samples" => {
                built.samples = value.as_bool().map_err(|found| {
                    Error::usage(format!("`samples` must be true or false, not {}", a(found)))
                })?;
            }
            "params" => {
                let found = value.type_name();
                let map = value.try_cast::<Map>().ok_or_else(|| {
                    Error::usage(format!("`params` must be a map `#{{ ... }}`, not {}", a(found)))
                })?;
                for (name, value) in map {
                    built.params.push((name.to_string(), param(&format!("params.{name}"), value)?));
                }
            }
            name => {
                let place = format!("{{{name}}}");
                let param = param(name, value)?;
                // The input may use it too; whether anything does is checked when the command is compiled.
                let used = arguments.iter().any(|argument| argument.contains(&place));
                let plausible = used || matches!(param, Param::Drawn(_));
                built.params.push((name.to_owned(), param));
                if !plausible && let Some(near) = nearest(name, OPTIONS) {
                    return Err(Error::usage(format!("`{what}` has no option `{name}`"))
                        .hint(format!("did you mean `{near}`?"))
                        .hint(format!("a parameter would stand as `{place}` in an argument")));
                }
            }
        }
    }
    Ok(built)
}

fn text(field: &str, value: Dynamic) -> Result<String> {
    value.into_string().map_err(|found| Error::usage(format!("`{field}` must be a text, not {}", a(found))))
}

fn param(field: &str, value: Dynamic) -> Result<Param> {
    match value.clone().try_cast::<Generator>() {
        Some(generator) => Ok(Param::Drawn(generator)),
        None => to_json(&value, field).map(Param::Fixed),
    }
}

fn env(value: &Dynamic) -> Result<Vec<(String, String)>> {
    let json = to_json(value, "env")?;
    let found = json.clone();
    service::variables(json)
        .map_err(|_| Error::usage(format!("`env` must be a map of texts and numbers, not {found}")))
}

/// One exit code, or an array of them.
fn codes(value: &Dynamic) -> Result<Vec<i32>> {
    let wrong = || {
        let found = to_json(value, "ok").map_or_else(|_| "that".to_owned(), |json| json.to_string());
        Error::usage(format!("`ok` must be an exit code from 0 to 255, or an array of such, not {found}"))
    };
    let one = |value: &Dynamic| match value.as_int() {
        Ok(code @ 0..=255) => Ok(code as i32),
        _ => Err(wrong()),
    };
    match value.read_lock::<Array>() {
        Some(values) if values.is_empty() => Err(wrong()),
        Some(values) => values.iter().map(one).collect(),
        None => Ok(vec![one(value)?]),
    }
}
