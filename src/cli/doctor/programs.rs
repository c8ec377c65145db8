//! Which services and tools of a cluster are installed here.

use std::{env, path::Path};

use super::Finding;
use crate::cluster::programs::find;

/// Servers by the name of their program.
const SERVERS: &[&str] = &["postgres", "redis-server", "nginx", "weed", "vllm", "ollama", "llama-server"];

/// Debian keeps one folder a version of PostgreSQL.
const POSTGRESQL: &str = "/usr/lib/postgresql/*/bin";

pub fn look() -> Vec<Finding> {
    let found: Vec<String> =
        SERVERS.iter().filter_map(|name| Some(shown(name, &find(name, &[POSTGRESQL.to_owned()])?))).collect();
    let found = if found.is_empty() {
        "none; the built-in target is always there".to_owned()
    } else {
        found.join(", ")
    };
    let mut findings = vec![Finding::ok("servers", found)];
    let tools = [("containers", ["apptainer", "singularity"]), ("scheduler", ["sbatch", "srun"])];
    for (check, names) in tools {
        let found = names.iter().find_map(|name| Some(shown(name, &find(name, &[POSTGRESQL.to_owned()])?)));
        let missing = format!("no `{}` here", names[0]);
        findings.push(Finding::ok(check, found.unwrap_or(missing)));
    }
    findings
}

/// The name, and the folder where a shell would not find it.
fn shown(name: &str, path: &Path) -> String {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let in_path = env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|known| known == folder);
    if in_path { name.to_owned() } else { format!("{name} ({})", folder.display()) }
}
