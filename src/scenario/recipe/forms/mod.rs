//! The forms of recipes in use, each read into the same loads.

mod many;
mod one;
mod pair;

use serde_json::{Map, Value as Json};

pub use self::{
    many::{JOB, MANY, MEMBER},
    one::{ARTIFACTS, ONE, WORKLOAD},
    pair::{BENCHMARKS, CLIENT, CONFIGURATION, PAIR, SETTINGS},
};
use super::{
    key::{
        Fate::{self, Note},
        Key, Kind,
    },
    keys::PLAN,
    load::{Axis, Load},
    problem::{At, Problem, Problems},
    section::{self, Given, take},
    services::{SERVICES, Service},
    value,
    yaml::Node,
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

/// Reads a recipe. What cannot be read is a problem.
pub fn read(root: &Node, stem: &str, problems: &mut Problems) -> Recipe {
    let mut recipe = Recipe { name: stem.to_owned(), ..Recipe::default() };
    let has = |key: &str| root.get(key).is_some();
    if has("services") || has("benchmark") {
        recipe.many(root, problems);
    } else if has("workload") {
        recipe.one(root, problems);
    } else if has("service") || has("client") {
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
        let names: Vec<&str> = SERVICES.iter().map(Service::name).collect();
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
                let names: Vec<&str> = SERVICES.iter().map(Service::name).collect();
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

/// A value as notes show it.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
