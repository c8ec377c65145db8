//! Vector databases.

use super::{BATCH, CONTAINER, MIX, PORT, READY, Service, URL};
use crate::scenario::recipe::key::{
    Fate::{Calls, Count, Definition},
    Key, Kind, key,
};

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

const VECTOR_PORTS: &[Key] = &[
    URL,
    PORT,
    key(&["host"], Kind::Text, Definition, "the address that it listens on"),
    key(&["grpc_port"], Kind::Whole(0), Definition, "where it listens for gRPC"),
    key(&["data_dir", "storage", "storage_path"], Kind::Text, Definition, "where it keeps its data"),
    key(&["mode"], Kind::Word(&["standalone", "cluster"]), Definition, "how it is set up"),
    READY,
];

pub const CHROMA: Service = vector(&["chroma", "chromadb"]);
pub const QDRANT: Service = vector(&["qdrant"]);
pub const MILVUS: Service = vector(&["milvus"]);
pub const WEAVIATE: Service = vector(&["weaviate"]);
pub const FAISS: Service = Service {
    names: &["faiss"],
    component: "vectordb",
    is_here: false,
    definition: &[&[key(&["threads"], Kind::Whole(1), Definition, "that it computes with")]],
    calls: VECTORS,
    operations: VECTOR_OPERATIONS,
    mix: &[],
};

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
