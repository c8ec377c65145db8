//! Whether the truth is true: what was recorded against the draws, the recursion and the clients' view.

use super::*;
use crate::target::{draw, queue::Line};

#[test]
fn errors_fall_on_the_requests_that_the_draws_say() {
    let json = r#"{"error_rate": 0.2, "error_status": 503, "seed": 5}"#;
    let (target, settings) = (start(json), settings(json));
    let mut client = Client::of(&target);
    client.send(&"GET / HTTP/1.1\n\n".repeat(2_000));
    let mut errors = 0;
    for n in 0..2_000 {
        let failed = draw::fate(&settings, n) == draw::Fate::Failed;
        assert_eq!(client.answer().status, if failed { 503 } else { 200 }, "request {n}");
        errors += u64::from(failed);
    }
    until_answered(&target, 2_000);
    assert_eq!(target.truth().errors, errors);
    assert!((310..=490).contains(&errors), "{errors} of 2,000 are not near a fifth");
}

/// The recursion by hand: a request starts when it has come and the server that is free first is free.
fn lindley(log: &[Entry], servers: usize) -> Vec<(u64, u64)> {
    let mut free = vec![0; servers];
    let serve = |entry: &Entry| {
        let server = (0..servers).min_by_key(|&server| free[server]).unwrap();
        let start = entry.arrival_ns.max(free[server]);
        free[server] = start + (entry.end_ns - entry.start_ns);
        (start, free[server])
    };
    log.iter().map(serve).collect()
}

#[test]
fn the_line_is_first_in_first_out_and_exact() {
    for (servers, threads) in [(1, 1), (3, 2)] {
        let json = format!(
            r#"{{"service_time": "exponential:300us", "servers": {servers}, "threads": {threads}, "log": true}}"#
        );
        let (target, settings) = (start(&json), settings(&json));
        let log = load(&target, 8, 800);
        assert_eq!(log.len(), 800);
        let logged: Vec<_> = log.iter().map(|entry| (entry.start_ns, entry.end_ns)).collect();
        assert_eq!(logged, lindley(&log, servers));
        for (n, entry) in log.iter().enumerate() {
            assert_eq!(entry.n, n as u64, "numbers are given in order of arrival");
            assert_eq!(entry.end_ns - entry.start_ns, draw::service_time(&settings, entry.n));
            assert!(entry.written_ns >= entry.end_ns, "answered before its service ended");
        }
        let waited = log.iter().filter(|entry| entry.start_ns > entry.arrival_ns).count();
        assert!(waited > 100, "only {waited} of 800 requests waited");
    }
}

#[test]
fn service_takes_the_time_it_was_given() {
    let target = start(r#"{"service_time": "2ms"}"#);
    load(&target, 4, 400);
    let truth = target.truth();
    assert_eq!((truth.service_ms.count, truth.waiting_ms.max), (400, 0.0));
    assert!((truth.service_ms.p50 - 2.0).abs() < 0.002);
    assert!(truth.sojourn_ms.min >= 1.999 && truth.sojourn_ms.p50 < 3.0, "{:?}", truth.sojourn_ms);
}

#[test]
fn a_request_can_choose_its_draw() {
    let json = r#"{"service_time": "exponential:1ms", "log": true}"#;
    let (target, settings) = (start(json), settings(json));
    let mut client = Client::of(&target);
    client.get("/?n=7");
    client.send("GET / HTTP/1.1\nx-turn: 7\n\n");
    client.answer();
    client.get("/");
    until_answered(&target, 3);
    let log = target.log();
    assert_eq!(log.iter().map(|entry| entry.n).collect::<Vec<_>>(), [7, 7, 2]);
    assert!(log.iter().all(|entry| entry.end_ns - entry.start_ns == draw::service_time(&settings, entry.n)));
}

#[test]
fn nothing_is_served_in_a_pause() {
    let json = r#"{"service_time": "1ms", "pause": {"at": "20ms", "duration": "150ms"}, "log": true}"#;
    let target = start(json);
    let log = load(&target, 2, 160);
    let (from, to) = (log[0].arrival_ns + 20_000_000, log[0].arrival_ns + 170_000_000);
    assert!(log.iter().all(|entry| entry.end_ns <= from || entry.end_ns >= to));
    assert!(log.iter().any(|entry| entry.arrival_ns < to && entry.end_ns > to), "nobody met the pause");
    let mut line = Line::new(&settings(json));
    for entry in &log {
        let (start, end) = line.schedule(Moment(entry.arrival_ns), 1_000_000);
        assert_eq!((entry.start_ns, entry.end_ns), (start.0, end.0));
    }
}

#[test]
fn stats_and_log_tell_the_truth_until_reset() {
    let target = start(r#"{"service_time": "200us", "log": true, "threads": 2}"#);
    let log = load(&target, 4, 40);
    let mut client = Client::of(&target);
    let stats = client.get("/stats").body;
    // As text, since the JSON reader may be off in a number's last digit.
    assert_eq!(String::from_utf8(stats.clone()).unwrap(), serde_json::to_string(&target.truth()).unwrap());
    let stats: Truth = serde_json::from_slice(&stats).unwrap();
    assert_eq!((stats.requests, stats.answered, stats.connections), (40, 40, 5));
    let lines = String::from_utf8(client.get("/log").body).unwrap();
    let read: Vec<Entry> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, log);
    client.send("POST /reset HTTP/1.1\n\n");
    assert_eq!(client.answer().status, 204);
    assert_eq!(target.truth(), Truth::default());
    assert_eq!(load(&target, 1, 1)[0].n, 0, "numbers start over");
}
