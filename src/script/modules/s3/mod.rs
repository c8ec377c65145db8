//! The Rhai module `s3`.

mod options;

use std::{any::Any, sync::Arc, time::Duration};

use rhai::{Array, Blob, Map, plugin::*};

use crate::error::{Error, Result};
use crate::load::Client;
use crate::measure::{Outcome, clock::millis};
use crate::script::{ScriptResult, modules::service::Service, operation::Op, options::options, raise};
use crate::services::s3::{self as service, ClientOptions, S3Reply};
use options::Verb;

/// How long operations on objects that may be large may take, outside a load.
const LARGE_TIMEOUT: Duration = Duration::from_secs(600);
/// And those on many objects.
const MANY_TIMEOUT: Duration = Duration::from_secs(3_600);

/// A bucket that scripts describe operations to.
#[derive(Clone)]
pub struct S3Client(Arc<service::S3Client>);

/// What `run()` of an operation returns.
#[derive(Clone)]
pub struct S3Answer {
    reply: Arc<S3Reply>,
    elapsed_ns: u64,
}

/// Objects of S3, or of what speaks its protocol. Every virtual user has a connection of its own.
///
/// `put`, `get`, `head`, `delete` and `multipart` take a key, or draw one of a key space: `keys` (how many, 100,000; or a generator of
/// their numbers), `distribution` (`"uniform"`; `"zipf"`, which is `"zipf:0.99"`; `"sequential"`), `key_size_bytes` (32), `prefix`
/// (`"object-"`). What is written has `object_size_bytes` (1 MiB; or a generator) or one of several `sizes`
/// (`[[0.9, "4 KiB"], [0.1, "1 MiB"]]`: shares and sizes). Size and bytes of an object follow from its key, so that they are the same whenever
/// and by whomever it is written, and `get` with `checksum: true` can tell whether it reads them. Large objects are made while they are sent.
///
/// Further options: `name` (what it is called in results), `params`. Beside a key every other option is a parameter that stands for
/// `{key}` in it.
#[export_module]
pub mod s3 {
    /// A bucket of the server at `url`, or of the one that `s3::start` started, whose keys come with it. Otherwise they come from
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Nothing is sent until an operation runs.
    ///
    /// ```rhai,no_run
    /// let store = s3::client("http://127.0.0.1:9000");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn client(ctx: NativeCallContext, url: &str) -> ScriptResult<S3Client> {
        super::client(url, Map::new(), None).map_err(raise(&ctx))
    }

    /// A bucket with options: `bucket` (`"benchscript"`), `region` (`"us-east-1"`), `access_key`, `secret_key`, `session_token`,
    /// `credentials_file` (as `~/.aws/credentials`; refused if others can read it) and its `profile` (`"default"`), `anonymous` (sign
    /// nothing), `style` (`"path"`, or `"virtual"`: the bucket in the `host` header), `payload` (`"unsigned"`, or `"signed"`: bodies are
    /// hashed, and their hashes signed), `ca` (a PEM file to trust), `insecure` (accept any certificate), `server_name` (that the
    /// certificate must have).
    ///
    /// ```rhai
    /// let store = s3::client("http://127.0.0.1:9000", #{ bucket: "bench", access_key: "me", secret_key: "mine" });
    /// print(store);                                           // http://127.0.0.1:9000/bench
    /// ```
    #[rhai_fn(name = "client", return_raw)]
    pub fn client_with(ctx: NativeCallContext, url: &str, settings: Map) -> ScriptResult<S3Client> {
        super::client(url, settings, None).map_err(raise(&ctx))
    }

    /// The bucket of a server that was started.
    ///
    /// ```rhai,no_run
    /// let store = s3::client(s3::start());
    /// ```
    #[rhai_fn(name = "client", return_raw)]
    pub fn client_of(ctx: NativeCallContext, server: Service) -> ScriptResult<S3Client> {
        super::client(server.address(), Map::new(), Some(&server)).map_err(raise(&ctx))
    }

    /// The bucket of a server that was started, with options.
    ///
    /// ```rhai,no_run
    /// let store = s3::client(s3::start(), #{ bucket: "bench", payload: "signed" });
    /// ```
    #[rhai_fn(name = "client", return_raw)]
    pub fn client_of_with(ctx: NativeCallContext, server: Service, settings: Map) -> ScriptResult<S3Client> {
        super::client(server.address(), settings, Some(&server)).map_err(raise(&ctx))
    }

    /// The operation of making the bucket. One that is there already is a success.
    ///
    /// ```rhai,no_run
    /// let store = s3::client(s3::start());
    /// store.create_bucket().run();
    /// ```
    #[rhai_fn(global, pure)]
    pub fn create_bucket(client: &mut S3Client) -> Op {
        Op::new(client.0.create_bucket(), answer).preparing()
    }

    /// The operation of removing the bucket, which must be empty.
    ///
    /// ```rhai,no_run
    /// s3::client("http://127.0.0.1:9000").delete_bucket().run();
    /// ```
    #[rhai_fn(global, pure)]
    pub fn delete_bucket(client: &mut S3Client) -> Op {
        Op::new(client.0.delete_bucket(), answer)
    }

    /// The operation of writing an object of a key space.
    ///
    /// ```rhai,no_run
    /// let store = s3::client("http://127.0.0.1:9000");
    /// let put = store.put(#{ keys: 1_000, sizes: [[0.9, "4 KiB"], [0.1, "1 MiB"]] });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn put(ctx: NativeCallContext, client: &mut S3Client, settings: Map) -> ScriptResult<Op> {
        client.operation(Verb::Put, None, settings).map_err(raise(&ctx))
    }

    /// The operation of writing one object.
    ///
    /// ```rhai,no_run
    /// let store = s3::client("http://127.0.0.1:9000");
    /// print(store.put("name").run().etag);
    /// ```
    #[rhai_fn(global, name = "put", return_raw, pure)]
    pub fn put_key(ctx: NativeCallContext, client: &mut S3Client, key: &str) -> ScriptResult<Op> {
        client.operation(Verb::Put, Some(key), Map::new()).map_err(raise(&ctx))
    }

    /// The operation of writing one object, with options and parameters.
    ///
    /// ```rhai,no_run
    /// let store = s3::client("http://127.0.0.1:9000");
    /// let log = store.put("logs/{day}/{turn}", #{ day: data::uniform(1, 31), object_size_bytes: "64 KiB" });
    /// ```
    #[rhai_fn(global, name = "put", return_raw, pure)]
    pub fn put_with(
        ctx: NativeCallContext,
        client: &mut S3Client,
        key: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.operation(Verb::Put, Some(key), settings).map_err(raise(&ctx))
    }

    /// The operation of reading an object of a key space. Further options: `range` (`"0-1023"`, `"1024-"`, `"-1024"`: a part of it),
    /// `checksum` (false; whether each byte is compared with what `put`, `fill` and `multipart` write; what differs is a failure of class
    /// `corrupt`; with `object_size_bytes` or `sizes` the size is compared as well).
    ///
    /// ```rhai,no_run
    /// let store = s3::client("http://127.0.0.1:9000");
    /// let get = store.get(#{ keys: 1_000, distribution: "zipf", checksum: true });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn get(ctx: NativeCallContext, client: &mut S3Client, settings: Map) -> ScriptResult<Op> {
        client.operation(Verb::Get, None, settings).map_err(raise(&ctx))
    }

    /// The operation of reading one object.
    ///
    /// ```rhai,no_run
    /// let store = s3::client("http://127.0.0.1:9000");
    /// print(store.get("name").run().bytes.len());
    /// ```
    #[rhai_fn(global, name = "get", return_raw, pure)]
    pub fn get_key(ctx: NativeCallContext, client: &mut S3Client, key: &str) -> ScriptResult<Op> {
        client.operation(Verb::Get, Some(key), Map::new()).map_err(raise(&ctx))
    }

    /// The operation of reading one object, with options and parameters.
    ///
    /// ```rhai,no_run
    /// let store = s3::client("http://127.0.0.1:9000");
    /// let head = store.get("logs/{day}.log", #{ day: data::uniform(1, 31), range: "0-1023" });
    /// ```
    #[rhai_fn(global, name = "get", return_raw, pure)]
    pub fn get_with(
        ctx: NativeCallContext,
        client: &mut S3Client,
        key: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.operation(Verb::Get, Some(key), settings).map_err(raise(&ctx))
    }

    /// The operation of asking for size and ETag of an object of a key space.
    ///
    /// ```rhai,no_run
    /// let head = s3::client("http://127.0.0.1:9000").head(#{ keys: 1_000 });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn head(ctx: NativeCallContext, client: &mut S3Client, settings: Map) -> ScriptResult<Op> {
        client.operation(Verb::Head, None, settings).map_err(raise(&ctx))
    }

    /// The operation of asking for size and ETag of one object.
    ///
    /// ```rhai,no_run
    /// print(s3::client("http://127.0.0.1:9000").head("name").run().size);
    /// ```
    #[rhai_fn(global, name = "head", return_raw, pure)]
    pub fn head_key(ctx: NativeCallContext, client: &mut S3Client, key: &str) -> ScriptResult<Op> {
        client.operation(Verb::Head, Some(key), Map::new()).map_err(raise(&ctx))
    }

    #[rhai_fn(global, name = "head", return_raw, pure)]
    pub fn head_with(
        ctx: NativeCallContext,
        client: &mut S3Client,
        key: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.operation(Verb::Head, Some(key), settings).map_err(raise(&ctx))
    }

    /// The operation of removing an object of a key space. One that is not there is a success.
    ///
    /// ```rhai,no_run
    /// let store = s3::client("http://127.0.0.1:9000");
    /// load::run(store.delete(#{ keys: 1_000, distribution: "sequential" }), #{ concurrency: 8, requests: 1_000 });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn delete(ctx: NativeCallContext, client: &mut S3Client, settings: Map) -> ScriptResult<Op> {
        client.operation(Verb::Delete, None, settings).map_err(raise(&ctx))
    }

    /// The operation of removing one object.
    ///
    /// ```rhai,no_run
    /// s3::client("http://127.0.0.1:9000").delete("name").run();
    /// ```
    #[rhai_fn(global, name = "delete", return_raw, pure)]
    pub fn delete_key(ctx: NativeCallContext, client: &mut S3Client, key: &str) -> ScriptResult<Op> {
        client.operation(Verb::Delete, Some(key), Map::new()).map_err(raise(&ctx))
    }

    #[rhai_fn(global, name = "delete", return_raw, pure)]
    pub fn delete_with(
        ctx: NativeCallContext,
        client: &mut S3Client,
        key: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.operation(Verb::Delete, Some(key), settings).map_err(raise(&ctx))
    }

    /// The operation of writing an object of a key space in several parts, one after the other, of `part_size_bytes` (16 MiB).
    ///
    /// ```rhai,no_run
    /// let store = s3::client("http://127.0.0.1:9000");
    /// let upload = store.multipart(#{ keys: 10, object_size_bytes: "1 GiB", part_size_bytes: "64 MiB" });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn multipart(ctx: NativeCallContext, client: &mut S3Client, settings: Map) -> ScriptResult<Op> {
        client.operation(Verb::Multipart, None, settings).map_err(raise(&ctx))
    }

    /// The operation of writing one object in several parts.
    ///
    /// ```rhai,no_run
    /// let store = s3::client("http://127.0.0.1:9000");
    /// store.multipart("large", #{ object_size_bytes: "1 GiB" }).run();
    /// ```
    #[rhai_fn(global, name = "multipart", return_raw, pure)]
    pub fn multipart_with(
        ctx: NativeCallContext,
        client: &mut S3Client,
        key: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.operation(Verb::Multipart, Some(key), settings).map_err(raise(&ctx))
    }

    /// The operation of asking for the keys of the bucket: a page of them in one call.
    ///
    /// ```rhai,no_run
    /// print(s3::client("http://127.0.0.1:9000").list().run().keys);
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn list(ctx: NativeCallContext, client: &mut S3Client) -> ScriptResult<Op> {
        client.list(None, Map::new()).map_err(raise(&ctx))
    }

    /// The operation of asking for the keys that begin with a prefix.
    ///
    /// ```rhai,no_run
    /// print(s3::client("http://127.0.0.1:9000").list("logs/").run().keys);
    /// ```
    #[rhai_fn(global, name = "list", return_raw, pure)]
    pub fn list_prefix(ctx: NativeCallContext, client: &mut S3Client, prefix: &str) -> ScriptResult<Op> {
        client.list(Some(prefix), Map::new()).map_err(raise(&ctx))
    }

    /// With options: `prefix`, `max_keys` of a page (1,000), `all` (false: one page a call; true: page after page, until there is no more),
    /// `name`.
    ///
    /// ```rhai,no_run
    /// let store = s3::client("http://127.0.0.1:9000");
    /// print(store.list(#{ all: true }).run().keys.len());
    /// ```
    #[rhai_fn(global, name = "list", return_raw, pure)]
    pub fn list_options(ctx: NativeCallContext, client: &mut S3Client, settings: Map) -> ScriptResult<Op> {
        client.list(None, settings).map_err(raise(&ctx))
    }

    #[rhai_fn(global, name = "list", return_raw, pure)]
    pub fn list_with(
        ctx: NativeCallContext,
        client: &mut S3Client,
        prefix: &str,
        settings: Map,
    ) -> ScriptResult<Op> {
        client.list(Some(prefix), settings).map_err(raise(&ctx))
    }

    /// The operation of writing every object of a key space once, so that each `get` finds one: for `run()`, before a load. Takes
    /// `keys`, `key_size_bytes`, `prefix`, `object_size_bytes`, `sizes` and `name`.
    ///
    /// ```rhai,no_run
    /// let store = s3::client(s3::start());
    /// store.create_bucket().run();
    /// store.fill(#{ keys: 1_000, object_size_bytes: "4 KiB" }).run();
    /// print(load::run(store.get(#{ keys: 1_000 }), #{ concurrency: 16, duration: "10s" }));
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn fill(ctx: NativeCallContext, client: &mut S3Client, settings: Map) -> ScriptResult<Op> {
        client.operation(Verb::Fill, None, settings).map_err(raise(&ctx))
    }

    /// The HTTP status.
    ///
    /// ```rhai
    /// fn is_part(answer) { answer.status == 206 }
    /// ```
    #[rhai_fn(global, get = "status", pure)]
    pub fn status(answer: &mut S3Answer) -> i64 {
        answer.reply.status.into()
    }

    /// How large the object is, in bytes; of a `get`, what came of it; of a `list` and a `fill`, the number of objects.
    ///
    /// ```rhai
    /// fn is_empty(answer) { answer.size == 0 }
    /// ```
    #[rhai_fn(global, get = "size", pure)]
    pub fn size(answer: &mut S3Answer) -> i64 {
        answer.reply.size as i64
    }

    /// The ETag of the object, without quotes; empty if the server told none.
    ///
    /// ```rhai
    /// fn is_multipart(answer) { answer.etag.contains("-") }
    /// ```
    #[rhai_fn(global, get = "etag", pure)]
    pub fn etag(answer: &mut S3Answer) -> String {
        answer.reply.etag.clone()
    }

    /// The bytes that `get` read. Objects over 8 MiB are not kept.
    ///
    /// ```rhai
    /// fn first(answer) { answer.bytes[0] }
    /// ```
    #[rhai_fn(global, get = "bytes", return_raw, pure)]
    pub fn bytes(ctx: NativeCallContext, answer: &mut S3Answer) -> ScriptResult<Blob> {
        match &answer.reply.body {
            Some(body) => Ok(body.clone()),
            None if answer.reply.size > 0 && answer.reply.objects.is_empty() => Err(raise(&ctx)(
                Error::usage(format!("the {} bytes of this object were not kept", answer.reply.size))
                    .hint("`get` keeps up to 8 MiB: read a part with `range`; `size` and `etag` are known"),
            )),
            None => Ok(Blob::new()),
        }
    }

    /// The keys that `list` found.
    ///
    /// ```rhai
    /// fn last(answer) { answer.keys[-1] }
    /// ```
    #[rhai_fn(global, get = "keys", pure)]
    pub fn keys(answer: &mut S3Answer) -> Array {
        answer.reply.objects.iter().map(|object| object.key.clone().into()).collect()
    }

    /// The sizes of what `list` found, in bytes, in the order of `keys`.
    ///
    /// ```rhai
    /// fn total(answer) { answer.sizes.reduce(|sum, size| sum + size, 0) }
    /// ```
    #[rhai_fn(global, get = "sizes", pure)]
    pub fn sizes(answer: &mut S3Answer) -> Array {
        answer.reply.objects.iter().map(|object| (object.size as i64).into()).collect()
    }

    /// Whether there is more behind what `list` found.
    ///
    /// ```rhai
    /// fn is_all(answer) { !answer.is_truncated }
    /// ```
    #[rhai_fn(global, get = "is_truncated", pure)]
    pub fn is_truncated(answer: &mut S3Answer) -> bool {
        answer.reply.is_truncated
    }

    /// How long the call took, a new connection included, in milliseconds.
    ///
    /// ```rhai
    /// fn slow(answer) { answer.elapsed_ms > 100.0 }
    /// ```
    #[rhai_fn(global, get = "elapsed_ms", pure)]
    pub fn elapsed_ms(answer: &mut S3Answer) -> f64 {
        millis(answer.elapsed_ns)
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn answer_to_string(answer: &mut S3Answer) -> String {
        let S3Reply { status, size, .. } = &*answer.reply;
        format!("{status}, size {size}, in {:.3} ms", millis(answer.elapsed_ns))
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn client_to_string(client: &mut S3Client) -> String {
        client.0.endpoint()
    }
}

/// The keys of a server that was started go to the client unless others were given.
fn client(url: &str, settings: Map, server: Option<&Service>) -> Result<S3Client> {
    let given = ["access_key", "secret_key", "credentials_file", "anonymous"];
    let has_own = given.iter().any(|name| settings.contains_key(*name));
    let mut settings: ClientOptions = options("s3::client", settings)?;
    if let Some(server) = server.filter(|_| !has_own) {
        let secret = |name| server.secret_of(name).map(str::to_owned);
        (settings.access_key, settings.secret_key) = (secret("access_key"), secret("secret_key"));
    }
    service::client(url, settings).map(S3Client)
}

fn answer(reply: Box<dyn Any + Send>, _outcome: Outcome, elapsed_ns: u64) -> Dynamic {
    let reply = *reply.downcast::<S3Reply>().expect("an S3 session replies with an S3Reply");
    Dynamic::from(S3Answer { reply: Arc::new(reply), elapsed_ns })
}

impl S3Client {
    fn operation(&self, verb: Verb, key: Option<&str>, settings: Map) -> Result<Op> {
        let built = options::built(verb, key, settings)?;
        let (client, objects, name) = (&self.0, &built.objects, built.name);
        let timeout = match verb {
            Verb::Head | Verb::Delete => None,
            Verb::Put if !objects.may_be_large() => None,
            Verb::Put | Verb::Get | Verb::Multipart => Some(LARGE_TIMEOUT),
            Verb::Fill | Verb::List => Some(MANY_TIMEOUT),
        };
        let operation = match verb {
            Verb::Put => client.put(objects, name),
            Verb::Get => client.get(objects, built.range, built.checksum, built.has_sizes, name),
            Verb::Head => client.head(objects, name),
            Verb::Delete => client.delete(objects, name),
            Verb::Multipart => client.multipart(objects, built.part_size, name),
            Verb::Fill => client.fill(objects, name),
            Verb::List => client.list(built.list, name),
        };
        let operation = timeout.into_iter().fold(Op::new(operation?, answer), Op::waiting);
        Ok(if verb == Verb::Fill { operation.preparing() } else { operation })
    }

    fn list(&self, prefix: Option<&str>, settings: Map) -> Result<Op> {
        self.operation(Verb::List, prefix, settings)
    }
}
