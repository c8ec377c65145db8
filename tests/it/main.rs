//! The one test binary.

mod http;
mod layers;
mod support;
