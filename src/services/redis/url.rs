//! Where a client's connections go: the parts of its URL.

use crate::error::{Error, Result};
use crate::measure::secrets::mask_url;
use crate::services::net::{Authority, bracketed, percent_decoded};

const PORT: u16 = 6379;

/// `rediss://user:password@host:6379/0`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    pub username: Option<Vec<u8>>,
    pub password: Option<Vec<u8>>,
    pub database: Option<u32>,
}

impl Url {
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::usage(format!("{what}: `{}`", mask_url(text)))
                .hint("write it like `redis://127.0.0.1:6379` or `rediss://:PASSWORD@example.org/0`")
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("a URL without a scheme"))?;
        let tls = match scheme {
            "redis" => false,
            "rediss" => true,
            _ => return Err(wrong(&format!("`{scheme}` is no scheme of Redis"))),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let Authority { userinfo, host, port } =
            Authority::parse(authority).ok_or_else(|| wrong("no host and port can be read from the URL"))?;
        let database = match path.strip_prefix('/').unwrap_or(path) {
            "" => None,
            number => Some(number.parse().map_err(|_| wrong("a database must be a number"))?),
        };
        let (user, password) = match userinfo.map(|info| info.split_once(':').unwrap_or((info, ""))) {
            Some((user, password)) => (percent_decoded(user), percent_decoded(password)),
            None => Default::default(),
        };
        if !user.is_empty() && password.is_empty() {
            return Err(wrong("a user without a password"));
        }
        let some = |bytes: Vec<u8>| Some(bytes).filter(|bytes| !bytes.is_empty());
        Ok(Self {
            tls,
            host: host.to_ascii_lowercase(),
            port: port.unwrap_or(PORT),
            username: some(user),
            password: some(password),
            database,
        })
    }

    /// `redis://host:port/0`, without user and password.
    pub fn shown(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let database = self.database.map(|number| format!("/{number}")).unwrap_or_default();
        format!("{scheme}://{}:{}{database}", bracketed(&self.host), self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = Url::parse("rediss://me:p%40ss@[::1]:7000/3").unwrap();
        assert_eq!(url.shown(), "rediss://[::1]:7000/3");
        assert_eq!(
            (url.username.as_deref(), url.password.as_deref()),
            (Some(&b"me"[..]), Some(&b"p@ss"[..]))
        );
        let url = Url::parse("redis://:secret@Cache").unwrap();
        assert_eq!((url.shown().as_str(), url.database), ("redis://cache:6379", None));
        assert_eq!((url.username, url.password.as_deref()), (None, Some(&b"secret"[..])));
    }

    #[test]
    fn broken_urls_say_what_to_write_and_hide_passwords() {
        for text in [
            "cache",
            "http://h",
            "redis://",
            "redis://h:x",
            "redis://h/one",
            "redis://h?db=1",
            "redis://me@h",
        ] {
            let error = Url::parse(text).unwrap_err();
            assert!(!error.hints.is_empty(), "{text}");
        }
        let error = Url::parse("redis://me:hunter2@h:x").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
