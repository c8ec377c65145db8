//! Files that are either whole or absent: temporary file, fsync, rename.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use serde::Serialize;

use crate::error::{Error, Result};

/// Writes `bytes` to `path` so that a reader, also after a crash, finds the old file or the new one.
pub fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let written = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    written.map_err(|error| {
        // What is left of it would only take space that is short already.
        fs::remove_file(&temporary).ok();
        cannot_write(path, &error)
    })
}

/// Writes `value` as indented JSON.
pub fn put_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::io(format!("cannot turn `{}` into JSON", path.display())).because(&error))?;
    bytes.push(b'\n');
    put(path, &bytes)
}

/// The error for a file of a run that could not be written.
pub fn cannot_write(path: &Path, error: &std::io::Error) -> Error {
    let failed = Error::io(format!("cannot write `{}`", path.display())).because(error);
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => failed
            .hint("make room, or choose another place with `--out DIR`; what was written before is intact"),
        std::io::ErrorKind::PermissionDenied
        | std::io::ErrorKind::ReadOnlyFilesystem
        | std::io::ErrorKind::NotADirectory => {
            failed.hint("choose a folder you may write to with `--out DIR`")
        }
        _ => failed,
    }
}
