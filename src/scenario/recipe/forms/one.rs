//! One service: `scenario`, `workload`, `resources`, `artifacts`.

use super::{Recipe, check_component, service_of, tables_of};
use crate::scenario::recipe::{
    key::{Fate::Form, Key, Kind, key},
    keys::{PLAN, RESOURCES, SCENARIO},
    load::{Load, alone},
    problem::Problems,
    section::{self, take},
    services::COMPONENTS,
    yaml::Node,
};

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

impl Recipe {
    pub(super) fn one(&mut self, root: &Node, problems: &mut Problems) {
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
}
