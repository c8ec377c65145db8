//! An HTTP server with the settings of its connections.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use serde::Deserialize;

use super::{h2::H2Session, headers::Headers, session::HttpSession, url::Url};
use crate::error::{Error, Result};
use crate::load::{Client, Session};
use crate::measure::Failure;
use crate::services::net::{self, Protocol, Stream, Tls, TlsOptions};

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
    let tls = TlsOptions {
        ca: options.ca.clone(),
        insecure: options.insecure,
        server_name: options.server_name.clone(),
    };
    if !url.tls && tls.any() {
        return Err(Error::usage("`ca`, `insecure` and `server_name` are for `https://`")
            .hint("leave them out, or change the URL"));
    }
    if !matches!(options.version, 1 | 2) {
        return Err(Error::usage(format!("`version` must be 1 or 2, not {}", options.version))
            .hint("1 is HTTP/1.1, 2 is HTTP/2"));
    }
    let headers = Headers::of(&url, &options)?;
    let protocol = match options.version {
        2 => Protocol { name: b"h2", must_agree: true },
        _ => Protocol { name: b"http/1.1", must_agree: false },
    };
    let tls = url.tls.then(|| Tls::new(&url.host, &tls, Some(protocol), "http://")).transpose()?;
    let endpoint = Endpoint {
        net: net::Endpoint::new(url.host.clone(), url.port, tls),
        url,
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
    net: net::Endpoint,
}

impl Endpoint {
    /// Opens a connection, with TLS if the URL says so.
    pub async fn connect(&self) -> Result<Stream, Failure> {
        self.net.connect().await
    }
}
