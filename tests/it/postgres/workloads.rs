//! The ready-made workloads: the tables and transactions of pgbench, and the counters of the server.

use std::process::Command;

use super::{
    metrics, on, on_in,
    server::{Server, programs},
};
use crate::support::Folder;

/// Columns, types and keys of the tables of pgbench.
const SHAPE: &str = "select table_name, column_name, data_type, character_maximum_length, is_nullable from \
     information_schema.columns where table_name like 'pgbench%' order by 1, ordinal_position";
const SIZES: &str = "select (select count(*) from pgbench_accounts), (select count(*) from pgbench_tellers), \
     (select count(*) from pgbench_branches), (select count(distinct bid) from pgbench_accounts), \
     (select count(*) from pg_indexes where tablename like 'pgbench%')";

fn pgbench(server: &Server, arguments: &[&str]) -> String {
    let output = Command::new(programs().unwrap().join("pgbench"))
        .args(["-h", "127.0.0.1", "-p", &server.port.to_string(), "-U", "postgres"])
        .args(arguments)
        .arg("postgres")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn tables_and_totals_are_those_of_pgbench() {
    let Some(server) = Server::start() else { return };
    pgbench(&server, &["-i", "-q", "-s", "2"]);
    let theirs = (server.psql(SHAPE), server.psql(SIZES));
    on(&server, "postgres::prepare_pgbench(postgres::client(URL), 2);");
    assert_eq!((server.psql(SHAPE), server.psql(SIZES)), theirs);
    // Theirs runs on our tables.
    pgbench(&server, &["-n", "-t", "20", "-M", "prepared"]);
    let folder = Folder::new();
    let script = r#"
        let db = postgres::client(URL);
        let result = load::run(postgres::tpcb(db, #{ scale: 2 }), #{ requests: 200, concurrency: 8 });
        check(result.failures == 0 && result.successes == 200, "no transaction fails");
        check(postgres::simple_update(db, #{ scale: 2 }).run().affected == 3, "three rows");
        check(postgres::statistics(db).datname == "postgres", "its counters");
    "#;
    on_in(&folder, &server, script);
    // What TPC-B asks for: the sums agree, whoever wrote them.
    let sums = server.psql(
        "select (select sum(bbalance) from pgbench_branches) = (select sum(tbalance) from pgbench_tellers), \
         (select count(*) from pgbench_history), \
         (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history), \
         (select sum(abalance) from pgbench_accounts) - (select sum(tbalance) from pgbench_tellers) = \
         (select delta from pgbench_history order by mtime desc limit 1)",
    );
    assert_eq!(sums, "t|221|t|t");
    let operations = &metrics(&folder)[0]["operations"];
    let named: Vec<&String> = operations.as_object().unwrap().keys().collect();
    assert_eq!(named.len(), 7, "{named:?}");
}

#[test]
fn commits_agree_with_the_server() {
    let Some(server) = Server::start() else { return };
    let script = r#"
        let db = postgres::client(URL);
        postgres::prepare_pgbench(db, 1);
        let result = load::run(postgres::select_only(db, #{}), #{ duration: "1500ms", concurrency: 4 });
        let commits = result.server.commits;
        // Each login is a transaction too.
        check(commits >= result.requests && commits <= result.requests + 30, `${commits} commits, ${result.requests} calls`);
        check(result.server.rollbacks == 0 && result.server.deadlocks == 0, "nothing else");
        check(result.server.rows_fetched >= result.requests, "a row each");
        check(result.server.samples >= 1 && result.server.sessions_max == 5, `${result.server}`);
        check(result.extras.select_qps > 0.0, "its figures");
        let lumps = load::run(postgres::inserts(db, #{ rows: 10 }), #{ requests: 50, concurrency: 4 });
        check(lumps.server.rows_inserted == 500, `${lumps.server.rows_inserted} rows`);
    "#;
    on(&server, script);
}

#[test]
fn a_mix_has_a_row_for_each_share() {
    let Some(server) = Server::start() else { return };
    let folder = Folder::new();
    let script = r#"
        let db = postgres::client(URL);
        postgres::prepare_oltp(db, 1_000);
        let mix = postgres::oltp_mix(db, #{ rows: 1_000, delete: 0 });
        let result = load::run(mix, #{ rate: 400, duration: "1s" });
        check(result.failures == 0, "no call fails");
        check(result.config.plan.concurrency == 100, "at most a hundred sessions unless told");
        let rows = db.query("select count(*) from benchscript_oltp").run().value;
        check(rows == 1_000 + result.operations.insert.successes, "one row each");
    "#;
    on_in(&folder, &server, script);
    let metrics = &metrics(&folder)[0];
    let shares: Vec<&String> = metrics["operations"].as_object().unwrap().keys().collect();
    assert_eq!(shares, ["insert", "select", "update"]);
    assert!(
        metrics["server"]["rows_inserted"].as_u64() == metrics["operations"]["insert"]["successes"].as_u64()
    );
}
