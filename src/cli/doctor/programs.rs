//! Which services and tools of a cluster are installed here.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::Finding;

/// Servers by the name of their program.
const SERVERS: &[&str] = &["postgres", "redis-server", "nginx", "weed", "vllm", "ollama", "llama-server"];

/// Where distributions keep servers that are not for everyone's PATH.
const ELSEWHERE: &[&str] = &["/usr/sbin", "/usr/local/sbin", "/sbin"];

pub fn look() -> Vec<Finding> {
    let folders = folders();
    let found: Vec<String> =
        SERVERS.iter().filter_map(|name| Some(shown(name, &find(name, &folders)?))).collect();
    let found = if found.is_empty() {
        "none; the built-in target is always there".to_owned()
    } else {
        found.join(", ")
    };
    let mut findings = vec![Finding::ok("servers", found)];
    let tools = [("containers", ["apptainer", "singularity"]), ("scheduler", ["sbatch", "srun"])];
    for (check, names) in tools {
        let found = names.iter().find_map(|name| Some(shown(name, &find(name, &folders)?)));
        let missing = format!("no `{}` here", names[0]);
        findings.push(Finding::ok(check, found.unwrap_or(missing)));
    }
    findings
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    folders.extend(ELSEWHERE.iter().map(PathBuf::from));
    // Debian keeps one folder a version of PostgreSQL.
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders
}

fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders.iter().map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The name, and the folder where a shell would not find it.
fn shown(name: &str, path: &Path) -> String {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let in_path = env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|known| known == folder);
    if in_path { name.to_owned() } else { format!("{name} ({})", folder.display()) }
}
