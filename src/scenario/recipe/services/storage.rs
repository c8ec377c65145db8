//! Databases, object stores and disks.

use super::{BATCH, MIX, NO_COMMAND, NO_CONTAINER, PORT, READY, Service, URL};
use crate::scenario::recipe::key::{
    Fate::{Calls, Count, Definition, Form, Inline, Same},
    Key, Kind, key, refused,
};

const DATA: Key = key(&["data_dir"], Kind::Text, Definition, "the folder in which its own is made");
const SETTINGS: Key = key(&["settings"], Kind::Map, Definition, "any other setting of its own");
const KEYS: Key = key(&["keys"], Kind::Whole(1), Calls, "how many keys there are");
const SPREAD: Key =
    key(&["distribution"], Kind::Word(&["uniform", "zipf", "sequential"]), Calls, "how keys are drawn");

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

pub const POSTGRES: Service = Service {
    names: &["postgres", "postgresql"],
    component: "storage",
    is_here: true,
    definition: &[
        &[
            URL,
            PORT,
            key(&["database", "db_name"], Kind::Text, Definition, "the name of its database"),
            key(&["shared_buffers"], Kind::Text, Definition, "memory of its cache"),
            key(&["effective_cache_size"], Kind::Text, Definition, "what it believes of the system's cache"),
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
};

pub const REDIS: Service = Service {
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
};

pub const S3: Service = Service {
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
};

pub const MINIO: Service = Service {
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
};

pub const FILES: Service = Service {
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
};
