//! S3 as a load: requests signed (SigV4) and written by hand over HTTP/1.1, large objects streamed in bounded memory.
//!
//! An [`S3Client`] says where, as whom and in which bucket, an [`S3Operation`] says what; its session performs it.

mod client;
mod content;
mod credentials;
mod notes;
mod objects;
mod operation;
mod range;
mod refusal;
mod reply;
mod session;
mod sign;
mod store;
mod xml;

pub use client::{ClientOptions, Payload, S3Client, Style, client};
pub use objects::{Objects, Sizes};
pub use operation::{ListOptions, S3Operation};
pub use range::Range;
pub use reply::{Listed, S3Reply};
