//! A Redis server with the settings of its connections.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use serde::Deserialize;

use super::{line::written, reader::Reader, refusal, session::RedisSession, url::Url};
use crate::error::{Error, Result};
use crate::load::{Client, Session};
use crate::measure::Failure;
use crate::services::net::{Endpoint, Tls, TlsOptions, Wire};

/// Settings of [`client`]; they replace what the URL says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientOptions {
    /// Who logs in; the server's default user unless given.
    pub username: Option<String>,
    pub password: Option<String>,
    /// The number of the database.
    pub database: Option<u32>,
    /// A PEM file with the certificates to trust instead of this machine's.
    pub ca: Option<PathBuf>,
    /// Accept any certificate, also expired and foreign ones.
    pub insecure: bool,
    /// The name that the certificate must have, where it is not the host of the URL.
    pub server_name: Option<String>,
}

/// A server at `url`: `redis://:password@host:6379/0`, or `rediss://` for TLS. Touches no network; the addresses of its name
/// are looked up once, when the first connection opens, and kept.
pub fn client(url: &str, options: ClientOptions) -> Result<Arc<RedisClient>> {
    let mut url = Url::parse(url)?;
    url.username = options.username.map(String::into_bytes).or(url.username);
    url.password = options.password.map(String::into_bytes).or(url.password);
    url.database = options.database.or(url.database);
    if url.username.is_some() && url.password.is_none() {
        return Err(Error::usage("`username` without a `password`").hint("give both, or neither"));
    }
    let tls = TlsOptions { ca: options.ca, insecure: options.insecure, server_name: options.server_name };
    if !url.tls && tls.any() {
        return Err(Error::usage("`ca`, `insecure` and `server_name` are for `rediss://`")
            .hint("leave them out, or change the URL"));
    }
    let tls = url.tls.then(|| Tls::new(&url.host, &tls, None, "redis://")).transpose()?;
    let endpoint = Endpoint::new(url.host.clone(), url.port, tls);
    Ok(Arc::new(RedisClient { shown: url.shown(), greeting: greeting(&url), endpoint }))
}

/// A server and how to talk to it. Made by [`client`].
pub struct RedisClient {
    shown: String,
    /// What is said first on each connection, and how many answers it has.
    greeting: (Vec<u8>, u32),
    endpoint: Endpoint,
}

#[async_trait(?Send)]
impl Client for RedisClient {
    fn endpoint(&self) -> String {
        self.shown.clone()
    }

    async fn open(&self) -> Result<Box<dyn Session>, Failure> {
        let mut wire = Wire::new(self.endpoint.connect().await?);
        let mut reader = Reader::default();
        let (greeting, answers) = &self.greeting;
        if *answers > 0 {
            reader.start(*answers, false);
            wire.exchange(Some(greeting), |_| {}, &mut reader).await?;
            if let Some(failure) = refusal::of(reader.seen(), *answers) {
                return Err(Failure { session_lost: true, ..failure });
            }
        }
        Ok(Box::new(RedisSession::new(wire, reader)))
    }
}

fn greeting(url: &Url) -> (Vec<u8>, u32) {
    let (mut text, mut commands) = (Vec::new(), 0);
    if let Some(password) = &url.password {
        let user = url.username.as_deref();
        let words: Vec<&[u8]> = [Some(&b"AUTH"[..]), user, Some(password)].into_iter().flatten().collect();
        written(&words, &mut text);
        commands += 1;
    }
    if let Some(database) = url.database.filter(|number| *number > 0) {
        written(&[b"SELECT", database.to_string().as_bytes()], &mut text);
        commands += 1;
    }
    (text, commands)
}
