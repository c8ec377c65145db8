//! Processes below this one: found through /proc, ended with all of theirs.

use std::{collections::BTreeMap, fs, io};

use super::message::Ended;

/// Every process below `root`, whose parents are still there. Where orphans come to this process, as they do to a
/// subreaper, those below it are all that it ever started.
pub fn below(root: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for pid in all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = children.remove(&root).unwrap_or_default();
    let mut at = 0;
    while let Some(pid) = found.get(at) {
        let more = children.remove(pid).unwrap_or_default();
        found.extend(more);
        at += 1;
    }
    found
}

/// `root` and the processes below it, found by asking each for its children: cheap on a machine with many others, but one that
/// starts or ends meanwhile may be missed.
pub fn family(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(pid) = found.get(at).copied() {
        // Every thread has children of its own.
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for thread in threads {
            match fs::read_to_string(thread.path().join("children")) {
                Ok(children) => {
                    found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()))
                }
                // Not every kernel tells; a thread that has just ended does not either.
                Err(_) if thread.path().exists() => return [vec![root], below(root)].concat(),
                Err(_) => {}
            }
        }
        at += 1;
    }
    found
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name, may hold spaces and brackets: count from its end.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Sends `signal` to each; those that are gone already are no harm.
pub fn signal(pids: &[u32], signal: i32) {
    for pid in pids {
        // SAFETY: a plain system call.
        unsafe { libc::kill(*pid as libc::pid_t, signal) };
    }
}

/// What waiting for any child brings.
pub enum Waited {
    /// This one has ended.
    Child(u32, Ended),
    /// None has ended yet.
    Nothing,
    /// There are no children.
    Alone,
}

/// Takes a child that has ended off the process table, without waiting for one.
pub fn reap() -> Waited {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    match unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) } {
        0 => Waited::Nothing,
        pid if pid > 0 => {
            let ended = if libc::WIFEXITED(status) {
                Ended::Exit(libc::WEXITSTATUS(status))
            } else {
                Ended::Signal(libc::WTERMSIG(status))
            };
            Waited::Child(pid as u32, ended)
        }
        _ if io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => Waited::Nothing,
        _ => Waited::Alone,
    }
}
