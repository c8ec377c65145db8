//! Running what is stored with a run: its script, its imports, its parameters, its seed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    Outcome, output,
    run::{Scenario, Start},
};
use crate::error::{Error, Result};
use crate::host::Pick;
use crate::measure::secrets;
use crate::results::{StoredRun, facts, index, schema::Run, sha256};
use crate::scenario::agenda::Agenda;
use crate::script::Source;

/// A run's scenario as it is stored.
pub struct Bundle {
    pub path: PathBuf,
    pub run: Run,
    pub source: Source,
    imports: BTreeMap<String, String>,
}

impl Bundle {
    /// Reads it from the folder of a run.
    pub fn read(path: &Path) -> Result<Self> {
        let run = StoredRun::open(path)?.run;
        let script = Path::new(&run.script.path);
        // A recipe is stored as the script that it became.
        let name = script.with_extension("rhai");
        let name = name.file_name().map_or_else(|| "session.rhai".into(), PathBuf::from);
        let text = crate::script::read(&path.join("scenario").join(name))?;
        let mut imports = BTreeMap::new();
        for import in &run.imports {
            let name = import.path.rsplit('/').next().unwrap_or(&import.path);
            let file = path.join(format!("scenario/imports/{}-{name}", &import.sha256[..8]));
            imports.insert(import.path.clone(), crate::script::read(&file)?);
        }
        let source = Source { name: super::source::name(script), text };
        Ok(Self { path: path.to_owned(), run, source, imports })
    }

    /// How a run of it begins.
    pub fn start(&self) -> Start {
        let written =
            |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let stored = self.run.parameters.iter().filter(|(_, value)| !is_masked(value));
        let parameters = stored.map(|(name, value)| (name.clone(), written(value))).collect();
        let only = Agenda::read(&self.path).map(|agenda| agenda.only).unwrap_or_default();
        Start {
            pick: Pick { only, index: None },
            bundle: Some(self.imports.clone()),
            recipe: self.imports.get(&self.run.script.path).cloned(),
            chosen: Some((parameters, self.run.seed)),
            ..Start::default()
        }
    }

    /// What is not as it was when the run was made.
    pub fn differences(&self) -> Vec<String> {
        let run = &self.run;
        let now = facts::host();
        let mut differences = Vec::new();
        let mut differ = |what: &str, was: &str, is: &str| {
            if was != is {
                differences.push(format!("{what}: {was} then, {is} now"));
            }
        };
        differ("benchscript", &run.tool_version, env!("CARGO_PKG_VERSION"));
        differ("host", &run.host.name, &now.name);
        differ("kernel", &run.host.kernel, &now.kernel);
        differ("CPU", &run.host.cpu_model, &now.cpu_model);
        differ("cores allowed", &run.host.cores_allowed.to_string(), &now.cores_allowed.to_string());
        differ("memory in MB", &run.host.memory_mb.to_string(), &now.memory_mb.to_string());
        differ(
            "CPU governor",
            run.host.governor.as_deref().unwrap_or("none"),
            now.governor.as_deref().unwrap_or("none"),
        );
        // A recipe is among the imports; its path holds no script.
        let script = Some(&run.script).filter(|script| !self.imports.contains_key(&script.path));
        for source in script.into_iter().chain(&run.imports) {
            match std::fs::read_to_string(&source.path) {
                Ok(text) if sha256(&text) != source.sha256 => {
                    differences.push(format!("`{}` has changed since; what was stored is run", source.path));
                }
                _ => {}
            }
        }
        for (name, _) in run.parameters.iter().filter(|(_, value)| is_masked(value)) {
            differences.push(format!(
                "the parameter `{name}` was not stored, as a secret: give it with `-p {name}=...`"
            ));
        }
        if sha256(&self.source.text) != run.script.sha256 {
            differences
                .push("the stored script is not the one that ran: passwords in it are masked".to_owned());
        }
        differences
    }
}

/// Whether a value was a secret, or holds one, and so was not stored as it was.
fn is_masked(value: &serde_json::Value) -> bool {
    value.as_str().is_some_and(|text| text.contains(secrets::MASK))
}

/// `run --resume RUN`.
pub fn resume(scenario: &Scenario, name: &str) -> Outcome {
    let bundle = declared(scenario, name)?;
    let path = bundle.path.clone();
    let start = Start { folder: Some(path), ..bundle.start() };
    scenario.run_from(Path::new(&bundle.run.script.path), &bundle.source, start)
}

/// The bundle of a run that has trials of its own to go on with.
pub fn declared(scenario: &Scenario, name: &str) -> Result<Bundle> {
    let bundle = Bundle::read(&index::find(&scenario.out().out, name)?)?;
    if bundle.run.declared.is_empty() {
        return Err(Error::usage(format!("`{}` has no declared trials", bundle.run.run_id)).hint(
            "its script is one sequence of loads; `benchscript rerun` runs it again from its beginning",
        ));
    }
    for difference in bundle.differences() {
        output::tell(&format!("note: {difference}"));
    }
    Ok(bundle)
}
