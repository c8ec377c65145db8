//! Pure functions from a stored run, finished or not, to what people read: terminal, Markdown, JSON, HTML, plots.
//!
//! Only [`write`] touches the disk. All formats take their words and tables from `facts`, so that they agree.

pub mod differences;
pub mod export;
mod facts;
mod html;
mod json;
pub mod ladder;
mod markdown;
pub mod number;
mod plots;
#[cfg(test)]
mod sample;
mod table;
pub mod text;

use std::fs;
use std::path::{Path, PathBuf};

pub use table::{Cell, Table, Tone};

use plots::Plots;

use crate::error::Result;
use crate::results::{StoredRun, atomic};

/// `report.json` as a text.
pub fn json(run: &StoredRun) -> Result<String> {
    json::page(run)
}

/// Writes `index.html`, `report.md`, `report.json` and `plots/` into `folder` and returns the paths written.
///
/// Files of an older report of the run are replaced; each appears whole or not at all.
pub fn write(run: &StoredRun, folder: &Path) -> Result<Vec<PathBuf>> {
    let plots = Plots::draw(run)?;
    let mut files = vec![
        (folder.join("index.html"), html::page(run, &plots)?.into_bytes()),
        (folder.join("report.md"), markdown::page(run, &plots).into_bytes()),
        (folder.join("report.json"), json::page(run)?.into_bytes()),
    ];
    for plot in plots.all() {
        let path = |ending: &str| folder.join("plots").join(format!("{}.{ending}", plot.name));
        files.push((path("svg"), plot.svg().into_bytes()));
        files.push((path("png"), plot.png.clone()));
    }
    fs::create_dir_all(folder.join("plots")).map_err(|error| atomic::cannot_write(folder, &error))?;
    files.iter().try_for_each(|(path, bytes)| atomic::put(path, bytes))?;
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, run: &StoredRun) -> (PathBuf, Vec<PathBuf>) {
        let folder = std::env::temp_dir().join(format!("benchscript-report-{}-{name}", std::process::id()));
        let paths = write(run, &folder).expect("written");
        (folder, paths)
    }

    #[test]
    fn writes_every_file_and_leaves_nothing_else() {
        let run = sample::mixed();
        let (folder, paths) = written("all", &run);
        let found = |dir: &Path| fs::read_dir(dir).expect("folder").count();
        assert_eq!(paths.len(), 3 + 2 * 3);
        assert!(paths.iter().all(|path| fs::metadata(path).expect("there").len() > 100));
        assert_eq!(found(&folder), 4);
        assert_eq!(found(&folder.join("plots")), 6);
        fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let error = write(&sample::empty(), Path::new("/dev/null/report")).expect_err("not a folder");
        assert!(error.message.contains("/dev/null/report"), "{error}");
        assert!(!error.causes.is_empty());
    }

    /// For looking at: `LOOK=DIR cargo test --lib report::tests::look`.
    #[test]
    fn look() {
        let Some(folder) = std::env::var_os("LOOK").map(PathBuf::from) else { return };
        for (name, run) in sample::gallery() {
            write(&run, &folder.join(name)).expect("written");
        }
    }
}
