//! What fails is counted by its class, at its time, and never mixed into the times of successes.

use std::{sync::Arc, time::Duration};

use benchscript::load::Operation;
use benchscript::services::http::{ClientOptions, Request, RequestOptions, client};
use benchscript::target::{self, Settings, draw};
use serde_json::json;

use tokio_util::sync::CancellationToken;

use super::{
    MS,
    fake::{Call, Fake, run, try_together},
};

#[test]
fn timeouts_count_at_their_limit() {
    for plan in [json!({ "concurrency": 3 }), json!({ "rate": 40, "concurrency": 20 })] {
        let (mut plan, is_open) = (plan.clone(), plan.get("rate").is_some());
        plan["requests"] = 20.into();
        plan["timeout"] = "100ms".into();
        let ran = run(Fake::new(|turn| if turn % 2 == 0 { Call::Never } else { Call::After(2) }), plan);
        let summary = ran.summary();
        assert_eq!((summary.errors.timeouts, summary.failures, summary.successes), (10, 10, 10));
        for row in ran.of_class("timeout") {
            // Exactly, from when the call began; in a closed loop that is when it was due.
            let exact = row.ended - row.due == 100 * MS;
            assert!(exact || is_open && row.ended - row.started <= 100 * MS, "{row:?}");
        }
        let failed = &summary.failed_ms;
        assert!(failed.count == 10 && (failed.min - 100.0).abs() < 1.5, "{failed:?}");
        // In an open loop they count from when they were due, however late the machine let them start.
        assert!(is_open || failed.max < 101.0, "{failed:?}");
        assert!(is_open || summary.latency_ms.max < 100.0, "{:?}", summary.latency_ms);
        assert_eq!(summary.errors.rate, 0.5);
    }
}

#[test]
fn an_answer_after_the_limit_is_a_timeout_too() {
    // It blocks the thread, so that no sweep can come between.
    let ran = run(Fake::new(|_| Call::Blocks(30)), json!({ "requests": 3, "timeout": "20ms" }));
    assert_eq!(ran.summary().errors.timeouts, 3);
    assert!(ran.rows.iter().all(|row| row.ended - row.due == 20 * MS), "{:?}", ran.rows);
    // What follows is due when the user is really free again.
    assert!(ran.rows.windows(2).all(|pair| pair[1].due >= pair[0].started + 30 * MS), "{:?}", ran.rows);
}

#[test]
fn failures_are_told_by_class_and_lost_sessions_reopened() {
    let plot = |turn: u64| match turn % 4 {
        0 => Call::Fails("status_5xx"),
        1 => Call::Loses("reset"),
        2 => Call::Loses("closed"),
        _ => Call::Answers,
    };
    let ran = run(Fake::opening(plot, 3, |_| true), json!({ "requests": 40, "concurrency": 1 }));
    let summary = ran.summary();
    let counts: Vec<(&str, u64)> =
        summary.errors.by_class.iter().map(|(class, known)| (class.as_str(), known.count)).collect();
    assert_eq!(counts, [("closed", 10), ("reset", 10), ("status_5xx", 10)]);
    assert_eq!(summary.errors.by_class["reset"].first, "as told");
    assert_eq!((summary.successes, summary.errors.rate), (10, 0.75));
    // After each reset and each close another session; after the fifth-hundreds none.
    assert_eq!(summary.reconnects, 20);
    for row in &ran.rows {
        let reopened = matches!(row.turn % 4, 2 | 3);
        let opening = row.started - row.due;
        assert_eq!(
            opening >= 3 * MS,
            reopened,
            "opening is in the response time, not in the service time: {row:?}"
        );
    }
}

#[test]
fn a_service_that_goes_away_is_refused_and_found_again() {
    let plan = json!({ "concurrency": 2, "duration": "400ms" });
    // The two that open at the start work, the next 6 do not.
    let opens = |attempt| !(2..8).contains(&attempt);
    let ran = run(
        Fake::opening(|turn| if turn == 5 { Call::Loses("reset") } else { Call::After(1) }, 0, opens),
        plan,
    );
    let summary = ran.summary();
    assert_eq!(summary.errors.by_class["refused"].count, 6);
    assert_eq!((summary.errors.by_class["reset"].count, summary.reconnects), (1, 1));
    let refused = ran.of_class("refused");
    assert!(refused.windows(2).all(|pair| pair[1].due - pair[0].due >= 10 * MS), "hammers a dead service");
    assert!(summary.successes > 30, "{}", summary.successes);
}

#[test]
fn sessions_that_do_not_open_are_told() {
    let ran = run(
        Fake::opening(|_| Call::After(1), 0, |attempt| attempt >= 3),
        json!({ "concurrency": 8, "requests": 100 }),
    );
    assert_eq!(ran.summary().successes, 100);
    let validity = &ran.measured.validity;
    assert!(
        validity.reasons.iter().any(|reason| reason.starts_with("3 sessions could not be opened")),
        "{validity:?}"
    );
    assert!(ran.measured.notes[0].contains("nobody listens"));
    let fake: Arc<dyn Operation> = Fake::opening(|_| Call::Answers, 0, |_| false);
    let error =
        try_together(vec![(fake, json!({ "requests": 1 }))], &CancellationToken::new()).err().unwrap();
    assert_eq!((error.message.as_str(), error.class), ("cannot reach `fake`", Some("refused")));
}

#[test]
fn a_mistake_in_a_session_ends_the_load_at_once() {
    for plan in [json!({ "concurrency": 2, "threads": 2 }), json!({ "rate": 100, "threads": 2 })] {
        let mut plan = plan;
        plan["duration"] = "30s".into();
        let fake: Arc<dyn Operation> =
            Fake::new(|turn| if turn == 20 { Call::Panics } else { Call::After(5) });
        let start = std::time::Instant::now();
        let error = try_together(vec![(fake, plan)], &CancellationToken::new()).err().unwrap();
        assert!(error.message.contains("a generator thread broke down: told to"), "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

fn get(url: &str, options: ClientOptions) -> Arc<dyn Operation> {
    let client = client(url, options).unwrap();
    Arc::new(Request::new(&client, "GET", "/", RequestOptions::default()).unwrap())
}

#[test]
fn the_share_of_errors_is_exactly_the_targets() {
    let settings = Settings { error_rate: 0.2, drop_every: Some(7), seed: 3, ..Settings::default() };
    let server = target::start_in_thread(settings.clone()).unwrap();
    let ran = run(get(server.url(), ClientOptions::default()), json!({ "requests": 500, "concurrency": 3 }));
    let fates: Vec<draw::Fate> = (0..500).map(|n| draw::fate(&settings, n)).collect();
    let count = |wanted| fates.iter().filter(|fate| **fate == wanted).count() as u64;
    let summary = ran.summary();
    assert_eq!(summary.errors.by_class["status_5xx"].count, count(draw::Fate::Failed));
    assert_eq!(summary.errors.by_class["closed"].count, count(draw::Fate::Dropped));
    assert_eq!(summary.successes, count(draw::Fate::Served));
    assert_eq!(
        ran.of_class("status_5xx").iter().filter(|row| row.status == 500).count() as u64,
        count(draw::Fate::Failed)
    );
    // The last call may be one of those that lose the session.
    let drops = count(draw::Fate::Dropped);
    assert!(
        (drops.saturating_sub(3)..=drops).contains(&summary.reconnects),
        "{} of {drops}",
        summary.reconnects
    );
    assert_eq!(server.truth().connections, 3 + summary.reconnects);
}

#[test]
fn without_keep_alive_every_call_has_a_connection_of_its_own() {
    let server = target::start_in_thread(Settings::default()).unwrap();
    let options = ClientOptions { keep_alive: false, ..ClientOptions::default() };
    let summary = run(get(server.url(), options), json!({ "requests": 50, "concurrency": 2 })).summary();
    assert_eq!((summary.successes, summary.reconnects, server.truth().connections), (50, 48, 50));
}
