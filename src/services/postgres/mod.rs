//! PostgreSQL as a load: its protocol (version 3.0) written and read by hand, on plain sockets or TLS.
//!
//! A [`PostgresClient`] says where, a [`PostgresOperation`] says what; its session performs it. What is not timed (tables
//! made, statistics read) goes the same way.

mod auth;
mod client;
mod copy;
mod login;
mod message;
mod operation;
mod reader;
mod refusal;
mod session;
mod settings;
mod sql;
mod statement;
mod value;
mod watch;

pub use client::{PostgresClient, client};
pub use operation::{PostgresOperation, Text};
pub use reader::{PostgresReply, Reader};
pub use settings::{ClientOptions, Encryption, Mode};
