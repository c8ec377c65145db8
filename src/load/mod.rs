//! Load generation: operations performed by many virtual users as a plan says. Knows no service and no files.

mod arrival;
mod caller;
mod collector;
mod deadline;
mod dispatcher;
mod engine;
mod journey;
mod operation;
mod pace;
pub mod payload;
mod plan;
mod sessions;
mod sink;
mod sleeper;
mod solitude;
mod stages;
mod task;
mod thread;
mod told;
mod troubles;
mod verdict;
mod worker;

pub use arrival::{Arrivals, Calls, Profile, Spacing, Trace};
pub use caller::{Answer, Caller};
pub use engine::{Load, Measured, MeasuredGroup, Steady, cannot_open, cores_allowed, run};
pub use journey::{Ask, Cast, Ending, Input, Journey, Steps};
pub use operation::{Client, Operation, Session, Turn, Watch};
pub use pace::Think;
pub use plan::{Arrival, Plan, Record};
pub use sink::Sink;
pub use solitude::is_alone;
pub use stages::{Stage, Stages, Unit};
pub use task::{Mix, MixPart, Task};
pub use thread::Group;
pub use told::{MOST_TOLD, Told};
