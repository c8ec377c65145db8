//! The Rhai module `files`.

use std::{any::Any, sync::Arc};

use rhai::{Map, plugin::*};

use crate::measure::{Outcome, clock::millis};
use crate::script::{ScriptResult, operation::Op, options::options, raise};
use crate::services::files::{self as service, ClientOptions, FileReply, ReadOptions, WriteOptions};

/// A folder that scripts describe reads and writes in.
#[derive(Clone)]
pub struct FilesClient(Arc<service::FilesClient>);

/// What `run()` of a read or write returns.
#[derive(Clone)]
pub struct FileAnswer {
    reply: FileReply,
    elapsed_ns: u64,
}

/// Reads and writes of blocks in a folder. Everything happens in a folder of our own inside it, and is gone afterwards.
///
/// Options of both: `file_size`, `block_size` (`"4 KiB"` random, `"1 MiB"` sequential), `files` (1), `pattern`
/// (`"sequential"` or `"random"`), `direct` (past the page cache). Sizes are numbers of bytes or texts such as
/// `"64 MiB"`.
#[export_module]
pub mod files {
    /// The folder at `path`, which must exist. Nothing on disk is touched until an operation runs.
    ///
    /// ```rhai
    /// let scratch = files::client("/tmp");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn client(ctx: NativeCallContext, path: &str) -> ScriptResult<FilesClient> {
        service::client(path, ClientOptions::default()).map(FilesClient).map_err(raise(&ctx))
    }

    /// The folder at `path` with options: `direct` (false), `engine` (`"auto"`, `"io_uring"` or `"threads"`),
    /// `threads` of the fallback engine.
    ///
    /// ```rhai
    /// let scratch = files::client("/tmp", #{ engine: "threads", threads: 8 });
    /// ```
    #[rhai_fn(name = "client", return_raw)]
    pub fn client_with(ctx: NativeCallContext, path: &str, settings: Map) -> ScriptResult<FilesClient> {
        let client = options("files::client", settings).and_then(|settings| service::client(path, settings));
        client.map(FilesClient).map_err(raise(&ctx))
    }

    /// The operation of reading one block of files that are written before the load. Further options: `cached`
    /// (whether the page cache may hold them from the start), `verify` (that each block is what was written).
    ///
    /// ```rhai
    /// let scratch = files::client("/tmp");
    /// let lookup = scratch.read(#{ file_size: "64 MiB", block_size: "4 KiB", pattern: "random" });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn read(ctx: NativeCallContext, client: &mut FilesClient, settings: Map) -> ScriptResult<Op> {
        let settings = options::<ReadOptions>("read", settings).map_err(raise(&ctx))?;
        client.0.read(settings).map(|read| Op::new(read, answer)).map_err(raise(&ctx))
    }

    /// The operation of writing one block. Further options: `fsync` (`"never"`, `"each"`, `"end"`, or a number of
    /// writes), `preallocate`.
    ///
    /// ```rhai
    /// let scratch = files::client("/tmp");
    /// let stream = scratch.write(#{ file_size: "64 MiB", block_size: "1 MiB", pattern: "sequential", fsync: 16 });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn write(ctx: NativeCallContext, client: &mut FilesClient, settings: Map) -> ScriptResult<Op> {
        let settings = options::<WriteOptions>("write", settings).map_err(raise(&ctx))?;
        client.0.write(settings).map(|write| Op::new(write, answer)).map_err(raise(&ctx))
    }

    /// Bytes that a single read or write moved.
    ///
    /// ```rhai
    /// fn kilobytes(answer) { answer.bytes / 1_000 }
    /// ```
    #[rhai_fn(global, get = "bytes", pure)]
    pub fn bytes(answer: &mut FileAnswer) -> i64 {
        answer.reply.bytes as i64
    }

    /// Where in its file a single read or write was, in bytes.
    ///
    /// ```rhai
    /// fn block(answer) { answer.offset / 4_096 }
    /// ```
    #[rhai_fn(global, get = "offset", pure)]
    pub fn offset(answer: &mut FileAnswer) -> i64 {
        answer.reply.offset as i64
    }

    /// How long a single read or write took, in milliseconds.
    ///
    /// ```rhai
    /// fn slow(answer) { answer.elapsed_ms > 10.0 }
    /// ```
    #[rhai_fn(global, get = "elapsed_ms", pure)]
    pub fn elapsed_ms(answer: &mut FileAnswer) -> f64 {
        millis(answer.elapsed_ns)
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn answer_to_string(answer: &mut FileAnswer) -> String {
        let FileReply { bytes, offset, file } = answer.reply;
        format!("{bytes} bytes at {offset} of file {file} in {:.3} ms", millis(answer.elapsed_ns))
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn client_to_string(client: &mut FilesClient) -> String {
        use crate::load::Client;
        client.0.endpoint()
    }
}

fn answer(reply: Box<dyn Any + Send>, _outcome: Outcome, elapsed_ns: u64) -> Dynamic {
    let reply = *reply.downcast::<FileReply>().expect("a files session replies with a FileReply");
    Dynamic::from(FileAnswer { reply, elapsed_ns })
}
