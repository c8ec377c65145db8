//! A script function as the steps of a virtual user: it reads as blocking code and runs as a coroutine.
//!
//! A native function that waits suspends the coroutine with what it wants; the engine's thread performs that and
//! resumes it with the answer, so that one thread serves all its virtual users.

mod copy;
mod running;
mod user;

use std::{
    rc::Rc,
    slice,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use corosensei::{Coroutine, CoroutineResult, stack::DefaultStack};
use rhai::{
    AST, ASTNode, Caches, Dynamic, Engine, EvalAltResult, FnPtr, GlobalRuntimeState, ImmutableString, Module,
    NativeCallContext, Position, Scope, Shared, Stmt, StmtBlock,
};

use running::{Entered, Running};
pub use running::{current, is_running};
pub use user::{VirtualUser, face};

use super::{ScriptResult, engine, engine_without_constants, explain, host, operation::Op, raise};
use crate::error::{Error, ErrorKind};
use crate::host::Host;
use crate::load::{self, Ask, Cast, Ending, Input, Operation, Steps, Turn};
use crate::measure::{Failure, failure, metric::Note};

/// Address space of one journey's stack. Only what was touched takes memory.
const STACK: usize = 2 << 20;

/// A journey as a script value.
#[derive(Clone)]
pub struct Journey(pub Arc<Script>);

/// A script function, ready to run on any thread.
pub struct Script {
    name: String,
    /// The function's own name.
    function: String,
    /// What the function does: its body as a block, which leaves nothing behind.
    body: Stmt,
    /// The variables that the function has captured.
    captured: Vec<(ImmutableString, Dynamic)>,
    /// What the function calls the virtual user, if it takes it.
    user: Option<ImmutableString>,
    /// Functions, imports and constants that it sees.
    global: GlobalRuntimeState,
    /// Where it is defined: `file:line`.
    place: String,
    operations: Vec<Arc<dyn Operation>>,
    host: Arc<Host>,
    /// The first mistake in the script.
    mistake: Mutex<Option<Box<EvalAltResult>>>,
}

impl Journey {
    /// A journey that runs `function`, which takes the virtual user or nothing.
    pub fn new(ctx: &NativeCallContext, name: &str, function: FnPtr) -> ScriptResult<Self> {
        let raise = raise(ctx);
        if name.is_empty() {
            return Err(raise(Error::usage("a journey needs a name")));
        }
        let mut global = ctx.global_runtime_state().clone();
        let captured = function.curry().len();
        let Some((module, parameters)) = global.lib.iter().find_map(|module| {
            module
                .iter_script_fn_info()
                .filter(|(.., name, _, _)| *name == function.fn_name())
                .map(|(.., definition)| (module.clone(), definition.params.clone()))
                .find(|(_, parameters)| matches!(parameters.len().checked_sub(captured), Some(0 | 1)))
        }) else {
            let error = Error::usage(format!(
                "the function of the journey `{name}` must take the virtual user, or nothing"
            ));
            return Err(raise(error.hint(format!("write `load::journey(\"{name}\", |vu| {{ ... }})`"))));
        };
        let mut variables = Vec::new();
        let mut operations = Vec::new();
        for (value, variable) in function.curry().iter().zip(&parameters) {
            let value =
                copy::deep(value).map_err(|what| copy::refused(name, variable, &what)).map_err(&raise)?;
            copy::each(&value, &mut |value| {
                if let Some(op) = value.read_lock::<Op>()
                    && !operations.iter().any(|known| Arc::ptr_eq(known, &op.operation))
                {
                    operations.push(op.operation.clone());
                }
            });
            variables.push((variable.clone(), value));
        }
        // Constants of the script are read under a lock: a journey gets its own, and each thread again.
        global.constants = copy_of_constants(global.constants.as_ref());
        let line = ctx.call_position().line().unwrap_or(0);
        let place = format!("{}:{line}", ctx.call_source().unwrap_or("script"));
        Ok(Self(Arc::new(Script {
            name: name.to_owned(),
            function: function.fn_name().to_owned(),
            body: body_of(module, function.fn_name(), parameters.len()),
            captured: variables,
            user: parameters.get(captured).cloned(),
            global,
            place,
            operations,
            host: host(ctx),
            mistake: Mutex::default(),
        })))
    }
}

/// The body of a function of `module` as one block.
fn body_of(module: Shared<Module>, name: &str, parameters: usize) -> Stmt {
    let mut function = AST::new([], module);
    function.retain_functions(|_, _, known, count| known == name && count == parameters);
    let mut statements = Vec::new();
    function.walk(&mut |path| {
        if let [ASTNode::Stmt(statement)] = path {
            statements.push((*statement).clone());
        }
        true
    });
    Stmt::Block(Box::new(StmtBlock::new(statements, Position::NONE, Position::NONE)))
}

type Constants = rhai::Shared<rhai::Locked<std::collections::BTreeMap<rhai::ImmutableString, Dynamic>>>;

fn copy_of_constants(constants: Option<&Constants>) -> Option<Constants> {
    let known = constants?.read().unwrap_or_else(PoisonError::into_inner);
    // What cannot be copied stays as it is: constants do not change.
    let copied =
        known.iter().map(|(name, value)| (name.clone(), copy::deep(value).unwrap_or_else(|_| value.clone())));
    Some(Arc::new(RwLock::new(copied.collect())))
}

impl Script {
    /// The first mistake of the script in a load, so that it can be shown with its place.
    pub fn take_mistake(&self) -> Option<Box<EvalAltResult>> {
        self.mistake.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl load::Journey for Script {
    fn name(&self) -> &str {
        &self.name
    }

    fn operations(&self) -> &[Arc<dyn Operation>] {
        &self.operations
    }

    fn describe(&self) -> serde_json::Value {
        self.place.as_str().into()
    }

    fn on_thread(self: Arc<Self>, ending: Ending) -> crate::error::Result<Rc<dyn Cast>> {
        let mut global = self.global.clone();
        let constants =
            global.constants.as_ref().map(|known| known.read().unwrap_or_else(PoisonError::into_inner).len());
        let mut engine = match constants {
            None | Some(0) => engine_without_constants(&self.host),
            Some(_) => engine(&self.host),
        };
        running::watch(&mut engine, ending);
        global.constants = copy_of_constants(global.constants.as_ref());
        Ok(Rc::new(Company { script: self, engine: Rc::new(engine), global }))
    }
}

/// A journey on one thread.
struct Company {
    script: Arc<Script>,
    engine: Rc<Engine>,
    global: GlobalRuntimeState,
}

impl Cast for Company {
    fn user(&self, number: u64) -> Result<Box<dyn Steps>, Failure> {
        let stack = DefaultStack::new(STACK).map_err(|error| {
            let what = "cannot reserve a stack for another virtual user (is `vm.max_map_count` reached?)";
            Failure::from_io(what, &error)
        })?;
        let running = Rc::new(Running::new(&stack));
        let mut scope = Scope::new();
        for (name, value) in &self.script.captured {
            let own = copy::deep(value).expect("it was copied once already, when the journey was made");
            scope.push_dynamic(name.clone(), own);
        }
        let user = VirtualUser::new(number);
        if let Some(name) = &self.script.user {
            scope.push(name.clone(), user.clone());
        }
        let part =
            Part { script: self.script.clone(), engine: self.engine.clone(), user, running: running.clone() };
        // Kept from one journey to the next, with what has been looked up.
        let mut memory = Memory { global: self.global.clone(), caches: Caches::new(), scope };
        let coroutine = Coroutine::with_stack(stack, move |yielder: &running::Yielder, mut input: Input| {
            part.running.started(yielder);
            loop {
                let Input::Begin(turn) = input else {
                    unreachable!("between two journeys there is nothing to answer");
                };
                let (result, notes) = part.play(turn, &mut memory);
                input = yielder.suspend(Ask::Done(result, notes));
            }
        });
        Ok(Box::new(Way { coroutine, running }))
    }
}

/// What one virtual user plays, again and again.
struct Part {
    script: Arc<Script>,
    engine: Rc<Engine>,
    user: VirtualUser,
    running: Rc<Running>,
}

/// What one virtual user's script remembers.
struct Memory {
    global: GlobalRuntimeState,
    caches: Caches,
    scope: Scope<'static>,
}

impl Part {
    fn play(&self, turn: Turn, memory: &mut Memory) -> (Result<(), Failure>, Vec<Note>) {
        self.running.begin(turn);
        let Memory { global, caches, scope } = memory;
        if let Some(user) = self.script.user.as_ref().and_then(|name| scope.get_mut(name)) {
            self.user.enter(turn.number, user);
        }
        #[allow(
            deprecated,
            reason = "marked volatile, not going away; a call of the function would look everything up anew"
        )]
        let played =
            self.engine.eval_statements_raw(global, caches, scope, slice::from_ref(&self.script.body));
        let (failed_check, notes) = self.running.end();
        let result = match (played, failed_check) {
            (Err(error), _) => self.failed(error, memory.global.source()),
            (Ok(_), Some(check)) => Err(Failure::kept(failure::CHECK, check)),
            (Ok(_), None) => Ok(()),
        };
        (result, notes)
    }

    /// What ended the journey: a failed call has its own class, anything else is the script's mistake.
    fn failed(&self, error: Box<EvalAltResult>, source: Option<&str>) -> Result<(), Failure> {
        let (cause, place) = innermost(&error, source);
        let reason = match cause {
            EvalAltResult::Exit(..) => return Ok(()),
            cause => explain::plain(cause),
        };
        if reason.kind == ErrorKind::Cancelled {
            return Err(Failure::kept(failure::UNFINISHED, "the journey was under way when the load ended"));
        }
        let detail = format!("{place}: {}", in_a_line(&reason));
        match reason.class {
            Some(class) => Err(Failure::kept(class, detail)),
            None => {
                let mut mistake = self.script.mistake.lock().unwrap_or_else(PoisonError::into_inner);
                // As if the function had been called, which is what its author sees.
                mistake.get_or_insert_with(|| {
                    let file = source.unwrap_or_default().to_owned();
                    EvalAltResult::ErrorInFunctionCall(
                        self.script.function.clone(),
                        file,
                        error,
                        Position::NONE,
                    )
                    .into()
                });
                Err(Failure::kept(failure::SCRIPT, detail))
            }
        }
    }
}

/// The message and its causes.
fn in_a_line(error: &Error) -> String {
    std::iter::once(&error.message).chain(&error.causes).map(String::as_str).collect::<Vec<_>>().join(": ")
}

/// The error that the others are about, and where it was raised.
fn innermost<'a>(error: &'a EvalAltResult, source: Option<&'a str>) -> (&'a EvalAltResult, String) {
    let (mut inner, mut file) = (error, source.unwrap_or("script"));
    loop {
        match inner {
            EvalAltResult::ErrorInFunctionCall(_, from, cause, _) => {
                (inner, file) = (cause, if from.is_empty() { file } else { from });
            }
            EvalAltResult::ErrorInModule(name, cause, _) => {
                (inner, file) = (cause, if name.is_empty() { file } else { name });
            }
            _ => break,
        }
    }
    let place = inner.position().line().map_or(file.to_owned(), |line| format!("{file}:{line}"));
    (inner, place)
}

/// A virtual user's coroutine.
struct Way {
    coroutine: Coroutine<Input, Ask, (), DefaultStack>,
    running: Rc<Running>,
}

impl Steps for Way {
    fn resume(&mut self, input: Input) -> Ask {
        let _entered = Entered::new(&self.running);
        match self.coroutine.resume(input) {
            CoroutineResult::Yield(ask) => ask,
            CoroutineResult::Return(()) => unreachable!("it loops for ever"),
        }
    }
}
