//! Script modules, one file each: options in, library call, value out.

pub mod check;
pub mod command;
pub mod comparison;
pub mod data;
pub mod errors;
mod fields;
pub mod files;
pub mod globals;
pub mod http;
pub mod load;
pub mod postgres;
pub mod recipe;
pub mod redis;
pub mod report;
pub mod s3;
pub mod saturation;
pub mod service;
pub mod stats;
pub mod target;
