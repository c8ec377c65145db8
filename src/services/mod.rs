//! The services under test, one module each: their operations, and how to see that they are ready.

pub mod command;
pub mod files;
pub mod http;
pub mod lifecycle;
pub mod net;
pub mod postgres;
pub mod redis;
pub mod s3;
