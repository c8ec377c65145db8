//! Closed loops, and the windows of all loops.

use std::collections::BTreeSet;

use benchscript::measure::Row;
use serde_json::json;

use super::{
    MS, SECOND,
    fake::{Call, Fake, run, run_stopped, together},
};

fn turns(rows: &[Row]) -> Vec<u64> {
    let mut turns: Vec<u64> = rows.iter().map(|row| row.turn).collect();
    turns.sort_unstable();
    turns
}

#[test]
fn exactly_the_requests_asked_for_are_made() {
    for (requests, concurrency, threads) in [(1, 1, 1), (100, 1, 1), (1_000, 7, 1), (1_001, 7, 3), (3, 8, 4)]
    {
        let plan = json!({ "requests": requests, "concurrency": concurrency, "threads": threads });
        let ran = run(Fake::new(|_| Call::Answers), plan);
        assert_eq!(turns(&ran.rows), (0..requests).collect::<Vec<_>>());
        let summary = ran.summary();
        assert_eq!((summary.requests, summary.successes, summary.bytes), (requests, requests, requests * 10));
        let last = ran.rows.iter().map(|row| row.ended).max().unwrap();
        assert_eq!(summary.duration_s, last as f64 / 1e9, "the window ends with the last call");
        assert!(ran.measured.max_in_flight <= concurrency);
    }
}

#[test]
fn a_group_of_fewer_users_than_threads_makes_all_its_requests() {
    let (one, many) = (Fake::new(|_| Call::Answers), Fake::new(|_| Call::Answers));
    let ran = together(vec![
        (one.clone(), json!({ "requests": 500, "concurrency": 1 })),
        (many, json!({ "requests": 2_000, "concurrency": 100, "threads": 2 })),
        (one, json!({ "requests": 50, "rate": 1_000, "concurrency": 1 })),
    ]);
    assert_eq!(ran.measured.threads, 2);
    for (group, requests) in [(0, 500), (1, 2_000), (2, 50)] {
        let rows: Vec<Row> = ran.rows.iter().filter(|row| row.operation == group).copied().collect();
        assert_eq!(turns(&rows).len(), requests, "group {group}");
        let once: BTreeSet<u64> = turns(&rows).into_iter().collect();
        assert_eq!(once.len(), requests, "group {group} repeats turns");
        assert_eq!(ran.measured.groups[usize::from(group)].totals.counts.successes, requests as u64);
    }
}

#[test]
fn a_single_user_is_never_in_two_calls_at_once() {
    for plan in [
        json!({ "concurrency": 1, "duration": "300ms" }),
        json!({ "concurrency": 1, "rate": 400, "duration": "300ms" }),
    ] {
        let other = json!({ "concurrency": 70, "duration": "300ms", "threads": 2 });
        let slow = |_| Call::After(5);
        let ran = together(vec![(Fake::new(slow), plan), (Fake::new(slow), other)]);
        let mut rows: Vec<Row> =
            ran.rows.iter().filter(|row| row.operation == 0 && row.class == 0).copied().collect();
        rows.sort_unstable_by_key(|row| row.started);
        assert!(rows.len() > 20, "{}", rows.len());
        assert!(rows.windows(2).all(|pair| pair[0].ended <= pair[1].started));
    }
}

#[test]
fn requests_or_duration_whichever_is_first() {
    let slow = Fake::new(|_| Call::After(20));
    let few = run(slow.clone(), json!({ "requests": 5, "duration": "20s" })).summary();
    assert_eq!(few.requests, 5);
    assert!((0.1..5.0).contains(&few.duration_s), "{}", few.duration_s);
    for rate in [None, Some(20.0)] {
        let short = run(slow.clone(), json!({ "requests": 1_000, "duration": "500ms", "rate": rate }));
        assert!(short.summary().requests < 1_000);
        assert_eq!(short.summary().duration_s, 0.5, "not when the last call happened to end");
    }
}

#[test]
fn the_window_is_what_counts() {
    let plan = json!({ "concurrency": 4, "warmup": "300ms", "duration": "700ms", "threads": 2 });
    let ran = run(Fake::new(|turn| Call::After(20 + turn % 30)), plan);
    let (from, to) = (300 * MS, SECOND);
    for row in &ran.rows {
        assert!(row.due < to && row.due == row.started, "nothing starts after the window");
        let phase = if row.due < from { 0 } else { 1 + u8::from(row.ended > to) };
        assert_eq!(row.phase, phase, "{row:?}");
    }
    let ended_in_window = ran.rows.iter().filter(|row| (from..=to).contains(&row.ended)).count();
    let due_in_window = ran.due_in_window().len();
    let summary = ran.summary();
    assert_eq!(summary.duration_s, 0.7);
    assert_eq!(summary.throughput, ended_in_window as f64 / 0.7);
    assert_eq!(summary.bytes_per_second, 10.0 * ended_in_window as f64 / 0.7);
    assert_eq!((summary.requests, summary.latency_ms.count), (due_in_window as u64, due_in_window as u64));
    assert!(ran.rows.iter().any(|row| row.phase == 0) && ran.rows.iter().any(|row| row.phase == 2));
    assert_eq!(ran.seconds, (0..ran.seconds.len() as u64).collect::<Vec<_>>(), "every second once, in order");
}

#[test]
fn warm_up_does_not_send_what_will_be_measured() {
    let plan = json!({ "requests": 200, "concurrency": 3, "warmup": "100ms" });
    let ran = run(Fake::new(|_| Call::After(1)), plan);
    let (warmup, measured): (Vec<Row>, Vec<Row>) = ran.rows.iter().partition(|row| row.phase == 0);
    assert_eq!(turns(&measured), (0..200).collect::<Vec<_>>());
    assert!(!warmup.is_empty() && warmup.iter().all(|row| row.turn >= 200));
    assert_eq!(ran.summary().requests, 200);
}

#[test]
fn groups_share_one_clock() {
    let (a, b) = (Fake::new(|_| Call::After(3)), Fake::new(|_| Call::After(7)));
    let ran = together(vec![
        (a, json!({ "concurrency": 2, "duration": "500ms" })),
        (b, json!({ "rate": 50, "warmup": "100ms", "duration": "400ms" })),
    ]);
    assert_eq!(ran.measured.groups[0].duration_s, 0.5);
    assert_eq!(ran.measured.groups[1].duration_s, 0.4);
    let dues: BTreeSet<u64> = ran.rows.iter().filter(|row| row.operation == 1).map(|row| row.due).collect();
    assert_eq!(dues, (0..25).map(|turn| turn * 20 * MS).collect());
    assert!(ran.rows.iter().filter(|row| row.operation == 0).all(|row| row.due < 500 * MS));
    assert_eq!(ran.measured.groups[1].totals.counts.successes, 20);
}

#[test]
fn an_interrupted_load_keeps_what_it_measured() {
    let plan = json!({ "concurrency": 3, "warmup": "100ms", "duration": "60s", "timeout": "50s" });
    // The third user is in a call that has no end.
    let ran = run_stopped(Fake::new(|turn| if turn == 50 { Call::Never } else { Call::After(5) }), plan, 600);
    assert!(ran.measured.interrupted && ran.took.as_secs() < 5, "{:?}", ran.took);
    let summary = ran.summary();
    let last = ran.rows.iter().map(|row| row.ended).max().unwrap() as f64 / 1e9;
    assert!((summary.duration_s + 0.1 - last).abs() < 0.05, "{} s, last call {last} s", summary.duration_s);
    assert_eq!(summary.requests, ran.due_in_window().len() as u64);
    assert!(summary.unfinished >= 1 && summary.unfinished <= 3, "{summary:?}");
    let unfinished = ran.of_class("unfinished");
    assert!(unfinished.iter().any(|row| row.turn == 50 && row.ended - row.due > 200 * MS));
    let ended_in_window = ran.rows.iter().filter(|row| row.class == 0 && row.ended >= 100 * MS).count();
    assert!((summary.throughput - ended_in_window as f64 / summary.duration_s).abs() < 1e-6);
}

#[test]
fn the_start_is_cut_until_the_load_is_steady() {
    // The first 10 calls take 4 s, the others 100 ms each, so long that a crowded machine hardly shows in them.
    let slow_start = |turn| Call::After(if turn < 10 { 400 } else { 100 });
    let ran = run(Fake::new(slow_start), json!({ "duration": "16s", "steady": true }));
    let steady = ran.measured.groups[0].steady.unwrap();
    assert!((4.0..=7.0).contains(&steady.trimmed_s), "{steady:?}");
    assert!((ran.measured.groups[0].duration_s + steady.trimmed_s - 16.0).abs() < 1e-6);
    let summary = ran.summary();
    assert!(summary.latency_ms.max < 400.0, "{summary:?}");
    // What is left is what ended after the cut.
    let cut = (steady.trimmed_s * 1e9) as u64;
    let rest = ran.rows.iter().filter(|row| row.ended >= cut && row.class == 0).count();
    assert_eq!(summary.successes, rest as u64);
    assert_eq!(ran.rows.iter().filter(|row| row.turn < 10).count(), 10, "the rows keep everything");
}
