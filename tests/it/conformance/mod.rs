//! What every service does alike, written once and run over a table of real servers: counts that the server shares,
//! refusals, silence, cut connections, standstill, death in the middle of a load.

mod files;
mod load;
mod servers;

use std::{fs, net::TcpListener};

use load::Load;
use servers::{Server, Service};

use crate::{
    services::left::wait_for,
    support::{Folder, cutting, free_port, recovered, try_run},
};

macro_rules! conforms {
    ($($name:ident: $service:ident),* $(,)?) => {$(
        mod $name {
            use super::servers::Service;

            #[test]
            fn where_nothing_listens_it_is_unavailable() {
                super::where_nothing_listens_it_is_unavailable(Service::$service);
            }

            #[test]
            fn where_nobody_answers_calls_fail_at_their_limit() {
                super::where_nobody_answers_calls_fail_at_their_limit(Service::$service);
            }

            #[test]
            fn what_goes_wrong_is_counted_and_the_load_goes_on() {
                super::with_a_server(Service::$service);
            }
        }
    )*};
}

conforms! {
    http: Http,
    postgres: Postgres,
    redis: Redis,
    seaweedfs: SeaweedFs,
    rclone: Rclone,
}

/// One server for all, since some take seconds to start.
fn with_a_server(service: Service) {
    let Some(mut server) = service.start() else { return };
    counts_are_those_of_the_server(service, &*server);
    cut_connections_are_opened_again(service, &*server);
    a_standstill_makes_timeouts_at_their_limit(service, &*server);
    a_load_goes_on_when_a_killed_server_comes_back(service, &mut *server);
}

fn counts_are_those_of_the_server(service: Service, server: &dyn Server) {
    let before = server.performed();
    let ended = Load::start(service, server.port(), "requests: 500").end(0);
    assert_eq!(
        (ended.total("requests"), ended.total("successes")),
        (500, 500),
        "{}",
        ended.metrics["errors"]
    );
    // A session of PostgreSQL hands in what it counted after its client is gone.
    wait_for("the server's own count", || server.performed() >= before + 500);
    assert_eq!(server.performed(), before + 500);
}

fn where_nothing_listens_it_is_unavailable(service: Service) {
    let port = free_port();
    let call = format!(
        "let op = {};\ntry {{ op.run(); }} catch (err) {{ print(`${{err.kind}} ${{err.class}}`); }}",
        service.operation(port)
    );
    let done = try_run(&Folder::new(), &call, &["--quiet"]);
    assert_eq!(done.stdout.trim(), "unavailable refused", "{}", done.stderr);
    let load = format!("load::run({}, #{{ requests: 8 }});", service.operation(port));
    let done = try_run(&Folder::new(), &load, &["--quiet"]);
    let said = done.stderr.contains("error: cannot reach") && done.stderr.contains("is this its port?");
    assert!(done.code == Some(1) && said, "{:?} {}", done.code, done.stderr);
}

fn where_nobody_answers_calls_fail_at_their_limit(service: Service) {
    // The kernel takes the connections; nobody ever looks at them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    if service == Service::Postgres {
        // Its sessions begin with an answer of the server: without one no load begins.
        let plan = "#{ requests: 8, timeout: \"200ms\" }";
        let load = format!("load::run({}, {plan});", service.operation(port));
        let done = try_run(&Folder::new(), &load, &["--quiet"]);
        assert!(
            done.code == Some(1) && done.stderr.contains("no connection within 200ms"),
            "{}",
            done.stderr
        );
        return;
    }
    let ended = Load::start(service, port, "requests: 8, timeout: \"200ms\"").end(1);
    assert_eq!((ended.total("failures"), ended.classes()), (8, vec!["timeout".to_owned()]));
    at_their_limit(&ended, 0.2);
}

fn cut_connections_are_opened_again(service: Service, server: &dyn Server) {
    let before = server.performed();
    let ended = Load::start(service, cutting(server.port(), 3_000), "requests: 300").end(0);
    // Which of the two depends on whether the client was still sending when it was cut.
    let known = |class: &String| ["closed", "reset"].contains(&class.as_str());
    assert!(ended.classes().iter().all(known), "{:?}", ended.classes());
    assert!(ended.total("failures") > 10 && ended.total("successes") > 150, "{}", ended.metrics["total"]);
    assert!(ended.total("reconnects") >= ended.total("failures") - 4, "{}", ended.metrics["total"]);
    let answered = || server.performed() >= before + ended.total("successes");
    wait_for("the server to have done what it answered", answered);
}

fn a_standstill_makes_timeouts_at_their_limit(service: Service, server: &dyn Server) {
    let mut load = Load::start(service, server.port(), "timeout: \"300ms\"");
    load.wait_for_calls(|| server.performed(), 20);
    let all = family(server.pid());
    send(&all, libc::SIGSTOP);
    load.wait_for_failures(0);
    send(&all, libc::SIGCONT);
    load.wait_for_calls(|| server.performed(), 20);
    let ended = load.interrupt();
    assert_eq!(ended.classes(), ["timeout"], "{}", ended.metrics["errors"]);
    at_their_limit(&ended, 0.3);
    assert!(recovered(&ended.calls));
}

fn a_load_goes_on_when_a_killed_server_comes_back(service: Service, server: &mut dyn Server) {
    let before = server.performed();
    let mut load = Load::start(service, server.port(), "timeout: \"2s\"");
    load.wait_for_calls(|| server.performed(), 20);
    server.kill();
    load.wait_for_failures(4);
    server.restart();
    load.wait_for_calls(|| server.performed(), 20);
    let ended = load.interrupt();
    let classes = ended.classes();
    assert!(classes.contains(&"refused".to_owned()), "{classes:?}");
    // What was in flight is cut; what comes later is refused.
    let mut known = vec!["refused", "reset", "closed"];
    if service == Service::SeaweedFs {
        // Its S3 takes requests before it knows where its volumes are.
        known.extend(["timeout", "status_5xx"]);
    }
    assert!(classes.iter().all(|class| known.contains(&class.as_str())), "{}", ended.metrics["errors"]);
    assert!(ended.total("reconnects") >= 4, "{}", ended.metrics["total"]);
    if matches!(service, Service::SeaweedFs | Service::Rclone) {
        let kept = server.performed() - before;
        assert!(kept >= ended.total("successes"), "{kept} objects: what was answered was stored");
    }
    assert!(recovered(&ended.calls), "{}", ended.metrics["errors"]);
}

/// Each timeout took just as long as it may, seconds.
fn at_their_limit(ended: &load::Ended, limit: f64) {
    let timeouts = ended.calls.iter().filter(|call| call["error"] == "timeout");
    for call in timeouts {
        assert!((call["latency_s"].as_f64().unwrap() - limit).abs() < 0.001, "{call}");
    }
}

/// A process and all that come from it.
fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let children = children.split_whitespace().flat_map(|child| family(child.parse().unwrap()));
    [pid].into_iter().chain(children).collect()
}

fn send(pids: &[u32], signal: i32) {
    for pid in pids {
        // SAFETY: a plain system call; the processes belong to a server that this test started and has not waited for.
        unsafe { libc::kill(i32::try_from(*pid).unwrap(), signal) };
    }
}
