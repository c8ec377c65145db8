//! The services that a recipe can name, with their keys.

mod inference;
mod programs;
mod storage;
mod vectors;

use super::key::{
    Fate::{Calls, Definition, Form},
    Key, Kind, key, refused,
};

/// A service.
#[derive(Debug)]
pub struct Service {
    /// Ours first, then what else it is called.
    pub names: &'static [&'static str],
    /// What kind of service it is, as `component` says.
    pub component: &'static str,
    /// Whether this version can start and load it.
    pub is_here: bool,
    /// How it is started.
    pub definition: &'static [&'static [Key]],
    /// What is called.
    pub calls: &'static [Key],
    /// What a mix can hold.
    pub operations: &'static [&'static str],
    /// The mix unless told.
    pub mix: &'static [(&'static str, u64)],
}

impl Service {
    pub fn name(&self) -> &'static str {
        self.names[0]
    }

    /// The service of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SERVICES.iter().find(|service| service.names.contains(&name))
    }

    /// All names.
    pub fn all_names() -> Vec<&'static str> {
        SERVICES.iter().flat_map(|service| service.names.iter().copied()).collect()
    }
}

/// Kinds of services.
pub const COMPONENTS: &[&str] = &["inference", "storage", "vectordb", "http", "command"];

/// All of them; those that this version can start and load come first.
pub const SERVICES: &[Service] = &[
    programs::HTTP,
    storage::POSTGRES,
    storage::REDIS,
    storage::S3,
    storage::MINIO,
    storage::FILES,
    programs::COMMAND,
    inference::VLLM,
    inference::OLLAMA,
    inference::LLAMA_SERVER,
    inference::TRITON,
    vectors::CHROMA,
    vectors::QDRANT,
    vectors::MILVUS,
    vectors::WEAVIATE,
    vectors::FAISS,
];

const URL: Key = key(
    &["url", "service_url", "base_url"],
    Kind::Text,
    Form,
    "where it runs already; without it, it is started",
);
const PORT: Key = key(&["port"], Kind::Whole(0), Definition, "where it listens; 0 for a free one");
const READY: Key = key(&["ready_timeout"], Kind::Time, Definition, "how long to wait for it");
const BATCH: Key = key(&["batch", "batch_size"], Kind::Whole(1), Calls, "how many in one call");
const MIX: Key = key(&["mix", "operation_mix"], Kind::Mix, Calls, "operations by weight");

/// Of those that are started as programs of this machine.
const NO_CONTAINER: &[Key] = &[refused(
    &["image", "container", "container_image", "binds"],
    "this version starts the service as a program of this machine, not in a container: leave the key out",
)];
const NO_COMMAND: &[Key] = &[refused(
    &["command", "env"],
    "benchscript knows how to start this service; for a command of your own say `service: command`",
)];
/// Of those that cannot be started yet: whatever a container needs.
const CONTAINER: &[Key] = &[
    key(&["image", "container", "container_image"], Kind::Text, Definition, "the container image"),
    key(&["binds"], Kind::Texts, Definition, "folders that the container sees: `outside:inside`"),
    key(&["env"], Kind::Map, Definition, "environment variables"),
    key(&["command"], Kind::Command, Definition, "what is started in the container"),
];
