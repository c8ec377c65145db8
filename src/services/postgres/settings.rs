//! Where a database is and how it is talked to: a URL taken apart, options on top.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::measure::secrets::mask_url;
use crate::services::net::{Authority, bracketed, percent_decoded};

/// Settings of [`super::client`].
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientOptions {
    /// A name or an address, or the folder of the server's socket, which begins with `/`.
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
        let unreadable = || {
            wrong("no host and port can be read from the URL")
                .hint("write IPv6 as `postgres://[::1]:5432`")
                .hint("write a folder of sockets as `postgres:///database?host=/var/run/postgresql`")
        };
        let (login, place) =
            authority.rsplit_once('@').map_or((None, authority), |(login, place)| (Some(login), place));
        let mut options = Self::default();
        let (host, port) = match place {
            // The query says where.
            "" => (String::new(), None),
            _ if place.starts_with("%2F") || place.starts_with("%2f") => {
                let (folder, port) =
                    place.split_once(':').map_or((place, None), |(at, port)| (at, Some(port)));
                let port = port.map(|port| port.parse().map_err(|_| unreadable())).transpose()?;
                (decoded(folder)?, port)
            }
            _ => {
                let Authority { host, port, .. } = Authority::parse(place).ok_or_else(unreadable)?;
                (host.to_owned(), port)
            }
        };
        options.host = host;
        options.port = port.unwrap_or(options.port);
        if let Some(login) = login {
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
            match name {
                "host" => options.host = decoded(value)?,
                "port" => options.port = value.parse().map_err(|_| unreadable())?,
                "sslmode" => {
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
                _ => {
                    return Err(wrong(&format!("`{name}` in a URL means nothing here"))
                        .hint("of the query `sslmode`, `host` and `port` are read; the rest are options of `postgres::client`"));
                }
            }
        }
        if options.host.is_empty() {
            return Err(unreadable());
        }
        Ok(options)
    }

    /// Refuses what no server can be reached with.
    pub fn checked(mut self) -> Result<Self> {
        if self.socket().is_some() {
            if self.ca.is_some() || matches!(self.tls, Encryption::Require | Encryption::Verify) {
                return Err(Error::usage(format!(
                    "`{}` is a folder of sockets, which are never encrypted",
                    self.host
                ))
                .hint("leave out `tls`, `sslmode` and `ca`, or connect over TCP: `host: \"127.0.0.1\"`"));
            }
            self.tls = Encryption::Disable;
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

    /// The path of the server's socket, if it is reached over one.
    pub fn socket(&self) -> Option<PathBuf> {
        self.host.starts_with('/').then(|| Path::new(&self.host).join(format!(".s.PGSQL.{}", self.port)))
    }

    /// The URL without the password.
    pub fn shown(&self) -> String {
        if self.socket().is_some() {
            let place = format!("host={}&port={}", self.host, self.port);
            return format!("postgres://{}@/{}?{place}", self.user, self.database());
        }
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
    }

    #[test]
    fn a_socket_is_named_in_any_of_three_ways() {
        for url in [
            "postgres://ann@/shop?host=/var/run/pg&port=6543",
            "postgres://ann@/shop?host=%2Fvar%2Frun%2Fpg&port=6543",
            "postgres://ann@%2Fvar%2Frun%2fpg:6543/shop",
        ] {
            let options = ClientOptions::parse(url).unwrap().checked().unwrap();
            assert_eq!(options.socket().as_deref(), Some(Path::new("/var/run/pg/.s.PGSQL.6543")), "{url}");
            assert_eq!((options.tls, options.user.as_str()), (Encryption::Disable, "ann"));
            assert_eq!(options.shown(), "postgres://ann@/shop?host=/var/run/pg&port=6543");
            assert_eq!(ClientOptions::parse(&options.shown()).unwrap().socket(), options.socket());
        }
        for url in ["postgres:///shop", "postgres://%2Fpg:x/shop", "postgres:///shop?host=/pg&port=x"] {
            assert!(ClientOptions::parse(url).is_err(), "{url}");
        }
        let secure =
            ClientOptions { host: "/pg".into(), tls: Encryption::Require, ..ClientOptions::default() };
        assert!(secure.checked().is_err());
    }
}
