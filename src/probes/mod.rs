//! What is used while a load runs: looked at once a second by a thread of its own, in step with the seconds of the load.

mod counter;
mod machine;
mod processes;
mod sampler;

pub use machine::{Machine, QUANTITIES as OF_MACHINES};
pub use processes::{Processes, QUANTITIES as OF_PROCESSES, Started};
pub use sampler::Sampler;

/// Something that can be looked at from outside while a load runs.
pub trait Probe: Send {
    /// What the names of its columns begin with: `machine`, `service`.
    fn name(&self) -> String;

    /// Its quantities, with their units.
    fn quantities(&self) -> &'static [&'static str];

    /// One value a quantity, those of time over the `elapsed_s` seconds since the last look; none where it cannot be known, as at
    /// the first look.
    fn look(&mut self, elapsed_s: f64) -> Vec<Option<f64>>;

    /// What it never knows here, and why; asked after the first look.
    fn missing(&self) -> Vec<String>;
}

/// The probes of a load: the machine, this process, and the processes of each service that was started and still runs.
pub fn of(services: &[Started]) -> Vec<Box<dyn Probe>> {
    let mut probes: Vec<Box<dyn Probe>> = vec![Box::new(Machine::new())];
    let running: Vec<Started> = services.iter().filter(|service| service.is_running()).cloned().collect();
    if !running.is_empty() {
        probes.push(Box::new(Processes::of("service".to_owned(), &running)));
    }
    if running.len() > 1 {
        for (at, service) in running.iter().enumerate() {
            let before = running[..at].iter().filter(|other| other.name == service.name).count();
            let name = match before {
                0 => format!("service.{}", service.name),
                // As its log is called.
                before => format!("service.{}-{}", service.name, before + 1),
            };
            probes.push(Box::new(Processes::of(name, std::slice::from_ref(service))));
        }
    }
    probes.push(Box::new(Processes::ourselves()));
    probes
}
