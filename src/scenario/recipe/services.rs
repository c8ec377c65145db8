//! The services that a recipe can name, with their keys.

use super::key::{
    Fate::{Calls, Count, Definition, Form, Inline, Plan, Same},
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

const URL: Key = key(
    &["url", "service_url", "base_url"],
    Kind::Text,
    Form,
    "where it runs already; without it, it is started",
);
const PORT: Key = key(&["port"], Kind::Whole(0), Definition, "where it listens; 0 for a free one");
const READY: Key = key(&["ready_timeout"], Kind::Time, Definition, "how long to wait for it");
const DATA: Key = key(&["data_dir"], Kind::Text, Definition, "the folder in which its own is made");
const SETTINGS: Key = key(&["settings"], Kind::Map, Definition, "any other setting of its own");
const BATCH: Key = key(&["batch", "batch_size"], Kind::Whole(1), Calls, "how many in one call");
const MIX: Key = key(&["mix", "operation_mix"], Kind::Mix, Calls, "operations by weight");
const KEYS: Key = key(&["keys"], Kind::Whole(1), Calls, "how many keys there are");
const SPREAD: Key =
    key(&["distribution"], Kind::Word(&["uniform", "zipf", "sequential"]), Calls, "how keys are drawn");

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

/// Calls of language models.
const TOKENS: &[Key] = &[
    key(
        &["operation", "endpoint"],
        Kind::Word(&["chat", "completions", "embeddings"]),
        Calls,
        "which calls are made",
    ),
    key(&["prompt_tokens", "prompt_len", "input_tokens"], Kind::Whole(1), Calls, "tokens of a prompt"),
    key(&["output_tokens", "max_tokens", "gen_tokens"], Kind::Whole(1), Calls, "tokens of an answer"),
    key(&["batch", "batch_size"], Kind::Whole(1), Calls, "prompts in one completions request"),
    key(&["prompt"], Kind::Text, Calls, "the prompt, the same for all calls"),
    key(&["dataset"], Kind::Text, Calls, "a file of prompts"),
    key(&["temperature"], Kind::Share, Calls, "of the answers"),
];
/// Calls of vector databases.
const VECTORS: &[Key] = &[
    key(&["vectors", "num_vectors", "num_points"], Kind::Whole(1), Calls, "how many are stored"),
    key(&["dimension", "dim"], Kind::Whole(1), Calls, "of a vector"),
    key(&["k", "top_k", "search_k"], Kind::Whole(1), Calls, "how many neighbours are asked for"),
    key(&["collection"], Kind::Text, Calls, "its name"),
    key(&["index"], Kind::Word(&["flat", "ivf", "hnsw"]), Calls, "the kind of index"),
    BATCH,
    MIX,
    key(&["num_queries"], Kind::Whole(1), Count("search"), "how many searches"),
    key(&["num_inserts"], Kind::Whole(1), Count("insert"), "how many insertions"),
];
const VECTOR_OPERATIONS: &[&str] = &["insert", "search", "update", "delete"];

const S3_DEFINITION: &[Key] = &[
    URL,
    PORT,
    DATA,
    READY,
    key(
        &["tls", "use_https"],
        Kind::Only(false),
        Same,
        "whether it speaks TLS; a server that is started does not",
    ),
    refused(
        &["access_key", "secret_key", "root_user", "root_password"],
        "keys of a server that is started are new ones each time; those of another stand in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),
];
const S3_CALLS: &[Key] = &[
    MIX,
    key(&["bucket"], Kind::Text, Calls, "its name"),
    key(&["region"], Kind::Text, Calls, "of the server"),
    KEYS,
    key(&["num_objects"], Kind::Whole(1), Calls, "how many objects there are, and how many calls are made")
        .meaning("objects"),
    SPREAD,
    key(&["prefix"], Kind::Text, Calls, "of the keys"),
    key(&["object_size_bytes", "object_size"], Kind::Size, Calls, "of every object"),
    key(&["sizes", "object_sizes"], Kind::Sizes, Calls, "of objects, by weight"),
    key(&["checksum"], Kind::Flag, Calls, "whether what is read is compared"),
];
const S3_OPERATIONS: &[&str] = &["put", "get", "head", "delete", "list", "multipart"];

/// The settings of the built-in server.
const TARGET: &[Key] = &[
    key(&["service_time"], Kind::Text, Definition, "how long it works on a call: `2ms`, `exponential:2ms`"),
    key(&["servers"], Kind::Whole(1), Definition, "how many calls it works on at once"),
    key(&["error_rate"], Kind::Share, Definition, "the share of calls that fail"),
    key(&["body_bytes"], Kind::Whole(0), Definition, "of an answer"),
];

const VECTOR_PORTS: &[Key] = &[
    URL,
    PORT,
    key(&["host"], Kind::Text, Definition, "the address that it listens on"),
    key(&["grpc_port"], Kind::Whole(0), Definition, "where it listens for gRPC"),
    key(&["data_dir", "storage", "storage_path"], Kind::Text, Definition, "where it keeps its data"),
    key(&["mode"], Kind::Word(&["standalone", "cluster"]), Definition, "how it is set up"),
    READY,
];

pub const SERVICES: &[Service] = &[
    Service {
        names: &["http"],
        component: "http",
        is_here: true,
        definition: &[
            &[
                URL,
                key(
                    &["target"],
                    Kind::Section(&[TARGET]),
                    Inline,
                    "settings of the built-in server, which is measured without `url`",
                ),
            ],
            NO_CONTAINER,
            NO_COMMAND,
        ],
        calls: &[
            key(
                &["method"],
                Kind::Word(&["get", "post", "put", "patch", "delete", "head"]),
                Calls,
                "of the request",
            ),
            key(&["path"], Kind::Text, Calls, "of the request"),
            key(&["query"], Kind::Map, Calls, "of the request"),
            key(&["headers"], Kind::Map, Calls, "of the request"),
            key(&["json"], Kind::Map, Calls, "the body, as JSON"),
            key(&["body"], Kind::Text, Calls, "the body"),
            key(&["expect"], Kind::Whole(100), Calls, "the status that counts as success"),
        ],
        operations: &[],
        mix: &[],
    },
    Service {
        names: &["postgres", "postgresql"],
        component: "storage",
        is_here: true,
        definition: &[
            &[
                URL,
                PORT,
                key(&["database", "db_name"], Kind::Text, Definition, "the name of its database"),
                key(&["shared_buffers"], Kind::Text, Definition, "memory of its cache"),
                key(
                    &["effective_cache_size"],
                    Kind::Text,
                    Definition,
                    "what it believes of the system's cache",
                ),
                key(&["max_connections"], Kind::Whole(1), Definition, "the most clients"),
                key(
                    &["tuning"],
                    Kind::Section(&[&[
                        key(&["shared_buffers"], Kind::Text, Definition, "memory of its cache"),
                        key(
                            &["effective_cache_size"],
                            Kind::Text,
                            Definition,
                            "what it believes of the system's cache",
                        ),
                    ]]),
                    Inline,
                    "the same keys, one level deeper",
                ),
                SETTINGS,
                DATA,
                READY,
                key(
                    &["auth"],
                    Kind::Word(&["trust"]),
                    Same,
                    "how clients prove who they are: a server that is started trusts this machine",
                ),
                refused(
                    &["user", "username", "password"],
                    "a server that is started trusts this machine; for another give `url`",
                ),
            ],
            NO_CONTAINER,
            NO_COMMAND,
        ],
        calls: &[
            key(
                &["workload", "test"],
                Kind::Word(&["select_only", "tpcb", "simple_update", "inserts", "oltp_mix"]),
                Calls,
                "which calls are made: those of pgbench, or a mix of single rows",
            ),
            key(&["scale"], Kind::Whole(1), Calls, "of pgbench: 100,000 accounts each"),
            key(&["rows"], Kind::Whole(1), Calls, "of the table of `oltp_mix`"),
            BATCH,
            key(&["query"], Kind::Text, Calls, "a statement of your own"),
            MIX,
            key(&["num_selects", "num_queries"], Kind::Whole(1), Count("select"), "how many selects"),
            key(&["num_inserts"], Kind::Whole(1), Count("insert"), "how many inserts"),
            refused(
                &["table_name"],
                "the tables of the ready-made workloads have names of their own: `benchscript_oltp`, `pgbench_...`",
            ),
        ],
        operations: &["select", "insert", "update", "delete"],
        mix: &[],
    },
    Service {
        names: &["redis"],
        component: "storage",
        is_here: true,
        definition: &[
            &[
                URL,
                PORT,
                key(&["maxmemory"], Kind::Text, Definition, "the most memory that it uses"),
                key(&["maxmemory_policy"], Kind::Text, Definition, "what it does when that is full"),
                key(&["appendonly"], Kind::Flag, Definition, "whether it logs every write"),
                key(&["save"], Kind::Text, Definition, "when it writes snapshots"),
                SETTINGS,
                DATA,
                READY,
            ],
            NO_CONTAINER,
            NO_COMMAND,
        ],
        calls: &[
            MIX,
            KEYS,
            SPREAD,
            key(&["key_size_bytes"], Kind::Whole(1), Calls, "of a key"),
            key(&["value_size_bytes"], Kind::Size, Calls, "of a value"),
            key(&["pipeline"], Kind::Whole(1), Calls, "commands that are sent at once"),
            key(&["ttl"], Kind::Time, Calls, "how long what is set stays"),
            refused(&["batch", "batch_size"], "commands that are sent at once are a `pipeline`"),
        ],
        operations: &["get", "set", "incr", "hset", "lpush"],
        mix: &[("get", 50), ("set", 50)],
    },
    Service {
        names: &["s3", "seaweedfs"],
        component: "storage",
        is_here: true,
        definition: &[
            S3_DEFINITION,
            &[refused(&["console_port"], "SeaweedFS has no console; say `service: minio`")],
            NO_CONTAINER,
            NO_COMMAND,
        ],
        calls: S3_CALLS,
        operations: S3_OPERATIONS,
        mix: &[("get", 50), ("put", 50)],
    },
    Service {
        names: &["minio"],
        component: "storage",
        is_here: true,
        definition: &[
            S3_DEFINITION,
            &[key(&["console_port"], Kind::Whole(0), Definition, "where its console listens")],
            NO_CONTAINER,
            NO_COMMAND,
        ],
        calls: S3_CALLS,
        operations: S3_OPERATIONS,
        mix: &[("get", 50), ("put", 50)],
    },
    Service {
        names: &["files"],
        component: "storage",
        is_here: true,
        definition: &[
            &[key(
                &["folder", "path", "directory", "data_dir"],
                Kind::Text,
                Form,
                "the folder in which files are made",
            )],
            NO_CONTAINER,
            NO_COMMAND,
        ],
        calls: &[
            MIX,
            key(&["file_size"], Kind::Size, Calls, "of every file"),
            key(&["sizes", "file_sizes"], Kind::Sizes, Calls, "of whole files, by weight"),
            key(&["block_size"], Kind::Size, Calls, "of a read or a write"),
            key(&["files"], Kind::Whole(1), Calls, "how many there are"),
            key(&["folders"], Kind::Whole(1), Calls, "how many folders whole files lie in"),
            key(&["layout"], Kind::Word(&["shared", "per_user"]), Calls, "whether clients share the files"),
            key(&["pattern"], Kind::Word(&["sequential", "random"]), Calls, "which blocks come next"),
            key(&["direct"], Kind::Flag, Calls, "past the page cache"),
            key(
                &["fsync"],
                Kind::Word(&["never", "each", "end"]),
                Calls,
                "when writes must have reached the disk",
            ),
        ],
        operations: &["read", "write", "create", "stat", "delete"],
        mix: &[("read", 50), ("write", 50)],
    },
    Service {
        names: &["command"],
        component: "command",
        is_here: true,
        definition: &[
            &[
                URL,
                key(
                    &["start"],
                    Kind::Command,
                    Definition,
                    "what starts the service; without it, none is started",
                ),
                PORT,
                key(
                    &["ready"],
                    Kind::Map,
                    Definition,
                    "how it is seen to be ready: `{ http: / }`, `{ tcp: port }`, `{ log: text }`",
                ),
                READY,
            ],
            NO_CONTAINER,
        ],
        calls: &[
            key(&["command"], Kind::Command, Calls, "what each call runs"),
            key(&["stdin"], Kind::Text, Calls, "what it reads"),
            key(&["ok"], Kind::Whole(0), Calls, "the exit code that counts as success"),
            key(&["samples"], Kind::Flag, Calls, "whether it tells what it measured, in lines of JSON"),
            key(&["env"], Kind::Map, Calls, "environment variables"),
        ],
        operations: &[],
        mix: &[],
    },
    Service {
        names: &["vllm"],
        component: "inference",
        is_here: false,
        definition: &[
            &[
                URL,
                key(&["model"], Kind::Text, Definition, "that it serves"),
                key(&["tensor_parallel_size"], Kind::Whole(1), Definition, "GPUs that share the model"),
                key(&["max_model_len"], Kind::Whole(1), Definition, "the longest context"),
                key(
                    &["gpu_memory_utilization"],
                    Kind::Share,
                    Definition,
                    "the share of a GPU's memory that it takes",
                ),
                PORT,
                READY,
            ],
            CONTAINER,
        ],
        calls: TOKENS,
        operations: &[],
        mix: &[],
    },
    Service {
        names: &["ollama"],
        component: "inference",
        is_here: false,
        definition: &[
            &[URL, key(&["model"], Kind::Text, Definition, "that it serves"), PORT, READY],
            CONTAINER,
        ],
        calls: TOKENS,
        operations: &[],
        mix: &[],
    },
    Service {
        names: &["llama_server", "llama.cpp", "llamacpp"],
        component: "inference",
        is_here: false,
        definition: &[
            &[
                URL,
                key(&["model"], Kind::Text, Definition, "the file of the model"),
                key(&["threads"], Kind::Whole(1), Definition, "that it computes with"),
                key(&["context"], Kind::Whole(1), Definition, "the longest context"),
                key(&["slots"], Kind::Whole(1), Definition, "calls that it works on at once"),
                PORT,
                READY,
            ],
            CONTAINER,
        ],
        calls: TOKENS,
        operations: &[],
        mix: &[],
    },
    Service {
        names: &["triton"],
        component: "inference",
        is_here: false,
        definition: &[
            &[
                URL,
                key(&["model_repository", "model_repo"], Kind::Text, Definition, "the folder of its models"),
                key(&["http_port", "port"], Kind::Whole(0), Definition, "where it listens for HTTP"),
                key(&["grpc_port"], Kind::Whole(0), Definition, "where it listens for gRPC"),
                key(&["metrics_port"], Kind::Whole(0), Definition, "where it tells its metrics"),
                key(&["log_verbose"], Kind::Whole(0), Definition, "how much it logs"),
                READY,
            ],
            CONTAINER,
        ],
        calls: &[
            key(
                &["operation"],
                Kind::Word(&["infer", "generate", "generate_stream"]),
                Calls,
                "which calls are made",
            ),
            key(&["protocol", "scenario"], Kind::Word(&["http", "grpc"]), Calls, "how they are made"),
            key(&["model"], Kind::Text, Calls, "that is asked"),
            key(&["shapes"], Kind::Map, Calls, "of its inputs"),
            BATCH,
            key(&["output_tokens", "max_tokens", "gen_tokens"], Kind::Whole(1), Calls, "tokens of an answer"),
            key(&["prompt_tokens", "prompt_len"], Kind::Whole(1), Calls, "tokens of a prompt"),
        ],
        operations: &[],
        mix: &[],
    },
    vector(&["chroma", "chromadb"]),
    vector(&["qdrant"]),
    vector(&["milvus"]),
    vector(&["weaviate"]),
    Service {
        names: &["faiss"],
        component: "vectordb",
        is_here: false,
        definition: &[&[key(&["threads"], Kind::Whole(1), Plan, "that it computes with")]],
        calls: VECTORS,
        operations: VECTOR_OPERATIONS,
        mix: &[],
    },
];

const fn vector(names: &'static [&'static str]) -> Service {
    Service {
        names,
        component: "vectordb",
        is_here: false,
        definition: &[VECTOR_PORTS, CONTAINER],
        calls: VECTORS,
        operations: VECTOR_OPERATIONS,
        mix: &[],
    }
}
