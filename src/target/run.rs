//! The server as a process of its own, and inside a test.

use std::{
    io::{self, Write},
    sync::Arc,
    thread,
};

use serde_json::json;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use super::{
    Entry, Settings, Truth,
    server::{Server, Shared},
};
use crate::error::{Error, Result};

/// Serves until SIGTERM or SIGINT or, if `stop_with_stdin`, until standard input ends: a parent holds the
/// other end of that pipe, so the server cannot outlive it however it dies.
///
/// Prints one line when it can be reached: `{"url":"http://127.0.0.1:4711","port":4711,"pid":42}`.
pub fn serve(settings: Settings, stop_with_stdin: bool) -> Result<()> {
    let server = Server::bind(settings)?;
    let ready = json!({ "url": server.url(), "port": server.port, "pid": std::process::id() });
    server.run(async {
        let on = |kind| signal(kind).map_err(|error| Error::io("cannot wait for signals").because(&error));
        let (mut terminate, mut interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
        writeln!(io::stdout(), "{ready}")
            .and_then(|()| io::stdout().flush())
            .map_err(|error| Error::io("cannot say where the target listens").because(&error))?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = end_of_stdin(), if stop_with_stdin => {}
        }
        Ok(())
    })
}

/// Reads on a thread of its own: standard input may be a file, which no event tells about.
async fn end_of_stdin() {
    let (ended, end) = oneshot::channel::<()>();
    thread::spawn(move || {
        // An unreadable input counts as ended.
        io::copy(&mut io::stdin().lock(), &mut io::sink()).ok();
        drop(ended);
    });
    end.await.ok();
}

/// A server in this process; ends when dropped.
pub struct Handle {
    url: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<Result<()>>>,
}

pub fn start_in_thread(settings: Settings) -> Result<Handle> {
    let server = Server::bind(settings)?;
    let (url, shared) = (server.url(), server.shared.clone());
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || {
        server.run(async {
            stopped.await.ok();
            Ok(())
        })
    });
    Ok(Handle { url, shared, stop: Some(stop), thread: Some(thread) })
}

impl Handle {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn truth(&self) -> Truth {
        self.shared.truth()
    }

    /// One entry a request in the order of acceptance; empty unless the settings ask for a log.
    pub fn log(&self) -> Vec<Entry> {
        self.shared.log()
    }

    /// Forgets what was recorded, as `POST /reset`.
    pub fn reset(&self) {
        self.shared.reset();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // How it ended no longer matters to anyone.
            thread.join().ok();
        }
    }
}
