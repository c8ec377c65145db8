//! A place on this machine: its folder with its files, and processes started in it.

use std::{
    fs,
    io::{self, Write},
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
};

use super::{
    message::{Place, Task},
    user::User,
};

/// Makes the folder with its files; what failed and how.
pub fn make(place: &Place) -> Result<(), (String, io::Error)> {
    let user = place.user.as_deref().and_then(User::named);
    let own = |path: &Path| user.map_or(Ok(()), |user| user.own(path));
    let cannot = |path: &Path| {
        let what = format!("cannot make `{}`", path.display());
        move |error| (what.clone(), error)
    };
    let folders = [place.folder.clone(), place.folder.join("data")];
    for folder in &folders {
        // PostgreSQL wants it closed to others.
        let made = fs::DirBuilder::new().mode(0o700).create(folder);
        made.and_then(|()| own(folder)).map_err(cannot(folder))?;
    }
    for (name, text) in &place.files {
        let path = place.folder.join(name);
        for folder in path.parent().iter().filter(|folder| !folder.is_dir()) {
            fs::create_dir_all(folder).and_then(|()| own(folder)).map_err(cannot(folder))?;
        }
        let file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.and_then(|()| own(&path)).map_err(cannot(&path))?;
    }
    Ok(())
}

/// Starts a task that says what it has to say into `output`.
pub fn spawn(place: &Place, task: &Task, output: &fs::File) -> io::Result<u32> {
    let program = task.command.first().map_or("", String::as_str);
    let mut command = Command::new(program);
    command.args(&task.command[1.min(task.command.len())..]).current_dir(&place.folder);
    // What it leaves there goes with the folder.
    command.env("TMPDIR", &place.folder).envs(&task.env);
    command.stdin(Stdio::null());
    command.stdout(output.try_clone()?).stderr(output.try_clone()?);
    if let Some(user) = place.user.as_deref().and_then(User::named) {
        command.uid(user.uid).gid(user.gid);
    }
    let guardian = std::process::id();
    let die_with_guardian = move || {
        // SAFETY: both are plain system calls. They come after the change of user, which would undo the first.
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            // It may have died before that.
            if libc::getppid() as u32 != guardian {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        Ok(())
    };
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(die_with_guardian) };
    Ok(command.spawn()?.id())
}
