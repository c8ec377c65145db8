//! One command line, compiled once, filled in once a call.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::CommandClient;
use crate::error::{Error, Result};
use crate::load::payload::{Encoding, Param, Parameters, Template};
use crate::load::{Client, MOST_TOLD, Operation, Turn};
use crate::measure::{
    failure,
    secrets::{is_secret, mask_urls},
};

/// Longer names are cut, characters.
const NAME_LENGTH: usize = 60;

/// What a command has besides its arguments.
#[derive(Debug, Clone, Default)]
pub struct ExecOptions {
    /// The name in reports; the command line unless given.
    pub name: Option<String>,
    /// What it reads; nothing unless given.
    pub stdin: Option<String>,
    /// The exit codes that count as success; 0 unless given. 128 and more stand for signals, as in a shell.
    pub ok: Vec<i32>,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// Variables on top of those of the client.
    pub env: Vec<(String, String)>,
    /// Whether lines of JSON on its standard output are samples and numbers.
    pub samples: bool,
    /// What stands for `{name}` in the arguments and in `stdin`. Without any, braces mean themselves.
    pub params: Vec<(String, Param)>,
}

/// A command of one client. Its outcome's `bytes` are those of its standard output.
pub struct Exec {
    name: String,
    owner: Arc<CommandClient>,
    client: Arc<dyn Client>,
    arguments: Vec<Template>,
    stdin: Option<Template>,
    ok: Vec<i32>,
    timeout: Option<Duration>,
    env: Vec<(String, String)>,
    described: Value,
    /// What there was beside samples, where those are wanted.
    strange: Option<Mutex<Strange>>,
}

/// What a command said that could not be used, over all calls of a load.
#[derive(Default)]
pub(super) struct Strange {
    pub lines: u64,
    pub first: String,
    pub left_out: u64,
}

impl Exec {
    pub(super) fn new(
        client: &Arc<CommandClient>,
        arguments: &[String],
        options: ExecOptions,
    ) -> Result<Self> {
        if arguments.first().is_none_or(String::is_empty) {
            return Err(Error::usage("a command needs a program")
                .hint("write the program and its arguments: `[\"ls\", \"-l\"]`"));
        }
        if let Some(argument) = arguments.iter().find(|argument| argument.contains('\0')) {
            return Err(Error::usage(format!(
                "an argument cannot hold a zero byte: `{}`",
                argument.escape_debug()
            )));
        }
        check_variables(&options.env)?;
        let shown: Vec<String> = arguments.iter().map(|argument| mask_urls(argument)).collect();
        let name = options.name.unwrap_or_else(|| name(&shown));
        let params = Parameters::new(&name, &options.params)?;
        let compile = |text: &String| match options.params.is_empty() {
            true => Ok(Template::literal(text.as_bytes())),
            false => params.text(text, Encoding::Raw),
        };
        let templates = arguments.iter().map(compile).collect::<Result<Vec<_>>>()?;
        let stdin = options.stdin.as_ref().map(compile).transpose()?;
        params.all_used()?;
        let ok = if options.ok.is_empty() { vec![0] } else { options.ok };
        let mut env = client.env.clone();
        env.extend(options.env);
        let described = json!({
            "command": shown,
            "folder": client.folder(),
            "env": env.iter().map(|(name, value)| shown_variable(name, value)).collect::<serde_json::Map<_, _>>(),
            "stdin_bytes": options.stdin.as_ref().map_or(0, String::len),
            "ok": ok,
            "samples": options.samples,
        });
        Ok(Self {
            name,
            owner: client.clone(),
            client: client.clone(),
            arguments: templates,
            stdin,
            ok,
            timeout: options.timeout,
            env,
            described,
            strange: options.samples.then(Mutex::default),
        })
    }

    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Where lines go that could not be used; none if its output is only its output.
    pub(super) fn strange(&self) -> Option<MutexGuard<'_, Strange>> {
        self.strange.as_ref().map(|strange| strange.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn accepts(&self, exit_code: i32) -> bool {
        self.ok.contains(&exit_code)
    }

    pub(super) fn accepted(&self) -> String {
        self.ok.iter().map(i32::to_string).collect::<Vec<_>>().join(" or ")
    }

    /// The command of this turn, and what it reads.
    pub(super) fn command(&self, turn: Turn) -> (Command, Option<Vec<u8>>) {
        let written = |template: &Template| {
            let mut out = Vec::new();
            template.write(turn, &mut out);
            out
        };
        let mut arguments = self.arguments.iter().map(written);
        let program = arguments.next().expect("checked when it was made");
        let mut command = Command::new(OsStr::from_bytes(&program));
        command.args(arguments.map(|argument| OsStr::from_bytes(&argument).to_owned()));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = self.owner.folder() {
            command.current_dir(folder);
        }
        (command, self.stdin.as_ref().map(written))
    }

    /// Where the program is looked for: the path as a shell would take it.
    fn find(&self, program: &Path) -> Option<PathBuf> {
        let folder = self.owner.folder().unwrap_or(Path::new(""));
        if program.components().count() > 1 {
            return Some(folder.join(program)).filter(|path| is_program(path));
        }
        let given = self.env.iter().rev().find_map(|(name, value)| (name == "PATH").then(|| value.into()));
        let path = given.or_else(|| std::env::var_os("PATH")).unwrap_or_default();
        std::env::split_paths(&path)
            .map(|place| folder.join(place).join(program))
            .find(|path| is_program(path))
    }
}

impl Operation for Exec {
    fn name(&self) -> &str {
        &self.name
    }

    fn service(&self) -> &'static str {
        "command"
    }

    fn component(&self) -> &'static str {
        "command"
    }

    fn client(&self) -> &Arc<dyn Client> {
        &self.client
    }

    fn describe(&self) -> Value {
        self.described.clone()
    }

    /// Refuses what cannot be started at all, before anything is measured.
    fn prepare(&self, _seed: u64, _cancel: &CancellationToken) -> Result<()> {
        // Of the load that begins, not of those before.
        self.strange().as_deref_mut().map(std::mem::take);
        if let Some(folder) = self.owner.folder().filter(|folder| !folder.is_dir()) {
            let error = Error::io(format!("there is no folder `{}` to run commands in", folder.display()));
            return Err(error.class(failure::IO).hint("make it first, or give another `folder`"));
        }
        let Some(program) = self.arguments[0].constant() else { return Ok(()) };
        let program = Path::new(OsStr::from_bytes(program));
        if self.find(program).is_some() {
            return Ok(());
        }
        let error = Error::io(format!("cannot start `{}`: there is no such program", program.display()));
        let error = error.class(failure::IO);
        Err(if program.components().count() > 1 {
            error.hint("is the path right, and is the file executable?")
        } else if program.to_string_lossy().contains(' ') {
            error.hint("give the arguments apart, `[\"ls\", \"-l\"]`, or use `shell`")
        } else {
            error.hint("is it installed, and on PATH? On a cluster, was its module loaded?")
        })
    }

    fn tells(&self) -> bool {
        self.strange.is_some()
    }

    fn remarks(&self) -> Vec<String> {
        let Some(strange) = self.strange() else { return Vec::new() };
        let Strange { lines, first, left_out } = &*strange;
        let mut remarks = Vec::new();
        if *lines > 0 {
            remarks.push(format!(
                "`{}` wrote {lines} lines that are no samples or numbers in JSON; the first: `{first}`",
                self.name
            ));
        }
        if *left_out > 0 {
            remarks.push(format!(
                "`{}` told more than {MOST_TOLD} samples and numbers in a call: {left_out} are left out",
                self.name
            ));
        }
        remarks
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The command line, the program without its folder.
fn name(arguments: &[String]) -> String {
    let program = arguments.first().and_then(|program| program.rsplit('/').next()).unwrap_or_default();
    short_name(&[&[program.to_owned()], arguments.get(1..).unwrap_or_default()].concat().join(" "))
}

/// What a command line is called in results: on one line, not too long, without passwords.
pub fn short_name(line: &str) -> String {
    let line = mask_urls(line);
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= NAME_LENGTH {
        return line;
    }
    format!("{}…", line.chars().take(NAME_LENGTH - 1).collect::<String>())
}

fn shown_variable(name: &str, value: &str) -> (String, Value) {
    let value = if is_secret(name) { crate::measure::secrets::MASK.to_owned() } else { mask_urls(value) };
    (name.to_owned(), value.into())
}

pub(super) fn check_variables(env: &[(String, String)]) -> Result<()> {
    let wrong = env
        .iter()
        .find(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0'));
    match wrong {
        None => Ok(()),
        Some((name, _)) => {
            Err(Error::usage(format!("no variable can be called or hold this: `{}`", name.escape_debug()))
                .hint("a name has no `=`, and neither name nor value a zero byte"))
        }
    }
}

/// A map of texts and numbers, as the names and values of variables.
pub fn variables<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    let map = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let text = |(name, value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Number(_) | Value::Bool(_) => Ok((name, value.to_string())),
        _ => Err(serde::de::Error::custom(format!("the variable {name} must be a text or a number"))),
    };
    map.into_iter().map(text).collect()
}
