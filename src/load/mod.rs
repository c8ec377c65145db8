//! Load generation: operations performed by many virtual users as a plan says.

mod operation;

pub use operation::{Client, Operation, Session, Turn};
