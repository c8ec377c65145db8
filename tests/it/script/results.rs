//! Results as scripts read them.

use super::against;

/// Every field of a result, of its times, errors and verdict.
#[test]
fn every_field_can_be_read() {
    let script = r#"
        let home = http::client("{url}").get("/");
        let r = load::run(home, #{ rate: 200, requests: 40, name: "forty" });
        print([r.name, r.requests, r.successes, r.failures, r.offered_rate]);
        check(r.throughput > 0.0 && r.duration_s > 0.0 && r.bytes > 0 && r.bytes_per_second > 0.0, "rates");
        print([r.dropped, r.unfinished, r.reconnects, type_of(r.late)]);
        for t in [r.latency, r.service_time, r.start_lag] {
            check(t.count == 40, "all counted");
            check(t.min_ms <= t.p50_ms && t.p50_ms <= t.p90_ms && t.p90_ms <= t.p95_ms, "in order");
            check(t.p95_ms <= t.p99_ms && t.p99_ms <= t.p999_ms && t.p999_ms <= t.max_ms, "in order");
            check(t.avg_ms >= t.min_ms && t.avg_ms <= t.max_ms && t.stddev_ms >= 0.0, "moments");
            check(t.low_confidence.contains("p99"), "of 40 samples p99 is a guess");
        }
        check(r.latency.p50_ms >= r.service_time.p50_ms, "response time includes the wait");
        print([r.errors.rate, r.errors.timeouts, r.errors.by_class, r.errors.count("timeout"), r.errors]);
        check(["valid", "suspect", "generator-limited"].contains(r.validity.verdict), "a verdict");
        check(type_of(r.validity.reasons) == "array", "reasons");
        let ceiling = r.validity.ceiling_rate;
        check(ceiling == () || ceiling > 0.0, "a ceiling, if it is known");
        let calls = 0;
        for point in r.series { calls += point.calls; }
        check(calls >= 40, "the series holds all calls");
        print(r.operations.keys());
        check(r.percentile_ms(50) == r.percentile_ms(50.0) && r.percentile_ms(99.9) >= r.percentile_ms(50), "any");
        print(r.config.plan.rate);
        print(type_of(r.extras));
        check(`${r}`.contains("forty") && `${r.latency}`.len() > 0 && `${r.validity}`.len() > 0, "as texts");
    "#;
    let (_, done) = against(script, &["--quiet"]);
    assert_eq!(
        done.stdout,
        "[\"forty\", 40, 40, 0, 200.0]\n\
         [0, 0, 0, \"i64\"]\n\
         [0.0, 0, #{}, 0, none]\n\
         [\"GET /\"]\n\
         200.0\n\
         map\n"
    );
}

#[test]
fn loads_together_are_one_trial_with_a_row_each() {
    let script = r#"
        let api = http::client("{url}");
        let both = load::together(#{
            reads: [api.get("/r"), #{ concurrency: 2, requests: 30 }],
            writes: [api.put("/w", #{ body: "x" }), #{ rate: 200, requests: 10 }],
        });
        print(both.operations.keys());
        let reads = both.operations.reads;
        let writes = both.operations["writes"];
        print([reads.requests, writes.requests, both.requests, both.name]);
        check(reads.latency.count == 30 && writes.latency.p50_ms > 0.0, "rows have times");
        check(reads.series.all(|point| point.operation == "reads"), "rows have their own series");
    "#;
    let (folder, done) = against(script, &["--quiet"]);
    assert_eq!(done.stdout, "[\"reads\", \"writes\"]\n[30, 10, 40, \"reads + writes\"]\n");
    assert_eq!(crate::support::trials(&crate::support::run_folder(&folder)).len(), 1);
}

#[test]
fn results_can_be_pooled_and_compared() {
    let script = r#"
        let home = http::client("{url}").get("/");
        let runs = [20, 30].map(|n| load::run(home, #{ requests: n, name: `${n} calls` }));
        let pooled = stats::pooled_percentile_ms(runs, 100);
        check(pooled == max(runs[0].latency.max_ms, runs[1].latency.max_ms), "the slowest of all");
        print(report::compare(runs));
        print(report::table([#{ a: 1, b: "x" }, #{ a: 22, b: "y" }]));
    "#;
    let (_, done) = against(script, &["--quiet"]);
    assert!(done.stdout.contains("20 calls") && done.stdout.contains("30 calls"), "{}", done.stdout);
    assert!(done.stdout.contains(" 1  x"), "{}", done.stdout);
}

/// A check decides the exit code, and goes on.
#[test]
fn a_check_is_noted_and_does_not_throw() {
    let folder = crate::support::Folder::new();
    let script = "print(check(1 > 2, \"no\"));\nprint(check(2 > 1, \"yes\"));\ncheck(fail(), \"thrown\");\n\
                  fn fail() { throw \"out of luck\"; }\nprint(\"end\");\n";
    let done = crate::support::try_run(&folder, script, &["--quiet"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(3), "false\ntrue\nend\n"));
    assert_eq!(
        done.stderr,
        "failed check: no (scenario.rhai:1)\nfailed check: thrown (scenario.rhai:3): out of luck\n"
    );
    let run = crate::support::json(&crate::support::run_folder(&folder).join("run.json"));
    let passed: Vec<bool> =
        run["checks"].as_array().unwrap().iter().map(|check| check["passed"].as_bool().unwrap()).collect();
    assert_eq!(passed, [false, true, false]);
    assert_eq!(run["status"], "checks");
}
