//! Schedules beyond a constant rate: bursts, stages, traces. Nothing of them is skipped, whatever the threads.

use std::collections::BTreeMap;

use benchscript::load::{Calls, Plan};
use benchscript::measure::Row;
use serde_json::{Value, json};

use super::{
    MS, SECOND,
    fake::{Call, Fake, Ran, run, run_stopped},
};
use crate::support::Folder;

/// When the calls of a plan are due, by turn.
fn schedule(plan: &Value) -> Vec<u64> {
    let plan = serde_json::from_value::<Plan>(plan.clone()).unwrap().check().unwrap();
    Calls::of(&plan, 1).unwrap().map(|(_, due)| due).collect()
}

fn dues(ran: &Ran) -> Vec<u64> {
    let by_turn: BTreeMap<u64, u64> = ran.rows.iter().map(|row| (row.turn, row.due)).collect();
    assert_eq!(by_turn.len(), ran.rows.len(), "a call was made twice");
    by_turn.into_values().collect()
}

#[test]
fn every_schedule_is_kept_with_any_number_of_threads() {
    let folder = Folder::new();
    let file = folder.write("times.txt", "0.0\n0.1\n0.1\n0.25\n0.4999\n");
    let stages = json!([
        { "rate": 200, "duration": "200ms" },
        { "rate": 1_000, "ramp": "300ms" },
        { "rate": 0, "duration": "100ms" },
        { "rate": 100, "duration": "100ms" },
    ]);
    for plan in [
        json!({ "rate": 400, "arrival": "gamma", "burstiness": 0.3, "duration": "500ms" }),
        json!({ "stages": stages }),
        json!({ "stages": stages, "arrival": "poisson", "warmup": "100ms" }),
        json!({ "stages": stages, "arrival": "gamma", "burstiness": 4.0 }),
        json!({ "trace": file }),
        json!({ "trace": { "file": file, "speed": 0.5 }, "duration": "300ms", "warmup": "150ms" }),
        json!({ "rate": 500, "arrival": "poisson", "requests": 100, "warmup": "100ms" }),
    ] {
        for threads in [1, 4] {
            let mut plan = plan.clone();
            plan["threads"] = threads.into();
            let ran = run(Fake::new(|_| Call::Answers), plan.clone());
            assert_eq!(dues(&ran), schedule(&plan), "{plan}");
        }
    }
}

#[test]
fn a_staged_window_has_the_calls_of_its_levels() {
    let plan = json!({
        "warmup": "200ms",
        "stages": [
            { "rate": 100, "duration": "300ms" },
            { "rate": 500, "ramp": "400ms" },
            { "rate": 50, "duration": "200ms" },
        ],
    });
    let ran =
        run(Fake::new(|turn| if turn % 7 == 0 { Call::Fails("status_5xx") } else { Call::Answers }), plan);
    let between =
        |from: u64, to: u64| ran.rows.iter().filter(|row| (from * MS..to * MS).contains(&row.due)).count();
    // 200 ms at 100/s; 300 ms of it; the ramp in two halves, 100 to 300 and 300 to 500; 200 ms at 50/s.
    let counts =
        [between(0, 200), between(200, 500), between(500, 700), between(700, 900), between(900, 1_100)];
    assert_eq!(counts, [20, 30, 40, 80, 10]);
    let summary = ran.summary();
    assert_eq!((summary.requests, summary.duration_s), (160, 0.9));
    // Every stage has a row, and together they are the whole.
    let group = &ran.measured.groups[0];
    let rows: Vec<(&str, u64)> =
        group.parts.iter().map(|(name, totals)| (name.as_str(), totals.counts.calls())).collect();
    assert_eq!(rows, [("stage 1: 100/s", 30), ("stage 2: 100 to 500/s", 120), ("stage 3: 50/s", 10)]);
    assert_eq!(group.parts.iter().map(|(_, totals)| totals.counts.failed).sum::<u64>(), summary.failures);
    assert_eq!(group.parts.iter().map(|(_, totals)| totals.response.len()).sum::<u64>(), summary.successes);
}

#[test]
fn a_trace_ends_with_its_last_call_or_is_cut() {
    let folder = Folder::new();
    let file = folder.write("times.csv", "due_s\n0.05\n0.1\n0.2\n0.3\n");
    let whole = run(Fake::new(|_| Call::Answers), json!({ "trace": file }));
    assert_eq!((whole.summary().requests, whole.summary().duration_s), (4, 0.300_000_001));
    let cut = run(Fake::new(|_| Call::Answers), json!({ "trace": file, "duration": "200ms" }));
    assert_eq!((cut.summary().requests, cut.summary().duration_s), (2, 0.2));
    let later = run(Fake::new(|_| Call::Answers), json!({ "trace": file, "warmup": "100ms" }));
    assert_eq!((later.rows.len(), later.summary().requests), (4, 3), "the first one is warm-up");
    let few = run(Fake::new(|_| Call::Answers), json!({ "trace": file, "requests": 2 }));
    assert_eq!(few.summary().requests, 2);
    let fast = run(Fake::new(|_| Call::Answers), json!({ "trace": { "file": file, "speed": 2.0 } }));
    assert_eq!(dues(&fast), [25 * MS, 50 * MS, 100 * MS, 150 * MS]);
}

#[test]
fn traces_are_read_from_every_format() {
    let folder = Folder::new();
    let wanted = vec![0, 1_500_000_000, 2_000_000_001];
    for (name, text, column) in [
        ("plain.txt", "0\n1.5\n2.000000001", None),
        ("header.csv", "at\n\n0\n1.5\n# a pause\n2.000000001\n", None),
        ("windows.csv", "0\r\n1.5\r\n2.000000001\r\n", None),
        ("column.csv", "who,at\n\"Doe, Jane\",0\nJoe,1.5\n,\"2.000000001\"\n", Some("at")),
        ("bare.jsonl", "0\n1.5\n2.000000001\n", None),
        ("field.jsonl", "{\"at\": 0}\n{\"x\": 3, \"at\": 1.5}\n{\"at\": 2.000000001}\n", Some("at")),
        ("unsorted.txt", "2.000000001\n0\n1.5\n", None),
    ] {
        let file = folder.write(name, text);
        let trace = json!({ "trace": { "file": file, "column": column } });
        assert_eq!(schedule(&trace), wanted, "{name}");
    }
}

#[test]
fn more_than_can_be_done_is_all_accounted_for() {
    // Two sessions of 5 ms each carry 400/s; the schedule goes up to 40,000/s, beyond where it is batched.
    let plan = json!({
        "stages": [{ "rate": 1_000, "duration": "100ms" }, { "rate": 40_000, "ramp": "300ms" }],
        "arrival": "poisson", "concurrency": 2, "timeout": "100ms", "threads": 1,
    });
    let ran = run(Fake::new(|_| Call::After(5)), plan.clone());
    let due = schedule(&plan);
    assert_eq!(dues(&ran), due);
    let summary = ran.summary();
    assert_eq!(summary.requests, due.len() as u64);
    assert_eq!(
        summary.successes + summary.dropped + summary.unfinished + summary.errors.timeouts,
        summary.requests
    );
    assert!(summary.dropped > 1_000 && summary.successes > 10, "{summary:?}");
    assert!(
        summary.late > 0
            && ran.measured.validity.reasons.iter().any(|reason| reason.contains("all 2 sessions"))
    );
}

#[test]
fn an_interrupted_trace_keeps_what_it_measured() {
    let folder = Folder::new();
    let file = folder.write("times.txt", "0\n0.1\n0.2\n60\n");
    let ran = run_stopped(Fake::new(|_| Call::Answers), json!({ "trace": file }), 600);
    assert!(ran.measured.interrupted && ran.took.as_secs() < 5);
    let mut rows: Vec<Row> = ran.rows.clone();
    rows.sort_unstable_by_key(|row| row.due);
    assert_eq!(rows.iter().map(|row| row.due).collect::<Vec<_>>(), [0, 100 * MS, 200 * MS]);
    assert!(ran.measured.groups[0].duration_s < 60.0 * (SECOND as f64 / 1e9));
}
