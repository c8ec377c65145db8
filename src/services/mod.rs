//! The services benchscript can load: one file each, a folder where it needs more.

pub mod files;
//! The services under test, one module each: their operations and how to see that they are ready.

pub mod http;
