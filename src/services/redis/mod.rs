//! Redis as a load: commands written and answers read by hand (RESP 2), over plain sockets or TLS.
//!
//! A [`RedisClient`] says where, a [`Command`] says what; its session performs it on a connection of its own.

mod client;
mod command;
mod line;
mod reader;
mod refusal;
mod reply;
mod session;
mod settings;
mod url;

pub use client::{ClientOptions, RedisClient, client};
pub use command::Command;
pub use reader::Reader;
pub use reply::{RedisReply, Reply};
pub use settings::{Argument, CommandOptions, Content, Field};
