//! Open loops: the schedule is kept, whatever the service does.

use benchscript::load::{Arrivals, Spacing};
use serde_json::json;

use super::{
    MS, SECOND,
    fake::{Call, Fake, run, run_stopped},
};

/// The dues of a schedule in `[from, to)`.
fn schedule(rate: f64, spacing: Spacing, from: u64, to: u64) -> Vec<u64> {
    let arrivals = Arrivals::new(rate, spacing, 1).map(|(_, due)| due);
    arrivals.take_while(|due| *due < to).filter(|due| *due >= from).collect()
}

#[test]
fn every_call_of_the_schedule_is_made_at_its_due_time() {
    // 29 and 77: rates whose gap cannot be written exactly.
    for (rate, arrival, spacing, threads) in [
        (29.0, "constant", Spacing::Constant, 1),
        (77.0, "constant", Spacing::Constant, 4),
        (300.0, "poisson", Spacing::Poisson, 1),
        (300.0, "poisson", Spacing::Poisson, 4),
    ] {
        let plan = json!({ "rate": rate, "arrival": arrival, "threads": threads, "warmup": "500ms",
            "duration": "500ms" });
        let ran = run(Fake::new(|_| Call::Answers), plan);
        let mut dues: Vec<u64> = ran.rows.iter().map(|row| row.due).collect();
        dues.sort_unstable();
        assert_eq!(dues, schedule(rate, spacing, 0, SECOND), "{rate} {arrival} {threads}");
        assert_eq!(ran.summary().requests, schedule(rate, spacing, 500 * MS, SECOND).len() as u64);
        assert_eq!(ran.measured.groups[0].duration_s, 0.5);
        assert!(ran.rows.iter().all(|row| row.started >= row.due));
    }
}

#[test]
fn a_stalled_service_is_sent_the_whole_schedule() {
    // The service stands still for 600 ms; the load's 4 sessions all wait for it.
    let stall = |turn| if (20..24).contains(&turn) { Call::After(600) } else { Call::Answers };
    let plan = json!({ "rate": 200, "concurrency": 4, "duration": "1500ms" });
    let ran = run(Fake::new(stall), plan);
    let mut dues: Vec<u64> = ran.rows.iter().map(|row| row.due).collect();
    dues.sort_unstable();
    assert_eq!(dues, schedule(200.0, Spacing::Constant, 0, 1_500 * MS));
    let summary = ran.summary();
    assert_eq!((summary.requests, summary.successes), (300, 300));
    assert!(ran.measured.max_in_flight <= 4);
    // Calls were due every 5 ms for 600 ms: about 120 of them waited, and their response times say how long.
    let long = |limit| ran.rows.iter().filter(|row| row.ended - row.due > limit * MS).count();
    assert!((100..=140).contains(&long(50)) && (40..=80).contains(&long(300)), "{} {}", long(50), long(300));
    assert_eq!(ran.rows.iter().filter(|row| row.ended - row.started > 100 * MS).count(), 4);
    assert!(summary.late >= long(50) as u64);
}

#[test]
fn what_finds_no_session_in_time_is_dropped_at_its_limit() {
    let plan = json!({ "rate": 50, "concurrency": 2, "duration": "1s", "timeout": "200ms" });
    let ran = run(Fake::new(|_| Call::Never), plan);
    let summary = ran.summary();
    assert_eq!((summary.requests, summary.successes), (50, 0));
    assert_eq!(summary.dropped + summary.errors.timeouts + summary.unfinished, 50);
    assert!(summary.dropped > 20 && summary.errors.timeouts >= 8, "{summary:?}");
    for row in ran.of_class("dropped") {
        assert_eq!((row.ended - row.due, row.started), (200 * MS, row.ended), "{row:?}");
    }
    for row in ran.of_class("timeout") {
        // From when the call began: a session may have to be opened within it.
        assert!((195 * MS..=200 * MS).contains(&(row.ended - row.started)), "{row:?}");
        assert!(row.started < row.due + 200 * MS, "started after it should have been dropped: {row:?}");
    }
    for row in ran.of_class("unfinished") {
        assert!(row.ended >= SECOND && row.ended - row.due <= 200 * MS, "{row:?}");
    }
}

#[test]
fn the_line_stays_open_until_the_window_ends() {
    // Due at 0, 500, 1,000 and 1,500 ms, each 700 ms long: the last would start at 2,100 ms.
    let plan = json!({ "rate": 2, "concurrency": 1, "duration": "2s" });
    let ran = run(Fake::new(|_| Call::After(700)), plan);
    assert_eq!((ran.summary().successes, ran.summary().unfinished), (3, 1));
    let unfinished = ran.of_class("unfinished")[0];
    assert_eq!(unfinished.due, 1_500 * MS);
    assert!((2_000 * MS..2_100 * MS).contains(&unfinished.ended), "{unfinished:?}");
}

#[test]
fn a_number_of_requests_is_made_in_full() {
    let plan = json!({ "rate": 100, "concurrency": 1, "requests": 20 });
    let ran = run(Fake::new(|_| Call::After(30)), plan);
    let summary = ran.summary();
    assert_eq!((summary.requests, summary.successes), (20, 20));
    let last = ran.rows.iter().map(|row| row.ended).max().unwrap();
    assert_eq!(summary.duration_s, last as f64 / 1e9);
}

#[test]
fn an_interrupted_line_counts_what_waits_in_it() {
    let plan = json!({ "rate": 100, "concurrency": 2, "duration": "60s", "timeout": "50s" });
    let ran = run_stopped(Fake::new(|_| Call::Never), plan, 500);
    assert!(ran.measured.interrupted && ran.took.as_secs() < 5, "{:?}", ran.took);
    let summary = ran.summary();
    assert_eq!(summary.unfinished, summary.requests);
    let stopped = ran.rows.iter().map(|row| row.ended).max().unwrap();
    let due = schedule(100.0, Spacing::Constant, 0, stopped).len() as u64;
    assert!(summary.requests + 2 >= due && summary.requests <= due, "{} of {due}", summary.requests);
}

#[test]
fn calls_of_a_hung_generator_count_as_late() {
    // The third call holds the generator's only thread for 100 ms.
    let plan = json!({ "rate": 100, "duration": "500ms", "threads": 1 });
    let ran = run(Fake::new(|turn| if turn == 3 { Call::Blocks(100) } else { Call::Answers }), plan);
    let summary = ran.summary();
    assert_eq!(summary.requests, 50);
    let late = ran.rows.iter().filter(|row| row.started - row.due > MS).count() as u64;
    assert!(late >= 8 && summary.late == late, "{late} {}", summary.late);
    assert!(summary.start_lag_ms.max > 80.0 && summary.latency_ms.max > 80.0, "{summary:?}");
}
