//! Whom a service runs as: servers such as PostgreSQL refuse to run as root.

use std::{fs, io, os::unix::fs::chown, path::Path};

/// A user other than root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

/// Taken where the user that a definition names does not exist here.
const NOBODY: &str = "nobody";

impl User {
    /// `name`, or `nobody`; none unless this process is root: nobody else can change users.
    pub fn named(name: &str) -> Option<Self> {
        // SAFETY: geteuid cannot fail.
        if unsafe { libc::geteuid() } != 0 {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        [name, NOBODY].into_iter().find_map(|name| Self::of(&users, name))
    }

    fn of(users: &str, name: &str) -> Option<Self> {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    }

    pub fn own(self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgres-old:x:7:8::/:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/sh\n";
        assert_eq!(User::of(users, "postgres"), Some(User { uid: 101, gid: 104 }));
        assert_eq!(User::of(users, "redis"), None);
    }
}
