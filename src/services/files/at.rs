//! System calls relative to an open folder, never through a symbolic link at the end of a name.

use std::{
    ffi::CString,
    fs, io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
};

/// The names in a folder, as far as they are text: ours are.
pub fn names_in(folder: RawFd) -> Vec<String> {
    names(folder).collect()
}

fn names(folder: RawFd) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(format!("/proc/self/fd/{folder}")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

pub fn make_folder(at: RawFd, name: &str) -> io::Result<()> {
    // SAFETY: a descriptor that the caller holds and a terminated name.
    check(unsafe { libc::mkdirat(at, c_name(name).as_ptr(), 0o700) }).map(drop)
}

pub fn open_folder(at: RawFd, name: &str) -> io::Result<OwnedFd> {
    open_at(at, name, libc::O_RDONLY | libc::O_DIRECTORY)
}

pub fn open_at(at: RawFd, name: &str, flags: libc::c_int) -> io::Result<OwnedFd> {
    let flags = flags | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: a terminated name; the mode is read only when a file is made.
    let fd = check(unsafe { libc::openat(at, c_name(name).as_ptr(), flags, 0o600) })?;
    // SAFETY: a fresh descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The size of a file, in bytes.
pub fn size_at(at: RawFd, name: &str) -> io::Result<u64> {
    // SAFETY: all zeroes are valid for this plain struct of numbers.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: a descriptor that the caller holds, a terminated name, and `stat` outlives the call.
    check(unsafe { libc::fstatat(at, c_name(name).as_ptr(), &mut stat, libc::AT_SYMLINK_NOFOLLOW) })?;
    Ok(stat.st_size as u64)
}

pub fn unlink(at: &OwnedFd, name: &str, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: a descriptor we hold and a terminated name.
    check(unsafe { libc::unlinkat(at.as_raw_fd(), c_name(name).as_ptr(), flags) }).map(drop)
}

/// Removes a folder with the files `f<n>` and the folders `d<n>` below it; anything else in it stays, and stops it.
pub fn remove_tree(at: &OwnedFd, name: &str) -> io::Result<()> {
    let folder = open_folder(at.as_raw_fd(), name)?;
    for name in names(folder.as_raw_fd()) {
        let removed = match &name {
            file if is_numbered(file, "f") => unlink(&folder, file, 0),
            inner if is_numbered(inner, "d") => remove_tree(&folder, inner),
            _ => continue,
        };
        // What is gone is gone, and a folder that cannot be emptied stops those above it: the rest goes all the same.
        if let Err(error) = removed
            && !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty)
        {
            return Err(error);
        }
    }
    unlink(at, name, libc::AT_REMOVEDIR)
}

/// Whether `name` is `prefix` and a number.
pub fn is_numbered(name: &str, prefix: &str) -> bool {
    let number = name.strip_prefix(prefix).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

pub fn c_name(name: &str) -> CString {
    CString::new(name).expect("names are made here or come from a directory, without zero bytes")
}

/// What a system call returned, or why it failed.
pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
