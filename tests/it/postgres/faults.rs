//! Servers that are slow or full; what they share with other services stands in the conformance suite.

use super::{metrics, on, on_in, server::Server};
use crate::support::Folder;

#[test]
fn a_statement_that_takes_too_long_fails_at_its_limit() {
    let Some(server) = Server::start() else { return };
    let folder = Folder::new();
    let script = r#"
        let db = postgres::client(URL);
        let result = load::run(db.query("select pg_sleep(case when {turn} % 2 = 0 then 0 else 1 end)", #{ }),
            #{ requests: 8, concurrency: 2, timeout: "200ms" });
        check(result.errors.timeouts == 4 && result.successes == 4, `${result.errors}`);
        check(result.reconnects > 0, "a late answer must not be taken for the next one");
        try { db.transaction(["select pg_sleep(0)", "select nothing"]).run(); } catch (err) { print(err.class); }
    "#;
    assert_eq!(on_in(&folder, &server, script), "sql\n");
    let failed = &metrics(&folder)[0]["total"]["failed_ms"];
    for edge in ["min", "max"] {
        assert!((failed[edge].as_f64().unwrap() - 200.0).abs() < 0.5, "{failed}");
    }
}

#[test]
fn a_full_server_refuses() {
    let Some(server) = Server::with("trust", &["max_connections=6", "superuser_reserved_connections=0"])
    else {
        return;
    };
    let script = r#"
        let db = postgres::client(URL);
        let result = load::run(db.query("select pg_sleep(0.01)"), #{ duration: "500ms", concurrency: 12 });
        check(result.successes > 0 && result.failures > 0, "some get in");
        check(result.errors.count("refused") == result.failures, `${result.errors}`);
    "#;
    on(&server, script);
}
