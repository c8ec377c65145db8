//! Ports for services on this machine: free ones chosen, given ones looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::TcpListener,
};

use crate::error::{Error, Result};
use crate::results::facts;

/// Ports are chosen from here on.
const FIRST: u16 = 10_000;

/// Where the kernel's range of ports for outgoing connections is not known.
const EPHEMERAL: u16 = 32_768;

/// How many are tried before giving up.
const TRIES: usize = 1_000;

/// Makes a port of each: 0 takes a free one, any other must be free.
pub fn take(service: &str, host: &str, wanted: &BTreeMap<String, u16>) -> Result<BTreeMap<String, u16>> {
    let mut taken = BTreeMap::new();
    let mut used: BTreeSet<u16> = wanted.values().copied().collect();
    // Held until all are chosen.
    let mut listeners = Vec::new();
    for (name, port) in wanted {
        let (port, listener) = match port {
            0 => free(host, &mut used)?,
            port => {
                (*port, TcpListener::bind((host, *port)).map_err(|error| busy(service, name, *port, &error))?)
            }
        };
        taken.insert(name.clone(), port);
        listeners.push(listener);
    }
    Ok(taken)
}

/// Below the range of outgoing connections, any of which could take the port before the service does.
fn free(host: &str, used: &mut BTreeSet<u16>) -> Result<(u16, TcpListener)> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let end = range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(EPHEMERAL);
    let end = if end > FIRST + 1_000 { end } else { EPHEMERAL };
    for _ in 0..TRIES {
        let random = u16::from_str_radix(&facts::random_hex(2), 16).unwrap_or_default();
        let port = FIRST + random % (end - FIRST);
        if !used.insert(port) {
            continue;
        }
        if let Ok(listener) = TcpListener::bind((host, port)) {
            return Ok((port, listener));
        }
    }
    Err(Error::io(format!("found no free port on {host} in {TRIES} tries")))
}

fn busy(service: &str, name: &str, port: u16, error: &io::Error) -> Error {
    let failed = match error.kind() {
        io::ErrorKind::AddrInUse => {
            Error::unavailable(format!("cannot start `{service}`: port {port} is taken"))
        }
        _ => {
            Error::unavailable(format!("cannot start `{service}`: port {port} cannot be used")).because(error)
        }
    };
    failed.hint(format!("`{name}: 0` takes a free one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_differ() {
        let wanted: BTreeMap<String, u16> = (0..20).map(|n| (format!("p{n}"), 0)).collect();
        let taken = take("x", "127.0.0.1", &wanted).unwrap();
        let different: BTreeSet<u16> = taken.values().copied().collect();
        assert_eq!(different.len(), 20);
        for port in different {
            assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
        }
    }

    #[test]
    fn a_taken_port_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let wanted = [("port".to_owned(), port)].into_iter().collect();
        let error = take("web", "127.0.0.1", &wanted).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot start `web`: port {port} is taken"));
        assert_eq!(error.hints, ["`port: 0` takes a free one"]);
    }
}
