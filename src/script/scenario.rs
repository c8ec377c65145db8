//! A declared scenario over the functions of its script.

use std::sync::Arc;

use rhai::{
    AST, Caches, Dynamic, Engine, EvalAltResult, FnPtr, GlobalRuntimeState, NativeCallContext, Position,
    Scope,
};
use serde_json::{Map, Value};

use super::{
    LoadResult, ScriptResult,
    modules::globals::Declared,
    options::{from_json, to_json},
    storable,
};
use crate::error::{Error, nearest};
use crate::host::Host;
use crate::results::{Outcome, atomic};
use crate::scenario::{
    agenda::Planned,
    body::{Answer, Body},
    sweep::Point,
};

/// The functions of a scenario, and with what they may be called.
const STEPS: [(&str, &[&str]); 5] = [
    ("setup", &["()", "(p)"]),
    ("prepare", &["(server, p)"]),
    ("trial", &["(server, p)", "(p)"]),
    ("report", &["(results)"]),
    ("teardown", &["(server)", "()"]),
];

/// The functions of a script that declares, with what its top level left: imports and constants.
pub struct Script<'a> {
    engine: &'a Engine,
    host: Arc<Host>,
    global: GlobalRuntimeState,
    /// How many parameters each step takes; none if there is no such function.
    steps: [Option<usize>; STEPS.len()],
    /// What `setup` returned.
    server: Dynamic,
    point_functions: PointFunctions,
}

/// Functions of a point that stand in the declaration.
#[derive(Clone, Default)]
pub struct PointFunctions {
    pub when: Option<FnPtr>,
    pub resources: Option<FnPtr>,
}

impl<'a> Script<'a> {
    /// Runs the top level, which may declare and define but not act; what it declared is returned too.
    pub fn new(engine: &'a Engine, host: &Arc<Host>, ast: &AST) -> ScriptResult<(Self, Declared)> {
        let mut global = engine.new_global_runtime_state();
        global.source = ast.source().map(Into::into);
        global.lib.push(ast.shared_lib().clone());
        host.set_declaring(true);
        #[allow(
            deprecated,
            reason = "the only way to keep imports and constants; it is marked volatile, not going away"
        )]
        let ran =
            engine.eval_statements_raw(&mut global, &mut Caches::new(), &mut Scope::new(), ast.statements());
        host.set_declaring(false);
        ran.map(drop)?;
        let declared = host.state().declared.take();
        let declared = declared.and_then(|declared| declared.downcast::<Declared>().ok());
        let declared = declared
            .ok_or_else(|| at_top(Error::usage("`scenario(...)` was not reached at the top level")))?;
        let steps = steps(ast).map_err(at_top)?;
        let point_functions = declared.functions.clone();
        let script =
            Self { engine, host: host.clone(), global, steps, server: Dynamic::UNIT, point_functions };
        Ok((script, *declared))
    }

    /// Whether the scenario measures this point.
    pub fn wants(&self, point: &Point) -> ScriptResult<bool> {
        let Some(when) = &self.point_functions.when else { return Ok(true) };
        let answer = self.of_point(when, point)?;
        answer
            .as_bool()
            .map_err(|found| at_top(Error::usage(format!("`when` must return true or false, not {found}"))))
    }

    /// What a trial of this point asks of a cluster, where a function says.
    pub fn resources(&self, point: &Point) -> ScriptResult<Option<Map<String, Value>>> {
        let Some(resources) = &self.point_functions.resources else { return Ok(None) };
        let answer = self.of_point(resources, point)?;
        match to_json(&answer, "resources").map_err(at_top)? {
            Value::Object(map) => Ok(Some(map)),
            other => Err(at_top(Error::usage(format!("`resources` must return a map, not {other}")))),
        }
    }

    fn of_point(&self, function: &FnPtr, point: &Point) -> ScriptResult<Dynamic> {
        let source = self.global.source.clone();
        let ctx = NativeCallContext::new_with_all_fields(
            self.engine,
            "scenario",
            source.as_deref(),
            &self.global,
            Position::NONE,
        );
        function.call_raw(&ctx, None, [from_json(Value::Object(point.clone()))])
    }

    /// Calls a step; `()` if the script does not have it.
    fn call(&self, step: usize, given: &mut [Dynamic]) -> ScriptResult<Dynamic> {
        let Some(takes) = self.steps[step] else { return Ok(Dynamic::UNIT) };
        let source = self.global.source.clone();
        let name = STEPS[step].0;
        let ctx = NativeCallContext::new_with_all_fields(
            self.engine,
            name,
            source.as_deref(),
            &self.global,
            Position::NONE,
        );
        // `trial(p)` and `setup()` leave out what they do not need: the first ones.
        let skipped = given.len().saturating_sub(takes);
        let mut args: Vec<&mut Dynamic> = given.iter_mut().skip(skipped).collect();
        ctx.call_fn_raw(name, false, false, &mut args)
    }
}

/// What a function of the script is given as `p`.
fn parameters(trial: &Planned) -> Dynamic {
    let mut point = trial.point.clone();
    point.entry("repetition").or_insert(trial.repetition.into());
    from_json(Value::Object(point))
}

impl Body for Script<'_> {
    type Fault = Box<EvalAltResult>;

    fn setup(&mut self, group: &Point) -> ScriptResult<()> {
        let group = from_json(Value::Object(group.clone()));
        let server = self.call(0, &mut [group])?;
        let stored = storable::stored(&server, "what `setup` returned").map_err(at_top)?;
        if let Some(folder) = &self.host.state().folder {
            atomic::put_json(&folder.path.join("setup.json"), &stored).map_err(at_top)?;
        }
        self.server = server;
        Ok(())
    }

    fn prepare(&mut self, trial: &Planned) -> ScriptResult<()> {
        self.call(1, &mut [self.server.clone(), parameters(trial)]).map(drop)
    }

    fn trial(&mut self, trial: &Planned) -> ScriptResult<Answer> {
        let returned = self.call(2, &mut [self.server.clone(), parameters(trial)])?;
        answer(returned).map_err(at_top)
    }

    fn teardown(&mut self) -> ScriptResult<()> {
        let server = std::mem::replace(&mut self.server, Dynamic::UNIT);
        self.call(4, &mut [server]).map(drop)
    }

    fn report(&mut self, done: &[Arc<Outcome>]) -> ScriptResult<()> {
        if self.steps[3].is_none() {
            return Ok(());
        }
        let results: rhai::Array =
            done.iter().map(|outcome| Dynamic::from(LoadResult::of_trial(outcome))).collect();
        let returned = self.call(3, &mut [results.into()])?;
        match returned.read_lock::<rhai::ImmutableString>() {
            Some(text) => self.host.progress.print(&text),
            None => {
                if let Some(text) = super::display::full(self.engine, &returned) {
                    self.host.progress.print(&text);
                }
            }
        }
        Ok(())
    }

    fn error(&self, fault: &Self::Fault) -> Error {
        let mut inner: &EvalAltResult = fault;
        loop {
            match inner {
                EvalAltResult::ErrorInFunctionCall(_, _, cause, _)
                | EvalAltResult::ErrorInModule(_, cause, _) => inner = cause,
                EvalAltResult::ErrorRuntime(value, _) | EvalAltResult::ErrorTerminated(value, _) => {
                    let known = value.read_lock::<Error>().map(|error| error.clone());
                    return known.unwrap_or_else(|| Error::unavailable(value.to_string()));
                }
                other => return Error::usage(other.to_string()),
            }
        }
    }
}

/// An error without a place of its own.
fn at_top(error: Error) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(Dynamic::from(error), Position::NONE).into()
}

/// What a trial returned, as its numbers.
fn answer(returned: Dynamic) -> Result<Answer, Error> {
    if returned.is_unit() {
        return Ok(Answer::default());
    }
    if let Some(result) = returned.read_lock::<LoadResult>() {
        return Ok(Answer { main: result.outcome().cloned(), numbers: Map::new() });
    }
    let Some(map) = returned.read_lock::<rhai::Map>() else {
        return Err(Error::usage(format!(
            "`trial` must return a result or a map, not {}",
            super::explain::a(returned.type_name())
        ))
        .hint("return what `load::run(...)` returned, or `#{ load: result, recall: 0.98 }`"));
    };
    let mut answer = Answer::default();
    for (name, value) in map.iter() {
        if let Some(result) = value.read_lock::<LoadResult>() {
            if answer.main.is_some() {
                return Err(Error::usage("`trial` returned several results").hint(
                    "return the one whose numbers are the trial's; the others are kept in its folder",
                ));
            }
            answer.main = result.outcome().cloned();
            continue;
        }
        let number = to_json(value, name)?;
        if !number.is_number() {
            return Err(Error::usage(format!(
                "`trial` returned `{name}`, which must be a number, not {number}"
            )));
        }
        answer.numbers.insert(name.to_string(), number);
    }
    Ok(answer)
}

/// How many parameters the steps take that the script has.
fn steps(ast: &AST) -> Result<[Option<usize>; STEPS.len()], Error> {
    let functions: Vec<(&str, usize)> = ast
        .iter_functions()
        .filter(|function| !function.name.starts_with("anon$"))
        .map(|function| (function.name, function.params.len()))
        .collect();
    let mut found = [None; STEPS.len()];
    for ((step, ways), found) in STEPS.iter().zip(&mut found) {
        let takes =
            |way: &str| way.split(',').filter(|part| !part.trim_matches(['(', ')', ' ']).is_empty()).count();
        let of_name: Vec<usize> =
            functions.iter().filter(|(name, _)| name == step).map(|(_, takes)| *takes).collect();
        *found = ways.iter().map(|way| takes(way)).find(|takes| of_name.contains(takes));
        if found.is_none() && !of_name.is_empty() {
            let ways: Vec<String> = ways.iter().map(|way| format!("`fn {step}{way}`")).collect();
            return Err(Error::usage(format!("`{step}` has the wrong parameters"))
                .hint(format!("write {}", ways.join(" or "))));
        }
    }
    if found[2].is_none() {
        let names: Vec<&str> = functions.iter().map(|(name, _)| *name).collect();
        let error = Error::usage("this scenario has no function `trial`");
        return Err(match nearest("trial", &names) {
            Some(near) => error.hint(format!("is `{near}` meant to be it?")),
            None => error.hint("write `fn trial(server, p) { load::run(...) }`: it is called once for each point and repetition"),
        });
    }
    Ok(found)
}
