//! What servers say of themselves between the start and the end of a load.

use serde_json::{Map, Value};

use crate::load::{Load, Watch};
use crate::measure::Failure;

/// The servers of a load that say something of themselves.
#[derive(Default)]
pub struct Watched {
    servers: Vec<(String, Box<dyn Watch>)>,
    notes: Vec<String>,
}

impl Watched {
    /// Begins to watch those that can be.
    pub fn begin(&mut self, load: &Load) {
        let clients = load.groups.iter().flat_map(|group| group.task.clients());
        let mut endpoints: Vec<String> = Vec::new();
        for client in clients {
            let endpoint = client.endpoint();
            if endpoints.contains(&endpoint) {
                continue;
            }
            match client.watch() {
                None => {}
                Some(Ok(watch)) => self.servers.push((endpoint.clone(), watch)),
                Some(Err(failure)) => self.note(&endpoint, &failure),
            }
            endpoints.push(endpoint);
        }
    }

    /// What the one server said, or each by its endpoint where there are several; and what could not be read.
    pub fn end(mut self) -> (Map<String, Value>, Vec<String>) {
        let mut said = Map::new();
        let several = self.servers.len() > 1;
        for (endpoint, watch) in std::mem::take(&mut self.servers) {
            match watch.end() {
                Ok(map) if several => drop(said.insert(endpoint, map.into())),
                Ok(map) => said = map,
                Err(failure) => self.note(&endpoint, &failure),
            }
        }
        (said, self.notes)
    }

    fn note(&mut self, endpoint: &str, failure: &Failure) {
        self.notes.push(format!("the statistics of `{endpoint}` could not be read: {}", failure.detail));
    }
}
