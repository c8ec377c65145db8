//! Several services: `benchmark`, `global`, `services`.

use serde_json::Value as Json;

use super::{Recipe, check_component, is_of_load, service_of, tables_of};
use crate::scenario::recipe::{
    key::{
        Fate::{self, Form},
        Key, Kind, key,
    },
    keys::{PLAN, RESOURCES, SCENARIO, TOGETHER},
    load::{Load, identifier},
    problem::{Problem, Problems},
    section::{self, Given, take},
    services::COMPONENTS,
    value,
    yaml::{Node, Value},
};

/// `benchmark`, `global`, `services`: several.
pub const MANY: &[Key] = &[
    key(&["benchmark"], Kind::Section(&[SCENARIO, TOGETHER]), Form, "the scenario"),
    key(
        &["global"],
        Kind::Section(&[SCENARIO, TOGETHER, RESOURCES, JOB, PLAN]),
        Form,
        "what holds for all services",
    ),
    key(&["services"], Kind::Maps, Form, "the services, each with its load"),
];
pub const MEMBER: &[Key] = &[
    key(&["service_name", "name"], Kind::Text, Form, "what it is called in results"),
    key(&["service", "service_type", "type"], Kind::Text, Form, "what is measured"),
    key(&["component"], Kind::Word(COMPONENTS), Form, "what kind of service that is"),
];
pub const JOB: &[Key] =
    &[key(&["resources", "slurm"], Kind::Section(&[RESOURCES]), Form, "what it needs of a cluster")];

impl Recipe {
    pub(super) fn many(&mut self, root: &Node, problems: &mut Problems) {
        let mut given = section::read("the recipe", root, &[SCENARIO, TOGETHER, MANY], problems);
        let benchmark = take(&mut given, "benchmark");
        let global = take(&mut given, "global");
        let services = take(&mut given, "services");
        if let Some(benchmark) = benchmark {
            match &benchmark.node.value {
                Value::Text(name) => self.name.clone_from(name),
                _ => {
                    given.extend(section::read("benchmark", &benchmark.node, &[SCENARIO, TOGETHER], problems))
                }
            }
        }
        let mut plan = Vec::new();
        if let Some(global) = global {
            let tables = [SCENARIO, TOGETHER, RESOURCES, JOB, PLAN];
            let mut all = section::read("global", &global.node, &tables, problems);
            if let Some(job) = take(&mut all, "resources") {
                given.extend(section::read(&job.name, &job.node, &[RESOURCES], problems));
            }
            let (of_loads, others) = all.into_iter().partition(|given| is_of_load(given.key.fate));
            plan = of_loads;
            given.extend::<Vec<_>>(others);
        }
        let parallel = take(&mut given, "parallel");
        let sequential = take(&mut given, "sequential");
        let zip = self.common(given, problems);
        let Some(services) = services else {
            problems.add(
                Problem::new(root.at, "the recipe needs the key `services`")
                    .hint("a list of services, each with its load"),
            );
            return;
        };
        let Value::List(members) = &services.node.value else {
            problems.add(Problem::new(
                services.node.at,
                format!("`services` must be a list, not {}", services.node.shown()),
            ));
            return;
        };
        if members.is_empty() {
            problems.add(Problem::new(
                services.node.at,
                "`services` is an empty list: nothing would be measured",
            ));
        }
        self.together = at_once(parallel, sequential, members.len(), problems);
        for member in members {
            self.member(member, &plan, members.len() > 1, problems);
        }
        self.walk_together(zip, problems);
    }

    /// One of several services.
    fn member(&mut self, member: &Node, plan: &[Given], is_one_of_many: bool, problems: &mut Problems) {
        let Some(service) = service_of(member, "services", &["service_type", "service", "type"], problems)
        else {
            return;
        };
        let mut given =
            section::read("services", member, &tables_of(service, &[MEMBER, JOB, PLAN, RESOURCES]), problems);
        if let Some(job) = take(&mut given, "resources") {
            given.extend(section::read(&job.name, &job.node, &[RESOURCES], problems));
        }
        let name = take(&mut given, "service_name")
            .and_then(|name| value::read(Kind::Text, &name.name, &name.node, problems));
        let name = identifier(name.as_ref().and_then(Json::as_str).unwrap_or(service.name()));
        if self.loads.iter().any(|load| load.name == name) {
            problems.add(
                Problem::new(member.at, format!("two services are called `{name}`"))
                    .hint("give each a `service_name` of its own: it is what it is called in results"),
            );
        }
        check_component(&mut given, service, problems);
        let (needed, given): (Vec<_>, Vec<_>) =
            given.into_iter().partition(|given| given.key.fate == Fate::Resource);
        self.needs(needed, problems);
        let prefix = if is_one_of_many && self.together { format!("{name}_") } else { String::new() };
        self.loads.push(Load::new(&name, service, given, plan.to_vec(), &prefix, member.at, problems));
    }
}

/// Whether several services are loaded at once.
fn at_once(
    parallel: Option<Given>,
    sequential: Option<Given>,
    services: usize,
    problems: &mut Problems,
) -> bool {
    let mut read = |given: &Option<Given>| {
        let given = given.as_ref()?;
        value::read(given.key.kind, &given.name, &given.node, problems)
    };
    let (at_once, in_line) = (read(&parallel), read(&sequential));
    let at_once = match at_once {
        Some(Json::Number(number)) => {
            let number = number.as_u64().unwrap_or(1);
            if number > 1
                && number < services as u64
                && let Some(parallel) = &parallel
            {
                let said = format!("`{}` is {number}, but there are {services} services", parallel.name);
                problems.add(
                    Problem::new(parallel.node.at, said)
                        .hint("all of them are loaded at once, or one after the other (1)"),
                );
            }
            Some(number > 1)
        }
        flag => flag.and_then(|flag| flag.as_bool()),
    };
    let in_line = in_line.and_then(|flag| flag.as_bool());
    if let (Some(at_once), Some(in_line), Some(sequential)) = (at_once, in_line, &sequential)
        && at_once == in_line
    {
        problems.add(
            Problem::new(sequential.at, "`parallel` and `sequential` contradict each other")
                .hint("keep one of them"),
        );
    }
    at_once.or(in_line.map(|in_line| !in_line)).unwrap_or(false)
}
