//! "The same seed and `requests` count sends the same sequence of requests with 1 and with 4 threads."

use std::{collections::BTreeMap, sync::Arc};

use benchscript::load::{
    Operation,
    payload::{Generator, Json, Param},
};
use benchscript::services::http::{Body, ClientOptions, Request, RequestOptions, client};
use serde_json::{Value, json};

use super::fake::{Notes, run};
use crate::http::fake::{Fake as Server, ok};

/// What a server received of a load: each request, path and body, by its turn.
fn sent(plan: Value) -> BTreeMap<u64, String> {
    let notes = Notes::default();
    let seen = notes.clone();
    let server = Server::answering(move |request| {
        seen.add(request.to_owned());
        ok("")
    });
    let options = RequestOptions {
        params: vec![("user".to_owned(), Param::Drawn(Generator::zipf(1, 1_000_000, 0.9).unwrap()))],
        body: Body::Json(Json::Object(vec![
            ("id".to_owned(), Json::Drawn(Generator::uuid())),
            ("text".to_owned(), Json::Drawn(Generator::text(2, 20).unwrap())),
        ])),
        ..RequestOptions::default()
    };
    let client = client(&server.url, ClientOptions::default()).unwrap();
    let operation = Request::new(&client, "POST", "/{turn}/{user}", options).unwrap();
    let ran = run(Arc::new(operation) as Arc<dyn Operation>, plan);
    assert_eq!(ran.summary().failures, 0, "{:?}", ran.summary().errors);
    let mut by_turn = BTreeMap::new();
    for request in notes.take() {
        let (line, body) = (request.lines().next().unwrap(), request.rsplit("\r\n").next().unwrap());
        let turn = line.split('/').nth(1).unwrap().parse().unwrap();
        assert!(by_turn.insert(turn, format!("{line}\n{body}")).is_none(), "turn {turn} was sent twice");
    }
    by_turn
}

/// The measured requests of a load of 200.
fn measured(mut plan: Value) -> BTreeMap<u64, String> {
    plan["requests"] = 200.into();
    plan["concurrency"] = 8.into();
    let mut sent = sent(plan.clone());
    if plan.get("rate").is_none() {
        assert!(plan.get("warmup").is_some() || sent.len() == 200);
        // Warm-up of a closed loop takes turns of its own, as many as there is time for.
        sent.retain(|turn, _| *turn < 200);
    }
    sent
}

#[test]
fn threads_and_repetitions_do_not_change_what_is_sent() {
    for kind in [json!({}), json!({ "rate": 400 }), json!({ "rate": 400, "arrival": "poisson" })] {
        for warmup in [None, Some("100ms")] {
            let with = |threads: u64, seed: u64| {
                let mut plan = kind.clone();
                plan["threads"] = threads.into();
                plan["seed"] = seed.into();
                if let Some(warmup) = warmup {
                    plan["warmup"] = warmup.into();
                }
                measured(plan)
            };
            let one = with(1, 7);
            assert!(one.len() >= 200, "{kind} {warmup:?}");
            assert_eq!(one, with(4, 7), "{kind} {warmup:?}");
            if warmup.is_none() {
                assert_eq!(one, with(1, 7), "{kind}, again");
                let other = with(1, 8);
                assert_eq!(one.len(), other.len());
                assert!(one.iter().all(|(turn, request)| other[turn] != *request), "{kind}, another seed");
            }
        }
    }
}
