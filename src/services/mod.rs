//! The services benchscript can load: one file each, a folder where it needs more.

pub mod files;
