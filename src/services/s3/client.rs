//! A bucket of an S3 server with the settings of its connections.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use serde::Deserialize;

use super::{
    credentials::{Credentials, Source},
    session::S3Session,
    sign::Signer,
    store::{Store, in_query},
};
use crate::error::{Error, Result};
use crate::load::{Client, Session};
use crate::measure::Failure;
use crate::services::{
    http::Url,
    net::{Endpoint, Tls, TlsOptions},
};

/// Settings of [`client`].
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientOptions {
    pub bucket: String,
    /// What signatures name; servers of one's own mostly take any.
    pub region: String,
    pub access_key: Option<String>,
    pub secret_key: Option<String>,
    /// Of credentials that expire.
    pub session_token: Option<String>,
    /// A file as Amazon's own tools have it, which nobody else may read.
    pub credentials_file: Option<PathBuf>,
    /// The section of that file.
    pub profile: String,
    /// Requests are not signed.
    pub anonymous: bool,
    pub style: Style,
    pub payload: Payload,
    /// A PEM file with the certificates to trust instead of this machine's.
    pub ca: Option<PathBuf>,
    /// Accept any certificate, also expired and foreign ones.
    pub insecure: bool,
    /// The name that the certificate must have, where it is not the host of the URL.
    pub server_name: Option<String>,
}

/// Where a request names its bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// `http://host/bucket/key`.
    #[default]
    Path,
    /// `http://bucket.host/key`: in the `host` header; the connection goes to the host of the URL.
    Virtual,
}

/// Whether bodies are part of the signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Payload {
    #[default]
    Unsigned,
    /// They are hashed before they are sent.
    Signed,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            bucket: "benchscript".to_owned(),
            region: "us-east-1".to_owned(),
            access_key: None,
            secret_key: None,
            session_token: None,
            credentials_file: None,
            profile: "default".to_owned(),
            anonymous: false,
            style: Style::default(),
            payload: Payload::default(),
            ca: None,
            insecure: false,
            server_name: None,
        }
    }
}

/// A bucket of the server at `url`. Touches no network; the addresses of its name are looked up once, when the first
/// connection opens, and kept. Reads the file with credentials.
pub fn client(url: &str, options: ClientOptions) -> Result<Arc<S3Client>> {
    let url = Url::parse(url)?;
    if url.authorization.is_some() {
        return Err(Error::usage("S3 takes no user and password in the URL")
            .hint("give `access_key` and `secret_key`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
    }
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    for (name, value) in [("bucket", &options.bucket), ("region", &options.region)] {
        if value.is_empty() || !plain(value) {
            return Err(Error::usage(format!("no `{name}` can be called `{}`", value.escape_debug()))
                .hint("use letters, digits, dashes and dots"));
        }
    }
    let signer = match options.anonymous {
        true => None,
        false => {
            let source = Source {
                access_key: options.access_key.as_deref(),
                secret_key: options.secret_key.as_deref(),
                session_token: options.session_token.as_deref(),
                file: options.credentials_file.as_deref(),
                profile: &options.profile,
            };
            let found = Credentials::find(&source, |name| std::env::var(name).ok())?;
            Some(Signer::new(found, &options.region))
        }
    };
    let tls = TlsOptions { ca: options.ca, insecure: options.insecure, server_name: options.server_name };
    if !url.tls && tls.any() {
        return Err(Error::usage("`ca`, `insecure` and `server_name` are for `https://`")
            .hint("leave them out, or change the URL"));
    }
    let tls = url.tls.then(|| Tls::new(&url.host, &tls, None, "http://")).transpose()?;
    let (host, bucket_path) = match options.style {
        Style::Path => (url.host_header(), format!("/{}", in_query(&options.bucket))),
        Style::Virtual => (format!("{}.{}", options.bucket, url.host_header()), String::new()),
    };
    let constant = format!("host: {host}\r\nuser-agent: benchscript/{}\r\n", env!("CARGO_PKG_VERSION"));
    let store = Store {
        endpoint: Endpoint::new(url.host.clone(), url.port, tls),
        url,
        bucket: options.bucket,
        region: options.region,
        host,
        bucket_path,
        signer,
        signs_payload: options.payload == Payload::Signed,
        constant,
    };
    Ok(Arc::new(S3Client { store: Arc::new(store) }))
}

/// A bucket and how to talk to its server. Made by [`client`].
pub struct S3Client {
    pub(super) store: Arc<Store>,
}

#[async_trait(?Send)]
impl Client for S3Client {
    fn endpoint(&self) -> String {
        self.store.place()
    }

    async fn open(&self) -> Result<Box<dyn Session>, Failure> {
        Ok(Box::new(S3Session::open(&self.store).await?))
    }
}
