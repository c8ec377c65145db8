//! The forms of recipes in use, each read into the same loads.

use serde_json::{Map, Value as Json};

use super::{
    key::{
        Fate::{self, Form, Note},
        Key, Kind, key,
    },
    keys::{PLAN, RESOURCES, SCENARIO, TOGETHER},
    load::{Axis, Load, alone, identifier},
    problem::{At, Problem, Problems},
    section::{self, Given, take},
    services::{COMPONENTS, Service},
    value,
    yaml::{Node, Value},
};

/// A recipe, understood.
#[derive(Debug, Default)]
pub struct Recipe {
    pub name: String,
    pub question: Option<String>,
    /// Options of `scenario(...)`.
    pub options: Map<String, Json>,
    pub resources: Map<String, Json>,
    pub notes: Vec<String>,
    /// Axes that are walked together.
    pub zip: Vec<String>,
    pub loads: Vec<Load>,
    /// Whether the loads run at once.
    pub together: bool,
}

/// `scenario`, `workload`: one service.
pub const ONE: &[Key] = &[
    key(&["workload"], Kind::Section(&[WORKLOAD, PLAN]), Form, "the service, what is called, how much load"),
    key(&["resources"], Kind::Section(&[RESOURCES]), Form, "what it needs of a cluster"),
    key(&["artifacts"], Kind::Section(&[ARTIFACTS]), Form, "files that it needs"),
    key(&["binds"], Kind::Texts, Form, "folders that the container sees: `outside:inside`"),
    key(&["container", "image"], Kind::Text, Form, "the container image"),
    key(&["env"], Kind::Map, Form, "environment variables of the service"),
];
pub const WORKLOAD: &[Key] = &[
    key(&["service", "service_type", "type"], Kind::Text, Form, "what is measured"),
    key(&["component"], Kind::Word(COMPONENTS), Form, "what kind of service that is"),
];
pub const ARTIFACTS: &[Key] = &[
    key(&["container", "image"], Kind::Text, Form, "the container image"),
    key(&["dataset"], Kind::Text, Form, "a file of prompts"),
];

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

/// Reads a recipe. What cannot be read is a problem.
pub fn read(root: &Node, stem: &str, problems: &mut Problems) -> Recipe {
    let mut recipe = Recipe { name: stem.to_owned(), ..Recipe::default() };
    let has = |key: &str| root.get(key).is_some();
    if has("services") || has("benchmark") {
        recipe.many(root, problems);
    } else if has("workload") {
        recipe.one(root, problems);
    } else if has("client") || has("benchmarks") || (has("service") && has("configuration")) {
        recipe.pair(root, problems);
    } else {
        problems
            .add(Problem::new(root.at, "this is no recipe: it says neither what is measured nor how").hint(
            "a recipe has `workload:` for one service, `services:` for several, or `service:` and `client:`; \
                 `benchscript new NAME` makes a script",
        ));
    }
    recipe
}

impl Recipe {
    fn one(&mut self, root: &Node, problems: &mut Problems) {
        let mut given = section::read("the recipe", root, &[SCENARIO, RESOURCES, ONE], problems);
        if let Some(resources) = take(&mut given, "resources") {
            given.extend(section::read("resources", &resources.node, &[RESOURCES], problems));
        }
        let mut beside: Vec<(String, Node)> = Vec::new();
        if let Some(artifacts) = take(&mut given, "artifacts") {
            beside.push(("artifacts".to_owned(), artifacts.node));
        }
        for name in ["binds", "container", "env"] {
            beside.extend(take(&mut given, name).map(|given| ("the recipe".to_owned(), alone(given))));
        }
        let workload = take(&mut given, "workload");
        let zip = self.common(given, problems);
        let Some(workload) = workload.map(|given| given.node) else { return };
        let Some(service) = service_of(&workload, "workload", &["service", "service_type", "type"], problems)
        else {
            return;
        };
        let tables = tables_of(service, &[WORKLOAD, PLAN]);
        let mut given = section::read("workload", &workload, &tables, problems);
        for (what, node) in beside {
            given.extend(section::read(&what, &node, &tables_of(service, &[]), problems));
        }
        check_component(&mut given, service, problems);
        self.loads.push(Load::new(service.name(), service, given, Vec::new(), "", workload.at, problems));
        self.walk_together(zip, problems);
    }

    fn many(&mut self, root: &Node, problems: &mut Problems) {
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

    fn pair(&mut self, root: &Node, problems: &mut Problems) {
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

    /// Reads what every form has; names of lists that are walked together are returned.
    fn common(&mut self, mut given: Vec<Given>, problems: &mut Problems) -> Vec<(String, At)> {
        section::said_once(&given, problems);
        let mut zip = Vec::new();
        if let Some(together) = take(&mut given, "zip") {
            let names = value::read(Kind::Texts, "zip", &together.node, problems);
            let names = names.as_ref().and_then(Json::as_array).into_iter().flatten();
            zip.extend(names.filter_map(|name| Some((name.as_str()?.to_owned(), together.node.at))));
        }
        if let Some(question) = take(&mut given, "question") {
            let text = value::read(Kind::Text, &question.name, &question.node, problems);
            self.question = text.as_ref().and_then(Json::as_str).map(str::to_owned);
        }
        if let Some(notes) = take(&mut given, "notes") {
            let text = value::read(Kind::Text, "notes", &notes.node, problems);
            self.notes.extend(text.as_ref().and_then(Json::as_str).map(str::to_owned));
        }
        let (needed, given): (Vec<_>, Vec<_>) =
            given.into_iter().partition(|given| given.key.fate == Fate::Resource);
        self.needs(needed, problems);
        for given in given {
            let Some(value) = value::read(given.key.kind, &given.name, &given.node, problems) else {
                continue;
            };
            match given.key.fate {
                Note(label) => self.notes.push(format!("{label}: {}", plain(&value))),
                Fate::Scenario if given.key.is == "name" => {
                    self.name = plain(&value);
                    self.options.insert("name".to_owned(), value);
                }
                Fate::Scenario => drop(self.options.insert(given.key.is.to_owned(), value)),
                _ => {}
            }
        }
        zip
    }

    /// Adds to the resources; all services share one allocation.
    fn needs(&mut self, given: Vec<Given>, problems: &mut Problems) {
        for given in given {
            let Some(value) = value::read(given.key.kind, &given.name, &given.node, problems) else {
                continue;
            };
            match self.resources.get(given.key.is) {
                Some(known) if *known != value => {
                    let said =
                        format!("`{}` is {} here, but {} before", given.name, plain(&value), plain(known));
                    problems.add(
                        Problem::new(given.at, said).hint("all services of a recipe share one allocation"),
                    );
                }
                _ => drop(self.resources.insert(given.key.is.to_owned(), value)),
            }
        }
    }

    /// Finds the axes that are walked together, by the names that the recipe has for them.
    fn walk_together(&mut self, names: Vec<(String, At)>, problems: &mut Problems) {
        let axes: Vec<&Axis> = self.loads.iter().flat_map(|load| &load.axes).collect();
        for (name, at) in names {
            let mut keys = PLAN.iter().chain(self.loads.iter().flat_map(|load| {
                load.service.definition.iter().flat_map(|table| table.iter()).chain(load.service.calls)
            }));
            let is = keys.find(|key| key.names.contains(&name.as_str())).map_or(name.as_str(), |key| key.is);
            match axes.iter().find(|axis| axis.name == is) {
                Some(axis) => self.zip.push(axis.name.clone()),
                None => {
                    let known: Vec<&str> = axes.iter().map(|axis| axis.name.as_str()).collect();
                    let problem =
                        Problem::new(at, format!("`zip` names `{name}`, which is no list of the recipe"));
                    problems.add(problem.names(&name, "lists", &known));
                }
            }
        }
    }
}

/// The service that a section names.
fn service_of(node: &Node, what: &str, keys: &[&str], problems: &mut Problems) -> Option<&'static Service> {
    let Some((key, named)) = keys.iter().find_map(|key| Some((key, node.get(key)?))) else {
        if node.entries().is_none() {
            problems.add(Problem::new(node.at, format!("`{what}` must be a map, not {}", node.shown())));
            return None;
        }
        let names: Vec<&str> = super::services::SERVICES.iter().map(Service::name).collect();
        problems.add(
            Problem::new(node.at, format!("`{what}` needs the key `{}`", keys[0]))
                .hint(format!("services: {}", names.join(", "))),
        );
        return None;
    };
    let text = value::read(Kind::Text, key, named, problems)?;
    let name = text.as_str().unwrap_or_default().to_lowercase();
    let service = Service::named(&name);
    if service.is_none() {
        let problem = Problem::new(named.at, format!("there is no service `{name}`"));
        let near = crate::error::nearest(&name, &Service::all_names());
        problems.add(match near {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => {
                let names: Vec<&str> = super::services::SERVICES.iter().map(Service::name).collect();
                problem.hint(format!(
                    "services: {}; any server of HTTP is `http` with its `url`",
                    names.join(", ")
                ))
            }
        });
    }
    service
}

fn check_component(given: &mut Vec<Given>, service: &Service, problems: &mut Problems) {
    take(given, "service");
    let Some(component) = take(given, "component") else { return };
    let Some(named) = value::read(component.key.kind, &component.name, &component.node, problems) else {
        return;
    };
    if named != service.component {
        let said = format!(
            "`{}` is of the component `{}`, not {}",
            service.name(),
            service.component,
            component.node.shown()
        );
        problems
            .add(Problem::new(component.node.at, said).hint("leave `component` out: the service says it"));
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

fn is_of_load(fate: Fate) -> bool {
    matches!(fate, Fate::Plan | Fate::Settle)
}

/// The keys of a service after those of the form.
fn tables_of(service: &'static Service, form: &[&'static [Key]]) -> Vec<&'static [Key]> {
    let mut tables = form.to_vec();
    // Calls come first: what a service takes only there may be refused where it is started.
    tables.push(service.calls);
    tables.extend(service.definition);
    tables
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

/// A value as notes show it.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
