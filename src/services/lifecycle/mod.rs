//! Services that benchscript starts, waits for, watches and stops.
//!
//! A [`Definition`] is data: what to start, on which ports, and how to see that it is ready. [`launch`] makes a running
//! service of it with any [`Launcher`](crate::cluster::Launcher); [`start`] does so for a run, which it then ends with.

pub mod by_hand;
mod definition;
mod launch;
mod log;
mod plain;
mod ports;
mod ready;
mod service;
mod template;

pub use definition::Definition;
pub use launch::{Launched, Phase, launch, rehearse};
pub use service::{Service, start};
