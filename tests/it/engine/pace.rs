//! Closed loops whose users think between calls, or come and go by stages.

use serde_json::json;

use super::{
    MS, SECOND,
    fake::{Call, Fake, Ran, run, run_stopped},
};
use benchscript::measure::Row;

/// All calls by when they were due.
fn calls(ran: &Ran) -> Vec<Row> {
    let mut rows = ran.rows.clone();
    rows.sort_unstable_by_key(|row| row.due);
    rows
}

#[test]
fn a_user_thinks_after_each_call() {
    for call in [Call::Answers, Call::After(3), Call::Fails("status_5xx"), Call::Loses("reset")] {
        let ran = run(Fake::new(move |_| call), json!({ "think": "20ms", "duration": "400ms" }));
        let rows = calls(&ran);
        assert!(rows.len() > 3 && rows.len() <= 20, "{}", rows.len());
        assert!(rows.windows(2).all(|pair| pair[1].due >= pair[0].ended + 20 * MS), "{rows:?}");
        assert!(rows[0].due < 20 * MS, "the first call is made at once");
        assert!(rows.iter().all(|row| row.due < 400 * MS));
        // Thinking is in no response time, being late to wake up would be.
        let mut lags: Vec<u64> = rows.iter().map(|row| row.started - row.due).collect();
        lags.sort_unstable();
        assert!(lags[lags.len() / 2] < 10 * MS, "{lags:?}");
    }
}

#[test]
fn nobody_waits_for_users_who_think() {
    let endless = json!({ "think": "60s", "concurrency": 3, "threads": 2, "duration": "300ms" });
    let ran = run(Fake::new(|_| Call::Answers), endless);
    assert!(ran.took.as_secs() < 5, "{:?}", ran.took);
    assert_eq!((ran.summary().requests, ran.summary().duration_s), (3, 0.3));
    let counted =
        json!({ "think": "10ms", "concurrency": 4, "threads": 2, "requests": 50, "warmup": "50ms" });
    assert_eq!(run(Fake::new(|_| Call::Answers), counted).summary().requests, 50);
    let last = json!({ "think": "60s", "concurrency": 4, "requests": 4 });
    assert!(run(Fake::new(|_| Call::Answers), last).took.as_secs() < 5);
    let stopped = json!({ "think": "60s", "concurrency": 3, "duration": "100s" });
    let ran = run_stopped(Fake::new(|_| Call::Answers), stopped, 300);
    assert!(ran.measured.interrupted && ran.took.as_secs() < 5, "{:?}", ran.took);
    assert_eq!(ran.summary().successes, 3);
}

/// The most calls of `rows` that are in flight at once.
fn overlap<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> usize {
    let at = |row: &Row| rows.clone().filter(|other| other.due <= row.due && row.due < other.ended).count();
    rows.clone().map(at).max().unwrap_or(0)
}

#[test]
fn users_come_and_go_with_the_stages() {
    for threads in [1, 3] {
        let ran = run(
            Fake::new(|_| Call::After(5)),
            json!({
                "threads": threads,
                "warmup": "100ms",
                "stages": [
                    { "concurrency": 2, "duration": "200ms" },
                    { "concurrency": 6, "ramp": "200ms" },
                    { "concurrency": 1, "duration": "200ms" },
                    { "concurrency": 0, "duration": "100ms" },
                    { "concurrency": 3, "duration": "100ms" },
                ],
            }),
        );
        let rows = calls(&ran);
        let between = |from: u64, to: u64| {
            let within = move |row: &&Row| (from * MS..to * MS).contains(&row.due);
            rows.iter().filter(within)
        };
        // Warm-up holds the first level.
        assert_eq!(overlap(between(0, 300)), 2);
        assert!(overlap(between(300, 500)) <= 6);
        // The third to sixth users begin just when the ramp has risen above 2, 3, 4 and 5.
        for begins in [300, 350, 400, 450] {
            assert!(rows.iter().any(|row| row.due == begins * MS + 1), "{begins}: {rows:?}");
        }
        assert_eq!(overlap(between(500, 700)), 1);
        assert_eq!(between(700, 800).count(), 0);
        let back: Vec<&Row> = between(800, 801).filter(|row| row.due == 800 * MS).collect();
        assert_eq!(back.len(), 3, "all three at once");
        assert_eq!(overlap(between(800, 900)), 3);
        assert!(ran.measured.max_in_flight <= 6);
        assert_eq!((ran.summary().duration_s, ran.summary().failures), (0.8, 0));
        assert!(rows.iter().all(|row| row.due < 900 * MS && row.ended < SECOND * 5));
    }
}
