//! When a request's service starts and ends: one line, first in first out, in front of any number of servers.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{Settings, draw};
use crate::measure::Moment;

/// One accepted request: all that will happen to it is known when it arrives.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    /// What its draws were made with: its place in the order of acceptance, or what the request asked for.
    pub n: u64,
    /// When the whole request had been read.
    pub arrival: Moment,
    pub start: Moment,
    /// When the answer is due; later than `start + service` only if a pause lies between.
    pub end: Moment,
    pub service: u64,
    pub fate: draw::Fate,
    /// Changes when the server is told to forget.
    generation: u64,
}

/// Numbers requests and tells each its times. Shared by all threads: there is one line only.
pub struct Model {
    next: AtomicU64,
    generation: AtomicU64,
    /// `None` where no request can ever wait: then nothing is locked.
    line: Option<Mutex<Line>>,
}

impl Model {
    pub fn new(settings: &Settings) -> Self {
        let line =
            (settings.servers > 0 || !settings.pause.is_empty()).then(|| Mutex::new(Line::new(settings)));
        Self { next: AtomicU64::new(0), generation: AtomicU64::new(0), line }
    }

    /// Takes in a request that has been read completely; `turn` replaces its number in the draws.
    pub fn accept(&self, settings: &Settings, turn: Option<u64>) -> Ticket {
        // Number and arrival are taken under the lock, so that numbers, arrivals and starts share one order.
        let mut line = self.line.as_ref().map(|line| line.lock().expect("no panic while held"));
        let n = self.next.fetch_add(1, Relaxed);
        let n = turn.unwrap_or(n);
        let arrival = Moment::now();
        let service = draw::service_time(settings, n);
        let (start, end) = match &mut line {
            Some(line) => line.schedule(arrival, service),
            None => (arrival, arrival.plus(service)),
        };
        Ticket {
            n,
            arrival,
            start,
            end,
            service,
            fate: draw::fate(settings, n),
            generation: self.generation.load(Relaxed),
        }
    }

    /// Requests accepted so far.
    pub fn accepted(&self) -> u64 {
        self.next.load(Relaxed)
    }

    /// Whether it was accepted since the last reset.
    pub fn is_current(&self, ticket: &Ticket) -> bool {
        ticket.generation == self.generation.load(Relaxed)
    }

    /// Numbers from 0 again, pauses again; what is in service stays in service.
    pub fn reset(&self) {
        let line = self.line.as_ref().map(|line| line.lock().expect("no panic while held"));
        self.generation.fetch_add(1, Relaxed);
        self.next.store(0, Relaxed);
        if let Some(mut line) = line {
            line.first = None;
        }
    }
}

/// The line: since service times are known on arrival, it only has to remember when servers come free.
pub struct Line {
    /// When each server comes free, as scheduled; empty where there is a server for everyone.
    ///
    /// Scheduled times and not wake-ups are carried on: what the machine is late by never adds up.
    free: BinaryHeap<Reverse<Moment>>,
    /// From the first arrival, start and length, in order, not overlapping.
    pauses: Vec<(u64, u64)>,
    first: Option<Moment>,
}

impl Line {
    pub fn new(settings: &Settings) -> Self {
        Self {
            free: (0..settings.servers).map(|_| Reverse(Moment::default())).collect(),
            pauses: settings.pause.iter().map(|pause| (pause.at.nanos(), pause.duration.nanos())).collect(),
            first: None,
        }
    }

    /// Start and end of the service of the next request in line. Arrivals must not go backwards.
    pub fn schedule(&mut self, arrival: Moment, service: u64) -> (Moment, Moment) {
        let first = *self.first.get_or_insert(arrival);
        let server = self.free.pop().map(|Reverse(free)| free);
        let mut start = server.map_or(arrival, |free| arrival.max(free));
        let mut end = start.plus(service);
        for &(at, length) in &self.pauses {
            let (pause, over) = (first.plus(at), first.plus(at).plus(length));
            if start >= pause && start < over {
                (start, end) = (over, over.plus(service));
            } else if start < pause && end > pause {
                end = end.plus(length);
            }
        }
        if server.is_some() {
            self.free.push(Reverse(end));
        }
        (start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(servers: u32, pauses: &[&str]) -> Line {
        let pause = pauses.iter().map(|text| text.parse().unwrap()).collect();
        Line::new(&Settings { servers, pause, ..Settings::default() })
    }

    fn times(line: &mut Line, requests: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let schedule = |&(arrival, service)| line.schedule(Moment(arrival), service);
        requests.iter().map(schedule).map(|(start, end)| (start.0, end.0)).collect()
    }

    #[test]
    fn one_server_serves_one_after_the_other() {
        let requests = [(10, 5), (11, 5), (12, 1), (40, 5)];
        assert_eq!(times(&mut line(1, &[]), &requests), [(10, 15), (15, 20), (20, 21), (40, 45)]);
    }

    #[test]
    fn two_servers_share_one_line() {
        // The third waits for whichever comes free first, the fourth for the other.
        let requests = [(0, 100), (1, 10), (2, 5), (3, 50), (4, 1)];
        let served = [(0, 100), (1, 11), (11, 16), (16, 66), (66, 67)];
        assert_eq!(times(&mut line(2, &[]), &requests), served);
    }

    #[test]
    fn without_a_number_of_servers_nobody_waits() {
        assert_eq!(times(&mut line(0, &[]), &[(0, 100), (1, 100), (2, 0)]), [(0, 100), (1, 101), (2, 2)]);
    }

    #[test]
    fn a_pause_stops_what_is_in_service_and_what_comes() {
        // First arrival at 1 ms; pauses from 11 to 16 ms and from 21 to 22 ms.
        let mut line = line(0, &["10ms+5ms", "20ms+1ms"]);
        let ms = 1_000_000;
        let requests = [(1, 2), (9, 2), (9, 3), (12, 1), (13, 6), (16, 1), (30, 1)];
        let served = [(1, 3), (9, 11), (9, 17), (16, 17), (16, 23), (16, 17), (30, 31)];
        let scale = |pairs: &[(u64, u64)]| pairs.iter().map(|(a, b)| (a * ms, b * ms)).collect::<Vec<_>>();
        assert_eq!(times(&mut line, &scale(&requests)), scale(&served));
    }

    #[test]
    fn numbers_are_given_in_order_unless_the_request_brings_its_own() {
        let settings = Settings::default();
        let model = Model::new(&settings);
        let n = |turn| model.accept(&settings, turn).n;
        assert_eq!([n(None), n(Some(70)), n(None)], [0, 70, 2]);
        model.reset();
        assert_eq!(n(None), 0);
    }
}
