//! HTTP servers, and any command.

use super::{NO_COMMAND, NO_CONTAINER, PORT, READY, Service, URL};
use crate::scenario::recipe::key::{
    Fate::{Calls, Definition, Inline},
    Key, Kind, key,
};

/// The settings of the built-in server.
const TARGET: &[Key] = &[
    key(&["service_time"], Kind::Text, Definition, "how long it works on a call: `2ms`, `exponential:2ms`"),
    key(&["servers"], Kind::Whole(1), Definition, "how many calls it works on at once"),
    key(&["error_rate"], Kind::Share, Definition, "the share of calls that fail"),
    key(&["body_bytes"], Kind::Whole(0), Definition, "of an answer"),
];

pub const HTTP: Service = Service {
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
};

pub const COMMAND: Service = Service {
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
};
