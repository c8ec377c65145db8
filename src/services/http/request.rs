//! One kind of request, compiled once: constant ones are sent as they are, others written in place.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Statuses,
    client::HttpClient,
    h2::{Form, Parts},
    headers::{is_token, shown_value},
};
use crate::error::{Error, Result};
use crate::load::payload::{Encoding, Generator, Json, Param, Parameters, Template};
use crate::load::{Client, Operation, Turn};
use crate::measure::secrets::mask_url;

/// What a request has besides its method and path.
#[derive(Debug, Clone, Default)]
pub struct RequestOptions {
    /// The name in reports; the method and the path unless given.
    pub name: Option<String>,
    /// What stands for `{name}` in the path, the query, headers and a [`Body::Template`].
    pub params: Vec<(String, Param)>,
    /// Appended to the path, percent-encoded.
    pub query: Vec<(String, Param)>,
    /// Headers; they replace those of the client that have the same name.
    pub headers: Vec<(String, Param)>,
    pub body: Body,
    /// The statuses that count as success.
    pub expect: Statuses,
    /// How many redirects are followed within the call, on the same server only. For GET and HEAD
    /// without a body.
    pub follow_redirects: u32,
}

/// What a request carries.
#[derive(Debug, Clone, Default)]
pub enum Body {
    #[default]
    None,
    /// Text as it is.
    Text(String),
    /// Text with `{name}` for parameters.
    Template(String),
    Bytes(Vec<u8>),
    /// A JSON document, which may have drawn values.
    Json(Json),
    /// Whatever the generator draws, e.g. `bytes(n)`.
    Drawn(Generator),
}

/// A request of one client. Its outcome's `bytes` are those of the answer's body.
pub struct Request {
    name: String,
    client: Arc<dyn Client>,
    method: String,
    /// The request up to the end of a body of fixed length. With a body of varying length it ends in an empty
    /// `content-length`, filled in by `write`.
    head: Template,
    varying_body: Option<Template>,
    expect: Statuses,
    hop: Option<Hop>,
    /// The same for a client of HTTP/2.
    form: Option<Form>,
    described: Value,
}

/// What following redirects needs.
pub(super) struct Hop {
    /// How many are followed.
    pub most: u32,
    target: Template,
    /// What comes behind the target.
    tail: Template,
}

/// Where the length of a varying body is filled in: spaces before a number are legal, and 12 digits enough.
const LENGTH_GAP: &[u8] = b"            \r\n\r\n";

impl Request {
    /// `method` is sent in upper case. `path` is appended to the URL of `client`; it starts with `/`, or is empty.
    pub fn new(client: &Arc<HttpClient>, method: &str, path: &str, options: RequestOptions) -> Result<Self> {
        let method = checked_method(method)?;
        let url = &client.endpoint.url;
        check_path(path)?;
        let bodiless = matches!(options.body, Body::None) && matches!(method.as_str(), "GET" | "HEAD");
        if options.follow_redirects > 0 && !bodiless {
            return Err(Error::usage(format!("`follow_redirects` with {method} or a body")).hint(
                "only GET and HEAD without a body are repeated elsewhere; or expect it: `expect: \"3xx\"`",
            ));
        }
        let name = match options.name {
            Some(name) => name,
            None => format!("{method} {}", mask_url(if path.is_empty() { "/" } else { path })),
        };
        let params = Parameters::new(&name, &options.params)?;
        let target = target(&params, &name, &url.base, path, &options.query)?;
        let mut headers = client.headers.clone();
        for (header, value) in &options.headers {
            headers.set(
                header,
                compile(&params, &name, "headers", header, value, Encoding::Header)?,
                value,
            )?;
        }
        let (body, kind) = body(&params, &name, &options.body)?;
        params.all_used()?;
        if let Some(kind) = kind {
            headers.set_default("content-type", kind);
        }
        let described = json!({
            "method": method,
            "url": mask_url(&format!("{}{path}", url.shown())),
            "query": shown(&options.query),
            "params": shown(&options.params),
            "headers": headers.shown(),
            "body_bytes": body.as_ref().map_or(0, |body| sample(body).len()),
            "body_varies": body.as_ref().is_some_and(|body| !body.is_constant()),
            "expect": options.expect.to_string(),
            "follow_redirects": options.follow_redirects,
            "keep_alive": client.endpoint.keep_alive,
            "version": client.endpoint.version,
        });
        let form = (client.endpoint.version == 2).then(|| {
            Form::new(Parts {
                method: method.clone(),
                scheme: url.scheme(),
                target: target.clone(),
                headers: headers.pairs(),
                body: body.clone(),
            })
        });
        let form = form.transpose()?;
        let mut tail = Template::literal(*b" HTTP/1.1\r\n");
        tail.append(headers.written());
        let mut varying_body = None;
        match body.map(|body| (body.fixed_len(), body)) {
            Some((Some(len), body)) => {
                tail.append(Template::literal(format!("content-length: {len}\r\n\r\n")));
                tail.append(body);
            }
            Some((None, body)) => {
                tail.append(Template::literal([b"content-length: ", LENGTH_GAP].concat()));
                varying_body = Some(body);
            }
            None if matches!(method.as_str(), "POST" | "PUT" | "PATCH") => {
                tail.append(Template::literal(*b"content-length: 0\r\n\r\n"));
            }
            None => tail.append(Template::literal(*b"\r\n")),
        }
        let mut head = Template::literal(format!("{method} "));
        let most = options.follow_redirects;
        let hop = (most > 0).then(|| Hop { most, target: target.clone(), tail: tail.clone() });
        head.append(target);
        head.append(tail);
        let expect = options.expect;
        Ok(Self { name, client: client.clone(), method, head, varying_body, expect, hop, form, described })
    }

    /// The whole request, if it is the same at every turn.
    #[inline]
    pub(super) fn constant(&self) -> Option<&[u8]> {
        if self.varying_body.is_some() { None } else { self.head.constant() }
    }

    pub(super) fn write(&self, turn: Turn, out: &mut Vec<u8>) {
        self.head.write(turn, out);
        let Some(body) = &self.varying_body else { return };
        let start = out.len();
        body.write(turn, out);
        let mut length = out.len() - start;
        let mut at = start - b"\r\n\r\n".len();
        while length > 0 || at == start - b"\r\n\r\n".len() {
            at -= 1;
            out[at] = b'0' + (length % 10) as u8;
            length /= 10;
        }
    }

    pub(super) fn method(&self) -> &str {
        &self.method
    }

    /// If redirects are to be followed: how.
    pub(super) fn hop(&self) -> Option<&Hop> {
        self.hop.as_ref()
    }

    /// For a client of HTTP/2: its form there.
    pub(super) fn form(&self) -> Option<&Form> {
        self.form.as_ref()
    }

    #[inline]
    pub(super) fn expects(&self, status: u16) -> bool {
        self.expect.contains(status)
    }

    pub(super) fn expected(&self) -> &Statuses {
        &self.expect
    }
}

impl Hop {
    /// The target of the request itself.
    pub fn target(&self, turn: Turn) -> String {
        let mut out = Vec::new();
        self.target.write(turn, &mut out);
        String::from_utf8(out).expect("a target is percent-encoded, so ASCII")
    }

    /// The request to another target. It has no body: see [`RequestOptions::follow_redirects`].
    pub fn write(&self, method: &str, target: &str, turn: Turn, out: &mut Vec<u8>) {
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(target.as_bytes());
        self.tail.write(turn, out);
    }
}

impl Operation for Request {
    fn name(&self) -> &str {
        &self.name
    }

    fn service(&self) -> &'static str {
        "http"
    }

    fn component(&self) -> &'static str {
        "http"
    }

    fn client(&self) -> &Arc<dyn Client> {
        &self.client
    }

    fn describe(&self) -> Value {
        self.described.clone()
    }
}

/// The base, the path, then the query.
fn target(
    params: &Parameters<'_>,
    operation: &str,
    base: &str,
    path: &str,
    query: &[(String, Param)],
) -> Result<Template> {
    let mut target = Template::literal(base);
    if base.is_empty() && !path.starts_with('/') {
        target.append(Template::literal(*b"/"));
    }
    target.append(params.text(path, Encoding::Path)?);
    let mut joint = if path.contains('?') { "&" } else { "?" };
    for (name, value) in query {
        let mut key = joint.as_bytes().to_vec();
        Encoding::Query.text(name, &mut key);
        key.push(b'=');
        target.append(Template::literal(key));
        target.append(compile(params, operation, "query", name, value, Encoding::Query)?);
        joint = "&";
    }
    Ok(target)
}

/// The value of a header or query: text may name parameters, a generator has a stream of its own.
fn compile(
    params: &Parameters<'_>,
    operation: &str,
    group: &str,
    name: &str,
    value: &Param,
    encoding: Encoding,
) -> Result<Template> {
    match value {
        Param::Fixed(Value::String(text)) => params.text(text, encoding),
        Param::Fixed(value) => {
            let mut fixed = Vec::new();
            encoding.value(value, &mut fixed);
            Ok(Template::literal(fixed))
        }
        Param::Drawn(generator) => {
            Ok(Template::drawn(generator.clone(), operation, &format!("{group}.{name}"), encoding))
        }
    }
}

/// The body and the type it is announced as.
fn body(
    params: &Parameters<'_>,
    operation: &str,
    body: &Body,
) -> Result<(Option<Template>, Option<&'static str>)> {
    const TEXT: &str = "text/plain; charset=utf-8";
    const BYTES: &str = "application/octet-stream";
    Ok(match body {
        Body::None => (None, None),
        Body::Text(text) => (Some(Template::literal(text.as_str())), Some(TEXT)),
        Body::Template(text) => (Some(params.text(text, Encoding::Raw)?), Some(TEXT)),
        Body::Bytes(bytes) => (Some(Template::literal(bytes.as_slice())), Some(BYTES)),
        Body::Json(tree) => (Some(Template::json(tree, operation)), Some("application/json")),
        Body::Drawn(generator) => {
            (Some(Template::drawn(generator.clone(), operation, "body", Encoding::Raw)), Some(BYTES))
        }
    })
}

/// What a template writes at the first turn.
fn sample(template: &Template) -> Vec<u8> {
    let mut out = Vec::new();
    template.write(Turn { seed: 0, number: 0, step: 0 }, &mut out);
    out
}

fn checked_method(method: &str) -> Result<String> {
    let method = method.to_ascii_uppercase();
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err(Error::usage(format!("`{}` is no HTTP method", method.escape_debug()))
            .hint("give one such as `GET`, `POST` or `PURGE`"));
    }
    if method == "CONNECT" {
        return Err(Error::usage("CONNECT makes a tunnel, not a request that can be measured")
            .hint("load the server behind the proxy instead"));
    }
    Ok(method)
}

fn check_path(path: &str) -> Result<()> {
    if path.is_empty() || path.starts_with(['/', '?']) {
        return Ok(());
    }
    let error = Error::usage(format!("the path `{}` does not start with `/`", mask_url(path)));
    Err(if path.contains("://") {
        error.hint("give the server to `http::client(url)` and only the path here")
    } else {
        error.hint(format!("write `/{path}`"))
    })
}

fn shown(pairs: &[(String, Param)]) -> Value {
    pairs.iter().map(|(name, value)| (name.clone(), Value::from(shown_value(name, value)))).collect()
}
