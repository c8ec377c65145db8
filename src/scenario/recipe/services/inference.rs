//! Servers of language models and of other models.

use super::{BATCH, CONTAINER, PORT, READY, Service, URL};
use crate::scenario::recipe::key::{
    Fate::{Calls, Definition},
    Key, Kind, key,
};

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

pub const VLLM: Service = Service {
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
};

pub const OLLAMA: Service = Service {
    names: &["ollama"],
    component: "inference",
    is_here: false,
    definition: &[&[URL, key(&["model"], Kind::Text, Definition, "that it serves"), PORT, READY], CONTAINER],
    calls: TOKENS,
    operations: &[],
    mix: &[],
};

pub const LLAMA_SERVER: Service = Service {
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
};

pub const TRITON: Service = Service {
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
};
