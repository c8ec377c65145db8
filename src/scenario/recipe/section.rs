//! A map of a recipe, held against the keys that it may have.

use super::{
    key::{Fate, Key, Kind},
    keys::{PLAN, RESOURCES, SCENARIO, TOGETHER},
    problem::{At, Problem, Problems},
    services::SERVICES,
    yaml::Node,
};

/// One key of a recipe with its value.
#[derive(Debug, Clone)]
pub struct Given {
    pub key: &'static Key,
    /// As it is written.
    pub name: String,
    pub at: At,
    pub node: Node,
}

/// The known keys of a map, in its order. Everything else is a problem: a key that nobody reads would look as if it counted.
pub fn read(what: &str, node: &Node, tables: &[&'static [Key]], problems: &mut Problems) -> Vec<Given> {
    let Some(entries) = node.entries() else {
        problems.add(Problem::new(node.at, format!("{} must be a map, not {}", shown(what), node.shown())));
        return Vec::new();
    };
    let mut given: Vec<Given> = Vec::new();
    for entry in entries {
        let mut keys = tables.iter().flat_map(|table| table.iter());
        let Some(key) = keys.find(|key| key.names.contains(&entry.key.as_str())) else {
            problems.add(unknown(what, &entry.key, entry.at, tables));
            continue;
        };
        match key.fate {
            Fate::Refused(reason) => {
                problems.add(
                    Problem::new(entry.at, format!("`{}` has no place in {}", entry.key, shown(what)))
                        .hint(reason),
                );
            }
            // A key that only this kind of service has goes deeper.
            Fate::Inline => {
                if let Kind::Section(inner) = key.kind {
                    given.extend(read(&entry.key, &entry.node, inner, problems));
                }
            }
            _ => given.push(Given { key, name: entry.key.clone(), at: entry.at, node: entry.node.clone() }),
        }
    }
    given
}

/// Refuses two keys that say the same.
pub fn said_once(given: &[Given], problems: &mut Problems) {
    for (at, later) in given.iter().enumerate() {
        let same = |earlier: &&Given| earlier.key.is == later.key.is && earlier.key.fate == later.key.fate;
        if let Some(earlier) = given[..at].iter().find(same) {
            let said = format!(
                "`{}` says again what `{}` in line {} says",
                later.name, earlier.name, earlier.at.line
            );
            problems.add(Problem::new(later.at, said).hint("keep one of them"));
        }
    }
}

/// Takes the keys out that the form itself reads; the first with this name.
pub fn take(given: &mut Vec<Given>, is: &str) -> Option<Given> {
    let at = given.iter().position(|given| given.key.is == is && matches!(given.key.fate, Fate::Form))?;
    Some(given.remove(at))
}

fn unknown(what: &str, name: &str, at: At, tables: &[&'static [Key]]) -> Problem {
    let problem = Problem::new(at, format!("{} has no key `{name}`", shown(what)));
    let known: Vec<&str> = tables
        .iter()
        .flat_map(|table| table.iter())
        .filter(|key| !matches!(key.fate, Fate::Refused(_)))
        .flat_map(|key| key.names.iter().copied())
        .collect();
    let elsewhere = [
        (PLAN, "it is a key of the load, beside `concurrency`"),
        (SCENARIO, "it is a key of the whole scenario, beside its name"),
        (RESOURCES, "it is a key of `resources`"),
        (TOGETHER, "it is a key of recipes with several `services`"),
    ];
    if let Some((_, place)) =
        elsewhere.iter().find(|(table, _)| table.iter().any(|key| key.names.contains(&name)))
    {
        return problem.hint(*place);
    }
    let mut others = SERVICES.iter().filter(|service| {
        let mut keys = service.definition.iter().flat_map(|table| table.iter()).chain(service.calls);
        keys.any(|key| key.names.contains(&name) && !matches!(key.fate, Fate::Refused(_)))
    });
    if let Some(service) = others.next() {
        return problem.hint(format!("it is a key of `{}`", service.name()));
    }
    if let Some(near) = crate::error::nearest(name, &known) {
        return problem.hint(format!("did you mean `{near}`?"));
    }
    let tables = tables.iter().flat_map(|table| table.iter());
    let first: Vec<&str> =
        tables.filter(|key| !matches!(key.fate, Fate::Refused(_))).map(|key| key.names[0]).collect();
    problem.hint(format!("keys: {}", first.join(", ")))
}

/// A section as messages name it.
fn shown(what: &str) -> String {
    if what.contains(' ') { what.to_owned() } else { format!("`{what}`") }
}
