//! io_uring: one ring an OS thread, shared by that thread's virtual users.
//!
//! Users queue their calls; a local task, the driver, submits what has queued in one system call and hands
//! out what has completed. An eventfd wakes it for completions that come later; while it is awake anyway the
//! ring is told to leave the eventfd alone. A user alone on its thread submits by itself.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    io, mem,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    pin::Pin,
    rc::{Rc, Weak},
    sync::atomic::{Ordering, fence},
    task::{Context, Poll, Waker},
    time::Duration,
};

use io_uring::{IoUring, opcode, squeue, types};
use tokio::{io::unix::AsyncFd, runtime, task};

use super::engine::{AT_ONCE, Action, Job};
use crate::load::is_alone;

/// Calls that are submitted at once; more are submitted in several goes.
const QUEUE: u32 = 128;

/// How long a user that is alone on its thread has the thread wait for the kernel: a sleep of the thread in epoll and its
/// way back would cost more than a block of a fast disk. Well below the thread's other duties, every 10 ms.
const PATIENCE: Duration = Duration::from_millis(5);

/// Completions that the ring itself holds; the kernel keeps more aside (`IORING_FEAT_NODROP`).
const COMPLETIONS: u32 = 4096;

thread_local! {
    /// This thread's ring and the runtime that its eventfd is registered with.
    static CURRENT: RefCell<Option<(runtime::Id, Weak<Ring>)>> = const { RefCell::new(None) };
}

pub struct Ring {
    state: RefCell<State>,
    event: AsyncFd<OwnedFd>,
    /// Whether the driver runs: it goes with the runtime that it was started in.
    driven: Cell<bool>,
}

struct State {
    uring: IoUring,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Calls queued or in the kernel's hands.
    pending: usize,
    /// Wakes the driver.
    driver: Option<Waker>,
    /// The errno that submitting failed with; no call can be done on this ring any more.
    broken: Option<i32>,
}

/// How a queued call comes to the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// With all others that queue until the driver's turn.
    Driver,
    /// At once; what the kernel has not done then, the driver hands out.
    Now,
    /// At once, and the thread waits a moment for it.
    Wait,
}

enum Slot {
    Free,
    /// Queued or in the kernel's hands; its user has a waker once it waits.
    Busy(Job, Option<Waker>),
    /// In the kernel's hands, for nobody.
    Abandoned(Job),
    /// What the kernel answered: a count, or an errno below zero.
    Done(i32),
}

impl Ring {
    /// The ring of this thread and runtime, made if there is none.
    pub fn current() -> io::Result<Rc<Self>> {
        let runtime = runtime::Handle::current().id();
        CURRENT.with_borrow_mut(|current| {
            if let Some((made_in, ring)) = current
                && *made_in == runtime
                && let Some(ring) = ring.upgrade()
            {
                return Ok(ring);
            }
            let ring = Rc::new(Self::new()?);
            *current = Some((runtime, Rc::downgrade(&ring)));
            Ok(ring)
        })
    }

    fn new() -> io::Result<Self> {
        let uring = IoUring::builder()
            .setup_coop_taskrun()
            .setup_single_issuer()
            .setup_cqsize(COMPLETIONS)
            .build(QUEUE)
            // Those flags came with Linux 5.19 and 6.0.
            .or_else(|_| IoUring::builder().setup_cqsize(COMPLETIONS).build(QUEUE))?;
        // SAFETY: a plain system call; the descriptor is owned from here on.
        let event = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if event < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `event` is a fresh descriptor that nothing else owns.
        let event = unsafe { OwnedFd::from_raw_fd(event) };
        uring.submitter().register_eventfd(event.as_raw_fd())?;
        // SAFETY: an `OwnedFd` names one open file for its whole life, and closes it only when dropped.
        let event = unsafe { AsyncFd::register(event) }?;
        let state =
            State { uring, slots: Vec::new(), free: Vec::new(), pending: 0, driver: None, broken: None };
        Ok(Self { state: RefCell::new(state), event, driven: Cell::new(false) })
    }

    /// Performs `job`. If this is dropped half-way, its slot keeps file and memory until the kernel is done.
    ///
    /// Must be called inside a `LocalRuntime`.
    pub async fn perform(self: &Rc<Self>, job: Job) -> io::Result<usize> {
        if !self.driven.replace(true) {
            task::spawn_local(drive(Driver(Rc::downgrade(self))));
        }
        // Each user of the ring holds one reference. Where one is alone, what the kernel can answer at once
        // is answered without giving way; counting against tokio's budget keeps that from starving other
        // tasks.
        let way = match Rc::strong_count(self) == 1 {
            true if is_alone() && self.state.borrow().can_wait() => Way::Wait,
            true if job.buffer.len() <= AT_ONCE => Way::Now,
            _ => Way::Driver,
        };
        if way != Way::Driver {
            task::coop::consume_budget().await;
        }
        let key = self.state.borrow_mut().queue(job, way)?;
        Call { ring: self, key }.await
    }

    /// The driver's work: submits, hands out, and has itself woken for what is still to come.
    fn drive(&self, context: &mut Context<'_>) {
        let state = &mut *self.state.borrow_mut();
        state.uring.completion().disable_eventfd();
        // Edge-triggered: nothing needs to be read from the eventfd, each further signal is a new edge.
        while let Poll::Ready(Ok(mut ready)) = self.event.poll_read_ready(context) {
            ready.clear_ready();
        }
        state.submit();
        state.reap();
        if state.pending > 0 {
            state.arm();
            if !state.uring.submission().is_empty() {
                // The kernel was short of memory: again, after the others.
                context.waker().wake_by_ref();
            }
        }
        state.driver = Some(context.waker().clone());
    }
}

/// The driver: a local task that ends with its ring.
struct Driver(Weak<Ring>);

async fn drive(driver: Driver) {
    poll_fn(|context| match driver.0.upgrade() {
        Some(ring) => {
            ring.drive(context);
            Poll::Pending
        }
        None => Poll::Ready(()),
    })
    .await;
}

impl Drop for Ring {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        state.reap();
        for slot in state.slots.drain(..) {
            // The kernel may still write into the memory of calls that never came back: it is given up.
            if let Slot::Busy(job, _) | Slot::Abandoned(job) = slot {
                mem::forget(job);
            }
        }
        if let Some(driver) = state.driver.take() {
            driver.wake();
        }
    }
}

impl State {
    /// Whether the kernel can be waited for with a limit (Linux 5.11).
    fn can_wait(&self) -> bool {
        self.uring.params().is_feature_ext_arg()
    }

    /// Queues `job` and hands it to the kernel, or has the driver do it.
    fn queue(&mut self, job: Job, way: Way) -> io::Result<usize> {
        if self.uring.submission().is_full() {
            self.submit();
        }
        if let Some(errno) = self.broken {
            return Err(io::Error::from_raw_os_error(errno));
        }
        let key = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::Free);
            self.slots.len() - 1
        });
        let entry = entry(&job).user_data(key as u64);
        // SAFETY: the slot keeps the job's file and memory until its completion has come (or forever: see
        // Drop).
        if unsafe { self.uring.submission().push(&entry) }.is_err() {
            self.free.push(key);
            return Err(io::Error::from_raw_os_error(libc::EAGAIN));
        }
        self.slots[key] = Slot::Busy(job, None);
        self.pending += 1;
        match way {
            Way::Driver => {
                if let Some(driver) = self.driver.take() {
                    driver.wake();
                }
                return Ok(key);
            }
            Way::Now => {
                self.uring.completion().disable_eventfd();
                self.submit();
            }
            Way::Wait => {
                self.uring.completion().disable_eventfd();
                self.wait();
            }
        }
        self.reap();
        if self.pending > 0 {
            self.arm();
        }
        Ok(key)
    }

    /// Hands all queued calls to the kernel and waits for the first of them, but not for long.
    fn wait(&mut self) {
        let limit = types::Timespec::from(PATIENCE);
        let limit = types::SubmitArgs::new().timespec(&limit);
        match self.uring.submitter().submit_with_args(1, &limit) {
            Ok(_) => {}
            // Time is up, or a signal came: what was handed over is on its way.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR)) => {}
            // Says what is wrong, if it still is.
            Err(_) => self.submit(),
        }
    }

    /// Hands all queued calls to the kernel; what it has no memory for stays queued.
    fn submit(&mut self) {
        while !self.uring.submission().is_empty() || self.uring.submission().cq_overflow() {
            match self.uring.submit() {
                Ok(_) => {}
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN | libc::EBUSY) => return,
                    errno => return self.give_up(errno.unwrap_or(libc::EIO)),
                },
            }
            if self.uring.submission().cq_overflow() {
                self.reap();
            }
        }
    }

    /// Fails every waiting call. Their jobs stay, since the kernel may have some of them.
    fn give_up(&mut self, errno: i32) {
        self.broken = Some(errno);
        for slot in &mut self.slots {
            if let Slot::Busy(_, waker) = slot
                && let Some(waker) = waker.take()
            {
                waker.wake();
            }
        }
    }

    /// Hands out what has completed.
    fn reap(&mut self) {
        for completion in self.uring.completion() {
            let key = completion.user_data() as usize;
            self.pending -= 1;
            match mem::replace(&mut self.slots[key], Slot::Done(completion.result())) {
                Slot::Busy(_, Some(waker)) => waker.wake(),
                // Its user is just queueing it, and will look.
                Slot::Busy(_, None) => {}
                Slot::Abandoned(_) => {
                    self.slots[key] = Slot::Free;
                    self.free.push(key);
                }
                Slot::Free | Slot::Done(_) => unreachable!("one completion a call"),
            }
        }
    }

    /// Has the eventfd signalled from now on; what completed before that is handed out here.
    fn arm(&mut self) {
        self.uring.completion().enable_eventfd();
        // The kernel writes a completion, then looks whether to signal: we say so, then look for completions.
        fence(Ordering::SeqCst);
        self.reap();
    }
}

/// A queued call that is waited for.
struct Call<'a> {
    ring: &'a Ring,
    key: usize,
}

impl Future for Call<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let state = &mut *self.ring.state.borrow_mut();
        match &mut state.slots[self.key] {
            Slot::Busy(_, waker) => match state.broken {
                Some(errno) => Poll::Ready(Err(io::Error::from_raw_os_error(errno))),
                None => {
                    *waker = Some(context.waker().clone());
                    Poll::Pending
                }
            },
            Slot::Done(result) => {
                Poll::Ready(usize::try_from(*result).map_err(|_| io::Error::from_raw_os_error(-*result)))
            }
            Slot::Free | Slot::Abandoned(_) => unreachable!("a call's slot is its own until it is dropped"),
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let state = &mut *self.ring.state.borrow_mut();
        let slot = &mut state.slots[self.key];
        match mem::replace(slot, Slot::Free) {
            Slot::Busy(job, _) => *slot = Slot::Abandoned(job),
            _ => state.free.push(self.key),
        }
    }
}

/// `job` as the kernel reads it.
fn entry(job: &Job) -> squeue::Entry {
    let (fd, memory) = (types::Fd(job.fd()), job.buffer.pointer());
    let length = u32::try_from(job.buffer.len()).expect("blocks are checked to be at most 1 GiB");
    match job.action {
        Action::Read => opcode::Read::new(fd, memory, length).offset(job.offset).build(),
        Action::Write => opcode::Write::new(fd, memory, length).offset(job.offset).build(),
        Action::Sync => opcode::Fsync::new(fd).build(),
        Action::DataSync => opcode::Fsync::new(fd).flags(types::FsyncFlags::DATASYNC).build(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write, sync::Arc};

    use super::*;
    use crate::services::files::{buffer::Buffer, engine, engine::Files, testing::on_a_thread};

    /// A read that the kernel cannot answer before something is written into the pipe.
    fn endless_read() -> (Job, io::PipeWriter) {
        let (reader, writer) = io::pipe().unwrap();
        let files = Arc::new(Files { files: vec![File::from(OwnedFd::from(reader))], direct: false });
        let buffer = Arc::new(Buffer::new(4096));
        (Job { action: Action::Read, files, file: 0, offset: 0, buffer }, writer)
    }

    fn allowed() -> bool {
        let probed = engine::probe();
        if let Err(reason) = &probed {
            println!("skipped: needs io_uring: {reason}");
        }
        probed.is_ok()
    }

    /// Lets the driver submit the call and then drops it.
    async fn drop_half_way(ring: &Rc<Ring>, job: Job) {
        let mut call = Box::pin(ring.perform(job));
        for _ in 0..3 {
            let polled = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
            assert!(polled.is_pending());
            task::yield_now().await;
        }
    }

    #[test]
    fn a_call_dropped_half_way_keeps_its_memory_until_the_kernel_is_done() {
        if !allowed() {
            return;
        }
        for alone in [true, false] {
            on_a_thread(async {
                let ring = Ring::current().unwrap();
                let other = (!alone).then(|| Ring::current().unwrap());
                let (job, mut writer) = endless_read();
                let memory = job.buffer.clone();
                drop_half_way(&ring, job).await;
                assert_eq!(Arc::strong_count(&memory), 2);
                assert_eq!(ring.state.borrow().pending, 1);
                writer.write_all(b"late").unwrap();
                while Arc::strong_count(&memory) > 1 {
                    task::yield_now().await;
                }
                assert_eq!(ring.state.borrow().pending, 0);
                assert_eq!(ring.state.borrow().free.len(), 1);
                drop(other);
            });
        }
    }

    #[test]
    fn a_ring_dropped_with_calls_in_the_kernel_gives_their_memory_up() {
        if !allowed() {
            return;
        }
        let (job, mut writer) = endless_read();
        let memory = job.buffer.clone();
        on_a_thread(async {
            let ring = Ring::current().unwrap();
            drop_half_way(&ring, job).await;
        });
        assert_eq!(Arc::strong_count(&memory), 2, "the kernel could still write there");
        let _ = writer.write_all(b"too late");
    }

    #[test]
    fn completions_that_come_later_wake_the_users_that_wait() {
        if !allowed() {
            return;
        }
        on_a_thread(async {
            let rings: Vec<_> = (0..300).map(|_| Ring::current().unwrap()).collect();
            let (job, mut writer) = endless_read();
            let calls: Vec<_> = rings
                .into_iter()
                .map(|ring| {
                    let job = Job { buffer: Arc::new(Buffer::new(4)), ..job.clone() };
                    task::spawn_local(async move { ring.perform(job).await })
                })
                .collect();
            task::yield_now().await;
            writer.write_all(&[7; 1200]).unwrap();
            for call in calls {
                assert_eq!(call.await.unwrap().unwrap(), 4);
            }
        });
    }

    #[test]
    fn errors_of_the_kernel_arrive_as_such() {
        if !allowed() {
            return;
        }
        on_a_thread(async {
            let (job, _writer) = endless_read();
            let error =
                Ring::current().unwrap().perform(Job { action: Action::Write, ..job }).await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        });
    }
}
