//! The headers of a request, checked and compiled.

use serde_json::Value;

use super::{client::ClientOptions, url::Url};
use crate::error::{Error, Result};
use crate::load::payload::{Encoding, Param, Template};
use crate::measure::secrets::{MASK, is_secret};

/// Headers with the names they are written with; setting one replaces its namesake.
#[derive(Clone)]
pub struct Headers(Vec<Header>);

#[derive(Clone)]
struct Header {
    name: String,
    value: Template,
    /// The value as it was given, masked if it is a secret.
    shown: String,
}

impl Headers {
    /// Those of every request to `url`.
    pub fn of(url: &Url, options: &ClientOptions) -> Result<Self> {
        let mut headers = Self(Vec::new());
        headers.set_default("host", &url.host_header());
        headers.set_fixed("user-agent", &options.user_agent)?;
        if let Some(login) = &url.authorization {
            headers.set_default("authorization", login);
        }
        // Connections of HTTP/2 have no such header.
        if !options.keep_alive && options.version == 1 {
            headers.set_default("connection", "close");
        }
        for (name, value) in &options.headers {
            headers.set_fixed(name, value)?;
        }
        Ok(headers)
    }

    /// One whose braces are meant as they are.
    fn set_fixed(&mut self, name: &str, value: &str) -> Result<()> {
        let text = value.replace('{', "{{").replace('}', "}}");
        let template = Template::text(&text, &[], name, Encoding::Header)?;
        self.set(name, template, &Param::Fixed(value.into()))
    }

    /// Replaces one of the same name; `given` is what is shown of it.
    pub fn set(&mut self, name: &str, value: Template, given: &Param) -> Result<()> {
        check_header(name)?;
        self.0.retain(|header| !header.name.eq_ignore_ascii_case(name));
        self.0.push(Header { name: name.to_owned(), value, shown: shown_value(name, given) });
        Ok(())
    }

    /// One that the user's own replaces.
    pub fn set_default(&mut self, name: &str, value: &str) {
        if self.0.iter().all(|header| !header.name.eq_ignore_ascii_case(name)) {
            let shown = shown_value(name, &Param::Fixed(value.into()));
            self.0.push(Header { name: name.to_owned(), value: Template::literal(value), shown });
        }
    }

    /// All of them, name and value.
    pub fn pairs(&self) -> Vec<(String, Template)> {
        self.0.iter().map(|header| (header.name.clone(), header.value.clone())).collect()
    }

    /// All of them, each on its line.
    pub fn written(self) -> Template {
        let mut all = Template::default();
        for Header { name, value, .. } in self.0 {
            all.append(Template::literal(format!("{name}: ")));
            all.append(value);
            all.append(Template::literal(*b"\r\n"));
        }
        all
    }

    /// Their values as they were given, secrets masked.
    pub fn shown(&self) -> Value {
        self.0.iter().map(|header| (header.name.clone(), Value::from(header.shown.as_str()))).collect()
    }
}

fn check_header(name: &str) -> Result<()> {
    let wrong = |what: &str| Error::usage(format!("{what}: `{}`", name.escape_debug()));
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(wrong("no header can be called this").hint("letters, digits and dashes: `x-request-id`"));
    }
    match name.to_ascii_lowercase().as_str() {
        "content-length" | "transfer-encoding" => {
            Err(wrong("a header that follows from the body").hint("leave it out"))
        }
        "connection" => Err(wrong("a header that follows from the client's settings")
            .hint("give `keep_alive: false` to `http::client` for a connection a request")),
        _ => Ok(()),
    }
}

/// RFC 9110, section 5.6.2.
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A value as it was given, masked if its name says that it is a secret.
pub fn shown_value(name: &str, value: &Param) -> String {
    if is_secret(name) || name.eq_ignore_ascii_case("cookie") {
        return MASK.to_owned();
    }
    match value {
        Param::Fixed(Value::String(text)) => text.clone(),
        Param::Fixed(value) => value.to_string(),
        Param::Drawn(generator) => generator.to_string(),
    }
}
