//! A place that connections are opened to: its addresses, looked up once, and its TLS; or a socket of this machine.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::{
    net::{TcpStream, UnixStream, lookup_host},
    sync::OnceCell,
};

use super::{Stream, Tls, authority::bracketed};
use crate::measure::{Failure, failure};

/// Shared by all connections of a client. Making one touches no network.
pub struct Endpoint {
    host: String,
    port: u16,
    tls: Option<Tls>,
    /// The Unix socket that it is instead.
    socket: Option<PathBuf>,
    /// Looked up when the first connection opens, and kept.
    addresses: OnceCell<Vec<SocketAddr>>,
    /// Which of the addresses answered last: the others are not tried again each time.
    answering: AtomicUsize,
}

impl Endpoint {
    /// `host` is a name or address, that of IPv6 without brackets.
    pub fn new(host: impl Into<String>, port: u16, tls: Option<Tls>) -> Self {
        let (addresses, answering) = (OnceCell::new(), AtomicUsize::new(0));
        Self { host: host.into(), port, tls, socket: None, addresses, answering }
    }

    /// A Unix socket of this machine.
    pub fn socket(path: PathBuf) -> Self {
        Self { socket: Some(path), ..Self::new("", 0, None) }
    }

    /// Opens a connection, with TLS if the endpoint has it.
    pub async fn connect(&self) -> Result<Stream, Failure> {
        if self.socket.is_some() {
            return self.connect_socket().await;
        }
        let tcp = self.connect_tcp().await?;
        // Requests are written whole: waiting to fill packets would only delay them.
        tcp.set_nodelay(true).map_err(|error| Failure::from_io("setting TCP_NODELAY", &error))?;
        match &self.tls {
            None => Ok(Stream::Plain(tcp)),
            Some(tls) => tls.connect(&self.place(), tcp).await,
        }
    }

    /// `host:port` or the path of the socket, for messages.
    pub fn place(&self) -> String {
        match &self.socket {
            Some(path) => path.display().to_string(),
            None => format!("{}:{}", bracketed(&self.host), self.port),
        }
    }

    async fn connect_socket(&self) -> Result<Stream, Failure> {
        let path = self.socket.as_deref().expect("called where there is one");
        let opened = UnixStream::connect(path).await.map(Stream::Unix);
        opened.map_err(|error| {
            let failed = Failure::from_io(&format!("connecting to {}", path.display()), &error);
            // Where nobody listens there is mostly no socket at all.
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            Failure { class: if is_missing { failure::REFUSED } else { failed.class }, ..failed }
        })
    }

    async fn connect_tcp(&self) -> Result<TcpStream, Failure> {
        let addresses = self.addresses.get_or_try_init(|| self.resolve()).await?;
        let first = self.answering.load(Ordering::Relaxed);
        let mut last = None;
        for turn in 0..addresses.len() {
            let at = (first + turn) % addresses.len();
            match TcpStream::connect(addresses[at]).await {
                Ok(stream) => {
                    if turn > 0 {
                        self.answering.store(at, Ordering::Relaxed);
                    }
                    return Ok(stream);
                }
                Err(error) => last = Some(no_connection(addresses[at], &error)),
            }
        }
        Err(last.unwrap_or_else(|| self.unresolved("it has no address")))
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, Failure> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let found = lookup_host((self.host.as_str(), self.port)).await;
        let addresses: Vec<SocketAddr> =
            found.map_err(|error| self.unresolved(&error.to_string()))?.collect();
        if addresses.is_empty() { Err(self.unresolved("it has no address")) } else { Ok(addresses) }
    }

    fn unresolved(&self, why: &str) -> Failure {
        Failure::lost(failure::DNS, format!("resolving `{}`: {why}", self.host))
    }
}

fn no_connection(address: SocketAddr, error: &io::Error) -> Failure {
    let mut failed = Failure::from_io(&format!("connecting to {address}"), error);
    failed.detail += match error.raw_os_error() {
        Some(libc::EADDRNOTAVAIL) => " (no local port is free: too many connections were just closed)",
        Some(libc::EMFILE) => " (raise the limit of open files: `ulimit -n`)",
        _ => "",
    };
    failed
}
