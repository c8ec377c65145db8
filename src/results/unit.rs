//! The folder of a declared trial: its loads lie below it until the one that counts is known.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    atomic::{self, cannot_write},
    folder::slug,
    schema::{Meta, Metrics, Status},
    stored::read_json,
    trial,
};
use crate::error::Result;

/// Where what an attempt left behind lies that was not the last.
const ATTEMPTS: &str = "attempts";

/// `<run>/<trial>/` of a declared trial. It counts as done only once its `meta.json` says so, which is written last.
pub struct UnitFolder {
    pub path: PathBuf,
    pub meta: Meta,
}

impl UnitFolder {
    /// Makes it, or makes room in it: what an earlier attempt left is moved to `attempts/`.
    pub fn create(run: &Path, meta: Meta) -> Result<Self> {
        let path = run.join(&meta.trial);
        fs::create_dir_all(&path).map_err(|error| cannot_write(&path, &error))?;
        let left = entries(&path)?;
        if !left.is_empty() {
            let attempts = path.join(ATTEMPTS);
            let number = fs::read_dir(&attempts).map_or(0, Iterator::count) + 1;
            let place = attempts.join(number.to_string());
            fs::create_dir_all(&place).map_err(|error| cannot_write(&place, &error))?;
            move_all(&left, &place)?;
        }
        let folder = Self { path, meta };
        atomic::put_json(&folder.path.join("meta.json"), &folder.meta)?;
        Ok(folder)
    }

    /// Makes the files of the load in folder `load` those of the trial.
    pub fn adopt(&mut self, load: &Path) -> Result<()> {
        let of_load: Meta = read_json(&load.join("meta.json"))?;
        let files: Vec<PathBuf> = entries(load)?
            .into_iter()
            .filter(|path| path.file_name().is_some_and(|name| name != "meta.json"))
            .collect();
        move_all(&files, &self.path)?;
        fs::remove_dir_all(load).map_err(|error| cannot_write(load, &error))?;
        // The folder of all loads goes if it holds no other.
        if let Some(loads) = load.parent() {
            fs::remove_dir(loads).ok();
        }
        let Meta { name, service, endpoint, warmup_s, duration_s, started_at, .. } = of_load;
        self.meta = Meta { name, service, endpoint, warmup_s, duration_s, started_at, ..self.meta.clone() };
        Ok(())
    }

    /// Writes the last files.
    pub fn finish(
        &mut self,
        status: Status,
        reason: Option<String>,
        metrics: Option<&Metrics>,
    ) -> Result<()> {
        trial::finish(&self.path, &mut self.meta, status, reason, metrics)
    }
}

/// Where the load of this number lies in the folder of a declared trial.
pub fn load_folder(trial: &Path, number: usize, name: &str) -> PathBuf {
    trial.join("loads").join(format!("{number}-{}", slug(name)))
}

/// What lies in a folder, attempts left out.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let found = fs::read_dir(folder).map_err(|error| super::folder::unreadable(folder, &error))?;
    let paths = found.flatten().map(|entry| entry.path());
    Ok(paths.filter(|path| path.file_name().is_some_and(|name| name != ATTEMPTS)).collect())
}

fn move_all(files: &[PathBuf], into: &Path) -> Result<()> {
    for file in files {
        let place = into.join(file.file_name().unwrap_or_default());
        fs::rename(file, &place).map_err(|error| cannot_write(&place, &error))?;
    }
    Ok(())
}
