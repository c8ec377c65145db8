//! An HTTP server with the settings of its connections.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde::Deserialize;
use tokio::{
    net::{TcpStream, lookup_host},
    sync::OnceCell,
};
use tokio_rustls::TlsConnector;

use super::{
    h2::H2Session,
    headers::Headers,
    session::HttpSession,
    stream::Stream,
    tls::{self, Trust},
    url::Url,
};
use crate::error::{Error, Result};
use crate::load::{Client, Session};
use crate::measure::{Failure, failure};

/// Settings of [`client`].
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientOptions {
    /// Headers of every request.
    pub headers: BTreeMap<String, String>,
    /// Whether a connection carries more than one request. Without it each call opens one of its own.
    pub keep_alive: bool,
    /// A PEM file with the certificates to trust instead of this machine's.
    pub ca: Option<PathBuf>,
    /// Accept any certificate, also expired and foreign ones.
    pub insecure: bool,
    /// The name that the certificate must have, where it is not the host of the URL.
    pub server_name: Option<String>,
    /// 1 for HTTP/1.1 or 2 for HTTP/2: with `https://` the server must agree to it, with `http://` it is known to speak it.
    pub version: u8,
    /// The `user-agent` header.
    pub user_agent: String,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            headers: BTreeMap::new(),
            keep_alive: true,
            ca: None,
            insecure: false,
            server_name: None,
            version: 1,
            user_agent: concat!("benchscript/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A server at `url`. Touches no network; the addresses of its name are looked up
/// once, when the first connection opens, and kept.
pub fn client(url: &str, options: ClientOptions) -> Result<Arc<HttpClient>> {
    let url = Url::parse(url)?;
    if !url.tls && (options.ca.is_some() || options.insecure || options.server_name.is_some()) {
        return Err(Error::usage("`ca`, `insecure` and `server_name` are for `https://`")
            .hint("leave them out, or change the URL"));
    }
    if !matches!(options.version, 1 | 2) {
        return Err(Error::usage(format!("`version` must be 1 or 2, not {}", options.version))
            .hint("1 is HTTP/1.1, 2 is HTTP/2"));
    }
    let headers = Headers::of(&url, &options)?;
    let trust = match &options.ca {
        Some(_) if options.insecure => {
            return Err(Error::usage("`ca` and `insecure` contradict each other").hint("give one of them"));
        }
        Some(path) => Trust::file(path)?,
        None if options.insecure => Trust::Anyone,
        None => Trust::Machine,
    };
    let name = options.server_name.clone().unwrap_or_else(|| url.host.clone());
    let server_name = ServerName::try_from(name.clone()).map_err(|error| {
        Error::usage(format!("no certificate can be for the name `{name}`"))
            .because(&error)
            .hint("give `server_name: \"example.org\"`")
    });
    let server_name = if url.tls { Some(server_name?) } else { None };
    let endpoint = Endpoint {
        url,
        server_name,
        trust,
        tls: OnceLock::new(),
        addresses: OnceCell::new(),
        answering: AtomicUsize::new(0),
        keep_alive: options.keep_alive,
        version: options.version,
    };
    Ok(Arc::new(HttpClient { endpoint: Arc::new(endpoint), headers }))
}

/// A server and how to talk to it. Made by [`client`].
pub struct HttpClient {
    pub(super) endpoint: Arc<Endpoint>,
    /// Those of every request.
    pub(super) headers: Headers,
}

#[async_trait(?Send)]
impl Client for HttpClient {
    fn endpoint(&self) -> String {
        self.endpoint.url.shown()
    }

    async fn open(&self) -> Result<Box<dyn Session>, Failure> {
        if self.endpoint.version == 2 {
            return Ok(Box::new(H2Session::open(self.endpoint.clone()).await?));
        }
        let stream = self.endpoint.connect().await?;
        Ok(Box::new(HttpSession::new(self.endpoint.clone(), stream)))
    }
}

/// What all connections of a client share.
pub struct Endpoint {
    pub url: Url,
    pub keep_alive: bool,
    /// 1 or 2.
    pub version: u8,
    /// Whom the certificate must name, with TLS.
    server_name: Option<ServerName<'static>>,
    trust: Trust,
    tls: OnceLock<Result<Arc<ClientConfig>, Failure>>,
    addresses: OnceCell<Vec<SocketAddr>>,
    /// Which of the addresses answered last: the others are not tried again each time.
    answering: AtomicUsize,
}

impl Endpoint {
    /// Opens a connection, with TLS if the URL says so.
    pub async fn connect(&self) -> Result<Stream, Failure> {
        let tcp = self.connect_tcp().await?;
        // Requests are written whole: waiting to fill packets would only delay them.
        tcp.set_nodelay(true).map_err(|error| Failure::from_io("setting TCP_NODELAY", &error))?;
        let Some(name) = &self.server_name else { return Ok(Stream::Plain(tcp)) };
        let config = self.tls.get_or_init(|| self.trust.config(self.protocol())).clone()?;
        let connected = TlsConnector::from(config).connect(name.clone(), tcp).await;
        let stream = connected.map_err(|error| tls::failed(&self.url.place(), &error))?;
        if self.version == 2 && stream.get_ref().1.alpn_protocol() != Some(self.protocol()) {
            return Err(tls::no_agreement(&self.url.place()));
        }
        Ok(Stream::Tls(Box::new(stream)))
    }

    /// What TLS calls the version.
    fn protocol(&self) -> &'static [u8] {
        if self.version == 2 { b"h2" } else { b"http/1.1" }
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
        let Url { host, port, .. } = &self.url;
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, *port)]);
        }
        let found = lookup_host((host.as_str(), *port)).await;
        let addresses: Vec<SocketAddr> =
            found.map_err(|error| self.unresolved(&error.to_string()))?.collect();
        if addresses.is_empty() { Err(self.unresolved("it has no address")) } else { Ok(addresses) }
    }

    fn unresolved(&self, why: &str) -> Failure {
        Failure::lost(failure::DNS, format!("resolving `{}`: {why}", self.url.host))
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
