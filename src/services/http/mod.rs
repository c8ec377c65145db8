//! HTTP as a load, on plain sockets or TLS: HTTP/1.1 written and read by hand, HTTP/2 through `hyper`.
//!
//! A [`HttpClient`] says where and in which version, a [`Request`] says what; its session performs it.

mod answer;
mod client;
mod h2;
mod head;
mod headers;
mod request;
mod response;
mod session;
mod statuses;
mod url;

pub use answer::{Answer, Ask, Headers, HttpReply, Notes};
pub use client::{ClientOptions, HttpClient, client};
pub use request::{Body, Request, RequestOptions};
pub use response::{AnswerReader, Reader};
pub use session::still_usable;
pub use statuses::Statuses;
pub use url::Url;
