//! A running process: started as the leader of a group, awaited without holding up its thread, ended with its group.

use std::{
    io,
    mem::MaybeUninit,
    os::{
        fd::{FromRawFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    process::{Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    net::unix::pipe::{Receiver, Sender},
    sync::oneshot,
};

/// The process, and its pipes. Dropped before its end, it is killed with its whole group.
pub struct Process {
    pub stdin: Option<Sender>,
    pub stdout: Receiver,
    pub stderr: Receiver,
    group: Group,
}

/// How a process ended, and what it used, the children that it waited for included.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    pub status: ExitStatus,
    pub user: Duration,
    pub system: Duration,
    /// The memory of its largest process.
    pub max_rss_bytes: u64,
}

/// The process group of a child that nobody has waited for yet, so that its number is still its own.
struct Group {
    leader: libc::pid_t,
    watch: Watch,
    reaped: bool,
}

/// How the end of the child becomes known.
enum Watch {
    Descriptor(AsyncFd<OwnedFd>),
    /// Where the kernel (before 5.3) has no descriptors of processes.
    Thread(oneshot::Receiver<()>),
}

impl Process {
    /// Starts `command`; with `feed` it has a pipe to read from, otherwise nothing to read.
    pub fn start(command: &mut Command, feed: bool) -> io::Result<Self> {
        // SAFETY: getpid cannot fail.
        let parent = unsafe { libc::getpid() };
        let die_with_parent = move || {
            // SAFETY: both are plain system calls.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                // It may have died before that.
                if libc::getppid() != parent {
                    return Err(io::ErrorKind::Interrupted.into());
                }
            }
            Ok(())
        };
        command.stdin(if feed { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        // SAFETY: the closure makes two system calls and allocates nothing.
        unsafe { command.pre_exec(die_with_parent) };
        let mut child = command.spawn()?;
        let group = Group::of(child.id() as libc::pid_t)?;
        let piped = "its output is piped";
        Ok(Self {
            stdin: child.stdin.take().map(|pipe| Sender::from_owned_fd(pipe.into())).transpose()?,
            stdout: Receiver::from_owned_fd(child.stdout.take().expect(piped).into())?,
            stderr: Receiver::from_owned_fd(child.stderr.take().expect(piped).into())?,
            group,
        })
    }

    /// Its outputs, and its end: when that comes, what it left behind in its group is ended too.
    pub fn parts(&mut self) -> (&Receiver, &Receiver, impl Future<Output = io::Result<Ended>>) {
        (&self.stdout, &self.stderr, self.group.ended())
    }
}

impl Group {
    fn of(leader: libc::pid_t) -> io::Result<Self> {
        // Whatever goes wrong from here on, the child does not outlive it.
        let mut group = Self { leader, watch: Watch::Thread(oneshot::channel().1), reaped: false };
        group.watch = match descriptor(leader) {
            Some(descriptor) => {
                // SAFETY: an owned descriptor stays the same and open for as long as it is held.
                let watched = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
                Watch::Descriptor(watched?)
            }
            None => Watch::Thread(watched_by_thread(leader)?),
        };
        Ok(group)
    }

    async fn ended(&mut self) -> io::Result<Ended> {
        match &mut self.watch {
            Watch::Descriptor(descriptor) => drop(descriptor.readable().await?),
            Watch::Thread(done) => {
                done.await.map_err(|_| io::Error::other("nobody waits for the process"))?
            }
        }
        // Before anybody has waited for it: until then no other group can have its number.
        self.kill();
        let ended = reap(self.leader);
        self.reaped = true;
        ended
    }

    fn kill(&self) {
        // SAFETY: a plain system call; that the group may be gone already is no harm.
        unsafe { libc::kill(-self.leader, libc::SIGKILL) };
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        self.kill();
        let leader = self.leader;
        // A large process takes a while to go, and this thread may have other calls to make.
        thread::Builder::new().name("reaper".to_owned()).spawn(move || reap(leader)).ok();
    }
}

fn descriptor(process: libc::pid_t) -> Option<OwnedFd> {
    // SAFETY: a plain system call.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
    // SAFETY: if it is one, it is a new descriptor that nobody else holds.
    (descriptor >= 0).then(|| unsafe { OwnedFd::from_raw_fd(descriptor as libc::c_int) })
}

/// Says so when `process` has ended, and leaves it to be waited for.
fn watched_by_thread(process: libc::pid_t) -> io::Result<oneshot::Receiver<()>> {
    let (said, done) = oneshot::channel();
    let wait = move || {
        let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
        // SAFETY: `info` outlives the call, which writes it; it is not read.
        while unsafe {
            libc::waitid(libc::P_PID, process as libc::id_t, info.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT)
        } != 0
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
        said.send(()).ok();
    };
    thread::Builder::new().name("waiting".to_owned()).spawn(wait)?;
    Ok(done)
}

/// Takes an ended child off the process table.
fn reap(process: libc::pid_t) -> io::Result<Ended> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers outlive the call.
        let waited = unsafe { libc::wait4(process, &mut status, 0, usage.as_mut_ptr()) };
        if waited == process {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: zeroed, which is valid for numbers, and written by the call.
    let usage = unsafe { usage.assume_init() };
    Ok(Ended {
        status: ExitStatus::from_raw(status),
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        max_rss_bytes: usage.ru_maxrss as u64 * 1024,
    })
}

fn duration(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    }

    #[test]
    fn both_ways_of_waiting_see_the_end() {
        block_on(async {
            for with_descriptor in [true, false] {
                let mut process = Process::start(Command::new("sh").args(["-c", "exit 7"]), false).unwrap();
                if !with_descriptor {
                    process.group.watch = Watch::Thread(watched_by_thread(process.group.leader).unwrap());
                }
                assert_eq!(process.parts().2.await.unwrap().status.code(), Some(7));
            }
        });
    }

    #[test]
    fn dropped_it_is_killed() {
        block_on(async {
            let process = Process::start(Command::new("sleep").arg("600"), false).unwrap();
            let watch = watched_by_thread(process.group.leader).unwrap();
            drop(process);
            // Ends only when the process has: either seen as ended, or gone already.
            watch.await.unwrap();
        });
    }
}
