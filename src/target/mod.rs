//! The built-in HTTP server under test. It keeps its own truth, which accuracy tests compare with.
//!
//! [`Settings`] say how it behaves; [`draw`] decides each request's service time as a pure function of the
//! seed, the [`queue`] when service starts and ends, a connection sends the answer then, and [`Truth`] keeps
//! what happened. It listens on 127.0.0.1 only.
//!
//! Every method and path gets the ordinary answer, except: `/echo` (`?json`), `/stats`, `/log`, `POST /reset`,
//! `/status/404`, `/redirect/3`, `/delay/250ms`, `/bytes/1000000`. `?n=7` or `x-turn: 7` on an ordinary request
//! makes its draws those of number 7.

mod body;
mod child;
mod connection;
pub mod draw;
mod http;
mod pause;
pub mod queue;
mod reply;
mod route;
mod run;
mod server;
mod service_time;
mod settings;
mod special;
mod timetable;
mod truth;
mod wire;

#[cfg(test)]
mod tests;

pub use child::TargetProcess;
pub use pause::Pause;
pub use run::{Handle, serve, start_in_thread};
pub use service_time::ServiceTime;
pub use settings::Settings;
pub use truth::{Entry, Truth};
