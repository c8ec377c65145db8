//! A service and its client: `configuration`, `service`, `client`, `benchmarks`.

use serde_json::Value as Json;

use super::{JOB, MEMBER, Recipe, check_component, is_of_load, plain, service_of, tables_of};
use crate::scenario::recipe::{
    key::{
        Fate::{self, Form, Note},
        Key, Kind, key,
    },
    keys::{PLAN, RESOURCES, SCENARIO},
    load::{Load, alone},
    problem::{Problem, Problems},
    section::{self, Given, take},
    services::Service,
    value,
    yaml::{Node, Value},
};

/// `configuration`, `service`, `client`, `benchmarks`: a service and its client.
pub const PAIR: &[Key] = &[
    key(&["configuration"], Kind::Section(&[CONFIGURATION, SCENARIO]), Form, "the scenario"),
    key(&["service"], Kind::Section(&[MEMBER, JOB, RESOURCES, SETTINGS]), Form, "what is measured"),
    key(&["client"], Kind::Section(&[CLIENT, RESOURCES, PLAN]), Form, "what is called"),
    key(&["benchmarks"], Kind::Section(&[BENCHMARKS, SCENARIO, PLAN]), Form, "how much load"),
];
pub const CONFIGURATION: &[Key] =
    &[key(&["target"], Kind::Text, Note("site"), "the cluster that it was written for")];
pub const SETTINGS: &[Key] = &[key(&["settings"], Kind::Map, Form, "settings of its own")];
pub const CLIENT: &[Key] = &[
    key(&["type"], Kind::Text, Form, "the service, and after `_` what the client does"),
    key(&["command"], Kind::Command, Form, "what each call runs"),
    key(&["settings"], Kind::Map, Form, "what is called and how often"),
];
pub const BENCHMARKS: &[Key] =
    &[key(&["metrics"], Kind::Texts, Note("metrics asked for"), "all of them are always measured")];

impl Recipe {
    pub(super) fn pair(&mut self, root: &Node, problems: &mut Problems) {
        let mut given = section::read("the recipe", root, &[SCENARIO, PAIR], problems);
        let mut part = |name: &str| take(&mut given, name);
        let (configuration, service, client, benchmarks) =
            (part("configuration"), part("service"), part("client"), part("benchmarks"));
        let mut load = Vec::new();
        if let Some(configuration) = configuration {
            given.extend(section::read(
                "configuration",
                &configuration.node,
                &[CONFIGURATION, SCENARIO],
                problems,
            ));
        }
        if let Some(benchmarks) = benchmarks {
            let all = section::read("benchmarks", &benchmarks.node, &[BENCHMARKS, SCENARIO, PLAN], problems);
            let (of_load, others): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|given| is_of_load(given.key.fate));
            load.extend(of_load);
            given.extend(others);
        }
        let zip = self.common(given, problems);
        let Some(described) = service else {
            problems.add(
                Problem::new(root.at, "the recipe needs the key `service`")
                    .hint("what is measured: `service: { type: redis }`"),
            );
            return;
        };
        // A service without a type is a command of its own.
        let has_type =
            ["service", "service_type", "type"].iter().any(|key| described.node.get(key).is_some());
        let service = match has_type || described.node.get("command").is_none() {
            true => service_of(&described.node, "service", &["type", "service_type", "service"], problems),
            false => Service::named("command"),
        };
        let Some(service) = service else { return };
        let own_command = service.name() == "command";
        let node = if own_command { renamed(&described.node, "command", "start") } else { described.node };
        let mut given = section::read(
            "service",
            &node,
            &tables_of_definition(service, &[MEMBER, JOB, RESOURCES, SETTINGS]),
            problems,
        );
        if let Some(job) = take(&mut given, "resources") {
            given.extend(section::read(&job.name, &job.node, &[RESOURCES], problems));
        }
        if let Some(settings) = take(&mut given, "settings") {
            given.extend(section::read("settings", &settings.node, service.definition, problems));
        }
        let name = take(&mut given, "service_name")
            .and_then(|name| value::read(Kind::Text, &name.name, &name.node, problems));
        if let (Some(name), None) = (name.as_ref().and_then(Json::as_str), self.options.get("name")) {
            self.name = name.to_owned();
        }
        check_component(&mut given, service, problems);
        let (needed, mut given): (Vec<_>, Vec<_>) =
            given.into_iter().partition(|given| given.key.fate == Fate::Resource);
        self.needs(needed, problems);
        if let Some(client) = client {
            given = self.client(&client.node, service, given, problems);
        }
        given.extend(load);
        self.loads.push(Load::new(service.name(), service, given, Vec::new(), "", root.at, problems));
        self.walk_together(zip, problems);
    }

    /// What the client of a pair adds to what is given of its service.
    fn client(
        &mut self,
        node: &Node,
        service: &'static Service,
        mut all: Vec<Given>,
        problems: &mut Problems,
    ) -> Vec<Given> {
        let mut given =
            section::read("client", node, &tables_of(service, &[CLIENT, RESOURCES, PLAN]), problems);
        let kind = take(&mut given, "type");
        let (command, settings) = (take(&mut given, "command"), take(&mut given, "settings"));
        let (jobs, mut given): (Vec<_>, Vec<_>) =
            given.into_iter().partition(|given| given.key.fate == Fate::Resource);
        // One allocation holds both.
        let asked: Vec<String> = jobs
            .iter()
            .filter_map(|job| {
                Some(format!(
                    "{} {}",
                    job.key.is,
                    plain(&value::read(job.key.kind, &job.name, &job.node, problems)?)
                ))
            })
            .collect();
        if !asked.is_empty() {
            self.notes.push(format!(
                "the load comes from the service's own allocation, not from a client with {}",
                asked.join(", ")
            ));
        }
        if let Some(settings) = settings {
            given.extend(section::read("settings", &settings.node, &tables_of(service, &[PLAN]), problems));
        }
        match command {
            Some(command) if service.name() == "command" => {
                given.extend(section::read("client", &alone(command), &tables_of(service, &[]), problems));
            }
            Some(command) => problems.add(
                Problem::new(command.at, format!("`command` has no place in a client of `{}`", service.name()))
                    .hint("benchscript makes its calls itself; a command of your own is called with `type: command`"),
            ),
            None => {}
        }
        if let Some(kind) = kind {
            client_type(&kind, service, problems);
        }
        // The client may say again what the service is.
        for given in given {
            let known =
                all.iter().find(|known| known.key.is == given.key.is && known.key.fate == given.key.fate);
            match known {
                Some(known) if given.key.fate == Fate::Definition => {
                    let [ours, theirs] = [known, &given]
                        .map(|given| value::read(given.key.kind, &given.name, &given.node, problems));
                    if ours != theirs {
                        let said = format!(
                            "`{}` of the client is not that of the service in line {}",
                            given.name, known.at.line
                        );
                        problems.add(
                            Problem::new(given.at, said).hint("the client calls the service that is started"),
                        );
                    }
                }
                _ => all.push(given),
            }
        }
        all
    }
}

/// `redis_stress` is a client of `redis`.
fn client_type(kind: &Given, service: &Service, problems: &mut Problems) {
    let Some(text) = value::read(Kind::Text, &kind.name, &kind.node, problems) else { return };
    let text = text.as_str().unwrap_or_default();
    let is_known = |known: &str| {
        let rest = text.strip_prefix(known).unwrap_or("?");
        ["", "_stress", "_smoke", "_benchmark", "_healthcheck"].contains(&rest)
    };
    if !service.names.iter().any(|known| is_known(known)) {
        let said = format!("the client `{text}` is none of the service `{}`", service.name());
        problems.add(
            Problem::new(kind.node.at, said).hint(format!("write `{}` or leave `type` out", service.name())),
        );
    }
}

fn tables_of_definition(service: &'static Service, form: &[&'static [Key]]) -> Vec<&'static [Key]> {
    let mut tables = form.to_vec();
    tables.extend(service.definition);
    tables
}

/// The same map with another name of a key.
fn renamed(node: &Node, from: &str, to: &str) -> Node {
    let mut node = node.clone();
    if let Value::Map(entries) = &mut node.value {
        entries.iter_mut().filter(|entry| entry.key == from).for_each(|entry| entry.key = to.to_owned());
    }
    node
}
