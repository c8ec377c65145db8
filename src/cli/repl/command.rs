//! The commands of the REPL: what starts with a colon.

use std::path::PathBuf;

use crate::error::{Error, Result, nearest};

pub enum Command {
    Help,
    Doc(Option<String>),
    Vars,
    Load(PathBuf),
    Quit,
}

/// Name, what follows it, what it does.
const COMMANDS: &[(&str, &str, &str)] = &[
    (":help", "", "show this"),
    (":doc", "[NAME]", "explain a module, function or variable: `:doc load::run`"),
    (":vars", "", "list variables and functions"),
    (":load", "FILE", "run a script; what it defines stays"),
    (":quit", "", "end the session (Ctrl-D)"),
];

impl Command {
    /// None if this is no command but Rhai.
    pub fn parse(text: &str) -> Option<Result<Self>> {
        let text = text.trim();
        if !text.starts_with(':') {
            return None;
        }
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        Some(Self::of(word, rest.trim()))
    }

    fn of(word: &str, rest: &str) -> Result<Self> {
        let known: Vec<&str> = names().collect();
        let mut meant = known.iter().filter(|name| name.starts_with(word) && word.len() > 1);
        match (meant.next().copied(), rest) {
            (Some(":help"), _) => Ok(Self::Help),
            (Some(":doc"), name) => Ok(Self::Doc((!name.is_empty()).then(|| name.to_owned()))),
            (Some(":vars"), _) => Ok(Self::Vars),
            (Some(":load"), "") => {
                Err(Error::usage("`:load` needs a file").hint("e.g. `:load scenario.rhai`"))
            }
            (Some(":load"), file) => Ok(Self::Load(PathBuf::from(file.trim_matches('"')))),
            (Some(":quit"), _) => Ok(Self::Quit),
            _ => {
                let error = Error::usage(format!("there is no command `{word}`"));
                Err(match nearest(word, &known) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint("`:help` lists them"),
                })
            }
        }
    }
}

/// All commands by name.
pub fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|(name, ..)| *name)
}

pub fn help() -> String {
    let mut text = String::new();
    for (name, rest, about) in COMMANDS {
        text += &format!("{:<13}  {about}\n", format!("{name} {rest}"));
    }
    text += "\nEverything else is Rhai: its value is shown, what it defines stays. An open bracket goes on in the\n\
             next line; an empty line ends it. Tab completes, the up key brings back, Ctrl-R searches. Ctrl-C clears\n\
             the line, or stops what runs. Loads are kept in one run folder.\n\n\
             Try:  let server = target::http(#{ service_time: \"2ms\" });\n      \
             let home = http::client(server.url).get(\"/\");\n      \
             home.run().status\n      \
             let result = load::run(home, #{ concurrency: 4, duration: \"3s\" }); result\n";
    text
}
