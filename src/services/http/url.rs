//! Where a client's requests go: the parts of its URL.

use crate::error::{Error, Result};
use crate::load::payload::{Encoding, base64};
use crate::measure::secrets::mask_url;
use crate::services::net::{Authority, bracketed, percent_decoded};

/// `http://user:password@host:8080/base`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    pub tls: bool,
    /// A name or address, without the brackets of IPv6.
    pub host: String,
    pub port: u16,
    /// What every path starts with: empty, or from `/` on without one at the end; percent-encoded.
    pub base: String,
    /// The `authorization` header that user and password make.
    pub authorization: Option<String>,
}

impl Url {
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| Error::usage(format!("{what}: `{}`", mask_url(text)));
        let example = "write it like `http://127.0.0.1:8080` or `https://example.org/api`";
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| wrong("a URL without a scheme").hint(example))?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(wrong(&format!("`{scheme}` is no scheme of HTTP")).hint(example)),
        };
        if rest.contains(['?', '#']) {
            return Err(wrong("a query or fragment in a client's URL")
                .hint("give queries with each request: `api.get(\"/x?a=1\")`"));
        }
        if rest.contains(|c: char| c.is_ascii_control() || c == ' ') {
            return Err(wrong("a space or control character in a URL").hint(example));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let Authority { userinfo, host, port } = Authority::parse(authority).ok_or_else(|| {
            wrong("no host and port can be read from the URL").hint("write IPv6 as `http://[::1]:8080`")
        })?;
        let mut base = Vec::new();
        Encoding::Path.literal(path.trim_end_matches('/'), &mut base);
        Ok(Self {
            tls,
            host: host.to_ascii_lowercase(),
            port: port.unwrap_or(if tls { 443 } else { 80 }),
            base: String::from_utf8(base).expect("percent-encoded text is ASCII"),
            authorization: userinfo.map(basic),
        })
    }

    pub fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// As in the `host` header: without the port where the scheme implies it.
    pub fn host_header(&self) -> String {
        let host = bracketed(&self.host);
        match (self.tls, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// `http://host:port/base`, without user and password.
    pub fn shown(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.host_header(), self.base)
    }

    /// Whether both lead to the same server by name.
    pub fn same_server(&self, other: &Self) -> bool {
        (self.tls, &self.host, self.port) == (other.tls, &other.host, other.port)
    }

    /// The target that `location` names, seen from `target`; the reason if it is none of this server.
    pub fn redirected(&self, target: &str, location: &str) -> Result<String, String> {
        let elsewhere = || format!("redirected to another server: `{}`", mask_url(location).escape_debug());
        let location = location.split('#').next().unwrap_or_default();
        let absolute = match location.strip_prefix("//") {
            Some(rest) => Some(format!("{}://{rest}", self.scheme())),
            None => location
                .split_once("://")
                .is_some_and(|(scheme, _)| !scheme.contains(['/', '?']))
                .then(|| location.to_owned()),
        };
        let path = match &absolute {
            Some(url) => {
                let authority = url.find("://").map_or(0, |at| at + 3);
                let (server, path) =
                    url.split_at(url[authority..].find(['/', '?']).map_or(url.len(), |at| authority + at));
                if !Self::parse(server).is_ok_and(|other| self.same_server(&other)) {
                    return Err(elsewhere());
                }
                path
            }
            None => location,
        };
        let before = target.split('?').next().unwrap_or_default();
        let joined = match path.as_bytes().first() {
            Some(b'/') => path.to_owned(),
            None if absolute.is_none() => target.to_owned(),
            Some(b'?') | None if absolute.is_some() => format!("/{path}"),
            Some(b'?') => format!("{before}{path}"),
            _ => format!("{}{path}", &before[..before.rfind('/').map_or(0, |at| at + 1)]),
        };
        let mut encoded = Vec::new();
        Encoding::Path.literal(&joined, &mut encoded);
        Ok(String::from_utf8(encoded).expect("percent-encoded text is ASCII"))
    }
}

/// `user:password` of a URL as a header value.
fn basic(userinfo: &str) -> String {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let mut plain = percent_decoded(user);
    plain.push(b':');
    plain.extend(percent_decoded(password));
    let mut coded = b"Basic ".to_vec();
    base64(&plain, &mut coded);
    String::from_utf8(coded).expect("base64 is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let of = |text| Url::parse(text).unwrap();
        for (text, place, header, shown) in [
            ("http://h", "h:80", "h", "http://h"),
            ("HTTP://H:8080/", "h:8080", "h:8080", "http://h:8080"),
            ("https://h/a/b/", "h:443", "h", "https://h/a/b"),
            ("https://h:80", "h:80", "h:80", "https://h:80"),
            ("http://[::1]:9", "[::1]:9", "[::1]:9", "http://[::1]:9"),
            ("http://[fe80::1]", "[fe80::1]:80", "[fe80::1]", "http://[fe80::1]"),
            ("http://u:p@1.2.3.4:5/é", "1.2.3.4:5", "1.2.3.4:5", "http://1.2.3.4:5/%C3%A9"),
        ] {
            let url = of(text);
            let found = format!("{}:{}", bracketed(&url.host), url.port);
            assert_eq!((found.as_str(), url.host_header().as_str()), (place, header), "{text}");
            assert_eq!(url.shown(), shown);
        }
        assert_eq!(of("http://[::1]").host, "::1");
        let login = of("http://Aladdin:open%20sesame@h").authorization;
        assert_eq!(login.as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert!(of("http://a@h").authorization.is_some() && of("http://h").authorization.is_none());
    }

    #[test]
    fn redirects_stay_on_their_server() {
        let url = Url::parse("http://h:8080/base").unwrap();
        for (location, target) in [
            ("/x?y#z", "/x?y"),
            ("x", "/a/x"),
            ("../x", "/a/../x"),
            ("?p=2", "/a/b?p=2"),
            ("", "/a/b?q"),
            ("http://H:8080/x", "/x"),
            ("http://h:8080", "/"),
            ("http://h:8080?x", "/?x"),
            ("//h:8080/x", "/x"),
            ("/login?back=http://other/", "/login?back=http://other/"),
            ("/a b\r\n", "/a%20b%0D%0A"),
        ] {
            assert_eq!(url.redirected("/a/b?q", location).as_deref(), Ok(target), "{location}");
        }
        for location in ["http://h/x", "https://h:8080/x", "http://other:8080/", "//other", "mailto://x"] {
            assert!(url.redirected("/a", location).unwrap_err().contains("another server"), "{location}");
        }
    }

    #[test]
    fn broken_urls_say_what_to_write_and_hide_passwords() {
        for text in [
            "127.0.0.1:80",
            "ftp://h",
            "http://",
            "http://:80",
            "http://h:",
            "http://h:0",
            "http://h:99999",
            "http://::1:80",
            "http://[::1",
            "http://[h]",
            "http://h/?q",
            "http://h#f",
            "http://h h",
            "http://h/\r\nx",
            "http://hé",
        ] {
            let error = Url::parse(text).unwrap_err();
            assert!(!error.hints.is_empty(), "{text}");
        }
        let error = Url::parse("http://me:hunter2@h:x").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
