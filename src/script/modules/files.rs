//! The Rhai module `files`.

use std::{any::Any, sync::Arc};

use rhai::{Map, plugin::*};

use crate::measure::{Outcome, clock::millis};
use crate::script::{ScriptResult, operation::Op, options::options, raise};
use crate::services::files::{
    self as service, ClientOptions, CreateOptions, FileReply, ReadOptions, StatOptions, TreeOptions,
    TreeReadOptions, TreeWriteOptions, WriteOptions,
};

/// A folder that scripts describe reads and writes in.
#[derive(Clone)]
pub struct FilesClient(Arc<service::FilesClient>);

/// Files in folders, shared by the operations that are made of it.
#[derive(Clone)]
pub struct FileTree(Arc<service::FileTree>);

/// What `run()` of a read or write returns.
#[derive(Clone)]
pub struct FileAnswer {
    reply: FileReply,
    elapsed_ns: u64,
}

/// Reads and writes of blocks in a folder, and whole files of a tree. Everything happens in a folder of our own inside
/// it, and is gone afterwards.
///
/// Options of `read` and `write` of blocks: `file_size`, `block_size` (`"4 KiB"` random, `"1 MiB"` sequential) or `block_sizes` by weight
/// (`[[0.9, "4 KiB"], [0.1, "1 MiB"]]`), `files` (1), `layout` (`"shared"`: every user works on all files; `"per_user"`: each on one of its own,
/// of which there should be as many), `pattern` (`"sequential"` or `"random"`), `direct` (past the page cache). Sizes are numbers of bytes
/// or texts such as `"64 MiB"`.
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
    /// (`true`: the page cache may hold them from the start; `false`: it is empty then; `"drop"`: each call drops what it
    /// has read), `verify` (that each block is what was written).
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
    /// writes), `datasync` (fdatasync(2) instead of fsync(2)), `preallocate`.
    ///
    /// ```rhai
    /// let scratch = files::client("/tmp");
    /// let stream = scratch.write(#{ file_size: "64 MiB", block_size: "1 MiB", pattern: "sequential", fsync: 16 });
    /// ```
    ///
    /// ```rhai,no_run
    /// // Each user writes a file of its own, once: when was the first done, and when the last?
    /// let own = files::client("/tmp").write(#{ file_size: "64 MiB", layout: "per_user", files: 4, fsync: "end" });
    /// let result = load::run(own, #{ concurrency: 4, requests_each: 64 });
    /// print(`${result.extras.first_done_s} s, ${result.extras.last_done_s} s`);
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn write(ctx: NativeCallContext, client: &mut FilesClient, settings: Map) -> ScriptResult<Op> {
        let settings = options::<WriteOptions>("write", settings).map_err(raise(&ctx))?;
        client.0.write(settings).map(|write| Op::new(write, answer)).map_err(raise(&ctx))
    }

    /// A tree of files: `files` (1,000) of `file_size` (`"4 KiB"`, may be 0) or of `sizes` by weight, in `folders` (1) on
    /// `depth` levels (1). It is made before a load with one of its operations, and removed after it; what one
    /// operation makes, the others find.
    ///
    /// ```rhai
    /// let scratch = files::client("/tmp");
    /// let tree = scratch.tree(#{ files: 500, folders: 20, depth: 2, sizes: [[0.9, "4 KiB"], [0.1, "1 MiB"]] });
    /// let mix = load::mix(#{ read: [6, tree.read()], make: [2, tree.create()], ask: [1, tree.stat()], remove: [1, tree.delete()] });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn tree(ctx: NativeCallContext, client: &mut FilesClient, settings: Map) -> ScriptResult<FileTree> {
        let settings = options::<TreeOptions>("tree", settings).map_err(raise(&ctx))?;
        client.0.tree(settings).map(|tree| FileTree(Arc::new(tree))).map_err(raise(&ctx))
    }

    /// The operation of making one new file of the tree: opened, written, closed. One that cannot be written in full, as when
    /// the disk is full, does not stay.
    ///
    /// ```rhai
    /// let tree = files::client("/tmp").tree(#{ files: 100, folders: 10 });
    /// let make = tree.create();
    /// ```
    #[rhai_fn(global, name = "create", return_raw, pure)]
    pub fn create(ctx: NativeCallContext, tree: &mut FileTree) -> ScriptResult<Op> {
        let create = tree.0.create(CreateOptions::default());
        create.map(|create| Op::new(create, answer)).map_err(raise(&ctx))
    }

    /// The same with options: `fsync` (each file is made durable before it is closed; `false`).
    ///
    /// ```rhai
    /// let tree = files::client("/tmp").tree(#{ files: 100, folders: 10 });
    /// let make = tree.create(#{ fsync: true });
    /// ```
    #[rhai_fn(global, name = "create", return_raw, pure)]
    pub fn create_with(ctx: NativeCallContext, tree: &mut FileTree, settings: Map) -> ScriptResult<Op> {
        let settings = options::<CreateOptions>("create", settings).map_err(raise(&ctx))?;
        tree.0.create(settings).map(|create| Op::new(create, answer)).map_err(raise(&ctx))
    }

    /// The operation of reading one whole file of the tree: opened, read, closed.
    ///
    /// ```rhai
    /// let tree = files::client("/tmp").tree(#{ files: 100, folders: 10 });
    /// let fetch = tree.read();
    /// ```
    #[rhai_fn(global, name = "read", return_raw, pure)]
    pub fn read_file(ctx: NativeCallContext, tree: &mut FileTree) -> ScriptResult<Op> {
        let read = tree.0.read(TreeReadOptions::default());
        read.map(|read| Op::new(read, answer)).map_err(raise(&ctx))
    }

    /// The same with options: `distribution` (`"uniform"`, `"zipf"` or `"sequential"`), `cached` (`true`, `false` or `"drop"`, as
    /// for blocks), `verify`.
    ///
    /// ```rhai
    /// let tree = files::client("/tmp").tree(#{ files: 100, folders: 10 });
    /// let fetch = tree.read(#{ distribution: "zipf", verify: true });
    /// ```
    #[rhai_fn(global, name = "read", return_raw, pure)]
    pub fn read_file_with(ctx: NativeCallContext, tree: &mut FileTree, settings: Map) -> ScriptResult<Op> {
        let settings = options::<TreeReadOptions>("read", settings).map_err(raise(&ctx))?;
        tree.0.read(settings).map(|read| Op::new(read, answer)).map_err(raise(&ctx))
    }

    /// The operation of writing one whole file of the tree anew: opened, written, closed.
    ///
    /// ```rhai
    /// let tree = files::client("/tmp").tree(#{ files: 100, folders: 10 });
    /// let change = tree.write();
    /// ```
    #[rhai_fn(global, name = "write", return_raw, pure)]
    pub fn write_file(ctx: NativeCallContext, tree: &mut FileTree) -> ScriptResult<Op> {
        let write = tree.0.write(TreeWriteOptions::default());
        write.map(|write| Op::new(write, answer)).map_err(raise(&ctx))
    }

    /// The same with options: `distribution`, `fsync`.
    ///
    /// ```rhai
    /// let tree = files::client("/tmp").tree(#{ files: 100, folders: 10 });
    /// let change = tree.write(#{ fsync: true });
    /// ```
    #[rhai_fn(global, name = "write", return_raw, pure)]
    pub fn write_file_with(ctx: NativeCallContext, tree: &mut FileTree, settings: Map) -> ScriptResult<Op> {
        let settings = options::<TreeWriteOptions>("write", settings).map_err(raise(&ctx))?;
        tree.0.write(settings).map(|write| Op::new(write, answer)).map_err(raise(&ctx))
    }

    /// The operation of asking for the size of one file of the tree, by its path.
    ///
    /// ```rhai
    /// let tree = files::client("/tmp").tree(#{ files: 100, folders: 10 });
    /// let ask = tree.stat();
    /// ```
    #[rhai_fn(global, name = "stat", return_raw, pure)]
    pub fn stat(ctx: NativeCallContext, tree: &mut FileTree) -> ScriptResult<Op> {
        let stat = tree.0.stat(StatOptions::default());
        stat.map(|stat| Op::new(stat, answer)).map_err(raise(&ctx))
    }

    /// The same with options: `distribution`.
    ///
    /// ```rhai
    /// let tree = files::client("/tmp").tree(#{ files: 100, folders: 10 });
    /// let ask = tree.stat(#{ distribution: "sequential" });
    /// ```
    #[rhai_fn(global, name = "stat", return_raw, pure)]
    pub fn stat_with(ctx: NativeCallContext, tree: &mut FileTree, settings: Map) -> ScriptResult<Op> {
        let settings = options::<StatOptions>("stat", settings).map_err(raise(&ctx))?;
        tree.0.stat(settings).map(|stat| Op::new(stat, answer)).map_err(raise(&ctx))
    }

    /// The operation of deleting one file of the tree, the oldest first. When none is left calls fail, as `used_up`: give
    /// the tree as many `files` as there will be calls.
    ///
    /// ```rhai
    /// let tree = files::client("/tmp").tree(#{ files: 100, folders: 10 });
    /// load::run(tree.delete(), #{ requests: 100 });
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn delete(ctx: NativeCallContext, tree: &mut FileTree) -> ScriptResult<Op> {
        tree.0.delete().map(|delete| Op::new(delete, answer)).map_err(raise(&ctx))
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn tree_to_string(tree: &mut FileTree) -> String {
        format!("a tree of files in {}", tree.0.endpoint())
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
