//! One load of a recipe: a service, what is called, how much.

use serde_json::{Map, Value as Json};

use super::{
    key::{Fate, Kind},
    literal,
    problem::{At, Problem, Problems},
    section::{Given, said_once, take},
    services::Service,
    value,
    yaml::{Node, Value},
};

/// How long a load is measured where the recipe does not say, and its warm-up.
const DURATION: &str = "30s";
const WARMUP: &str = "5s";
/// Keys of a Redis server and objects of a store where the recipe does not say.
const KEYS: u64 = 10_000;
const OBJECTS: u64 = 100;

#[derive(Debug)]
pub struct Load {
    /// As part of names in the script.
    pub name: String,
    pub service: &'static Service,
    /// Where it runs already: a URL, or the folder of files.
    pub place: Option<Json>,
    pub definition: Map<String, Json>,
    pub calls: Map<String, Json>,
    pub plan: Map<String, Json>,
    pub settle: Option<Json>,
    pub axes: Vec<Axis>,
}

/// Values that are measured one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub name: String,
    pub values: Json,
    /// Whether the service must be started anew for each.
    pub restarts: bool,
}

/// Keys of a range.
const RANGE: &[(&str, Kind)] = &[
    ("from", Kind::Number),
    ("to", Kind::Number),
    ("steps", Kind::Whole(2)),
    ("scale", Kind::Word(&["linear", "log"])),
];

impl Load {
    /// Reads what a recipe gives for a service, and what it gives for all of them. Its own axes have names that begin with
    /// `prefix`.
    pub fn new(
        name: &str,
        service: &'static Service,
        mut given: Vec<Given>,
        mut shared: Vec<Given>,
        prefix: &str,
        at: At,
        problems: &mut Problems,
    ) -> Self {
        let mut load = Self {
            name: name.to_owned(),
            service,
            place: None,
            definition: Map::new(),
            calls: Map::new(),
            plan: Map::new(),
            settle: None,
            axes: Vec::new(),
        };
        said_once(&given, problems);
        let place = take(&mut given, "url").or_else(|| take(&mut given, "folder"));
        if let Some(place) = place {
            // An empty one, as a variable without a value leaves it, is none.
            let text = value::url(&place.name, &place.node, problems);
            load.place = text.filter(|text| text.as_str() != Some(""));
        }
        let mut counts: Vec<(&'static str, u64)> = Vec::new();
        shared
            .retain(|all| !given.iter().any(|own| own.key.is == all.key.is && own.key.fate == all.key.fate));
        let own = given.iter().map(|given| (given, prefix));
        for (given, prefix) in own.chain(shared.iter().map(|given| (given, ""))) {
            if let Fate::Count(operation) = given.key.fate {
                let count = value::read(given.key.kind, &given.name, &given.node, problems);
                counts.extend(count.and_then(|count| Some((operation, count.as_u64()?))));
                continue;
            }
            let Some(set) = load.setting(given, prefix, problems) else { continue };
            match given.key.fate {
                Fate::Definition => drop(load.definition.insert(given.key.is.to_owned(), set)),
                Fate::Calls => drop(load.calls.insert(given.key.is.to_owned(), set)),
                Fate::Plan => drop(load.plan.insert(given.key.is.to_owned(), set)),
                Fate::Settle => load.settle = Some(set),
                _ => {}
            }
        }
        load.mixed(&given, &counts, problems);
        load.finished(&given, at, problems);
        load
    }

    /// A value, or the field of the point that a list of values becomes.
    fn setting(&mut self, given: &Given, prefix: &str, problems: &mut Problems) -> Option<Json> {
        let (kind, name) = (given.key.kind, &given.name);
        let values = match &given.node.value {
            Value::List(nodes) if kind.sweeps() => {
                if nodes.is_empty() {
                    problems.add(Problem::new(
                        given.node.at,
                        format!("`{name}` is an empty list: nothing would be measured"),
                    ));
                }
                let values: Vec<_> =
                    nodes.iter().map(|node| value::read(kind, name, node, problems)).collect();
                let mut values = values.into_iter().collect::<Option<Vec<_>>>()?;
                if values.len() <= 1 {
                    return values.pop();
                }
                Json::Array(values)
            }
            Value::Map(_) if kind.is_number() => {
                let range = value::map_of(name, &given.node, RANGE, problems)?;
                if range.get("from").is_none() || range.get("to").is_none() {
                    let problem = format!("the range `{name}` needs both `from` and `to`");
                    problems.add(
                        Problem::new(given.node.at, problem)
                            .hint("write `{ from: 1, to: 64, steps: 7, scale: log }`"),
                    );
                }
                range
            }
            _ => return value::read(kind, name, &given.node, problems),
        };
        if given.key.fate == Fate::Settle {
            problems.add(Problem::new(given.node.at, format!("`{name}` must be one time, not a list")));
            return None;
        }
        let axis = format!("{prefix}{}", given.key.is);
        self.axes.push(Axis { name: axis.clone(), values, restarts: given.key.fate == Fate::Definition });
        Some(literal::point(&axis))
    }

    /// Checks the operations of a mix, or makes one of the numbers of calls.
    fn mixed(&mut self, given: &[Given], counts: &[(&'static str, u64)], problems: &mut Problems) {
        let of_calls =
            |name: &str| given.iter().find(|given| given.key.is == name && given.key.fate == Fate::Calls);
        let mix = of_calls("mix");
        if let (Some(mix), Some(Json::Object(weights))) = (mix, self.calls.get("mix")) {
            let known = self.service.operations;
            for name in weights.keys().filter(|name| !known.contains(&name.as_str())) {
                let at =
                    mix.node.entries().and_then(|entries| entries.iter().find(|entry| entry.key == *name));
                let at = at.map_or(mix.node.at, |entry| entry.at);
                let problem =
                    Problem::new(at, format!("`{}` has no operation `{name}`", self.service.name()));
                problems.add(problem.names(name, "operations", known));
            }
        }
        if counts.is_empty() {
            let default =
                self.service.mix.iter().map(|(name, weight)| ((*name).to_owned(), (*weight).into()));
            if mix.is_none() && !self.service.mix.is_empty() {
                self.calls.insert("mix".to_owned(), Json::Object(default.collect()));
            }
            return;
        }
        if let Some(mix) = mix {
            let problem = Problem::new(
                mix.at,
                format!("`{}` and numbers of calls of each operation contradict each other", mix.name),
            );
            problems.add(problem.hint("keep one of them"));
        }
        let sum: u64 = counts.iter().map(|(_, count)| count).sum();
        let weights = counts.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
        self.calls.insert("mix".to_owned(), Json::Object(weights));
        self.plan.insert("requests".to_owned(), sum.into());
    }

    /// What follows from the rest, and what is missing.
    fn finished(&mut self, given: &[Given], at: At, problems: &mut Problems) {
        let name = self.service.name();
        let place_of = |is: &str| given.iter().find(|given| given.key.is == is).map_or(at, |given| given.at);
        match name {
            "redis" => {
                self.calls.entry("keys").or_insert_with(|| KEYS.into());
            }
            "s3" | "minio" => {
                if let Some(objects) = self.calls.shift_remove("objects") {
                    self.calls.entry("keys").or_insert_with(|| objects.clone());
                    if !self.plan.contains_key("duration") {
                        self.plan.entry("requests").or_insert(objects);
                    }
                }
                self.calls.entry("keys").or_insert_with(|| OBJECTS.into());
                if self.calls.contains_key("sizes") && self.calls.contains_key("object_size_bytes") {
                    let problem = "`sizes` and `object_size_bytes` contradict each other";
                    problems
                        .add(Problem::new(place_of("object_size_bytes"), problem).hint("keep one of them"));
                }
            }
            "postgres" => {
                let wanted = if self.calls.contains_key("mix") { "oltp_mix" } else { "tpcb" };
                match self.calls.get("workload") {
                    Some(workload) if wanted == "oltp_mix" && workload != "oltp_mix" => {
                        let problem =
                            "a mix of selects, inserts, updates and deletes is the workload `oltp_mix`";
                        problems
                            .add(Problem::new(place_of("workload"), problem).hint("leave `workload` out"));
                    }
                    Some(_) => {}
                    None if self.calls.contains_key("query") => {}
                    None => drop(self.calls.insert("workload".to_owned(), wanted.into())),
                }
            }
            "files" if self.place.is_none() => problems.add(
                Problem::new(at, "`files` needs the key `folder`")
                    .hint("the folder whose disk is measured: `folder: /scratch/me`"),
            ),
            "command" if !self.calls.contains_key("command") => problems.add(
                Problem::new(at, "`command` needs the key `command`")
                    .hint("what each call runs: `command: [curl, -s, http://...]`"),
            ),
            "http" if self.place.is_some() && !self.definition.is_empty() => problems.add(
                Problem::new(at, "`target` is the built-in server, but `url` names another")
                    .hint("keep one of them"),
            ),
            "vllm" | "ollama" | "llama_server" if self.calls.contains_key("batch") => {
                let operation = self.calls.entry("operation").or_insert_with(|| "completions".into());
                if operation == "chat" {
                    let problem = "`batch` has no place beside `operation: chat`";
                    problems.add(Problem::new(place_of("batch"), problem).hint(
                        "several prompts in one request are `operation: completions`; chats at once are `concurrency`",
                    ));
                }
            }
            _ => {}
        }
        let has_place = self.place.is_some() && !["files", "http"].contains(&name);
        if let Some(started) = given.iter().find(|given| given.key.fate == Fate::Definition)
            && has_place
            && self.service.is_here
        {
            let problem = format!(
                "`{}` is a setting of a service that is started, but `url` names one that runs",
                started.name
            );
            problems.add(Problem::new(started.at, problem).hint("keep one of them"));
        }
        let has_end = ["duration", "requests", "stages"].iter().any(|key| self.plan.contains_key(*key));
        if !has_end {
            self.plan.insert("duration".to_owned(), DURATION.into());
            self.plan.entry("warmup").or_insert_with(|| WARMUP.into());
        }
        in_order(&mut self.plan);
    }

    /// Whether something must be there before its calls: tables, keys, objects.
    pub fn is_prepared(&self) -> bool {
        ["redis", "s3", "minio", "postgres"].contains(&self.service.name())
    }
}

/// The fields of a plan in the order in which a person writes them.
fn in_order(plan: &mut Map<String, Json>) {
    const ORDER: &[&str] =
        &["stages", "rate", "arrival", "burstiness", "concurrency", "requests", "duration", "warmup"];
    let place = |key: &str| ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len());
    let mut fields: Vec<(String, Json)> = std::mem::take(plan).into_iter().collect();
    fields.sort_by_key(|(key, _)| place(key));
    plan.extend(fields);
}

/// A name of a recipe as part of names in a script.
pub fn identifier(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let plain = plain.trim_matches('_');
    if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain.to_owned() } else { format!("s_{plain}") }
}

/// A map of one key, as if it stood alone.
pub fn alone(given: Given) -> Node {
    let at = given.at;
    let entry = super::yaml::Entry { key: given.name, at, node: given.node };
    Node { value: Value::Map(vec![entry]), at }
}
