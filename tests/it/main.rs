//! The one test binary.

mod http;
