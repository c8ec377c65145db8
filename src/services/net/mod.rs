//! What services on a socket share: where they are, how a connection is opened, plain or with TLS, and its hot path.

mod authority;
mod endpoint;
mod stream;
mod tls;
mod wire;

pub use authority::{Authority, bracketed, percent_decoded};
pub use endpoint::Endpoint;
pub use stream::Stream;
pub use tls::{Protocol, Tls, TlsOptions};
pub use wire::{Progress, Reads, Watched, Wire, excerpt, protocol};
