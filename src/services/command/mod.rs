//! Any command as an operation: each call starts a process and waits for its end.
//!
//! A process has a process group of its own, which ends with the call however that ends.

mod capture;
mod lines;
mod operation;
mod process;
mod session;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use serde::Deserialize;

pub use operation::{Exec, ExecOptions, short_name, variables};
pub use session::CommandReply;

use crate::error::{Error, Result};
use crate::load::{Client, Session};
use crate::measure::{Failure, secrets::mask_urls};
use session::CommandSession;

/// What all commands of a client share.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientOptions {
    /// Where commands run; the current folder unless given.
    pub folder: Option<PathBuf>,
    /// Variables on top of our own environment.
    #[serde(deserialize_with = "operation::variables")]
    pub env: Vec<(String, String)>,
    /// What the commands are about; they find it in `SERVICE_NAME`, `SERVICE_URL`, `SERVICE_HOSTNAME` and
    /// `SERVICE_PORT`.
    pub service: Option<ServiceOptions>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceOptions {
    #[serde(default)]
    pub name: Option<String>,
    pub url: String,
}

/// Where and with what environment commands run. Nothing runs before an operation does.
pub struct CommandClient {
    folder: Option<PathBuf>,
    env: Vec<(String, String)>,
    service: Option<String>,
}

/// Checks the options; touches neither files nor network.
pub fn client(options: ClientOptions) -> Result<Arc<CommandClient>> {
    let mut env = Vec::new();
    let mut about = None;
    if let Some(service) = options.service {
        env = service.variables()?;
        about = Some(mask_urls(&service.url));
    }
    // What is written down for all to see counts more than what is derived.
    env.extend(options.env);
    operation::check_variables(&env)?;
    Ok(Arc::new(CommandClient { folder: options.folder, env, service: about }))
}

impl ServiceOptions {
    fn variables(&self) -> Result<Vec<(String, String)>> {
        let wrong = || {
            Error::usage(format!("`service.url` is not a URL: `{}`", mask_urls(&self.url)))
                .hint("write it as `http://127.0.0.1:8080` or `postgres://host:5432/name`")
        };
        let (_, rest) = self.url.split_once("://").ok_or_else(wrong)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        // The colons of an IPv6 address stand in brackets.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (place, ""),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || !(port.is_empty() || port.parse::<u16>().is_ok()) {
            return Err(wrong());
        }
        let named = |name: &str, value: &str| (format!("SERVICE_{name}"), value.to_owned());
        let mut variables = vec![named("URL", &self.url), named("HOSTNAME", host)];
        if let Some(name) = &self.name {
            variables.push(named("NAME", name));
        }
        if !port.is_empty() {
            variables.push(named("PORT", port));
        }
        Ok(variables)
    }
}

impl CommandClient {
    /// The operation of running `arguments`, the first being the program; no shell has a part in it.
    pub fn exec(self: &Arc<Self>, arguments: &[String], options: ExecOptions) -> Result<Exec> {
        Exec::new(self, arguments, options)
    }

    fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }
}

#[async_trait(?Send)]
impl Client for CommandClient {
    fn endpoint(&self) -> String {
        match (&self.service, &self.folder) {
            (Some(service), _) => service.clone(),
            (None, Some(folder)) => folder.display().to_string(),
            (None, None) => "this machine".to_owned(),
        }
    }

    async fn open(&self) -> Result<Box<dyn Session>, Failure> {
        Ok(Box::new(CommandSession::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(url: &str) -> Result<Vec<(String, String)>> {
        let service = ServiceOptions { name: Some("shop".to_owned()), url: url.to_owned() };
        client(ClientOptions { service: Some(service), ..ClientOptions::default() })
            .map(|client| client.env.clone())
    }

    fn of(url: &str, name: &str) -> Option<String> {
        let variables = variables(url).unwrap();
        variables.into_iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    #[test]
    fn a_service_is_told_in_parts() {
        let url = "postgres://ann:pw@db.example.org:5432/shop?a=b@c:1";
        assert_eq!(of(url, "SERVICE_NAME").as_deref(), Some("shop"));
        assert_eq!(of(url, "SERVICE_URL").as_deref(), Some(url));
        assert_eq!(of(url, "SERVICE_HOSTNAME").as_deref(), Some("db.example.org"));
        assert_eq!(of(url, "SERVICE_PORT").as_deref(), Some("5432"));
        assert_eq!(of("http://[::1]:80", "SERVICE_HOSTNAME").as_deref(), Some("::1"));
        assert_eq!(of("http://[::1]", "SERVICE_HOSTNAME").as_deref(), Some("::1"));
        assert_eq!(of("http://host", "SERVICE_PORT"), None);
        for wrong in ["host:80", "http://", "http://h:port", "http://:80"] {
            assert!(variables(wrong).unwrap_err().message.contains("is not a URL"), "{wrong}");
        }
    }
}
