//! What all sessions of a client share: where requests go, and the heads that they begin with.

use super::sign::{Signed, Signer, Stamp};
use crate::load::payload::Encoding;
use crate::services::http::Url;
use crate::services::net::Endpoint;

/// One bucket of one server.
pub struct Store {
    pub endpoint: Endpoint,
    pub url: Url,
    pub bucket: String,
    pub region: String,
    /// The `host` header: with the bucket in front where it is not in the path.
    pub host: String,
    /// The path of the bucket, percent-encoded; empty where the host names it.
    pub bucket_path: String,
    /// None for a server that wants no signature.
    pub signer: Option<Signer>,
    /// Bodies are hashed, and their hashes signed.
    pub signs_payload: bool,
    /// Header lines that never change.
    pub constant: String,
}

/// The first part of a request.
pub struct Head<'a> {
    pub method: &'a str,
    /// None for the bucket itself.
    pub key: Option<&'a [u8]>,
    /// Names in their order, percent-encoded, each with a `=`.
    pub query: &'a str,
    /// The hash of the body in hexadecimal digits, or that there is none.
    pub payload: &'a str,
    /// Bytes of the body; none where there is no body.
    pub length: Option<u64>,
    /// Further header lines that are not signed.
    pub more: &'a str,
}

impl Store {
    /// The server and the bucket, for messages.
    pub fn place(&self) -> String {
        format!("{}/{}", self.url.shown(), self.bucket)
    }

    /// Appends the head of a request, its empty line included.
    pub fn write(&self, head: &Head<'_>, stamp: &mut Stamp, out: &mut Vec<u8>) {
        out.extend_from_slice(head.method.as_bytes());
        out.push(b' ');
        let start = out.len();
        out.extend_from_slice(self.url.base.as_bytes());
        out.extend_from_slice(self.bucket_path.as_bytes());
        if let Some(key) = head.key {
            out.push(b'/');
            encoded(key, out);
        } else if out.len() == start {
            out.push(b'/');
        }
        let path = start..out.len();
        if !head.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(head.query.as_bytes());
        }
        out.extend_from_slice(b" HTTP/1.1\r\n");
        out.extend_from_slice(self.constant.as_bytes());
        if let Some(length) = head.length {
            out.extend_from_slice(b"content-length: ");
            Encoding::Raw.int(length as i64, out);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(head.more.as_bytes());
        if let Some(signer) = &self.signer {
            let signed = Signed {
                method: head.method,
                path: &out[path],
                query: head.query.as_bytes(),
                host: &self.host,
                payload: head.payload,
            };
            let signature = signer.sign(&signed, stamp);
            signer.write(&signature, head.payload, stamp, out);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// A key in a path: all but its slashes, letters, digits and `-._~` percent-encoded, as signatures want it.
fn encoded(key: &[u8], out: &mut Vec<u8>) {
    for (at, segment) in key.split(|byte| *byte == b'/').enumerate() {
        if at > 0 {
            out.push(b'/');
        }
        Encoding::Path.binary(segment, out);
    }
}

/// A value in a query.
pub fn in_query(text: &str) -> String {
    let mut out = Vec::new();
    Encoding::Query.text(text, &mut out);
    String::from_utf8(out).expect("percent-encoded text is ASCII")
}
