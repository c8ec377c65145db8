//! Room for results, and for what services and file loads write.

use std::{ffi::CString, os::unix::ffi::OsStrExt, path::Path};

use super::Finding;
use crate::results::facts::free_bytes;

/// A long run with full records takes about this much.
const ENOUGH: u64 = 5 << 30;

/// With less than this a run is cut off.
const TOO_LITTLE: u64 = 200 << 20;

pub fn look(out: &Path) -> Vec<Finding> {
    vec![results(out), room("space in temporary folder", &std::env::temp_dir())]
}

fn results(out: &Path) -> Finding {
    const CHECK: &str = "space for results";
    // The folder is made by the first run: what counts is the first one above it that is there.
    let mut there = out.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    if there.as_os_str().is_empty() {
        there = Path::new(".");
    }
    if !is_writable(there) {
        return Finding::bad(
            CHECK,
            format!("you may not write to {}", there.display()),
            "nothing can be stored there; choose another place: `benchscript run FILE --out DIR`",
        );
    }
    room(CHECK, there)
}

fn is_writable(folder: &Path) -> bool {
    // SAFETY: the path ends with a zero.
    CString::new(folder.as_os_str().as_bytes())
        .is_ok_and(|path| unsafe { libc::access(path.as_ptr(), libc::W_OK) == 0 })
}

fn room(check: &'static str, folder: &Path) -> Finding {
    let free = match free_bytes(folder) {
        Ok(free) => free,
        Err(error) => {
            let folder = folder.display();
            return Finding::bad(
                check,
                format!("cannot look at `{folder}`: {error}"),
                format!("make the folder and let yourself write to it: `mkdir -p {folder}`"),
            );
        }
    };
    let found = format!("{:.1} GiB free in {}", free as f64 / (1u64 << 30) as f64, folder.display());
    let advice = format!(
        "make room there (`du -xsh {}/* | sort -h | tail`), or choose another place with `--out DIR`",
        folder.display()
    );
    match free {
        0..TOO_LITTLE => Finding::bad(check, found, advice),
        TOO_LITTLE..ENOUGH => Finding::warn(check, found, advice),
        _ => Finding::ok(check, found),
    }
}
