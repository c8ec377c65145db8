//! A database with the settings of its connections.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;

use super::{
    login::{self, Login},
    session::PostgresSession,
    settings::{ClientOptions, Encryption, Mode},
    watch,
};
use crate::error::Result;
use crate::load::{Client, Session, Watch};
use crate::measure::{Failure, failure};
use crate::services::net::{Endpoint, Protocol, Stream, Tls, TlsOptions};

/// A database. Touches no network; the addresses of its name are looked up once, when the first connection opens, and kept.
pub fn client(options: ClientOptions) -> Result<Arc<PostgresClient>> {
    let options = options.checked()?;
    let tls = match options.tls {
        Encryption::Disable => None,
        how => {
            let insecure = options.ca.is_none() && how != Encryption::Verify;
            let trust = TlsOptions { ca: options.ca.clone(), insecure, server_name: None };
            let protocol = Protocol { name: b"postgresql", must_agree: false };
            Some(Tls::new(&options.host, &trust, Some(protocol), "postgres://")?)
        }
    };
    // Encryption is asked for within the protocol: connections open without it.
    let endpoint = match options.socket() {
        Some(path) => Endpoint::socket(path),
        None => Endpoint::new(options.host.clone(), options.port, None),
    };
    let server = Arc::new(Server { options, endpoint, tls });
    Ok(Arc::new(PostgresClient { server, statements: Mutex::default() }))
}

/// A database and how to talk to it. Made by [`client`].
pub struct PostgresClient {
    server: Arc<Server>,
    /// The number of each statement by its text: the same text is prepared once, however many operations have it.
    statements: Mutex<HashMap<String, usize>>,
}

/// Where a database is and how connections to it are made.
pub struct Server {
    options: ClientOptions,
    endpoint: Endpoint,
    tls: Option<Tls>,
}

impl PostgresClient {
    pub fn mode(&self) -> Mode {
        self.server.options.mode
    }

    pub fn encryption(&self) -> Encryption {
        self.server.options.tls
    }

    /// The number of a statement, by which sessions remember it.
    pub(super) fn number(&self, sql: &str) -> usize {
        let mut statements = self.statements.lock().expect("nothing panics while it holds the numbers");
        let next = statements.len();
        *statements.entry(sql.to_owned()).or_insert(next)
    }
}

impl Server {
    /// A connection that has logged in.
    pub async fn connect(&self) -> Result<Login, Failure> {
        let mut stream = self.endpoint.connect().await?;
        if let Some(tls) = &self.tls {
            let offered = login::offers_tls(&mut stream).await?;
            match stream {
                Stream::Plain(tcp) if offered => stream = tls.connect(&self.endpoint.place(), tcp).await?,
                _ if self.options.tls != Encryption::Prefer => {
                    let place = self.endpoint.place();
                    let detail = format!("{place} offers no encryption (see `tls` of `postgres::client`)");
                    return Err(Failure::lost(failure::TLS, detail));
                }
                plain => stream = plain,
            }
        }
        login::login(stream, &self.options).await
    }
}

#[async_trait(?Send)]
impl Client for PostgresClient {
    fn endpoint(&self) -> String {
        self.server.options.shown()
    }

    /// Each session costs the server a process.
    fn open_concurrency(&self) -> Option<u32> {
        Some(100)
    }

    fn watch(&self) -> Option<Result<Box<dyn Watch>, Failure>> {
        Some(watch::begin(self.server.clone()))
    }

    async fn open(&self) -> Result<Box<dyn Session>, Failure> {
        Ok(Box::new(PostgresSession::new(self.server.connect().await?)))
    }
}
