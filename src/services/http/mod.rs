//! HTTP/1.1 as a load: requests written and answers read by hand, on plain sockets or TLS.
//!
//! A [`HttpClient`] says where, a [`Request`] says what; its session performs it. HTTP/2 is not spoken.

mod client;
mod head;
mod headers;
mod request;
mod response;
mod session;
mod statuses;
mod stream;
mod tls;
mod url;

pub use client::{ClientOptions, HttpClient, client};
pub use request::{Body, Request, RequestOptions};
pub use response::HttpReply;
pub use statuses::Statuses;
