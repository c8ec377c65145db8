//! Transactions: all or nothing, a row for each statement, conflicts as the server counts them.

use super::{metrics, on, on_in, server::Server};
use crate::support::Folder;

#[test]
fn values_with_one_name_are_one_value() {
    let Some(server) = Server::start() else { return };
    for mode in ["simple", "prepared"] {
        let folder = Folder::new();
        let script = r#"
            let db = postgres::client(URL, #{ mode: "MODE" });
            db.script(`drop table if exists a, b; create table a (id int primary key, x bigint not null);
                create table b (id int, amount bigint); insert into a select i, 0 from generate_series(1, 100) i`).run();
            let pay = db.transaction([
                "update a set x = x - {amount} where id = {id}",
                "insert into b values ({id}, -1 * {amount}::int), (-1, {turn})",
                ["select count(*) from a where id <= $1", [100]],
            ], #{ id: data::uniform(1, 100), amount: data::uniform(-50, 50), name: "pay", isolation: "read committed" });
            check(pay.run(7).value == 100, "the rows of the last statement that has any");
            let result = load::run(pay, #{ requests: 300, concurrency: 4 });
            check(result.failures == 0 && result.successes == 300, "no transaction fails");
            let off = db.query(`select count(*) from a left join (select id, sum(amount) as sum from b group by id) s using (id)
                where x <> coalesce(sum, 0)`);
            check(off.run().value == 0, "the same account and amount in both statements");
            check(db.query("select count(*) from b").run().value == 602, "two rows a transaction");
        "#;
        on_in(&folder, &server, &script.replace("MODE", mode));
        let metrics = &metrics(&folder)[0];
        let steps = metrics["operations"].as_object().unwrap();
        assert_eq!(steps.len(), 5, "{:?}", steps.keys());
        for (name, row) in steps {
            assert_eq!((row["requests"].as_u64(), &row["is_part"]), (Some(300), &true.into()), "{name}");
        }
        // Their times add up to that of the transaction, in which nothing else is waited for.
        let avg = |row: &serde_json::Value| row["service_time_ms"]["avg"].as_f64().unwrap();
        let (parts, whole) = (steps.values().map(avg).sum::<f64>(), avg(&metrics["total"]));
        assert!(parts <= whole * 1.01 && parts > whole * 0.8, "{parts} of {whole} ms");
    }
}

#[test]
fn a_refused_transaction_leaves_nothing() {
    let Some(server) = Server::start() else { return };
    let script = r#"
        let db = postgres::client(URL);
        db.script("create table t (id int)").run();
        let half = db.transaction(["insert into t values (1)", "insert into t values (1/{zero})"], #{ zero: data::choice([0, 1], [1, 1]) });
        let result = load::run(half, #{ requests: 200, concurrency: 2 });
        check(result.errors.count("sql") == result.failures && result.failures > 0, "divisions by zero");
        check(db.query("select count(*) from t").run().value == 2 * result.successes, "both rows or none");
        check(result.reconnects == 0, "the sessions go on");
        check(result.operations["insert into t values (1/{zero})"].failures == result.failures, "it is the second statement");
        check(result.operations["insert into t values (1)"].failures == 0, "and not the first");
        check(result.operations["commit"].requests == result.successes, "no commit where it fails");
        check(result.server.rollbacks >= result.failures, `the server agrees: ${result.server.rollbacks}`);
    "#;
    on(&server, script);
}

#[test]
fn conflicts_are_counted_as_the_server_counts_them() {
    let Some(server) = Server::with("trust", &["deadlock_timeout=10ms"]) else { return };
    let script = r#"
        let db = postgres::client(URL);
        db.script("create table t (id int primary key, v int not null); insert into t values (1, 0), (2, 0), (3, 0)").run();
        let any = data::uniform(1, 3);
        let cross = db.transaction(["update t set v = v + 1 where id = {a}", "update t set v = v + 1 where id = {b}"], #{ a: any, b: any });
        let result = load::run(cross, #{ requests: 400, concurrency: 8 });
        check(result.errors.count("conflict") == result.failures, `${result.errors}`);
        check(result.server.deadlocks == result.failures, `${result.server.deadlocks} of ${result.failures}`);
        check(db.query("select sum(v) from t").run().value == 2 * result.successes, "nothing is half done");
    "#;
    on(&server, script);
}
