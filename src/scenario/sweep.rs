//! The points of a scenario: which values each parameter takes, and which of them go together.

use serde_json::{Map, Value};

use super::declaration::unknown;
use crate::error::{Error, Result};

/// One configuration: a value for each parameter.
pub type Point = Map<String, Value>;

/// So many points are more than anybody meant.
const MOST: usize = 100_000;

/// A parameter with its values.
#[derive(Debug, Clone, PartialEq)]
pub enum Axis {
    Values(String, Vec<Value>),
    Search(SearchAxis),
}

/// A parameter whose values are found while the scenario runs.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchAxis {
    name: String,
    pub from: f64,
    pub to: f64,
    /// The most points.
    pub points: u32,
    /// Its values are whole numbers.
    pub whole: bool,
}

/// All parameters.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Values that change together, by name; a parameter alone is a group of one.
    groups: Vec<Vec<(String, Vec<Value>)>>,
    points: Vec<Point>,
    search: Option<SearchAxis>,
}

impl SearchAxis {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A load as a value of the parameter.
    pub fn value(&self, load: f64) -> Value {
        if self.whole { (load.round() as i64).into() } else { load.into() }
    }
}

impl Axis {
    /// Reads what stands at a parameter in `sweep`: an array, a single value, a range or a search.
    pub fn read(name: &str, values: &Value) -> Result<Self> {
        let list = |values: Vec<Value>| Ok(Self::Values(name.to_owned(), values));
        match values {
            Value::Null => Err(Error::usage(format!("`sweep.{name}` has no value"))),
            Value::Array(values) if values.is_empty() => {
                Err(Error::usage(format!("`sweep.{name}` is an empty array")).hint("give it a value, or leave it out"))
            }
            Value::Array(values) => {
                if let Some(twice) = values.iter().enumerate().find(|(at, value)| values[..*at].contains(value)) {
                    return Err(Error::usage(format!("`sweep.{name}` has {} twice", twice.1))
                        .hint("`repetitions` measures every point more than once"));
                }
                list(values.clone())
            }
            Value::Object(map) if map.contains_key("from") => list(range(name, map)?),
            Value::Object(map) if map.contains_key("search") => search(name, map).map(Self::Search),
            Value::Object(_) => Err(Error::usage(format!("`sweep.{name}` is a map that is neither a range nor a search"))
                .hint("write `#{ from: 1, to: 64, steps: 7, scale: \"log\" }`, `#{ search: [100, 20_000] }`, or an array of maps")),
            single => list(vec![single.clone()]),
        }
    }
}

impl Sweep {
    /// Puts the parameters together: those in `zip` change as one.
    pub fn new(axes: Vec<Axis>, zip: &[String], points: &[Point]) -> Result<Self> {
        let mut groups: Vec<Vec<(String, Vec<Value>)>> = Vec::new();
        let mut together: Vec<(String, Vec<Value>)> = Vec::new();
        let mut search: Option<SearchAxis> = None;
        for axis in axes {
            match axis {
                Axis::Values(name, values) if zip.contains(&name) => together.push((name, values)),
                Axis::Values(name, values) => groups.push(vec![(name, values)]),
                Axis::Search(axis) => {
                    if let Some(other) = &search {
                        return Err(Error::usage(format!(
                            "`{}` and `{}` cannot both be searched for",
                            other.name, axis.name
                        )));
                    }
                    search = Some(axis);
                }
            }
        }
        let sweep = Self { groups, points: Vec::new(), search };
        let mut swept = sweep.names();
        swept.extend(together.iter().map(|(name, _)| name.as_str()));
        for name in zip {
            if !together.iter().any(|(known, _)| known == name) {
                return Err(unknown("zip", name, &swept));
            }
        }
        if let Some((first, values)) = together.first()
            && let Some((other, others)) = together.iter().find(|(_, others)| others.len() != values.len())
        {
            return Err(Error::usage(format!(
                "`{first}` has {} values and `{other}` {}: what changes together needs as many",
                values.len(),
                others.len()
            )));
        }
        for point in points {
            if let Some(name) = point.keys().find(|name| swept.contains(&name.as_str())) {
                return Err(Error::usage(format!("`{name}` stands in `sweep` and in `points`"))
                    .hint("keep one of them"));
            }
            let first = points.first().map(|first| first.keys().collect::<Vec<_>>());
            if first.is_some_and(|first| first != point.keys().collect::<Vec<_>>()) {
                return Err(Error::usage("the maps in `points` have different keys"));
            }
        }
        let mut groups = sweep.groups;
        if !together.is_empty() {
            groups.push(together);
        }
        let sweep = Self { groups, points: points.to_vec(), search: sweep.search };
        let count = sweep.groups.iter().try_fold(points.len().max(1), |count, group| {
            count.checked_mul(group.first().map_or(1, |(_, values)| values.len()))
        });
        match count {
            Some(count) if count <= MOST => Ok(sweep),
            _ => Err(Error::usage(format!("the sweep has more than {MOST} points"))
                .hint("sweep fewer values at once")),
        }
    }

    /// All parameters, a searched one last.
    pub fn names(&self) -> Vec<&str> {
        let listed = self.points.first().into_iter().flat_map(|point| point.keys().map(String::as_str));
        let swept = self.groups.iter().flatten().map(|(name, _)| name.as_str());
        listed.chain(swept).chain(self.search.as_ref().map(SearchAxis::name)).collect()
    }

    pub fn search(&self) -> Option<&SearchAxis> {
        self.search.as_ref()
    }

    /// Gives a parameter other values: `-p concurrency=1,2`.
    pub fn replace(&mut self, name: &str, values: Vec<Value>) -> Result<()> {
        if self.search.as_ref().is_some_and(|search| search.name == name) {
            self.search = None;
            self.groups.push(vec![(name.to_owned(), values)]);
            return Ok(());
        }
        let group = self.groups.iter_mut().find(|group| group.iter().any(|(known, _)| known == name));
        match group {
            Some(group) if group.len() == 1 => {
                group[0].1 = values;
                Ok(())
            }
            _ => Err(Error::usage(format!(
                "`-p {name}=...` cannot replace a parameter that changes together with others"
            ))
            .hint(format!("`--only '{name}=...'` takes some of its values"))),
        }
    }

    /// All points but for what is searched for; the parameters of `outermost` change last.
    pub fn points(&self, outermost: &[String]) -> Vec<Point> {
        let mut groups: Vec<&Vec<(String, Vec<Value>)>> = self.groups.iter().collect();
        // Stable: the others stay in their order.
        groups.sort_by_key(|group| !group.iter().any(|(name, _)| outermost.contains(name)));
        let mut all = if self.points.is_empty() { vec![Point::new()] } else { self.points.clone() };
        for group in groups {
            let count = group.first().map_or(0, |(_, values)| values.len());
            all = all
                .iter()
                .flat_map(|point| {
                    (0..count).map(|at| {
                        let mut point = point.clone();
                        point.extend(group.iter().map(|(name, values)| (name.clone(), values[at].clone())));
                        point
                    })
                })
                .collect();
        }
        // However they are grouped, a point names its parameters in the order of the sweep.
        let names = self.names();
        let ordered = |mut point: Point| {
            let named = |name: &&str| Some(((*name).to_owned(), point.remove(*name)?));
            names.iter().filter_map(named).collect()
        };
        all.into_iter().map(ordered).collect()
    }
}

/// `#{ from: 1, to: 64, steps: 7, scale: "log" }`, or with `step` instead of `steps`.
fn range(name: &str, map: &Map<String, Value>) -> Result<Vec<Value>> {
    let wrong = |what: &str| {
        Error::usage(format!("the range `sweep.{name}` {what}")).hint(
            "write `#{ from: 1, to: 64, steps: 7, scale: \"log\" }` or `#{ from: 10, to: 50, step: 10 }`",
        )
    };
    if let Some(key) =
        map.keys().find(|key| !["from", "to", "steps", "step", "scale"].contains(&key.as_str()))
    {
        return Err(wrong(&format!("has no option `{key}`")));
    }
    let number = |key: &str| map.get(key).and_then(Value::as_f64);
    let (Some(from), Some(to)) = (number("from"), number("to")) else {
        return Err(wrong("needs the numbers `from` and `to`"));
    };
    if from >= to {
        return Err(wrong("must have `from` below `to`"));
    }
    let is_log = match map.get("scale").map(|scale| scale.as_str()) {
        None | Some(Some("linear")) => false,
        Some(Some("log")) => true,
        _ => return Err(wrong("has a `scale` that is neither \"linear\" nor \"log\"")),
    };
    if is_log && from <= 0.0 {
        return Err(wrong("must begin above 0 on a logarithmic scale"));
    }
    let values: Vec<f64> = match (number("steps"), number("step")) {
        (Some(steps), None) if steps >= 2.0 && steps.fract() == 0.0 && steps <= MOST as f64 => {
            let share = |at: u64| at as f64 / (steps - 1.0);
            let place =
                |share: f64| if is_log { from * (to / from).powf(share) } else { from + share * (to - from) };
            (0..steps as u64).map(|at| place(share(at))).collect()
        }
        (None, Some(step)) if step > 0.0 && !is_log && (to - from) / step < MOST as f64 => {
            let count = ((to - from) / step + 1e-9).floor() as u64;
            (0..=count).map(|at| from + at as f64 * step).collect()
        }
        (Some(_), None) => return Err(wrong("needs at least 2 whole `steps`")),
        (None, Some(_)) if is_log => return Err(wrong("takes `steps`, not `step`, on a logarithmic scale")),
        (None, Some(_)) => return Err(wrong("needs a `step` above 0")),
        _ => return Err(wrong("needs `steps` or `step`")),
    };
    let whole = map["from"].is_i64() && map["to"].is_i64() && map.get("step").is_none_or(Value::is_i64);
    let mut values: Vec<Value> = values
        .into_iter()
        .map(|value| if whole { (value.round() as i64).into() } else { value.into() })
        .collect();
    // Rounded ones may fall together.
    values.dedup();
    Ok(values)
}

/// `#{ search: [100, 20_000], points: 12 }`.
fn search(name: &str, map: &Map<String, Value>) -> Result<SearchAxis> {
    let wrong = |what: &str| {
        Error::usage(format!("the search `sweep.{name}` {what}"))
            .hint("write `#{ search: [100, 20_000], points: 12 }`")
    };
    if let Some(key) = map.keys().find(|key| !["search", "points"].contains(&key.as_str())) {
        return Err(wrong(&format!("has no option `{key}`")));
    }
    let ends = map["search"].as_array().map(Vec::as_slice);
    let Some([from, to]) = ends else { return Err(wrong("needs two ends")) };
    let (Some(low), Some(high)) = (from.as_f64(), to.as_f64()) else {
        return Err(wrong("needs two numbers"));
    };
    if low <= 0.0 || low >= high {
        return Err(wrong("must go up from above 0"));
    }
    let points = match map.get("points") {
        None => 12,
        Some(points) => points
            .as_u64()
            .and_then(|points| u32::try_from(points).ok())
            .filter(|points| *points >= 3)
            .ok_or_else(|| wrong("needs at least 3 `points`"))?,
    };
    let whole = from.is_i64() && to.is_i64();
    Ok(SearchAxis { name: name.to_owned(), from: low, to: high, points, whole })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(written: Value) -> Vec<Value> {
        match Axis::read("x", &written).expect("it is well written") {
            Axis::Values(_, values) => values,
            Axis::Search(_) => panic!("a list"),
        }
    }

    fn axis(name: &str, written: Value) -> Axis {
        Axis::read(name, &written).expect("it is well written")
    }

    #[test]
    fn ranges_have_both_ends() {
        assert_eq!(
            values(json!({ "from": 1, "to": 64, "steps": 7, "scale": "log" })),
            json!([1, 2, 4, 8, 16, 32, 64]).as_array().unwrap().clone()
        );
        assert_eq!(
            values(json!({ "from": 10, "to": 50, "step": 20 })),
            vec![json!(10), json!(30), json!(50)]
        );
        assert_eq!(
            values(json!({ "from": 0.0, "to": 1.0, "steps": 3 })),
            vec![json!(0.0), json!(0.5), json!(1.0)]
        );
        // Rounded to whole numbers, none twice.
        assert_eq!(values(json!({ "from": 1, "to": 3, "steps": 6 })), vec![json!(1), json!(2), json!(3)]);
        assert_eq!(values(json!("one")), vec![json!("one")]);
    }

    #[test]
    fn a_grid_with_some_that_change_together() {
        let axes =
            || vec![axis("a", json!([1, 2])), axis("b", json!([10, 20])), axis("c", json!(["x", "y"]))];
        let grid = Sweep::new(axes(), &[], &[]).unwrap();
        assert_eq!(grid.points(&[]).len(), 8);
        assert_eq!(Value::from(grid.points(&[])[1].clone()), json!({ "a": 1, "b": 10, "c": "y" }));
        let outer = grid.points(&["c".to_owned()]);
        assert!(outer[..4].iter().all(|point| point["c"] == "x"), "{outer:?}");
        let zipped = Sweep::new(axes(), &["a".to_owned(), "b".to_owned()], &[]).unwrap().points(&[]);
        assert_eq!(zipped.len(), 4);
        assert!(zipped.iter().all(|point| point["b"].as_i64() == point["a"].as_i64().map(|a| a * 10)));
        let listed = [json!({ "m": "s", "n": 1 }), json!({ "m": "l", "n": 8 })]
            .map(|point| point.as_object().unwrap().clone());
        assert_eq!(Sweep::new(vec![axis("a", json!([1, 2]))], &[], &listed).unwrap().points(&[]).len(), 4);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (written, why) in [
            (json!([]), "empty"),
            (json!([1, 2, 1]), "twice"),
            (json!({ "from": 5, "to": 1, "steps": 3 }), "below"),
            (json!({ "from": 0, "to": 8, "steps": 3, "scale": "log" }), "above 0"),
            (json!({ "from": 1, "to": 8 }), "steps"),
            (json!({ "from": 1, "to": 8, "steps": 1 }), "at least 2"),
            (json!({ "from": 1, "to": 8, "count": 3 }), "no option `count`"),
            (json!({ "search": [5, 1] }), "go up"),
            (json!({ "search": [1, 9], "points": 1 }), "at least 3"),
            (json!({ "low": 1 }), "neither"),
        ] {
            let error = Axis::read("x", &written).unwrap_err();
            assert!(error.to_string().contains(why), "{written}: {error}");
        }
        let uneven = Sweep::new(
            vec![axis("a", json!([1, 2])), axis("b", json!([1]))],
            &["a".to_owned(), "b".to_owned()],
            &[],
        );
        assert!(uneven.unwrap_err().to_string().contains("as many"));
        let missing = Sweep::new(vec![axis("batch", json!([1, 2]))], &["bach".to_owned()], &[]).unwrap_err();
        assert!(missing.hints[0].contains("batch"), "{missing:?}");
    }
}
