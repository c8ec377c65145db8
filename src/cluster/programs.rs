//! Programs that are installed here.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Where distributions keep servers that are not for everyone's PATH.
const ELSEWHERE: &[&str] = &["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// Where the program `name` is: in the PATH, where distributions keep servers, then in `folders`; a `*` in one of those stands for any
/// name, the newest version first. A name with a `/` is a path.
pub fn find(name: &str, folders: &[String]) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| is_program(path));
    }
    let in_path = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let elsewhere = ELSEWHERE.iter().map(PathBuf::from);
    let given = folders.iter().flat_map(|folder| expanded(folder));
    let mut folders = in_path.into_iter().chain(elsewhere).chain(given);
    folders.find_map(|folder| Some(folder.join(name)).filter(|path| is_program(path)))
}

/// The folders that a path with at most one `*` names.
fn expanded(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once("/*") else { return vec![pattern.into()] };
    let entries = fs::read_dir(before).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.sort_by_key(|folder| version(folder));
    folders.iter().rev().map(|folder| folder.join(after.trim_start_matches('/'))).collect()
}

/// The number that a folder's name ends with, so that 9 comes before 15.
fn version(folder: &Path) -> (u64, PathBuf) {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    let number = digits.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok());
    (number.unwrap_or(0), folder.to_owned())
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_the_newest_version_first() {
        let folder = env::temp_dir().join(format!("benchscript-programs-{}", std::process::id()));
        for version in ["9", "15", "14"] {
            fs::create_dir_all(folder.join(version).join("bin")).unwrap();
        }
        let found = expanded(&format!("{}/*/bin", folder.display()));
        fs::remove_dir_all(&folder).unwrap();
        let wanted = ["15/bin", "14/bin", "9/bin"].map(|name| folder.join(name));
        assert_eq!(found, wanted);
    }

    #[test]
    fn programs_are_found_by_name_and_by_path() {
        let found = find("sh", &[]).unwrap();
        assert_eq!(find(found.to_str().unwrap(), &[]), Some(found));
        assert_eq!(find("no-such-program", &["/usr/*/no".to_owned()]), None);
    }
}
