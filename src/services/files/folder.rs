//! The private folder inside the user's folder: everything is made in it, and nothing else is ever removed.

use std::{
    ffi::CString,
    fs::{self, File},
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process,
};

use super::at::{check, is_numbered, make_folder, names_in, open_at, open_folder, remove_tree, unlink};
use super::shape::{mix, mix_text};
use crate::error::{Error, Result};
use crate::measure::{Moment, Size};

const PREFIX: &str = "benchscript";

/// `benchscript-<pid>-<hex>` in the folder the user gave; the first half of the hex number stands for the
/// machine. Removed when dropped.
pub struct Folder {
    /// As the user gave it.
    outer: PathBuf,
    name: String,
    outer_fd: OwnedFd,
    fd: OwnedFd,
}

impl Folder {
    /// Opens `outer`, removes what dead processes of this machine left in it, and makes a folder of our own.
    pub fn make(outer: &Path) -> Result<Self> {
        let outer_fd = open_outer(outer)?;
        remove_stale(&outer_fd);
        let name = name(process::id(), random());
        make_folder(outer_fd.as_raw_fd(), &name)
            .map_err(|error| refused("cannot make a folder in", outer, &error))?;
        match open_folder(outer_fd.as_raw_fd(), &name) {
            Ok(fd) => Ok(Self { outer: outer.to_owned(), name, outer_fd, fd }),
            Err(error) => {
                let _ = unlink(&outer_fd, &name, libc::AT_REMOVEDIR);
                Err(refused("cannot open a folder made in", outer, &error))
            }
        }
    }

    pub fn outer(&self) -> &Path {
        &self.outer
    }

    /// Refuses unless there is room for `bytes` and 5 % more.
    pub fn require_space(&self, bytes: u64) -> Result<()> {
        // SAFETY: all zeroes are valid for this plain struct of numbers.
        let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
        // SAFETY: a descriptor we hold, and `stat` outlives the call.
        check(unsafe { libc::fstatvfs(self.fd.as_raw_fd(), &mut stat) })
            .map_err(|error| refused("cannot ask for the free space of", &self.outer, &error))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        let needed = bytes.saturating_add(bytes / 20);
        if needed <= free {
            return Ok(());
        }
        Err(Error::io(format!(
            "not enough free space in `{}`: needs {} ({} of files and 5 % to spare), has {}",
            self.outer.display(),
            readable(needed),
            readable(bytes),
            readable(free)
        ))
        .hint("use a smaller `file_size`, fewer `files`, or another folder"))
    }

    /// Makes a file that did not exist, for reading and writing.
    pub fn create(&self, name: &str) -> io::Result<File> {
        self.open(name, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL)
    }

    /// Opens a file made before, never through a symbolic link.
    pub fn open(&self, name: &str, flags: libc::c_int) -> io::Result<File> {
        open_at(self.fd.as_raw_fd(), name, flags).map(File::from)
    }

    pub fn remove(&self, name: &str) -> Result<()> {
        unlink(&self.fd, name, 0).map_err(|error| {
            refused(&format!("cannot remove `{}/{name}` in", self.name), &self.outer, &error)
        })
    }

    /// Makes the folder of a tree, named by [`tree_name`].
    pub fn make_tree(&self, name: &str) -> io::Result<OwnedFd> {
        make_folder(self.fd.as_raw_fd(), name)?;
        open_folder(self.fd.as_raw_fd(), name)
    }

    /// Removes a tree with all that was made in it.
    pub fn remove_tree(&self, name: &str) -> io::Result<()> {
        remove_tree(&self.fd, name)
    }

    /// Removes the folder itself, which must be empty by now.
    pub fn close(self) -> Result<()> {
        unlink(&self.outer_fd, &self.name, libc::AT_REMOVEDIR)
            .map_err(|error| refused(&format!("cannot remove `{}` in", self.name), &self.outer, &error))
    }
}

impl Drop for Folder {
    /// Only an empty folder can be removed this way: files of others in it would stop it.
    fn drop(&mut self) {
        let _ = unlink(&self.outer_fd, &self.name, libc::AT_REMOVEDIR);
    }
}

/// The name of a file of ours: `read-0.12`, the twelfth file of the operation `read-0`.
pub fn file_name(operation: &str, number: u32) -> String {
    format!("{operation}.{number}")
}

/// Whether [`file_name`] could have made `name`.
fn is_file_name(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rest = name.strip_prefix("read-").or_else(|| name.strip_prefix("write-"));
    rest.and_then(|rest| rest.split_once('.')).is_some_and(|(id, file)| number(id) && number(file))
}

/// The name of the folder of a tree: `tree-0`.
pub fn tree_name(id: u32) -> String {
    format!("tree-{id}")
}

fn open_outer(path: &Path) -> Result<OwnedFd> {
    let text = CString::new(path.as_os_str().as_bytes())
        .map_err(|error| Error::usage("a path cannot hold a zero byte").because(&error))?;
    // SAFETY: a terminated path.
    let fd = unsafe { libc::open(text.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC) };
    let fd = check(fd).map_err(|error| refused("cannot use", path, &error))?;
    // SAFETY: a fresh descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The error of something tried on the user's folder, with what to do about it.
pub fn refused(what: &str, folder: &Path, error: &io::Error) -> Error {
    let hint = match error.raw_os_error() {
        Some(libc::ENOENT) => "make the folder first, or give another",
        Some(libc::ENOTDIR) => "give a folder, not a file",
        Some(libc::EACCES | libc::EPERM) => "give a folder that you may write to",
        Some(libc::EROFS) => "give a folder on a file system that is mounted for writing",
        Some(libc::ENOSPC) => "the disk is full: use a smaller `file_size`, fewer `files`, or another folder",
        Some(libc::EDQUOT) => {
            "your quota is used up: use a smaller `file_size`, fewer `files`, or another folder"
        }
        Some(libc::EMFILE) => "use fewer `files`, or raise the limit of open files (`ulimit -n`)",
        _ => return Error::io(format!("{what} `{}`", folder.display())).because(error),
    };
    Error::io(format!("{what} `{}`", folder.display())).because(error).hint(hint)
}

/// Removes the folders of dead processes of this machine, as far as only files of ours are in them.
fn remove_stale(outer: &OwnedFd) {
    for name in names_in(outer.as_raw_fd()) {
        if !is_stale(&name) {
            continue;
        }
        let Ok(folder) = open_folder(outer.as_raw_fd(), &name) else { continue };
        for file in names_in(folder.as_raw_fd()).iter().filter(|name| is_file_name(name)) {
            let _ = unlink(&folder, file, 0);
        }
        for tree in names_in(folder.as_raw_fd()).iter().filter(|name| is_numbered(name, "tree-")) {
            let _ = remove_tree(&folder, tree);
        }
        let _ = unlink(outer, &name, libc::AT_REMOVEDIR);
    }
}

/// The machine's half of a name must be ours: on a shared file system, or in a container with processes
/// numbered on their own, the same process number may well be alive elsewhere.
fn is_stale(folder: &str) -> bool {
    let mut parts = folder.split('-');
    let (Some(PREFIX), Some(pid), Some(hex), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let Ok(pid) = pid.parse::<i32>() else { return false };
    let ours = hex.len() == 16 && hex.starts_with(&format!("{:08x}", machine()));
    // SAFETY: signal 0 only asks whether the process exists.
    ours && pid > 0
        && check(unsafe { libc::kill(pid, 0) }).is_err_and(|error| error.raw_os_error() == Some(libc::ESRCH))
}

fn name(pid: u32, random: u32) -> String {
    format!("{PREFIX}-{pid}-{:08x}{random:08x}", machine())
}

/// Stands for this machine and its numbering of processes.
fn machine() -> u32 {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let pids = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    mix_text(&format!("{host}{}", pids.display())) as u32
}

fn random() -> u32 {
    let mut word = [0u8; 4];
    // SAFETY: the buffer is as long as said.
    let got = unsafe { libc::getrandom(word.as_mut_ptr().cast(), word.len(), libc::GRND_NONBLOCK) };
    match got {
        4 => u32::from_ne_bytes(word),
        // Before the kernel has gathered randomness; mkdir refuses a name that is taken.
        _ => mix(u64::from(process::id()), Moment::now().0) as u32,
    }
}

/// A size for reading: exact ones as they are, others to a tenth.
fn readable(bytes: u64) -> String {
    let size = Size(bytes).to_string();
    if size.len() <= 8 {
        return size;
    }
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::files::testing::TempFolder;

    /// A process that has ended and been waited for, so its number is free.
    fn dead_pid() -> u32 {
        let mut child = process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[test]
    fn leftovers_of_dead_processes_go_and_nothing_else() {
        let outer = TempFolder::new("stale");
        let left = outer.path().join(name(dead_pid(), 1));
        let with_guest = outer.path().join(name(dead_pid(), 2));
        let living = outer.path().join(name(1, 3));
        let elsewhere = outer.path().join(format!("benchscript-{}-{:016x}", dead_pid(), 4));
        let similar = outer.path().join(format!("benchscript-{}", dead_pid()));
        for folder in [&left, &with_guest, &living, &elsewhere, &similar] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("read-0.0"), "x").unwrap();
            fs::create_dir_all(folder.join("tree-0/d0/d12")).unwrap();
            fs::write(folder.join("tree-0/d0/d12/f7"), "x").unwrap();
        }
        fs::write(with_guest.join("tree-0/d0/figure.png"), "x").unwrap();
        fs::write(with_guest.join("thesis.tex"), "x").unwrap();
        fs::write(outer.path().join(name(dead_pid(), 5)), "a file of that name").unwrap();
        let victim = TempFolder::new("victim");
        fs::write(victim.path().join("read-0.0"), "x").unwrap();
        std::os::unix::fs::symlink(victim.path(), outer.path().join(name(dead_pid(), 6))).unwrap();

        drop(Folder::make(outer.path()).unwrap());
        assert!(!left.exists());
        assert!(with_guest.join("thesis.tex").exists() && with_guest.join("tree-0/d0/figure.png").exists());
        assert!(living.join("read-0.0").exists() && elsewhere.join("read-0.0").exists());
        assert!(similar.join("read-0.0").exists());
        assert!(victim.path().join("read-0.0").exists(), "a link out of the folder was followed");
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 6);
    }

    #[test]
    fn only_our_own_names_are_recognised() {
        assert!(is_file_name(&file_name("read-3", 12)) && is_file_name("write-0.0"));
        for name in ["read-.0", "read-0.", "read-0", "read-0.x", "notes.0", "write-0.0~"] {
            assert!(!is_file_name(name), "{name}");
        }
    }

    #[test]
    fn what_is_not_a_writable_folder_is_refused_in_words() {
        let outer = TempFolder::new("refused");
        let refusal = |path: &Path| Folder::make(path).err().unwrap();
        let missing = refusal(&outer.path().join("missing"));
        assert!(missing.to_string().contains("No such file or directory"), "{missing}");
        assert_eq!(missing.hints, ["make the folder first, or give another"]);
        let file = outer.path().join("file");
        fs::write(&file, "x").unwrap();
        assert_eq!(refusal(&file).hints, ["give a folder, not a file"]);
        let proc = refusal(Path::new("/proc"));
        assert!(proc.to_string().starts_with("cannot make a folder in `/proc`"), "{proc}");
    }

    #[test]
    fn symbolic_links_inside_are_never_followed() {
        let outer = TempFolder::new("links");
        let folder = Folder::make(outer.path()).unwrap();
        let target = outer.path().join("target");
        fs::write(&target, "precious").unwrap();
        let link = outer.path().join(&folder.name).join("read-0.0");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(folder.create("read-0.0").is_err());
        let error = folder.open("read-0.0", libc::O_RDWR).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
        folder.remove("read-0.0").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    }

    #[test]
    fn too_little_space_is_refused_with_numbers() {
        let outer = TempFolder::new("space");
        let error = Folder::make(outer.path()).unwrap().require_space(1 << 60).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("needs 1.1 EiB") && text.contains("has "), "{text}");
        assert!(text.contains(&outer.path().display().to_string()), "{text}");
        assert!(!error.hints.is_empty());
    }
}
