//! The Rhai module `redis`.

mod options;

use std::{any::Any, sync::Arc};

use rhai::{Array, Blob, Map, plugin::*};

use crate::error::Result;
use crate::load::payload::Keys;
use crate::measure::{Outcome, clock::millis};
use crate::script::{ScriptResult, modules::service::Service, operation::Op, options::options, raise};
use crate::services::redis::{self as service, Argument, ClientOptions, RedisReply, Reply};
use options::Verb;

/// How long `fill` may take, outside a load.
const FILL_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3_600);

/// A server that scripts describe commands to.
#[derive(Clone)]
pub struct RedisClient(Arc<service::RedisClient>);

/// What `run()` of a command returns.
#[derive(Clone)]
pub struct RedisAnswer {
    reply: Arc<RedisReply>,
    elapsed_ns: u64,
}

/// Commands to Redis, or to what speaks its protocol (RESP 2). Every virtual user has a connection of its own.
///
/// `get`, `set`, `incr`, `hset` and `lpush` take a key, or draw one of a key space: `keys` (how many, 100,000; or a generator of their
/// numbers), `distribution` (`"uniform"`; `"zipf"`, which is `"zipf:0.99"`; `"sequential"`), `key_size_bytes` (32), `prefix` (`"key:"` of
/// `get` and `set`, `"counter:"`, `"hash:"`, `"list:"`). Where a value is written: `value_size_bytes` (256; or a generator) of random
/// bytes, or `value` (a text or a generator).
///
/// Options of every command: `pipeline` (1; so many commands are sent at once, and their batch is one call), `name` (what it
/// is called in results), `params`. Every other key is a parameter that stands for `{key}` in keys, values and words.
#[export_module]
pub mod redis {
    /// A server at `url`: `redis://:password@host:6379/0`, or `rediss://` for TLS. Nothing is sent until an operation runs.
    ///
    /// ```rhai
    /// let cache = redis::client("redis://127.0.0.1:6379");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn client(ctx: NativeCallContext, url: &str) -> ScriptResult<RedisClient> {
        service::client(url, ClientOptions::default()).map(RedisClient).map_err(raise(&ctx))
    }

    /// A server at `url` with options, which replace what the URL says: `username`, `password`, `database`, `ca` (a PEM file to
    /// trust), `insecure` (accept any certificate), `server_name` (that the certificate must have).
    ///
    /// ```rhai,no_run
    /// let cache = redis::client("rediss://cache.example.org", #{ password: env("REDIS_PASSWORD"), database: 1 });
    /// ```
    #[rhai_fn(name = "client", return_raw)]
    pub fn client_with(ctx: NativeCallContext, url: &str, settings: Map) -> ScriptResult<RedisClient> {
        let client = options("redis::client", settings).and_then(|settings| service::client(url, settings));
        client.map(RedisClient).map_err(raise(&ctx))
    }

    /// The server that was started, with options where there are some.
    ///
    /// ```rhai,no_run
    /// let cache = redis::client(redis::start());
    /// ```
    #[rhai_fn(name = "client", return_raw)]
    pub fn client_of(ctx: NativeCallContext, server: Service) -> ScriptResult<RedisClient> {
        client(ctx, server.address())
    }

    #[rhai_fn(name = "client", return_raw)]
    pub fn client_of_with(
        ctx: NativeCallContext,
        server: Service,
        settings: Map,
    ) -> ScriptResult<RedisClient> {
        client_with(ctx, server.address(), settings)
    }

    /// The operation `GET` of a key of a key space. A key that is not there is a success and lowers `extras.hit_rate`.
    ///
    /// ```rhai
    /// let cache = redis::client("redis://127.0.0.1:6379");
    /// let get = cache.get(#{ keys: 1_000_000, distribution: "zipf", pipeline: 16 });
    /// print(get.name);                                        // get x16
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn get(ctx: NativeCallContext, client: &mut RedisClient, settings: Map) -> ScriptResult<Op> {
        client.operation(Verb::Get, None, settings).map_err(raise(&ctx))
    }

    /// The operation `GET key`.
    ///
    /// ```rhai
    /// let front = redis::client("redis://127.0.0.1:6379").get("page:front");
    /// ```
    #[rhai_fn(global, name = "get", return_raw, pure)]
    pub fn get_key(ctx: NativeCallContext, client: &mut RedisClient, key: &str) -> ScriptResult<Op> {
        client.operation(Verb::Get, Some(key), Map::new()).map_err(raise(&ctx))
    }

    /// The operation `GET key` with options and parameters.
    ///
    /// ```rhai
    /// let cache = redis::client("redis://127.0.0.1:6379");
    /// let user = cache.get("user:{id}", #{ id: data::uniform(1, 1_000) });
    /// print(user.name);                                       // get user:{id}
    /// ```
    #[rhai_fn(global, name = "get", return_raw, pure)]
    pub fn get_with(
        ctx: NativeCallContext,
        client: &mut RedisClient,
        key: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.operation(Verb::Get, Some(key), settings).map_err(raise(&ctx))
    }

    /// The operation `SET` of a key of a key space. Further option: `ttl`, after which the key is gone.
    ///
    /// ```rhai
    /// let cache = redis::client("redis://127.0.0.1:6379");
    /// let set = cache.set(#{ keys: 1_000_000, value_size_bytes: data::uniform(64, 4_096), ttl: "60s" });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn set(ctx: NativeCallContext, client: &mut RedisClient, settings: Map) -> ScriptResult<Op> {
        client.operation(Verb::Set, None, settings).map_err(raise(&ctx))
    }

    /// The operation `SET key value`.
    ///
    /// ```rhai
    /// let cache = redis::client("redis://127.0.0.1:6379");
    /// let login = cache.set("session:{id}", #{ id: data::uuid(), value: "user {turn}", ttl: "30m" });
    /// ```
    #[rhai_fn(global, name = "set", return_raw, pure)]
    pub fn set_with(
        ctx: NativeCallContext,
        client: &mut RedisClient,
        key: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.operation(Verb::Set, Some(key), settings).map_err(raise(&ctx))
    }

    /// The operation `INCR` of a key of a key space.
    ///
    /// ```rhai
    /// let count = redis::client("redis://127.0.0.1:6379").incr(#{ keys: 100 });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn incr(ctx: NativeCallContext, client: &mut RedisClient, settings: Map) -> ScriptResult<Op> {
        client.operation(Verb::Incr, None, settings).map_err(raise(&ctx))
    }

    /// The operation `INCR key`.
    ///
    /// ```rhai
    /// let visits = redis::client("redis://127.0.0.1:6379").incr("visits");
    /// ```
    #[rhai_fn(global, name = "incr", return_raw, pure)]
    pub fn incr_key(ctx: NativeCallContext, client: &mut RedisClient, key: &str) -> ScriptResult<Op> {
        client.operation(Verb::Incr, Some(key), Map::new()).map_err(raise(&ctx))
    }

    #[rhai_fn(global, name = "incr", return_raw, pure)]
    pub fn incr_with(
        ctx: NativeCallContext,
        client: &mut RedisClient,
        key: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.operation(Verb::Incr, Some(key), settings).map_err(raise(&ctx))
    }

    /// The operation `HSET` of one field of a hash of a key space. Further options: `fields` (how many a hash has, 10), or `field`
    /// (a text).
    ///
    /// ```rhai
    /// let hset = redis::client("redis://127.0.0.1:6379").hset(#{ keys: 1_000, fields: 20, value_size_bytes: 32 });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn hset(ctx: NativeCallContext, client: &mut RedisClient, settings: Map) -> ScriptResult<Op> {
        client.operation(Verb::Hset, None, settings).map_err(raise(&ctx))
    }

    /// The operation `HSET key field value`.
    ///
    /// ```rhai
    /// let cache = redis::client("redis://127.0.0.1:6379");
    /// let seen = cache.hset("user:{id}", #{ id: data::uniform(1, 100), field: "seen", value: "{turn}" });
    /// ```
    #[rhai_fn(global, name = "hset", return_raw, pure)]
    pub fn hset_with(
        ctx: NativeCallContext,
        client: &mut RedisClient,
        key: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.operation(Verb::Hset, Some(key), settings).map_err(raise(&ctx))
    }

    /// The operation `LPUSH` to a list of a key space. Lists grow with each call: take the values out again, or limit the calls.
    ///
    /// ```rhai
    /// let push = redis::client("redis://127.0.0.1:6379").lpush(#{ keys: 100, value_size_bytes: 64 });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn lpush(ctx: NativeCallContext, client: &mut RedisClient, settings: Map) -> ScriptResult<Op> {
        client.operation(Verb::Lpush, None, settings).map_err(raise(&ctx))
    }

    /// The operation `LPUSH key value`.
    ///
    /// ```rhai
    /// let push = redis::client("redis://127.0.0.1:6379").lpush("jobs", #{ value: "job {turn}" });
    /// ```
    #[rhai_fn(global, name = "lpush", return_raw, pure)]
    pub fn lpush_with(
        ctx: NativeCallContext,
        client: &mut RedisClient,
        key: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.operation(Verb::Lpush, Some(key), settings).map_err(raise(&ctx))
    }

    /// The operation of any command: an array of its words, which may be texts, numbers and generators.
    ///
    /// ```rhai
    /// let flush = redis::client("redis://127.0.0.1:6379").command(["FLUSHDB"]);
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn command(ctx: NativeCallContext, client: &mut RedisClient, words: Array) -> ScriptResult<Op> {
        client.command(&words, Map::new()).map_err(raise(&ctx))
    }

    /// The operation of any command with options and parameters.
    ///
    /// ```rhai
    /// let cache = redis::client("redis://127.0.0.1:6379");
    /// let best = cache.command(["ZADD", "board:{game}", data::uniform(0, 9_999), "player:{turn}"], #{ game: data::zipf(1, 20) });
    /// ```
    #[rhai_fn(global, name = "command", return_raw, pure)]
    pub fn command_with(
        ctx: NativeCallContext,
        client: &mut RedisClient,
        words: Array,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.command(&words, settings).map_err(raise(&ctx))
    }

    /// The operation of writing every key of a key space once, so that each `get` finds one: for `run()`, before a load. Takes
    /// `keys`, `key_size_bytes`, `prefix`, `value_size_bytes`, `value`, `ttl` and `name`.
    ///
    /// ```rhai,no_run
    /// let cache = redis::client("redis://127.0.0.1:6379");
    /// cache.fill(#{ keys: 100_000, value_size_bytes: 1_024 }).run();
    /// print(load::run(cache.get(#{ keys: 100_000 }), #{ concurrency: 50, duration: "10s" }));
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn fill(ctx: NativeCallContext, client: &mut RedisClient, settings: Map) -> ScriptResult<Op> {
        client.fill(settings).map_err(raise(&ctx))
    }

    /// What a command was answered: a text, a number, an array, or `()` for nil. With `pipeline`, an array with one for each
    /// command. Bytes that are no UTF-8 are replaced.
    ///
    /// ```rhai
    /// fn is_there(answer) { answer.value != () }
    /// ```
    #[rhai_fn(global, get = "value", pure)]
    pub fn value(answer: &mut RedisAnswer) -> Dynamic {
        match answer.reply.values.as_slice() {
            [single] => dynamic(single),
            several => several.iter().map(dynamic).collect::<Array>().into(),
        }
    }

    /// The text that a command was answered as bytes; empty if it was another kind of answer.
    ///
    /// ```rhai
    /// fn size(answer) { answer.bytes.len() }
    /// ```
    #[rhai_fn(global, get = "bytes", pure)]
    pub fn bytes(answer: &mut RedisAnswer) -> Blob {
        match answer.reply.values.as_slice() {
            [Reply::Text(bytes)] => bytes.clone(),
            _ => Blob::new(),
        }
    }

    /// How long the call took, a new connection included, in milliseconds.
    ///
    /// ```rhai
    /// fn slow(answer) { answer.elapsed_ms > 10.0 }
    /// ```
    #[rhai_fn(global, get = "elapsed_ms", pure)]
    pub fn elapsed_ms(answer: &mut RedisAnswer) -> f64 {
        millis(answer.elapsed_ns)
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn answer_to_string(answer: &mut RedisAnswer) -> String {
        let value = match answer.reply.values.as_slice() {
            [Reply::Nil] => "nil".to_owned(),
            _ => value(answer).to_string(),
        };
        format!("{value} in {:.3} ms", millis(answer.elapsed_ns))
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn client_to_string(client: &mut RedisClient) -> String {
        use crate::load::Client;
        client.0.endpoint()
    }
}

fn dynamic(reply: &Reply) -> Dynamic {
    match reply {
        Reply::Nil => Dynamic::UNIT,
        Reply::Number(number) => (*number).into(),
        Reply::Text(bytes) | Reply::Refused(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
        Reply::Array(values) => values.iter().map(dynamic).collect::<Array>().into(),
    }
}

fn answer(reply: Box<dyn Any + Send>, _outcome: Outcome, elapsed_ns: u64) -> Dynamic {
    let reply = *reply.downcast::<RedisReply>().expect("a Redis session replies with a RedisReply");
    Dynamic::from(RedisAnswer { reply: Arc::new(reply), elapsed_ns })
}

impl RedisClient {
    fn operation(&self, verb: Verb, key: Option<&str>, settings: Map) -> Result<Op> {
        let built = options::built(verb, key, settings)?;
        let keys = match key {
            Some(key) => Keys::Text(key.to_owned()),
            None => Keys::Space(built.space),
        };
        let (client, value, options) = (&self.0, &built.value, &built.command);
        let command = match verb {
            Verb::Get => client.get(&keys, options),
            Verb::Set => client.set(&keys, value, built.ttl, options),
            Verb::Incr => client.incr(&keys, options),
            Verb::Hset => client.hset(&keys, &built.field, value, options),
            Verb::Lpush => client.lpush(&keys, value, options),
            Verb::Fill | Verb::Command => unreachable!("these have functions of their own"),
        };
        Ok(Op::new(command?, answer))
    }

    fn command(&self, words: &Array, settings: Map) -> Result<Op> {
        let words = words.iter().map(options::argument).collect::<Result<Vec<_>>>()?;
        let texts = words
            .iter()
            .filter_map(|word| if let Argument::Text(text) = word { Some(text.as_str()) } else { None });
        let built = options::built(Verb::Command, Some(&texts.collect::<Vec<_>>().join(" ")), settings)?;
        Ok(Op::new(self.0.command(&words, &built.command)?, answer))
    }

    fn fill(&self, settings: Map) -> Result<Op> {
        let built = options::built(Verb::Fill, None, settings)?;
        let fill = self.0.fill(&built.space, &built.value, built.ttl, built.command.name)?;
        Ok(Op::new(fill, answer).waiting(FILL_TIMEOUT).preparing())
    }
}
