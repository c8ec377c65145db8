//! What `hyper` reads from and writes to, and where it puts its work: everything is done by the virtual user itself.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use hyper::rt::{Executor, Read, ReadBufCursor, Write};

use crate::services::net::Stream;

/// What one read takes at most, bytes.
const READ_SIZE: usize = 16 * 1024;

thread_local! {
    // Shared by all connections of a thread, since none uses it across a wait.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_SIZE].into());
}

/// How a connection came to its end, as the socket saw it; `hyper` does not tell these apart.
pub type Ending = Rc<Cell<Option<io::ErrorKind>>>;

/// A connection, seen by `hyper`.
pub struct Socket {
    pub stream: Stream,
    pub ending: Ending,
}

impl Socket {
    fn note<T>(&self, result: io::Result<T>) -> Poll<io::Result<T>> {
        if let Err(error) = &result {
            self.ending.set(Some(error.kind()));
        }
        Poll::Ready(result)
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut space: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        READ.with_borrow_mut(|buffer| {
            let most = space.remaining().min(buffer.len());
            let read = ready!(self.stream.poll_read(cx, &mut buffer[..most]));
            if matches!(read, Ok([])) {
                self.ending.set(Some(io::ErrorKind::UnexpectedEof));
            }
            self.note(read.map(|bytes| space.put_slice(bytes)))
        })
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(self.stream.poll_write(cx, bytes));
        self.note(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(self.stream.poll_flush(cx));
        self.note(flushed)
    }

    /// The socket is closed when it is dropped.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Takes the tasks that `hyper` starts; [`Tasks`] does them.
#[derive(Clone, Default)]
pub struct Started(Rc<RefCell<Vec<Task>>>);

impl<F: Future<Output = ()> + 'static> Executor<F> for Started {
    fn execute(&self, task: F) {
        self.0.borrow_mut().push(Box::pin(task));
    }
}

/// The tasks of one connection. They go on while its virtual user waits for an answer, and end with it.
#[derive(Default)]
pub struct Tasks {
    pub started: Started,
    running: Vec<Task>,
}

impl Tasks {
    /// Goes on with each of them, and with those that they start.
    pub fn poll(&mut self, cx: &mut Context<'_>) {
        self.running.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        while self.has_new() {
            self.running.append(&mut self.started.0.borrow_mut());
            self.running.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        }
    }

    /// Whether some were started that have not been polled.
    pub fn has_new(&self) -> bool {
        !self.started.0.borrow().is_empty()
    }

    pub fn count(&self) -> usize {
        self.running.len()
    }
}
