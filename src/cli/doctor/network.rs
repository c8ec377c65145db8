//! How many connections this machine can open, and how fast it can open them again.

use super::{Finding, kernel_file};

/// Fewer ports than this are used up by some hundred new connections a second, each blocked for a minute.
const PORTS: u64 = 20_000;

pub fn look() -> Vec<Finding> {
    vec![ports(), backlog()]
}

fn ports() -> Finding {
    const CHECK: &str = "ephemeral ports";
    let range = kernel_file("/proc/sys/net/ipv4/ip_local_port_range");
    let reuse = kernel_file("/proc/sys/net/ipv4/tcp_tw_reuse").unwrap_or_default();
    let ends: Vec<u64> =
        range.iter().flat_map(|text| text.split_whitespace()).filter_map(|end| end.parse().ok()).collect();
    let [first, last] = ends[..] else { return Finding::ok(CHECK, "not told") };
    let count = (last + 1).saturating_sub(first);
    let reused = match reuse.as_str() {
        "0" => "not reused before a minute",
        "1" => "reused early",
        _ => "reused early on the loopback",
    };
    let found = format!("{count} ({first} to {last}), {reused}");
    if count < PORTS {
        return Finding::warn(
            CHECK,
            found,
            "loads that open a connection a call (`keep_alive: false`) run out of ports; widen the range: `sudo sysctl -w \
             net.ipv4.ip_local_port_range=\"1024 65535\" net.ipv4.tcp_tw_reuse=1`",
        );
    }
    Finding::ok(CHECK, found)
}

fn backlog() -> Finding {
    const CHECK: &str = "listen backlog";
    let Some(most) = kernel_file("/proc/sys/net/core/somaxconn") else {
        return Finding::ok(CHECK, "not told");
    };
    if most.parse::<u64>().is_ok_and(|most| most < 1024) {
        return Finding::warn(
            CHECK,
            most,
            "a service on this machine drops connections when many come at once, each costing a second; raise it: `sudo sysctl -w \
             net.core.somaxconn=4096`",
        );
    }
    Finding::ok(CHECK, most)
}
