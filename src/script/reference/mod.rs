//! The API reference, written by the doc comments of the script modules.

mod signature;

use std::fmt::Write;

pub use signature::{Native, fields, names, natives, plain_type, signatures, standard_functions};

use super::{prelude, registry, version::alias};
use crate::error::{Error, nearest};
use signature::{of_module, plain_doc};

/// A part of the reference: a module or a type.
struct Section {
    title: String,
    /// What stands before a function's name: `load::`, and `Result.` for fields and methods.
    prefix: String,
    /// What it is for, in one line.
    about: String,
    /// What else there is to say of it.
    doc: String,
    functions: Vec<Function>,
}

/// One function, or one field of a type, in all its forms.
struct Function {
    name: String,
    shown: Vec<String>,
    doc: String,
    /// What the native forms say, one by one: the parts of `doc`.
    words: Vec<String>,
}

/// The part of the reference about one module, type or function, as Markdown.
pub fn markdown(name: &str) -> Option<String> {
    let mut text = String::new();
    let sections = sections();
    if let Some(section) = sections.iter().find(|section| section.title.eq_ignore_ascii_case(name)) {
        section.write(&mut text);
    } else {
        for section in &sections {
            for function in &section.functions {
                let full = section.full(function);
                if full.eq_ignore_ascii_case(name) || function.name == name {
                    function.write(&full, &mut text);
                }
            }
        }
    }
    // The marks of examples that tests do not run say nothing to a reader.
    (!text.is_empty()).then(|| text.trim_start().replace("```rhai,no_run", "```rhai"))
}

/// The whole reference as one page.
pub fn page() -> String {
    let mut text =
        "# Script reference\n\nWritten by `benchscript doc --all` from the doc comments of the code; \
                    `benchscript doc NAME` shows a part of it.\n"
            .to_owned();
    sections().iter().for_each(|section| section.write(&mut text));
    text
}

/// Names that `doc` knows: modules, types and their functions.
pub fn topics() -> Vec<String> {
    let mut topics = Vec::new();
    for section in sections() {
        topics.push(section.title.clone());
        topics.extend(section.functions.iter().map(|function| section.full(function)));
    }
    topics
}

/// The modules and types with what they are for, as `benchscript doc` lists them.
pub fn overview() -> Vec<(String, String)> {
    sections().into_iter().map(|section| (section.title, section.about)).collect()
}

/// An example out of a doc comment.
pub struct Example {
    /// What it is an example of.
    pub of: String,
    pub code: String,
    /// Whether a test may run it: it is not marked `no_run`.
    pub runs: bool,
}

/// Every `rhai` block of the reference.
pub fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for section in sections() {
        for function in &section.functions {
            for block in function.doc.split("```rhai").skip(1) {
                let block = block.split("```").next().unwrap_or_default();
                let (flags, code) = block.split_once('\n').unwrap_or((block, ""));
                let of = section.full(function);
                examples.push(Example { of, code: code.to_owned(), runs: !flags.contains("no_run") });
            }
        }
    }
    examples
}

/// Functions that the reference shows without an example or without a word.
pub fn undocumented() -> Vec<String> {
    let mut bare = Vec::new();
    for section in sections() {
        for function in &section.functions {
            if !function.doc.contains("```rhai") || function.doc.starts_with("```") {
                bare.push(section.full(function));
            }
        }
    }
    bare
}

/// What Rhai keeps no documentation of: `check` is a syntax, `print` a statement of its own.
const SYNTAX: &[(&str, &str, &str)] = &[
    (
        "check",
        "check(condition, name: string) -> bool",
        "Notes whether `condition` holds, and returns it; the run ends with exit code 3 if any check failed. A condition\n\
         that throws, as a failed call does, has failed. A mistake in it, such as a misspelt field, is an error.\n\n\
         ```rhai\ncheck(1 + 1 == 2, \"sums are right\");\n```\n",
    ),
    (
        "print",
        "print(value: any)",
        "Prints a value to stdout, whatever else is shown; with `--json`, to stderr.\n\n\
         ```rhai\nprint(`${6 * 7} calls`);                            // 42 calls\n```\n",
    ),
];

fn sections() -> Vec<Section> {
    let mut globals = Section::new("Globals", "", "functions that need no module name");
    registry::globals().functions_into(&mut globals, &mut []);
    globals.functions.extend(SYNTAX.iter().map(|(name, shown, doc)| Function {
        name: (*name).to_owned(),
        shown: vec![(*shown).to_owned()],
        doc: (*doc).to_owned(),
        words: Vec::new(),
    }));
    globals.functions.sort_by(|a, b| a.name.cmp(&b.name));
    let mut types: Vec<Section> =
        registry::TYPES.iter().map(|(name, about)| Section::new(name, &format!("{name}."), about)).collect();
    let mut all = vec![globals];
    for native in registry::MODULES {
        let mut section = Section::new(native.name, &format!("{}::", native.name), native.about);
        let module = (native.build)();
        section.doc = plain_doc(module.doc().lines());
        module.functions_into(&mut section, &mut types);
        if let Some((_, text)) = prelude::FILES.iter().find(|(name, _)| *name == native.name) {
            section.functions.extend(scripted_functions(text, &section.prefix));
        }
        all.push(section);
    }
    for (name, text, about) in prelude::alone() {
        let mut section = Section::new(name, &format!("{name}::"), about);
        section.functions.extend(scripted_functions(text, &section.prefix));
        all.push(section);
    }
    for module in registry::types() {
        module.functions_into(&mut Section::new("", "", ""), &mut types);
    }
    all.extend(types);
    all
}

trait Documented {
    /// Puts functions into `section`, and fields and methods into the section of their type.
    fn functions_into(self, section: &mut Section, types: &mut [Section]);
}

impl Documented for rhai::Module {
    fn functions_into(self, section: &mut Section, types: &mut [Section]) {
        for native in of_module(self) {
            let place = match &native.of {
                None => &mut *section,
                Some(of) => match types.iter_mut().find(|section| section.title == *of) {
                    Some(of) => of,
                    None => &mut *section,
                },
            };
            place.add(native);
        }
        for place in types.iter_mut().chain([section]) {
            place.sort();
        }
    }
}

impl Section {
    fn new(title: &str, prefix: &str, about: &str) -> Self {
        let (title, prefix, about) = (title.to_owned(), prefix.to_owned(), about.to_owned());
        Self { title, prefix, about, doc: String::new(), functions: Vec::new() }
    }

    fn write(&self, text: &mut String) {
        let about = if self.doc.is_empty() { sentence(&self.about) } else { self.doc.trim_end().to_owned() };
        writeln!(text, "\n## {}\n\n{about}", self.title).ok();
        for function in &self.functions {
            function.write(&self.full(function), text);
        }
    }

    fn full(&self, function: &Function) -> String {
        format!("{}{}", self.prefix, function.name)
    }

    /// Forms of one function stand together.
    fn add(&mut self, native: Native) {
        let shown = native.shown(&format!("{}{}", self.prefix, native.name));
        match self.functions.iter_mut().find(|known| known.name == native.name) {
            Some(known) => {
                known.shown.push(shown);
                // Rhai lists the forms in no stable order: keep the words in the order of their length.
                let words = native.doc.trim_end();
                if !words.is_empty() && known.words.iter().all(|known| known != words) {
                    known.words.push(words.to_owned());
                    known.words.sort_by_key(|words| (words.len(), words.clone()));
                    known.doc = known.words.join("\n\n");
                }
            }
            None => {
                let words = Some(native.doc.trim_end().to_owned()).filter(|words| !words.is_empty());
                let (name, doc) = (native.name, native.doc);
                self.functions.push(Function {
                    name,
                    shown: vec![shown],
                    doc,
                    words: words.into_iter().collect(),
                });
            }
        }
    }

    fn sort(&mut self) {
        for function in &mut self.functions {
            function.shown.sort_by_key(|shown| (shown.len(), shown.clone()));
            function.shown.dedup();
        }
        self.functions.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

impl Function {
    fn write(&self, full: &str, text: &mut String) {
        let forms = self.shown.join("\n");
        writeln!(text, "\n### {full}\n\n```\n{forms}\n```\n\n{}", self.doc.trim_end()).ok();
    }
}

/// A line of an overview as a sentence.
fn sentence(about: &str) -> String {
    let mut letters = about.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).chain(['.']).collect())
}

/// The library that `import "name"` finds, as `doc` shows it: what its `//!` lines say, how it is imported, and its functions with
/// their comments.
pub fn of_library(name: &str, text: &str) -> String {
    let head = text.lines().skip_while(|line| line.trim().is_empty());
    let head: Vec<&str> = head.map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let mut shown = String::new();
    if !head.is_empty() {
        writeln!(shown, "{}\n", head.join("\n").trim_end()).ok();
    }
    let alias = alias(name);
    writeln!(shown, "```rhai\nimport \"{name}\" as {alias};\n```").ok();
    for function in scripted_functions(text, &format!("{alias}::")) {
        function.write(&format!("{alias}::{}", function.name), &mut shown);
    }
    shown
}

/// One function of such a library.
pub fn of_library_function(name: &str, text: &str, function: &str) -> Result<String, Error> {
    let alias = alias(name);
    let functions = scripted_functions(text, &format!("{alias}::"));
    if let Some(found) = functions.iter().find(|known| known.name == function) {
        let mut shown = String::new();
        found.write(&format!("{alias}::{function}"), &mut shown);
        return Ok(shown.trim_start().to_owned());
    }
    let names: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    let error = Error::usage(format!("there is no function `{function}` in `{name}`"));
    Err(match (nearest(function, &names), names.is_empty()) {
        (Some(near), _) => error.hint(format!("did you mean `{name}::{near}`?")),
        (None, true) => error.hint("it has none that a script can call"),
        (None, false) => error.hint(format!("functions: {}", names.join(", "))),
    })
}

/// Names and heads of the functions that a script defines.
pub fn functions_of(text: &str) -> Vec<(String, String)> {
    let functions = scripted_functions(text, "").into_iter();
    functions.map(|mut function| (function.name, function.shown.remove(0))).collect()
}

fn scripted_functions(text: &str, prefix: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    let mut doc = String::new();
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("///") {
            doc.push_str(words.strip_prefix(' ').unwrap_or(words));
            doc.push('\n');
        } else if let Some(rest) = line.strip_prefix("fn ") {
            let head = rest.split('{').next().unwrap_or(rest).trim();
            let name = head.split('(').next().unwrap_or(head).to_owned();
            let (shown, doc) = (format!("{prefix}{head}"), std::mem::take(&mut doc));
            match functions.iter_mut().find(|known: &&mut Function| known.name == name) {
                // Another form of it.
                Some(known) => {
                    known.shown.push(shown);
                    known.doc += &doc;
                }
                None => functions.push(Function { name, shown: vec![shown], doc, words: Vec::new() }),
            }
        } else {
            doc.clear();
        }
    }
    functions
}
