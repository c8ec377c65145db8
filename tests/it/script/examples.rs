//! The scripts that people see first run as they are written.

use super::against;

/// "One load, top to bottom" of the guide, with shorter loads.
#[test]
fn one_load_top_to_bottom() {
    let script = r#"
let api  = http::client("{url}");
let home = api.get("/users/{user}", #{ user: data::uniform(1, 1_000) });   // generated natively, seeded

let closed = load::run(home, #{ concurrency: 64, duration: "500ms", warmup: "100ms" });
let open   = load::run(home, #{ rate: 200, arrival: "poisson", duration: "500ms", timeout: "1s" });

print(closed);                                   // a table a person reads
print(`p99 ${open.latency.p99_ms} ms at ${open.throughput} req/s, ${open.errors.rate * 100} % failed`);
check(open.latency.p99_ms < 1_000, "p99 under 1 s at 200 req/s");         // a failed check fails the run
"#;
    let (_, done) = against(script, &["--quiet"]);
    assert!(done.stdout.contains("GET /users/{user}"), "{}", done.stdout);
    assert!(done.stdout.contains(" req/s, 0.0 % failed\n"), "{}", done.stdout);
}

/// "Describe, then perform", and a library of one's own.
#[test]
fn describe_then_perform() {
    let server = crate::http::fake::Fake::answering(|_| crate::http::fake::ok("fine"));
    let folder = crate::support::Folder::new();
    folder.write(
        "team/web.rhai",
        "/// Whether `api` is up.\nfn is_up(api) { api.get(\"/health\").run().status == 200 }\n",
    );
    let script = r#"
import "team/web" as web;
let api = http::client("{url}");
let described = api.get("/x");
check(web::is_up(api), "the service is up");
let answer = described.run();
print(answer.body);
let result = load::run(described, #{ requests: 10 });
check(result.failures == 0, "no call fails");
"#;
    let done = crate::support::run(&folder, &script.replace("{url}", &server.url), &["--quiet"]);
    assert_eq!(done.stdout, "fine\n");
    let shown = crate::support::call(&folder, &["doc", "team/web"]);
    assert!(shown.stdout.contains("is_up(api)") && shown.stdout.contains("Whether `api` is up."));
}

/// Closed, open and together, against the built-in target.
#[test]
fn the_built_in_target_keeps_its_own_truth() {
    let script = r#"
let server = target::http(#{ service_time: "2ms", servers: 4 });
let home = http::client(server.url).get("/");
load::run(home, #{ concurrency: 2, requests: 50 });
let truth = server.stats();
check(truth.requests == 50, "the target saw every call");
server.reset();
check(server.stats().requests == 0, "and forgets them");
server.stop();
"#;
    crate::support::run(&crate::support::Folder::new(), script, &["--quiet"]);
}
