//! The keys that do not depend on the service: of the scenario, of its resources, of the load.

use super::key::{
    Fate::{Form, Plan, Resource, Scenario, Settle},
    Key, Kind, key, refused,
};

/// Of the whole scenario.
pub const SCENARIO: &[Key] = &[
    key(
        &["name", "scenario", "benchmark_name"],
        Kind::Text,
        Scenario,
        "what the scenario is called in results; the file's name unless given",
    ),
    key(
        &["question", "description", "title"],
        Kind::Text,
        Form,
        "the question that it answers, in a sentence",
    ),
    key(&["why"], Kind::Text, Scenario, "what the answer is wanted for"),
    key(&["seed"], Kind::Whole(0), Scenario, "of generated values and arrivals"),
    key(&["repetitions", "repeats"], Kind::Whole(1), Scenario, "how often each point is measured"),
    key(&["retries", "max_retries"], Kind::Retries, Scenario, "how often a failed trial is tried again"),
    key(
        &["order"],
        Kind::Word(&["as_written", "random", "interleaved"]),
        Scenario,
        "in which order the points are measured",
    ),
    key(&["cooldown"], Kind::Time, Scenario, "the pause between trials"),
    key(&["timeout"], Kind::Time, Scenario, "the longest that a trial may take"),
    key(&["stop"], Kind::Stop, Scenario, "when to go no further"),
    key(&["slo"], Kind::Slo, Scenario, "the objectives"),
    key(&["zip"], Kind::Texts, Form, "lists of the workload that are walked together"),
    key(&["notes"], Kind::Text, Form, "stand in the run"),
    key(&["monitoring"], Kind::Map, Scenario, "kept with the scenario"),
    refused(
        &["metrics_db"],
        "results are files in `results/<run>/`, which any tool reads; no part of a recipe",
    ),
    refused(
        &["reports_dir", "report_dir", "results_dir", "output_dir"],
        "where results and reports go is said on the command line: `--out DIR`",
    ),
    refused(&["logs_dir", "log_dir"], "logs lie in the folder of the run: `results/<run>/logs/`"),
    refused(&["log_level"], "how much is told is said on the command line: `--log-level LEVEL`"),
];

/// What it needs of a cluster.
pub const RESOURCES: &[Key] = &[
    key(&["partition"], Kind::Text, Resource, "of the cluster"),
    key(&["account"], Kind::Text, Resource, "that is charged"),
    key(&["qos"], Kind::Text, Resource, "quality of service"),
    key(&["time", "time_limit", "walltime"], Kind::WallTime, Resource, "the longest that the job may take"),
    key(&["nodes"], Kind::Whole(1), Resource, "how many"),
    key(&["ntasks"], Kind::Whole(1), Resource, "how many tasks"),
    key(&["ntasks_per_node", "ntasks-per-node"], Kind::Whole(1), Resource, "how many tasks on each node"),
    key(&["gres"], Kind::Text, Resource, "generic resources, as Slurm writes them"),
    key(&["gpus", "num_gpus"], Kind::Whole(0), Resource, "how many"),
    key(&["cpus_per_task", "cpus-per-task"], Kind::Whole(1), Resource, "how many"),
    key(&["mem"], Kind::Memory, Resource, "memory of each node"),
    key(&["mem_gb"], Kind::Gigabytes, Resource, "memory of each node, in GB").meaning("mem"),
    key(&["constraint"], Kind::Text, Resource, "features that nodes must have"),
];

/// How much load, for how long.
pub const PLAN: &[Key] = &[
    key(
        &["concurrency", "client_count", "num_clients", "concurrent_clients", "concurrent_requests"],
        Kind::Whole(1),
        Plan,
        "the most calls in flight",
    ),
    key(
        &["rate", "requests_per_second", "rps"],
        Kind::Number,
        Plan,
        "calls a second of all clients together, due whether or not earlier ones ended",
    ),
    key(&["requests", "num_requests"], Kind::Whole(1), Plan, "measured calls of all clients together"),
    key(&["duration"], Kind::Time, Plan, "length of the measured window"),
    key(&["warmup"], Kind::Time, Plan, "load before the measured window"),
    key(
        &["timeout", "call_timeout", "request_timeout"],
        Kind::Time,
        Plan,
        "when a call without an answer has failed",
    ),
    key(&["arrival"], Kind::Word(&["constant", "poisson", "gamma"]), Plan, "how calls of a rate are spaced"),
    key(&["burstiness"], Kind::Number, Plan, "of gamma arrivals"),
    key(&["think"], Kind::Time, Plan, "how long a client waits after each call"),
    key(&["steady"], Kind::Flag, Plan, "whether the start is cut off until the load is steady"),
    key(&["threads"], Kind::Whole(1), Plan, "generator threads"),
    key(&["stages"], Kind::Maps, Plan, "levels, one after the other"),
    key(
        &["settle", "warmup_delay", "warmup_seconds"],
        Kind::Time,
        Settle,
        "pause after the service is ready, before any load",
    ),
];

/// Whether several services are measured at once.
pub const TOGETHER: &[Key] = &[
    key(
        &["parallel", "max_workers", "max-workers"],
        Kind::Parallel,
        Form,
        "whether the services are loaded at once",
    ),
    key(&["sequential"], Kind::Flag, Form, "whether they are loaded one after the other"),
];
