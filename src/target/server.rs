//! The listening socket and the threads behind it; the first one also accepts and deals connections out.

use std::{
    future::Future,
    net::{Ipv4Addr, TcpListener},
    os::fd::AsRawFd,
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use tokio::{
    net::TcpStream,
    runtime::{Builder, LocalOptions, LocalRuntime},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use super::{
    Entry, Settings, Truth, connection,
    http::Head,
    queue::{Model, Ticket},
    reply::{Reply, TEXT},
    timetable::Timetable,
    truth::Record,
};
use crate::error::{Error, Result};
use crate::measure::Moment;

/// What all threads share.
pub struct Shared {
    pub settings: Settings,
    pub model: Model,
    answers: Answers,
    /// For HTTP/1.0, which knows no chunks; `None` if no answer is chunked.
    whole_answers: Option<Answers>,
    connections: AtomicU64,
    /// One a thread, so that its lock is nearly always free.
    records: Vec<Mutex<Record>>,
}

/// What an ordinary request gets.
pub struct Answers {
    pub served: Reply,
    pub failed: Reply,
}

/// What the connections of one thread share.
pub struct Lane {
    pub shared: Arc<Shared>,
    pub timetable: Timetable,
    number: usize,
}

/// Bound, not yet serving.
pub struct Server {
    listener: TcpListener,
    pub port: u16,
    pub shared: Arc<Shared>,
}

const LONGEST_LOG: usize = 1_000_000;
/// Thousands of clients may come at the same moment; the kernel cuts it to its own limit.
const BACKLOG: i32 = 65_535;

impl Server {
    pub fn bind(settings: Settings) -> Result<Self> {
        let settings = settings.check()?;
        let (listener, port) = listen(settings.port)?;
        Ok(Self { listener, port, shared: Arc::new(Shared::new(settings)) })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Serves on this thread and, if more are asked for, on others until `end` says how it ended.
    pub fn run(self, end: impl Future<Output = Result<()>>) -> Result<()> {
        thread::scope(|scope| {
            let mut others = Vec::new();
            let mut threads = Vec::new();
            for number in 1..self.shared.settings.threads {
                let (give, take) = unbounded_channel();
                let shared = self.shared.clone();
                threads.push(scope.spawn(move || follow(shared, number, take)));
                others.push(give);
            }
            let ended = lead(self.shared, self.listener, others, end);
            let followed = threads.into_iter().map(|thread| thread.join().expect("a thread never panics"));
            followed.fold(ended, Result::and)
        })
    }
}

impl Shared {
    fn new(settings: Settings) -> Self {
        let body = vec![b'x'; settings.body_bytes];
        let reply = |status, chunked| Reply::new(status, TEXT, &body, chunked);
        let answers =
            |chunked| Answers { served: reply(200, chunked), failed: reply(settings.error_status, chunked) };
        let log_limit = if settings.log { LONGEST_LOG / settings.threads } else { 0 };
        Self {
            model: Model::new(&settings),
            answers: answers(settings.chunked),
            whole_answers: settings.chunked.then(|| answers(false)),
            connections: AtomicU64::new(0),
            records: (0..settings.threads).map(|_| Mutex::new(Record::new(log_limit))).collect(),
            settings,
        }
    }

    pub fn answers(&self, request: &Head) -> &Answers {
        self.whole_answers.as_ref().filter(|_| request.is_old).unwrap_or(&self.answers)
    }

    pub fn truth(&self) -> Truth {
        let mut all = Record::new(0);
        self.records().for_each(|record| all.merge(&record));
        all.truth(self.model.accepted(), self.connections.load(Relaxed))
    }

    /// In the order of acceptance. Copying it out takes a while: a question for after the load.
    pub fn log(&self) -> Vec<Entry> {
        let mut log = Vec::new();
        self.records().for_each(|record| log.extend_from_slice(record.log()));
        log.sort_by_key(|entry| (entry.arrival_ns, entry.start_ns));
        log
    }

    /// As it was at the start. What is being served now is recorded by nobody.
    pub fn reset(&self) {
        // Ahead of the records: an answer on its way to one is told by the generation of its ticket.
        self.model.reset();
        self.connections.store(0, Relaxed);
        self.records().for_each(|mut record| record.clear());
    }

    fn records(&self) -> impl Iterator<Item = MutexGuard<'_, Record>> {
        self.records.iter().map(|record| record.lock().expect("no panic while held"))
    }
}

impl Lane {
    fn new(shared: Arc<Shared>, number: usize) -> Result<Self> {
        let timetable = Timetable::new().map_err(|error| Error::io("cannot make a timer").because(&error))?;
        Ok(Self { shared, timetable, number })
    }

    /// Records answers that have just been written.
    pub fn record(&self, tickets: &mut Vec<Ticket>) {
        let written = Moment::now();
        let mut record = self.shared.records[self.number].lock().expect("no panic while held");
        for ticket in tickets.drain(..) {
            if self.shared.model.is_current(&ticket) {
                record.add(&ticket, written);
            }
        }
    }

    fn welcome(self: &Rc<Self>, stream: TcpStream) {
        self.shared.connections.fetch_add(1, Relaxed);
        // Without it a second small write would wait for the client's acknowledgement of the first.
        stream.set_nodelay(true).ok();
        tokio::task::spawn_local(connection::serve(stream, self.clone()));
    }
}

/// The first thread: accepts, deals out, and serves its share.
fn lead(
    shared: Arc<Shared>,
    listener: TcpListener,
    others: Vec<UnboundedSender<std::net::TcpStream>>,
    end: impl Future<Output = Result<()>>,
) -> Result<()> {
    runtime()?.block_on(async {
        let lane = Rc::new(Lane::new(shared, 0)?);
        let accepting = async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            for turn in (0..=others.len()).cycle() {
                let stream = accept(&listener).await;
                match turn.checked_sub(1) {
                    None => lane.welcome(stream),
                    // A thread that has ended says why when it is joined.
                    Some(other) => drop(others[other].send(stream.into_std()?)),
                }
            }
            Ok(())
        };
        tokio::select! {
            biased;
            stopped = lane.timetable.run() => stopped.map_err(|error| Error::io("the timer failed").because(&error)),
            accepted = accepting => accepted.map_err(|error: std::io::Error| Error::io("cannot accept").because(&error)),
            ended = end => ended,
        }
    })
}

/// Every other thread: serves what it is dealt until the first one has ended.
fn follow(
    shared: Arc<Shared>,
    number: usize,
    mut streams: UnboundedReceiver<std::net::TcpStream>,
) -> Result<()> {
    runtime()?.block_on(async {
        let lane = Rc::new(Lane::new(shared, number)?);
        let serving = async {
            while let Some(stream) = streams.recv().await {
                lane.welcome(TcpStream::from_std(stream)?);
            }
            Ok(())
        };
        tokio::select! {
            biased;
            stopped = lane.timetable.run() => stopped,
            served = serving => served,
        }
        .map_err(|error: std::io::Error| Error::io("a thread of the target failed").because(&error))
    })
}

async fn accept(listener: &tokio::net::TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // Too many open files, or a client that left the backlog: later ones may fare better.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

fn listen(port: u16) -> Result<(TcpListener, u16)> {
    let bound = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        // SAFETY: the descriptor is open; listening again only sets the length of the queue.
        if unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) } < 0 {
            return Err(std::io::Error::last_os_error());
        }
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    };
    bound().map_err(|error: std::io::Error| {
        let busy = error.kind() == std::io::ErrorKind::AddrInUse;
        Error::unavailable(format!("cannot listen on 127.0.0.1:{port}")).because(&error).hint(if busy {
            format!("something else uses port {port}: end it, or leave `port` out to get a free one")
        } else {
            "leave `port` out to get a free one".to_owned()
        })
    })
}

fn runtime() -> Result<LocalRuntime> {
    Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(|error| Error::io("cannot start a runtime").because(&error))
}
