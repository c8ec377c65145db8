//! A recipe as the text of a declared scenario.

use serde_json::{Map, Value as Json, json};

use super::{
    forms::Recipe,
    literal,
    load::{Axis, Load},
};
use crate::measure::Span;

/// The order of a scenario's options, as a person writes them.
const OPTIONS: &[&str] = &[
    "name",
    "why",
    "seed",
    "repetitions",
    "retries",
    "sweep",
    "points",
    "zip",
    "group_by",
    "order",
    "cooldown",
    "timeout",
    "stop",
    "slo",
    "resources",
    "monitoring",
    "notes",
];

/// The script of a recipe that lies in `file`.
pub fn text(recipe: &Recipe, file: &str) -> String {
    let parts =
        [head(recipe, file), scenario(recipe), setup(recipe), calls(recipe), prepare(recipe), trial(recipe)];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

fn head(recipe: &Recipe, file: &str) -> String {
    let axes = axes(recipe);
    let by: Vec<String> = axes.iter().map(|axis| axis.name.replace('_', " ")).collect();
    let services: Vec<&str> = recipe.loads.iter().map(|load| load.service.name()).collect();
    let question = recipe.question.clone().unwrap_or_else(|| {
        let by = if by.is_empty() { String::new() } else { format!(", by {}", listed(&by)) };
        match recipe.loads.len() {
            1 => format!("What does {} carry{by}?", services[0]),
            _ if recipe.together => format!("What do {} carry at once{by}?", listed(&services)),
            _ => format!("What does each of {} carry{by}?", listed(&services)),
        }
    });
    let question: String = question.trim().lines().map(|line| format!("//! {}\n", line.trim())).collect();
    format!("{question}//!\n//! Made of the recipe {file}.\n")
}

fn scenario(recipe: &Recipe) -> String {
    let mut options = recipe.options.clone();
    options.insert("name".to_owned(), recipe.name.as_str().into());
    let axes = axes(recipe);
    if in_line(recipe) && recipe.loads.iter().any(|load| !load.axes.is_empty()) {
        let points = recipe.loads.iter().map(|load| {
            let mut point = Map::new();
            point.insert("service".to_owned(), load.name.as_str().into());
            for axis in &axes {
                let own = load.axes.iter().find(|own| own.name == axis.name).map(|own| &own.values);
                let fixed =
                    || [&load.plan, &load.calls, &load.definition].iter().find_map(|map| map.get(&axis.name));
                point.extend(own.or_else(fixed).map(|values| (axis.name.clone(), values.clone())));
            }
            literal::value(&Json::Object(point))
        });
        let points = points.map(|point| format!("        {point},\n")).collect::<String>();
        options.insert("points".to_owned(), literal::code(format!("recipe::points([\n{points}    ])")));
    } else if in_line(recipe) {
        let names: Vec<&str> = recipe.loads.iter().map(|load| load.name.as_str()).collect();
        options.insert("sweep".to_owned(), json!({ "service": names }));
    } else if !axes.is_empty() {
        let sweep = axes.iter().map(|axis| (axis.name.clone(), axis.values.clone())).collect();
        options.insert("sweep".to_owned(), Json::Object(sweep));
    }
    if !recipe.zip.is_empty() {
        options.insert("zip".to_owned(), recipe.zip.clone().into());
    }
    let restarts: Vec<String> =
        axes.iter().filter(|axis| axis.restarts).map(|axis| axis.name.clone()).collect();
    match (in_line(recipe), restarts.is_empty()) {
        (true, _) => {
            let by = ["service".to_owned()].into_iter().chain(restarts).collect::<Vec<_>>();
            options.insert("group_by".to_owned(), by.into());
        }
        (false, false) => drop(options.insert("group_by".to_owned(), restarts.into())),
        (false, true) => {}
    }
    if !recipe.resources.is_empty() {
        options.insert("resources".to_owned(), Json::Object(recipe.resources.clone()));
    }
    if !recipe.notes.is_empty() {
        options.insert("notes".to_owned(), recipe.notes.join("; ").into());
    }
    let ordered: Map<String, Json> =
        OPTIONS.iter().filter_map(|key| Some(((*key).to_owned(), options.get(*key)?.clone()))).collect();
    format!("scenario({});\n", literal::map(&ordered, 0, "scenario();".len()))
}

/// What starts the services, or says where they run.
fn setup(recipe: &Recipe) -> String {
    let parameter = if in_line(recipe) || axes(recipe).iter().any(|axis| axis.restarts) { "p" } else { "" };
    let head = format!("fn setup({parameter}) {{\n");
    match recipe.loads.as_slice() {
        [load] => match start(load) {
            Some(start) => {
                let comment = match load.service.name() {
                    "files" => "// The folder whose disk is measured.\n",
                    _ if load.place.is_some() && load.service.is_here => "// It runs already.\n",
                    _ => "// Started for the run, and gone after it.\n",
                };
                format!("{comment}{head}{}}}\n", settled(&start, load.settle.as_ref(), 4))
            }
            None => String::new(),
        },
        loads if in_line(recipe) => {
            let arms = loads.iter().map(|load| {
                let start = start(load).unwrap_or_else(|| "()".to_owned());
                match &load.settle {
                    None => format!("        \"{}\" => {start},\n", load.name),
                    settle => {
                        format!(
                            "        \"{}\" => {{\n{}        }}\n",
                            load.name,
                            settled(&start, settle.as_ref(), 12)
                        )
                    }
                }
            });
            let arms = arms.collect::<String>();
            format!(
                "// Each is alone while it is measured.\n{head}    switch p.service {{\n{arms}    }}\n}}\n"
            )
        }
        loads => {
            let fields = loads.iter().map(|load| {
                let start = start(load).unwrap_or_else(|| "()".to_owned());
                format!("        {}: {start},\n", load.name)
            });
            let servers = format!("#{{\n{}    }}", fields.collect::<String>());
            let longest = loads
                .iter()
                .filter_map(|load| load.settle.as_ref())
                .max_by_key(|settle| settle.as_str().and_then(|text| text.parse::<Span>().ok()));
            format!("// Started for the run, and gone after it.\n{head}{}}}\n", settled(&servers, longest, 4))
        }
    }
}

/// An expression, and a pause after it.
fn settled(start: &str, settle: Option<&Json>, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match settle {
        None => format!("{pad}{start}\n"),
        Some(settle) => {
            format!("{pad}let server = {start};\n{pad}sleep({});\n{pad}server\n", literal::value(settle))
        }
    }
}

/// The expression that starts a service, or says where it runs.
fn start(load: &Load) -> Option<String> {
    let name = load.service.name();
    let arguments = |map: &Map<String, Json>| match map.is_empty() {
        true => String::new(),
        false => literal::map(map, 4, 30),
    };
    if !load.service.is_here {
        let mut settings = load.definition.clone();
        settings.extend(load.place.clone().map(|place| ("url".to_owned(), place)));
        return Some(format!("recipe::start(\"{name}\", {})", literal::map(&settings, 4, 40)));
    }
    if let Some(place) = &load.place {
        return Some(literal::value(place));
    }
    match name {
        "http" => Some(format!("target::http({}).url", literal::map(&load.definition, 4, 30))),
        "command" if load.definition.is_empty() => None,
        "command" => Some(format!("recipe::start_command({})", arguments(&load.definition))),
        _ => Some(format!("{name}::start({})", arguments(&load.definition))),
    }
}

/// What is called, where both its preparation and the load need to know.
fn calls(recipe: &Recipe) -> String {
    let prepared: Vec<&Load> = recipe.loads.iter().filter(|load| load.is_prepared()).collect();
    let functions = prepared.iter().map(|load| {
        let calls = literal::map(&load.calls, 4, 4);
        format!("fn {}(p) {{\n    {calls}\n}}\n", calls_name(recipe, load))
    });
    let functions = functions.collect::<Vec<_>>().join("\n");
    if functions.is_empty() { functions } else { format!("// What is called.\n{functions}") }
}

fn calls_name(recipe: &Recipe, load: &Load) -> String {
    if recipe.loads.len() == 1 { "calls".to_owned() } else { format!("{}_calls", load.name) }
}

/// What must be there before the calls.
fn prepare(recipe: &Recipe) -> String {
    let one = |load: &Load| {
        let service = if load.service.name() == "minio" { "s3" } else { load.service.name() };
        format!("recipe::prepare_{service}({}, {}(p))", server(recipe, load), calls_name(recipe, load))
    };
    let prepared: Vec<&Load> = recipe.loads.iter().filter(|load| load.is_prepared()).collect();
    if prepared.is_empty() {
        return String::new();
    }
    let body = if in_line(recipe) {
        let arms = prepared.iter().map(|load| format!("        \"{}\" => {},\n", load.name, one(load)));
        let others = if prepared.len() < recipe.loads.len() { "        _ => {}\n" } else { "" };
        format!("    switch p.service {{\n{}{others}    }}\n", arms.collect::<String>())
    } else {
        prepared.iter().map(|load| format!("    {};\n", one(load))).collect()
    };
    format!(
        "// What must be there before; made anew for each trial, and not measured.\nfn prepare(server, p) {{\n{body}}}\n"
    )
}

fn trial(recipe: &Recipe) -> String {
    let run = |load: &Load, indent: usize| {
        let operation = operation(recipe, load, indent);
        let line = format!("load::run({operation}, {})", literal::value(&Json::Object(load.plan.clone())));
        let fits = indent + line.len() <= 120 && !operation.contains('\n');
        if fits {
            return line;
        }
        let pad = " ".repeat(indent);
        let plan = literal::map(&load.plan, indent + 4, indent + 4);
        format!(
            "load::run(\n{pad}    {},\n{pad}    {plan},\n{pad})",
            self::operation(recipe, load, indent + 4)
        )
    };
    let body = match recipe.loads.as_slice() {
        [load] => run(load, 4),
        loads if in_line(recipe) => {
            let arms = loads.iter().map(|load| format!("        \"{}\" => {},\n", load.name, run(load, 8)));
            format!("switch p.service {{\n{}    }}", arms.collect::<String>())
        }
        loads => {
            let groups = loads.iter().map(|load| {
                let operation = operation(recipe, load, 8);
                let plan = literal::map(&load.plan, 8, 12 + load.name.len() + operation.len());
                format!("        {}: [{operation}, {plan}],\n", load.name)
            });
            format!("load::together(#{{\n{}    }})", groups.collect::<String>())
        }
    };
    let comment =
        if axes(recipe).is_empty() && !in_line(recipe) { "" } else { "// One point of the sweep.\n" };
    format!("{comment}fn trial(server, p) {{\n    {body}\n}}\n")
}

/// The expression of what is called.
fn operation(recipe: &Recipe, load: &Load, indent: usize) -> String {
    let server = server(recipe, load);
    let options = if load.is_prepared() {
        format!("{}(p)", calls_name(recipe, load))
    } else {
        literal::map(&load.calls, indent, indent + 30)
    };
    match load.service.name() {
        "minio" => format!("recipe::s3({server}, {options})"),
        name if load.service.is_here => format!("recipe::{name}({server}, {options})"),
        name => format!("recipe::operation(\"{name}\", {server}, {options})"),
    }
}

fn server(recipe: &Recipe, load: &Load) -> String {
    if recipe.loads.len() == 1 || in_line(recipe) {
        "server".to_owned()
    } else {
        format!("server.{}", load.name)
    }
}

/// Whether several services are measured one after the other.
fn in_line(recipe: &Recipe) -> bool {
    recipe.loads.len() > 1 && !recipe.together
}

/// The axes of all loads, each once.
fn axes(recipe: &Recipe) -> Vec<&Axis> {
    let mut axes: Vec<&Axis> = Vec::new();
    for axis in recipe.loads.iter().flat_map(|load| &load.axes) {
        if axes.iter().all(|known| known.name != axis.name) {
            axes.push(axis);
        }
    }
    axes
}

/// `a, b and c`.
fn listed(words: &[impl AsRef<str>]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}
