//! A request in the form of HTTP/2, compiled once: what is constant is cloned for each call, the rest written.

use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Uri,
    body::Bytes,
    header::{HeaderName, HeaderValue},
};

use crate::error::{Error, Result};
use crate::load::{Turn, payload::Template};
use crate::measure::{Failure, failure};

/// What [`Form::new`] is made of.
pub struct Parts {
    pub method: String,
    /// `https` or `http`.
    pub scheme: &'static str,
    pub target: Template,
    /// All headers but those that follow from the body. `host` becomes the authority.
    pub headers: Vec<(String, Template)>,
    pub body: Option<Template>,
}

/// A request of one kind, as `hyper` takes it.
pub struct Form {
    method: Method,
    place: Place,
    target: Template,
    varying: Vec<(HeaderName, Template)>,
    body: Option<Template>,
    /// What every request has: the constant headers, and a target and body that are.
    headers: HeaderMap,
    uri: Option<Uri>,
    bytes: Option<Bytes>,
}

/// Where the targets of a server begin.
struct Place {
    scheme: &'static str,
    authority: String,
}

impl Place {
    fn uri(&self, target: &str) -> Result<Uri, hyper::http::Error> {
        let Self { scheme, authority } = self;
        Uri::builder().scheme(*scheme).authority(authority.as_str()).path_and_query(target).build()
    }
}

impl Form {
    /// Refuses headers that HTTP/2 does not have.
    pub fn new(parts: Parts) -> Result<Self> {
        let Parts { method, scheme, target, headers: all, body } = parts;
        let mut place = Place { scheme, authority: String::new() };
        let (mut headers, mut varying) = (HeaderMap::new(), Vec::new());
        for (name, value) in all {
            let constant = value.constant().map(|bytes| bytes.trim_ascii().to_vec());
            match (name.to_ascii_lowercase().as_str(), constant) {
                ("host", Some(host)) => place.authority = String::from_utf8_lossy(&host).into_owned(),
                ("host", None) => return Err(unfit("a drawn `host`")),
                ("upgrade" | "keep-alive" | "proxy-connection" | "te", _) => {
                    return Err(unfit(&format!("the header `{name}`")));
                }
                (name, Some(bytes)) => {
                    let value =
                        HeaderValue::from_bytes(&bytes).map_err(|_| unfit(&format!("this `{name}`")))?;
                    headers.append(header_name(name)?, value);
                }
                (name, None) => varying.push((header_name(name)?, value)),
            }
        }
        let uri = target.constant().map(|target| place.uri(&String::from_utf8_lossy(target)));
        let uri = uri.transpose().map_err(|error| unfit("this URL").because(&error))?;
        let bytes = match &body {
            None => Some(Bytes::new()),
            Some(body) => body.constant().map(Bytes::copy_from_slice),
        };
        let method =
            Method::from_bytes(method.as_bytes()).map_err(|error| unfit("this method").because(&error))?;
        Ok(Self { method, place, target, varying, body, headers, uri, bytes })
    }

    /// The request of one turn, to `target` where it is redirected to one.
    pub fn request(&self, turn: Turn, target: Option<&str>) -> Result<Request<Full<Bytes>>, Failure> {
        let mut written = Vec::new();
        let uri = match (target, &self.uri) {
            (Some(target), _) => self.place.uri(target).map_err(|error| odd(&error)),
            (None, Some(uri)) => Ok(uri.clone()),
            (None, None) => {
                self.target.write(turn, &mut written);
                self.place.uri(&String::from_utf8_lossy(&written)).map_err(|error| odd(&error))
            }
        };
        let body = match (&self.bytes, &self.body) {
            (Some(bytes), _) => bytes.clone(),
            (None, Some(body)) => {
                let mut bytes = Vec::new();
                body.write(turn, &mut bytes);
                bytes.into()
            }
            (None, None) => Bytes::new(),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri?;
        *request.headers_mut() = self.headers.clone();
        for (name, value) in &self.varying {
            written.clear();
            value.write(turn, &mut written);
            let value = HeaderValue::from_bytes(written.trim_ascii()).map_err(|error| odd(&error))?;
            request.headers_mut().append(name, value);
        }
        Ok(request)
    }
}

fn header_name(name: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit(&format!("the header `{name}`")))
}

fn unfit(what: &str) -> Error {
    Error::usage(format!("{what} does not exist in HTTP/2"))
        .hint("leave it out, or the `version: 2` of `http::client`")
}

/// What a generator wrote cannot be sent.
fn odd(error: &dyn std::fmt::Display) -> Failure {
    Failure::kept(failure::PROTOCOL, format!("a request that HTTP/2 cannot carry: {error}"))
}
