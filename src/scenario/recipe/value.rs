//! The values of a recipe, read as their keys say.

use serde_json::{Map, Number, Value as Json, json};

use super::{
    key::Kind,
    literal::{self, code},
    problem::{Problem, Problems},
    variables::{Part, expanded, parts},
    yaml::{Node, Value},
};
use crate::measure::{Size, Span, secrets};

/// Objectives that a scenario can have, by the kind of their limits.
pub const OBJECTIVES: &[(&str, Kind)] = &[
    ("p50", Kind::Time),
    ("p90", Kind::Time),
    ("p95", Kind::Time),
    ("p99", Kind::Time),
    ("p999", Kind::Time),
    ("ttft_p50", Kind::Time),
    ("ttft_p90", Kind::Time),
    ("ttft_p95", Kind::Time),
    ("ttft_p99", Kind::Time),
    ("error_rate", Kind::Share),
    ("throughput", Kind::Number),
];

/// When to go no further.
pub const STOP: &[(&str, Kind)] =
    &[("failures", Kind::Whole(1)), ("error_rate", Kind::Share), ("after", Kind::Time)];

/// The value of `name`, of one kind. `None` after a problem.
pub fn read(kind: Kind, name: &str, node: &Node, problems: &mut Problems) -> Option<Json> {
    let wrong = |problems: &mut Problems, wanted: &str| {
        problems.add(Problem::new(node.at, format!("`{name}` must be {wanted}, not {}", node.shown())));
        None
    };
    // Where a variable stands, its text may be a number.
    let node = &match &node.value {
        Value::Text(text) if !matches!(kind, Kind::Command | Kind::Map) => {
            let filled = expanded(text, node.at, problems);
            let changed = *text != filled;
            let number = || serde_json::from_str::<Number>(&filled).ok().map(Value::Number);
            let flag = || filled.parse().ok().map(Value::Flag);
            let value = if changed { number().or_else(flag) } else { None };
            Node { value: value.unwrap_or(Value::Text(filled)), at: node.at }
        }
        _ => node.clone(),
    };
    match (kind, &node.value) {
        (Kind::Text | Kind::Command, Value::Text(text)) => Some(text.as_str().into()),
        // `model: 7` or `password: 123` is a text to those who write it.
        (Kind::Text, Value::Number(number)) => Some(number.to_string().into()),
        (Kind::Text, _) => wrong(problems, "a text"),
        (Kind::Whole(least), Value::Number(number)) => match number.as_u64() {
            Some(whole) if whole >= least => Some(whole.into()),
            _ => wrong(problems, &format!("a whole number of {least} or more")),
        },
        (Kind::Whole(least), _) => wrong(problems, &format!("a whole number of {least} or more")),
        (Kind::Number, Value::Number(number)) if number.as_f64() > Some(0.0) => {
            Some(Json::Number(number.clone()))
        }
        (Kind::Number, _) => wrong(problems, "a number above 0"),
        (Kind::Share, Value::Number(number)) if (0.0..=1.0).contains(&number.as_f64()?) => {
            Some(Json::Number(number.clone()))
        }
        (Kind::Share, _) => wrong(problems, "a number from 0 to 1"),
        (Kind::Time, value) => match time(value) {
            Some(span) => Some(span.to_string().into()),
            None => wrong(problems, "a time such as `30s` or `5m`, or a number of seconds"),
        },
        (Kind::Size, value) => match size(value) {
            Some(size) => Some(size),
            None => wrong(problems, "a size such as `4 KiB` or `10 MB`, or a number of bytes"),
        },
        (Kind::Flag, Value::Flag(flag)) => Some((*flag).into()),
        (Kind::Flag, _) => wrong(problems, "true or false"),
        (Kind::Only(only), Value::Flag(flag)) if *flag == only => Some(only.into()),
        (Kind::Only(only), _) => wrong(problems, &only.to_string()),
        (Kind::Word(words), Value::Text(text)) if words.contains(&text.as_str()) => {
            Some(text.as_str().into())
        }
        (Kind::Word(words), Value::Text(text)) => {
            let problem = Problem::new(node.at, format!("`{name}` cannot be {}", node.shown()));
            problems.add(problem.names(text, "it may be", words));
            None
        }
        (Kind::Word(words), _) => wrong(problems, &format!("one of {}", words.join(", "))),
        (Kind::WallTime, value) => match wall_time(value) {
            Some(text) => Some(text.into()),
            None => wrong(problems, "a time such as \"01:30:00\" or \"1-00:00:00\", or a number of minutes"),
        },
        (Kind::Memory, Value::Text(text)) if is_memory(text) => Some(text.as_str().into()),
        (Kind::Memory, _) => wrong(problems, "an amount of memory with its unit, such as \"32G\""),
        (Kind::Gigabytes, Value::Number(number)) if number.as_u64() > Some(0) => {
            Some(format!("{number}G").into())
        }
        (Kind::Gigabytes, _) => wrong(problems, "a whole number of gigabytes"),
        (Kind::Texts, Value::Text(text)) => Some(json!([text])),
        (Kind::Texts | Kind::Command, Value::List(nodes)) => {
            let inner = if matches!(kind, Kind::Texts) { Kind::Text } else { Kind::Command };
            let texts: Vec<_> = nodes.iter().map(|node| read(inner, name, node, problems)).collect();
            texts.into_iter().collect::<Option<Vec<_>>>().map(Json::Array)
        }
        (Kind::Texts, _) => wrong(problems, "a list of texts"),
        (Kind::Command, _) => wrong(problems, "a line for a shell, or a list of a program and its arguments"),
        (Kind::Mix, _) => mix(name, node, problems),
        (Kind::Sizes, _) => sizes(name, node, problems),
        (Kind::Map, Value::Map(_)) => any(node, problems),
        (Kind::Map, _) => wrong(problems, "a map"),
        (Kind::Maps, Value::List(nodes)) if nodes.iter().all(|node| node.entries().is_some()) => {
            any(node, problems)
        }
        (Kind::Maps, _) => wrong(problems, "a list of maps"),
        (Kind::Slo, Value::Map(entries)) => {
            let mut objectives = Map::new();
            for entry in entries {
                match OBJECTIVES.iter().find(|(known, _)| *known == entry.key) {
                    Some((known, kind)) => {
                        let limit = read(*kind, &format!("{name}.{known}"), &entry.node, problems)?;
                        objectives.insert((*known).to_owned(), limit);
                    }
                    None => {
                        let known: Vec<&str> = OBJECTIVES.iter().map(|(known, _)| *known).collect();
                        let problem =
                            Problem::new(entry.at, format!("`{name}` has no objective `{}`", entry.key));
                        problems.add(problem.names(&entry.key, "objectives", &known));
                    }
                }
            }
            Some(Json::Object(objectives))
        }
        (Kind::Slo, _) => wrong(problems, "a map such as `{ p99: 50ms, error_rate: 0.001 }`"),
        (Kind::Retries, Value::Number(_)) => read(Kind::Whole(0), name, node, problems),
        (Kind::Retries, Value::Map(_)) => {
            map_of(name, node, &[("count", Kind::Whole(0)), ("backoff", Kind::Time)], problems)
        }
        (Kind::Retries, _) => wrong(problems, "a whole number, or a map of `count` and `backoff`"),
        (Kind::Stop, Value::Map(_)) => map_of(name, node, STOP, problems),
        (Kind::Stop, _) => wrong(problems, "a map such as `{ error_rate: 0.5 }`"),
        (Kind::Parallel, Value::Flag(flag)) => Some((*flag).into()),
        (Kind::Parallel, Value::Number(_)) => read(Kind::Whole(1), name, node, problems),
        (Kind::Parallel, _) => wrong(problems, "true, false or a number of services"),
        (Kind::Section(_), _) => wrong(problems, "a map"),
    }
}

/// A map with known keys.
pub fn map_of(name: &str, node: &Node, keys: &[(&str, Kind)], problems: &mut Problems) -> Option<Json> {
    let mut map = Map::new();
    for entry in node.entries()? {
        match keys.iter().find(|(known, _)| *known == entry.key) {
            Some((known, kind)) => {
                let value = read(*kind, &format!("{name}.{known}"), &entry.node, problems)?;
                map.insert((*known).to_owned(), value);
            }
            None => {
                let known: Vec<&str> = keys.iter().map(|(known, _)| *known).collect();
                let problem = Problem::new(entry.at, format!("`{name}` has no key `{}`", entry.key));
                problems.add(problem.names(&entry.key, "keys", &known));
                return None;
            }
        }
    }
    Some(Json::Object(map))
}

fn time(value: &Value) -> Option<Span> {
    match value {
        Value::Text(text) => text.parse().ok(),
        Value::Number(number) => Span::from_seconds(number.as_f64()?).ok(),
        _ => None,
    }
}

/// As it was written where that is a text; a number of bytes in its unit where it is a round one.
fn size(value: &Value) -> Option<Json> {
    match value {
        Value::Text(text) => text.parse::<Size>().ok().map(|_| text.as_str().into()),
        Value::Number(number) => {
            let bytes = number.as_u64()?;
            let is_round = bytes >= 1024 && bytes % 1024 == 0;
            Some(if is_round { Size(bytes).to_string().into() } else { bytes.into() })
        }
        _ => None,
    }
}

fn wall_time(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => {
            number.as_u64().filter(|minutes| *minutes > 0).map(|minutes| minutes.to_string())
        }
        Value::Text(text) => {
            let (days, rest) = text.split_once('-').unwrap_or(("0", text));
            let mut parts = rest.split(':');
            let are_numbers =
                parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
            let count = rest.split(':').count();
            (are_numbers && count <= 3 && days.parse::<u32>().is_ok()).then(|| text.clone())
        }
        _ => None,
    }
}

fn is_memory(text: &str) -> bool {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    number.parse::<u64>().is_ok_and(|number| number > 0) && ["K", "M", "G", "T"].contains(&unit)
}

/// Names by weight.
fn mix(name: &str, node: &Node, problems: &mut Problems) -> Option<Json> {
    let wrong = |problems: &mut Problems| {
        let problem = match node.value {
            Value::Map(_) => {
                format!("`{name}` must give its operations whole numbers as weights, one of them above 0")
            }
            _ => format!("`{name}` must be operations by weight, not {}", node.shown()),
        };
        problems
            .add(Problem::new(node.at, problem).hint("write `{ get: 80, set: 20 }` or \"get:set=80:20\""));
        None
    };
    let weights: Option<Vec<(String, u64)>> = match &node.value {
        Value::Map(entries) => {
            let weight = |node: &Node| match &node.value {
                Value::Number(number) => number.as_u64().or_else(|| percent(number.as_f64()?)),
                _ => None,
            };
            entries.iter().map(|entry| Some((entry.key.clone(), weight(&entry.node)?))).collect()
        }
        Value::Text(text) => text.split_once('=').and_then(|(names, weights)| {
            let names: Vec<&str> = names.split(':').map(str::trim).collect();
            let weights: Option<Vec<u64>> =
                weights.split(':').map(|weight| weight.trim().parse().ok()).collect();
            let weights = weights.filter(|weights| weights.len() == names.len())?;
            Some(names.into_iter().map(str::to_owned).zip(weights).collect())
        }),
        _ => None,
    };
    match weights {
        Some(weights) if weights.iter().any(|(_, weight)| *weight > 0) => {
            Some(Json::Object(weights.into_iter().map(|(name, weight)| (name, weight.into())).collect()))
        }
        _ => wrong(problems),
    }
}

/// A share of 0.25 as a weight of 25.
fn percent(share: f64) -> Option<u64> {
    let percent = share * 100.0;
    ((0.0..=100.0).contains(&percent) && (percent - percent.round()).abs() < 1e-9)
        .then_some(percent.round() as u64)
}

/// `[[weight, size], ...]`.
fn sizes(name: &str, node: &Node, problems: &mut Problems) -> Option<Json> {
    let number = |node: &Node| match &node.value {
        Value::Number(number) if number.as_f64() >= Some(0.0) => Some(Json::Number(number.clone())),
        _ => None,
    };
    let pair = |node: &Node| match &node.value {
        Value::List(pair) if pair.len() == 2 => Some(json!([number(&pair[0])?, size(&pair[1].value)?])),
        Value::List(_) => None,
        value => Some(json!([1, size(value)?])),
    };
    let pairs: Option<Vec<Json>> = match &node.value {
        Value::List(nodes) => nodes.iter().map(pair).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| Some(json!([number(&entry.node)?, size(&Value::Text(entry.key.clone()))?])))
            .collect(),
        value => size(value).map(|size| vec![json!([1, size])]),
    };
    match pairs.filter(|pairs| !pairs.is_empty()) {
        Some(pairs) => Some(Json::Array(pairs)),
        None => {
            let problem = match node.value {
                Value::Map(_) | Value::List(_) => {
                    format!("`{name}` must be sizes, with numbers as their weights")
                }
                _ => format!("`{name}` must be sizes by weight, not {}", node.shown()),
            };
            problems.add(
                Problem::new(node.at, problem).hint("write `{ 4 KiB: 90, 1 MiB: 10 }` or a list of sizes"),
            );
            None
        }
    }
}

/// Any value, its variables filled in. Secrets do not get into a script: it asks the environment for them.
fn any(node: &Node, problems: &mut Problems) -> Option<Json> {
    Some(match &node.value {
        Value::Nothing => Json::Null,
        Value::Flag(flag) => (*flag).into(),
        Value::Number(number) => Json::Number(number.clone()),
        Value::Text(text) => expanded(text, node.at, problems).into(),
        Value::List(nodes) => {
            Json::Array(nodes.iter().map(|node| any(node, problems)).collect::<Option<_>>()?)
        }
        Value::Map(entries) => {
            let entries = entries.iter().map(|entry| {
                let value = match &entry.node.value {
                    Value::Text(text) if secrets::is_secret(&entry.key) => {
                        secret(&entry.key, text, &entry.node, problems)
                    }
                    _ => any(&entry.node, problems),
                };
                Some((entry.key.clone(), value?))
            });
            Json::Object(entries.collect::<Option<_>>()?)
        }
    })
}

/// A secret as an expression that asks the environment for it.
fn secret(key: &str, text: &str, node: &Node, problems: &mut Problems) -> Option<Json> {
    if !parts(text).iter().any(|part| matches!(part, Part::Variable { .. })) {
        problems.add(
            Problem::new(
                node.at,
                format!("the secret `{key}` stands in the recipe, which is stored with every run"),
            )
            .hint("keep it in an environment variable, and write its name: `$NAME`")
            .secret(),
        );
        return None;
    }
    Some(asked(text, node, problems))
}

/// A URL. Where a variable may hold its password, the script asks the environment for it.
pub fn url(name: &str, node: &Node, problems: &mut Problems) -> Option<Json> {
    match &node.value {
        Value::Text(text) if text.contains('@') && text.contains('$') => Some(asked(text, node, problems)),
        _ => read(Kind::Text, name, node, problems),
    }
}

/// A text as an expression: its variables must be set, but what they hold is left where it is.
fn asked(text: &str, node: &Node, problems: &mut Problems) -> Json {
    expanded(text, node.at, problems);
    let written = parts(text).into_iter().map(|part| match part {
        Part::Text(text) => literal::text(text),
        Part::Variable { name, default: None } => format!("env({})", literal::text(name)),
        Part::Variable { name, default: Some(default) } => {
            format!("env({}, {})", literal::text(name), literal::text(default))
        }
    });
    code(written.collect::<Vec<_>>().join(" + "))
}
