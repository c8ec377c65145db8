//! Doors: how scripts enter the functions of an imported file or of the prelude.
//!
//! Rhai remembers what a call resolves to by its name and the types of its arguments, whichever file the call stands in:
//! after `a::start()` has called the `helper` of its file twice, `b::start()` would be given that one instead of its own. So
//! what other files see of a file is a native function for each of its own, and that enters with nothing remembered.
//!
//! A function that is handed over (`lib::each(list, |x| half(x))`) looks up what it calls where it is called, in the library
//! first: where both files define a function of that name, a door does not let it in.

use std::{any::TypeId, collections::BTreeSet};

use rhai::{
    AST, Dynamic, Engine, FnAccess, FnNamespace, FuncRegistration, Module, NativeCallContext, RhaiFunc,
    Scope, Shared,
};

use super::{ScriptResult, raise};
use crate::error::Error;

/// Where a door's module keeps methods of a type (`fn int.twice()`), which Rhai finds by the type, not by the file. No script can
/// write this name.
const METHODS: &str = "its methods";

/// What a file offers to others, with a door for each function.
pub fn module(ast: &AST, engine: &Engine) -> ScriptResult<Module> {
    let inside: Shared<Module> = Module::eval_ast_as_new(Scope::new(), ast, engine)?.into();
    let names: Shared<BTreeSet<Name>> = ast
        .iter_functions()
        .map(|function| (function.name.into(), function.params.len()))
        .collect::<BTreeSet<_>>()
        .into();
    let mut outside = Module::new();
    outside.set_doc(inside.doc());
    if let Some(id) = inside.id() {
        outside.set_id(id);
    }
    for (name, value) in inside.iter_var() {
        outside.set_var(name, value.clone());
    }
    for (name, module) in inside.iter_sub_modules() {
        outside.set_sub_module(name, module.clone());
    }
    let mut methods = false;
    for (namespace, access, name, parameters, function) in inside.iter_script_fn_info() {
        if namespace == FnNamespace::Global {
            methods = true;
        } else if access == FnAccess::Public {
            FuncRegistration::new(name).with_params_info(function.params.iter()).set_into_module_raw(
                &mut outside,
                vec![TypeId::of::<Dynamic>(); parameters],
                door(&inside, &names),
            );
        }
    }
    if methods {
        outside.set_sub_module(METHODS, inside);
    }
    outside.build_index();
    Ok(outside)
}

/// A function's name and how many parameters it takes: what Rhai tells the functions of a script apart by.
type Name = (Box<str>, usize);

/// Calls the function of the same name and as many parameters.
fn door(inside: &Shared<Module>, names: &Shared<BTreeSet<Name>>) -> RhaiFunc {
    let (inside, names) = (inside.clone(), names.clone());
    let enter = move |ctx: Option<NativeCallContext>, args: &mut [&mut Dynamic]| {
        let ctx = ctx.expect("it is registered as one that has a context");
        if args.iter().any(|value| value.is_fnptr()) {
            one_of_a_name(&ctx, &names)?;
        }
        let mut global = ctx.global_runtime_state().clone();
        global.lib.push(inside.clone());
        let (engine, name, at) = (ctx.engine(), ctx.fn_name(), ctx.call_position());
        NativeCallContext::new_with_all_fields(engine, name, ctx.call_source(), &global, at)
            .call_fn_raw(name, false, false, args)
    };
    RhaiFunc::Pure { func: Shared::new(enter), has_context: true, is_pure: true, is_volatile: true }
}

/// That no file on the way here defines a function of a name that the entered one defines too.
fn one_of_a_name(ctx: &NativeCallContext, names: &BTreeSet<Name>) -> ScriptResult<()> {
    let mut outside = ctx.iter_namespaces().flat_map(Module::iter_script_fn_info);
    let twice = outside.find(|(_, _, name, parameters, _)| names.contains(&((*name).into(), *parameters)));
    match twice {
        None => Ok(()),
        Some((_, _, name, ..)) => Err(raise(ctx)(
            Error::usage(format!(
                "`{name}` is defined here and in the file of `{}`: a function handed over would call the wrong one",
                ctx.fn_name()
            ))
            .hint(format!("rename `{name}`")),
        )),
    }
}
