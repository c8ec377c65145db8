//! A pool of threads: the engine for kernels that refuse io_uring, and for whole files everywhere.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io, mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    thread,
};

use super::engine::{AT_ONCE, Action, Job as Block};
use super::tree;

/// Threads started as jobs need them, up to a limit; they end when the pool is dropped.
pub struct Pool {
    shared: Arc<Shared>,
    limit: usize,
}

/// What a thread does from its start to its end.
pub enum Job {
    /// One block read or written, or one fsync.
    Block(Block),
    /// One file of a tree.
    Tree(tree::Task),
}

struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<(Job, Arc<Ticket>)>,
    threads: usize,
    idle: usize,
    closed: bool,
}

/// Where one virtual user waits for its job.
#[derive(Default)]
pub struct Ticket(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Free,
    Waiting(Option<Waker>),
    Done(io::Result<usize>),
}

/// A panic cannot leave these short critical sections half-way: a poisoned lock is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub fn new(limit: usize) -> Self {
        let shared = Shared { queue: Mutex::default(), work: Condvar::new() };
        Self { shared: Arc::new(shared), limit }
    }

    /// Performs `job` on a thread. If this is dropped half-way, the thread finishes the job for nobody.
    pub async fn perform(&self, ticket: &mut Arc<Ticket>, job: Job) -> io::Result<usize> {
        if let Job::Block(block) = &job
            && block.action == Action::Read
            && !block.files.direct
            && block.buffer.len() <= AT_ONCE
        {
            give_way().await;
            if let Some(moved) = read_at_once(block) {
                return Ok(moved);
            }
        }
        if matches!(*locked(&ticket.0), State::Waiting(_)) {
            *ticket = Arc::default();
        }
        *locked(&ticket.0) = State::Waiting(None);
        self.push(job, ticket.clone())?;
        poll_fn(|context| {
            let mut state = locked(&ticket.0);
            match mem::take(&mut *state) {
                State::Done(result) => Poll::Ready(result),
                _ => {
                    *state = State::Waiting(Some(context.waker().clone()));
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn push(&self, job: Job, ticket: Arc<Ticket>) -> io::Result<()> {
        let mut queue = locked(&self.shared.queue);
        queue.jobs.push_back((job, ticket));
        if queue.jobs.len() > queue.idle && queue.threads < self.limit {
            let shared = self.shared.clone();
            match thread::Builder::new().name("files".to_owned()).spawn(move || shared.work()) {
                Ok(_) => queue.threads += 1,
                // Those that run will get to it.
                Err(_) if queue.threads > 0 => {}
                Err(error) => {
                    queue.jobs.pop_back();
                    return Err(error);
                }
            }
        }
        drop(queue);
        self.shared.work.notify_one();
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut queue = locked(&self.shared.queue);
        queue.closed = true;
        queue.jobs.clear();
        drop(queue);
        self.shared.work.notify_all();
    }
}

impl Shared {
    /// The life of a thread.
    fn work(&self) {
        let mut queue = locked(&self.queue);
        loop {
            if let Some((job, ticket)) = queue.jobs.pop_front() {
                drop(queue);
                let result = match &job {
                    Job::Block(block) => perform(block),
                    Job::Tree(task) => task.perform(),
                };
                // Before the user hears of it: its memory and files must be its own again.
                drop(job);
                ticket.finish(result);
                queue = locked(&self.queue);
            } else if queue.closed {
                return;
            } else {
                queue.idle += 1;
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
            }
        }
    }
}

impl Ticket {
    fn finish(&self, result: io::Result<usize>) {
        let before = mem::replace(&mut *locked(&self.0), State::Done(result));
        if let State::Waiting(Some(waker)) = before {
            waker.wake();
        }
    }
}

/// Lets the other tasks of this thread run first, so that calls answered at once take turns among the users.
/// Sooner back than after tokio's `yield_now`, which polls for events in between.
async fn give_way() {
    let mut given = false;
    poll_fn(|context| {
        if mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Reads the whole block if the page cache has it, without waiting for the disk.
fn read_at_once(job: &Block) -> Option<usize> {
    let memory = libc::iovec { iov_base: job.buffer.pointer().cast(), iov_len: job.buffer.len() };
    // SAFETY: the job holds its open file and its memory of that length, which nobody else touches.
    let moved = unsafe { libc::preadv2(job.fd(), &memory, 1, job.offset as libc::off_t, libc::RWF_NOWAIT) };
    usize::try_from(moved).ok().filter(|moved| *moved == job.buffer.len())
}

/// The system call itself.
fn perform(job: &Block) -> io::Result<usize> {
    let (fd, memory, length) = (job.fd(), job.buffer.pointer(), job.buffer.len());
    let offset = job.offset as libc::off_t;
    loop {
        let result = match job.action {
            // SAFETY: the job holds its open file and its memory of `length` bytes, which nobody else
            // touches.
            Action::Read => unsafe { libc::pread(fd, memory.cast(), length, offset) },
            // SAFETY: as above.
            Action::Write => unsafe { libc::pwrite(fd, memory.cast(), length, offset) },
            // SAFETY: as above.
            Action::Sync => unsafe { libc::fsync(fd) as isize },
            // SAFETY: as above.
            Action::DataSync => unsafe { libc::fdatasync(fd) as isize },
        };
        match usize::try_from(result) {
            Ok(moved) => return Ok(moved),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
}
