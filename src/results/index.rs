//! Finding runs below an output folder: all of them, or the one that a person means.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{atomic, schema::Run, stored::read_run};
use crate::error::{Error, Result};

/// All runs below `DIR/results`, oldest first. Folders that are no runs are left out.
pub fn list(out: &Path) -> Vec<(PathBuf, Run)> {
    let entries = fs::read_dir(out.join("results")).into_iter().flatten().flatten();
    let mut runs: Vec<(PathBuf, Run)> = entries
        .map(|entry| entry.path())
        .filter_map(|path| read_run(&path).ok().map(|run| (path, run)))
        .collect();
    runs.sort_by(|(_, a), (_, b)| (&a.created_at, &a.run_id).cmp(&(&b.created_at, &b.run_id)));
    runs
}

/// The run that `name` means: a full id, a unique prefix, a tag, or `latest`.
pub fn find(out: &Path, name: &str) -> Result<PathBuf> {
    let runs = list(out);
    let place = out.join("results").display().to_string();
    if name == "latest" {
        let latest = runs.last().map(|(path, _)| path.clone());
        return latest.ok_or_else(|| {
            Error::usage(format!("there is no run in `{place}`"))
                .hint("choose another place with `--out DIR`")
        });
    }
    let matches = |wanted: &dyn Fn(&Run) -> bool| -> Vec<&(PathBuf, Run)> {
        runs.iter().filter(|(_, run)| wanted(run)).collect()
    };
    let exact = matches(&|run| run.run_id == name);
    let tagged = matches(&|run| run.tags.iter().any(|tag| tag == name));
    let prefixed = matches(&|run| run.run_id.starts_with(name));
    for found in [exact, tagged] {
        if let Some((path, _)) = found.last() {
            return Ok(path.clone());
        }
    }
    match prefixed.as_slice() {
        [(path, _)] => Ok(path.clone()),
        [] => Err(Error::usage(format!("there is no run `{name}` in `{place}`"))
            .hint("`benchscript list` shows the runs; RUN is an id, a unique prefix, a tag or `latest`")),
        several => {
            let ids: Vec<&str> = several.iter().map(|(_, run)| run.run_id.as_str()).collect();
            Err(Error::usage(format!("`{name}` could be any of {} runs", ids.len()))
                .hint(format!("write more of one of: {}", ids.join(", "))))
        }
    }
}

/// Gives a run another name. A tag names one run: it is taken from the run that had it.
pub fn tag(out: &Path, run: &Path, tag: &str) -> Result<Option<String>> {
    let fits = tag.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if tag.is_empty() || !fits || tag == "latest" {
        return Err(Error::usage(format!("`{tag}` cannot be a tag"))
            .hint("use letters, digits, `.`, `_` and `-`; `latest` is taken"));
    }
    let mut taken_from = None;
    for (path, mut other) in list(out) {
        let had = other.tags.iter().any(|known| known == tag);
        if path == run {
            if !had {
                other.tags.push(tag.to_owned());
                atomic::put_json(&path.join("run.json"), &other)?;
            }
        } else if had {
            other.tags.retain(|known| known != tag);
            atomic::put_json(&path.join("run.json"), &other)?;
            taken_from = Some(other.run_id);
        }
    }
    Ok(taken_from)
}
