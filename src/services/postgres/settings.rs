//! Where a database is and how it is talked to: a URL taken apart, options on top.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::measure::secrets::mask_url;
use crate::services::net::{Authority, bracketed, percent_decoded};

/// Settings of [`super::client`].
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientOptions {
    /// A name or an address.
    pub host: String,
    pub port: u16,
    pub user: String,
    /// Sent only as the server asks for it.
    pub password: Option<String>,
    /// The user's name unless given, as everywhere in PostgreSQL.
    pub database: Option<String>,
    pub tls: Encryption,
    /// A PEM file with the certificates to trust; then the server's is checked.
    pub ca: Option<PathBuf>,
    pub mode: Mode,
}

/// Whether connections are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    Disable,
    /// Encrypted if the server can.
    Prefer,
    /// Encrypted or not at all; the certificate is not checked unless `ca` is given.
    Require,
    /// Encrypted, and the certificate is checked against `ca` or this machine's.
    Verify,
}

/// How statements are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As text with the values in it.
    Simple,
    /// Parsed anew at each call, values beside it.
    Extended,
    /// Parsed once a session, then only values are sent.
    Prepared,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 5432,
            user: "postgres".to_owned(),
            password: None,
            database: None,
            tls: Encryption::Prefer,
            ca: None,
            mode: Mode::Prepared,
        }
    }
}

impl ClientOptions {
    /// From `postgres://user:password@host:port/database?sslmode=require`.
    pub fn parse(url: &str) -> Result<Self> {
        let wrong = |what: &str| Error::usage(format!("{what}: `{}`", mask_url(url)));
        let example = "write it like `postgres://user:password@127.0.0.1:5432/database`";
        let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| wrong("no URL of PostgreSQL").hint(example))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let decoded =
            |text: &str| String::from_utf8(percent_decoded(text)).map_err(|_| wrong("a URL that is no text"));
        let authority = Authority::parse(authority).ok_or_else(|| {
            wrong("no host and port can be read from the URL").hint("write IPv6 as `postgres://[::1]:5432`")
        })?;
        let mut options = Self { host: authority.host.to_owned(), ..Self::default() };
        options.port = authority.port.unwrap_or(options.port);
        if let Some(login) = authority.userinfo {
            let (user, password) = match login.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (login, None),
            };
            options.user = decoded(user)?;
            options.password = password.map(decoded).transpose()?;
        }
        if !database.is_empty() {
            options.database = Some(decoded(database)?);
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name != "sslmode" {
                return Err(wrong(&format!("`{name}` in a URL means nothing here")).hint(
                    "of the query only `sslmode` is read; the rest are options of `postgres::client`",
                ));
            }
            options.tls = match value {
                "disable" | "allow" => Encryption::Disable,
                "prefer" => Encryption::Prefer,
                "require" => Encryption::Require,
                "verify-ca" | "verify-full" => Encryption::Verify,
                _ => {
                    return Err(wrong(&format!("there is no sslmode `{value}`"))
                        .hint("it may be disable, prefer, require or verify-full"));
                }
            };
        }
        Ok(options)
    }

    /// Refuses what no server can be reached with.
    pub fn checked(self) -> Result<Self> {
        if self.host.starts_with('/') {
            return Err(Error::usage(format!("`{}` is a folder of sockets", self.host))
                .hint("connections go over TCP: give `host: \"127.0.0.1\"` and the port"));
        }
        if self.ca.is_some() && self.tls == Encryption::Disable {
            return Err(Error::usage("`ca` is for encrypted connections, but `tls` is `disable`")
                .hint("leave one of them out"));
        }
        let texts = [Some(&self.user), self.password.as_ref(), self.database.as_ref()];
        if texts.into_iter().flatten().any(|text| text.contains('\0')) {
            return Err(Error::usage("a user, password or database with a zero byte in its name"));
        }
        Ok(self)
    }

    pub fn database(&self) -> &str {
        self.database.as_deref().unwrap_or(&self.user)
    }

    /// The URL without the password.
    pub fn shown(&self) -> String {
        format!("postgres://{}@{}:{}/{}", self.user, bracketed(&self.host), self.port, self.database())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let all = ClientOptions::parse("postgresql://ann:p%40ss:w@db.example:6543/shop%20a?sslmode=require");
        let all = all.unwrap();
        assert_eq!((all.user.as_str(), all.password.as_deref()), ("ann", Some("p@ss:w")));
        assert_eq!((all.host.as_str(), all.port, all.database()), ("db.example", 6543, "shop a"));
        assert_eq!(all.tls, Encryption::Require);
        assert_eq!(all.shown(), "postgres://ann@db.example:6543/shop a");
        let least = ClientOptions::parse("postgres://[::1]").unwrap();
        assert_eq!(least.shown(), "postgres://postgres@[::1]:5432/postgres");
    }

    #[test]
    fn mistakes_are_named_without_the_password() {
        for url in
            ["mysql://a:secret@h/d", "postgres://a:secret@h:port/d", "postgres://a:secret@h/d?sslmode=on"]
        {
            let error = ClientOptions::parse(url).unwrap_err();
            assert!(!error.message.contains("secret") && !error.hints.is_empty(), "{error}");
        }
        let folder = ClientOptions { host: "/var/run".into(), ..ClientOptions::default() };
        assert!(folder.checked().is_err());
    }
}
