//! The JSON Schema of recipes, made of the same tables that they are checked against.

use serde_json::{Map, Value as Json, json};

use super::{
    forms::{ARTIFACTS, BENCHMARKS, CLIENT, CONFIGURATION, JOB, MANY, MEMBER, ONE, PAIR, SETTINGS, WORKLOAD},
    key::{Fate, Key, Kind},
    keys::{PLAN, RESOURCES, SCENARIO, TOGETHER},
    services::{SERVICES, Service},
    value::{OBJECTIVES, STOP},
};

/// The schema that `docs/schema/recipe.schema.json` holds.
pub fn schema() -> Json {
    let mut page = Page::default();
    let definitions: Vec<&[Key]> =
        SERVICES.iter().flat_map(|service| service.definition.iter().copied()).collect();
    let calls: Vec<&[Key]> = SERVICES.iter().map(|service| service.calls).collect();
    for (name, tables) in [
        ("scenario", &[SCENARIO][..]),
        ("together", &[TOGETHER]),
        ("resources", &[RESOURCES]),
        ("load", &[PLAN]),
        ("service", &definitions),
        ("calls", &calls),
    ] {
        let properties = page.properties(tables);
        page.definitions.insert(name.to_owned(), json!({ "properties": properties }));
    }
    let one = page.section(
        &["scenario", "resources"],
        &[ONE],
        &[
            ("workload", &["load", "service", "calls"], &[WORKLOAD]),
            ("resources", &["resources"], &[]),
            ("artifacts", &[], &[ARTIFACTS]),
        ],
        "workload",
    );
    let mut many = page.section(
        &["scenario", "together"],
        &[MANY],
        &[("global", &["scenario", "together", "resources", "load"], &[JOB])],
        "services",
    );
    let member = page.section(&["load", "resources", "service", "calls"], &[MEMBER, JOB], &[], "");
    many["properties"]["services"] = json!({ "type": "array", "minItems": 1, "items": member });
    let benchmark = page.section(&["scenario", "together"], &[], &[], "");
    many["properties"]["benchmark"] = json!({ "anyOf": [{ "type": "string" }, benchmark] });
    let mut pair = page.section(
        &["scenario"],
        &[PAIR],
        &[
            ("configuration", &["scenario"], &[CONFIGURATION]),
            ("benchmarks", &["scenario", "load"], &[BENCHMARKS]),
        ],
        "service",
    );
    pair["properties"]["service"] = page.section(
        &["resources", "service"],
        &[MEMBER, JOB, SETTINGS],
        &[("settings", &["service"], &[])],
        "",
    );
    pair["properties"]["client"] = page.section(
        &["resources", "load", "service", "calls"],
        &[CLIENT],
        &[("settings", &["load", "service", "calls"], &[])],
        "",
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A benchscript recipe",
        "description": "One service (`workload`), several (`services`), or a service and its client (`service`, `client`). \
                        `benchscript check` knows more: which keys belong to which service, for example.",
        "anyOf": [one, many, pair],
        "$defs": page.definitions,
    })
}

/// A map within another: its key, the definitions whose keys it has, and its own keys.
type Part<'a> = (&'a str, &'a [&'a str], &'a [&'static [Key]]);

/// What is said once.
#[derive(Default)]
struct Page {
    definitions: Map<String, Json>,
}

impl Page {
    /// A map with the keys of some definitions and tables, and with maps in it.
    fn section(&mut self, of: &[&str], tables: &[&'static [Key]], parts: &[Part], required: &str) -> Json {
        let mut properties = self.properties(tables);
        for (name, of, tables) in parts {
            let part = self.section(of, tables, &[], "");
            for key in tables_with(name, &properties) {
                properties.insert(key, part.clone());
            }
        }
        let all: Vec<Json> = of.iter().map(|name| json!({ "$ref": format!("#/$defs/{name}") })).collect();
        let mut section =
            json!({ "type": "object", "properties": properties, "unevaluatedProperties": false });
        if !all.is_empty() {
            section["allOf"] = all.into();
        }
        if !required.is_empty() {
            section["required"] = json!([required]);
        }
        section
    }

    /// What stands behind each key of some tables; where services differ, any of it.
    fn properties(&mut self, tables: &[&'static [Key]]) -> Map<String, Json> {
        let mut properties: Map<String, Json> = Map::new();
        let keys = tables.iter().flat_map(|table| table.iter());
        for key in keys.filter(|key| !matches!(key.fate, Fate::Refused(_))) {
            for name in key.names {
                let mut schema = self.described(key);
                if *name != key.names[0] {
                    schema["description"] = format!("the same as `{}`", key.names[0]).into();
                }
                match properties.get_mut(*name) {
                    None => drop(properties.insert((*name).to_owned(), schema)),
                    Some(known) if *known == schema => {}
                    Some(known) => {
                        let mut any =
                            known["anyOf"].as_array().cloned().unwrap_or_else(|| vec![known.clone()]);
                        if !any.contains(&schema) {
                            any.push(schema);
                        }
                        *known = json!({ "anyOf": any });
                    }
                }
            }
        }
        properties
    }

    /// A key's values: one, several where that is a list of points, or a text with a variable.
    fn described(&mut self, key: &Key) -> Json {
        let is_service = key.is == "service" && key.fate == Fate::Form;
        let sweeps = key.kind.sweeps() && matches!(key.fate, Fate::Definition | Fate::Calls | Fate::Plan);
        let one = match key.kind {
            Kind::Text if is_service => json!({ "enum": Service::all_names() }),
            Kind::Section(tables) => self.section(&[], tables, &[], ""),
            kind => of(kind),
        };
        let mut any = vec![one.clone()];
        if sweeps {
            any.push(json!({ "type": "array", "minItems": 1, "items": one }));
        }
        if sweeps && key.kind.is_number() {
            any.push(self.define("range", range()));
        }
        if !matches!(key.kind, Kind::Text) {
            any.push(json!({ "type": "string", "pattern": "\\$" }));
        }
        let all = if any.len() == 1 { one } else { json!({ "anyOf": any }) };
        let mut schema = match name_of(key.kind).filter(|_| !is_service) {
            Some(name) if sweeps => self.define(&format!("{name}_swept"), all),
            Some(name) => self.define(&name, all),
            None => all,
        };
        schema["description"] = key.about.into();
        schema
    }

    fn define(&mut self, name: &str, schema: Json) -> Json {
        self.definitions.entry(name).or_insert(schema);
        json!({ "$ref": format!("#/$defs/{name}") })
    }
}

/// The name of a kind whose values are described once.
fn name_of(kind: Kind) -> Option<String> {
    Some(match kind {
        Kind::Word(_) | Kind::Section(_) | Kind::Only(_) => return None,
        Kind::Whole(least) => format!("whole_from_{least}"),
        other => format!("{other:?}").to_lowercase(),
    })
}

/// The names that a part has: its own, and those that mean the same.
fn tables_with(name: &str, properties: &Map<String, Json>) -> Vec<String> {
    let same = format!("the same as `{name}`");
    let names =
        properties.iter().filter(|(key, schema)| *key == name || schema["description"] == same.as_str());
    names.map(|(key, _)| key.clone()).collect()
}

fn range() -> Json {
    json!({
        "type": "object",
        "properties": {
            "from": { "type": "number" },
            "to": { "type": "number" },
            "steps": { "type": "integer", "minimum": 2 },
            "scale": { "enum": ["linear", "log"] },
        },
        "required": ["from", "to"],
        "additionalProperties": false,
    })
}

fn of(kind: Kind) -> Json {
    match kind {
        Kind::Text => json!({ "type": ["string", "number"] }),
        Kind::Whole(least) => json!({ "type": "integer", "minimum": least }),
        Kind::Number => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Kind::Share => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Kind::Time => any(json!({ "type": "number", "minimum": 0 }), "^[0-9.]+(us|µs|ms|s|m|h)?$"),
        Kind::Size => any(json!({ "type": "integer", "minimum": 0 }), "^[0-9._]+ *[A-Za-z]*$"),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Only(only) => json!({ "const": only }),
        Kind::WallTime => any(json!({ "type": "integer", "minimum": 1 }), "^([0-9]+-)?[0-9]+(:[0-9]+){0,2}$"),
        Kind::Memory => json!({ "type": "string", "pattern": "^[0-9]+[KMGT]$" }),
        Kind::Gigabytes => json!({ "type": "integer", "minimum": 1 }),
        Kind::Texts | Kind::Command => {
            any(json!({ "type": "array", "items": { "type": ["string", "number"] } }), "")
        }
        Kind::Mix => any(weights(), "="),
        Kind::Sizes => {
            let pair = json!({ "type": "array", "minItems": 2, "maxItems": 2 });
            let item = json!({ "anyOf": [of(Kind::Size), pair] });
            json!({ "anyOf": [of(Kind::Size), { "type": "array", "minItems": 1, "items": item }, weights()] })
        }
        Kind::Map => json!({ "type": "object" }),
        Kind::Maps => json!({ "type": "array", "items": { "type": "object" } }),
        Kind::Slo => object(OBJECTIVES),
        Kind::Retries => {
            let full = object(&[("count", Kind::Whole(0)), ("backoff", Kind::Time)]);
            json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, full] })
        }
        Kind::Stop => object(STOP),
        Kind::Parallel => json!({ "anyOf": [{ "type": "boolean" }, { "type": "integer", "minimum": 1 }] }),
        Kind::Section(_) => json!({ "type": "object" }),
    }
}

/// This, or a text.
fn any(one: Json, pattern: &str) -> Json {
    json!({ "anyOf": [one, { "type": "string", "pattern": pattern }] })
}

fn weights() -> Json {
    json!({ "type": "object", "additionalProperties": { "type": "number", "minimum": 0 } })
}

/// A map with these keys and no others.
fn object(keys: &[(&str, Kind)]) -> Json {
    let properties: Map<String, Json> =
        keys.iter().map(|(name, kind)| ((*name).to_owned(), of(*kind))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}
