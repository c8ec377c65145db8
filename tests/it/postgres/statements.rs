//! Statements, their values and answers, in every way of sending; logins of every kind.

use std::{fs, os::unix::fs::PermissionsExt};

use super::on;
use super::server::Server;
use crate::support::{Folder, call, run, try_run};

#[test]
fn values_arrive_as_they_are_in_every_mode() {
    let Some(server) = Server::start() else { return };
    let script = r#"
        postgres::client(URL).script("create table t (id bigint primary key, v text, f float8, b bytea, j jsonb, n int, ok bool)").run();
        for mode in ["simple", "extended", "prepared"] {
            let db = postgres::client(URL, #{ mode: mode });
            db.execute("delete from t").run();
            let insert = db.execute("insert into t values ($1, $2, $3, $4, $5, $6, $7)",
                [data::sequence(), "it's a \\ {brace} $1 é", -0.5, data::bytes(5), #{ a: [1, ()] }, (), true]);
            for turn in 0..3 { check(insert.run(turn).affected == 1, "one row"); }
            let row = db.query("select *, length(b) as bytes from t where id = {id}", #{ id: 2 }).run().row(0);
            print(`${mode}: ${row}`);
            check(db.query("select count(*) from t").run().value == 3, "three rows");
            check(db.query("select 5 - $1::int", [-7]).run().value == 12, "no comment");
            check(db.query("select '{}'::jsonb").run().value.len() == 0, "braces mean themselves without names");
        }
    "#;
    let printed = on(&server, script);
    let rows: Vec<&str> = printed.lines().map(|line| line.split_once(": ").unwrap().1).collect();
    assert_eq!(rows.len(), 3);
    for row in &rows {
        for value in [
            "\"id\": 2",
            "it's a \\\\ {brace} $1 é",
            "\"f\": -0.5",
            "\"n\": ()",
            "\"ok\": true",
            "\"bytes\": 5",
            "[1, ()]",
        ] {
            assert!(row.contains(value), "{value}: {row}");
        }
    }
    // The same seed draws the same bytes, however they are sent.
    assert!(rows.iter().all(|row| row == &rows[0]), "{printed}");
}

#[test]
fn a_load_agrees_with_the_server() {
    let Some(server) = Server::start() else { return };
    let script = r#"
        let db = postgres::client(URL);
        db.script("create table t (id bigint primary key, v int); insert into t select i, 0 from generate_series(1, 1000) i").run();
        for mode in ["simple", "prepared"] {
            let db = postgres::client(URL, #{ mode: mode });
            let add = load::run(db.execute("update t set v = v + 1 where id = $1", [data::uniform(1, 1000)]),
                #{ concurrency: 8, requests: 500 });
            check(add.failures == 0 && add.successes == 500, "no call fails");
            let sum = db.query("select sum(v) from t").run();
            check(sum.value == 500, `each update happened once: ${sum.value}`);
            db.execute("update t set v = 0").run();
            let range = load::run(db.query("select id from t where id >= $1 limit 10", [data::uniform(1, 990)]),
                #{ concurrency: 4, requests: 200 });
            check(range.extras.rows_per_second > 9.0 * range.extras.select_qps, "ten rows a call");
            check(range.bytes > 200 * 10, "bytes of rows");
        }
    "#;
    on(&server, script);
    let prepared = server.psql("select count(*) from pg_prepared_statements");
    assert_eq!(prepared, "0", "they belong to the sessions, which are gone");
}

#[test]
fn every_kind_of_login() {
    for auth in ["password", "md5", "scram-sha-256"] {
        let Some(server) = Server::with(auth, &[]) else { return };
        let open = format!("postgres://postgres:secret@127.0.0.1:{}/postgres", server.port);
        let script = format!(
            r#"
            let db = postgres::client("{open}");
            check(db.query("select 40 + 2").run().value == 42, "{auth}");
            let db = postgres::client("postgres://127.0.0.1:{}/postgres", #{{ password: "wrong" }});
            try {{ db.query("select 1").run(); }} catch (err) {{ print(`${{err.class}}: ${{err}}`); }}
            let db = postgres::client("postgres://127.0.0.1:{}/postgres");
            try {{ db.query("select 1").run(); }} catch (err) {{ print(`${{err.class}}: ${{err}}`); }}
            "#,
            server.port, server.port
        );
        let printed = run(&Folder::new(), &script, &["--quiet"]).stdout;
        let lines: Vec<&str> = printed.lines().collect();
        assert!(lines[0].starts_with("auth: ") && lines[0].contains("28P01"), "{printed}");
        assert!(lines[1].starts_with("auth: ") && lines[1].contains("wants a password"), "{printed}");
        assert!(!printed.contains("secret"), "{printed}");
    }
}

#[test]
fn refusals_are_classes_and_a_plan_touches_nothing() {
    let Some(server) = Server::start() else { return };
    let script = r#"
        let db = postgres::client(URL);
        let classes = [];
        for sql in ["select * from nowhere", "selec 1", "select 1; select 2", "select 1/0"] {
            try { db.query(sql).run(); } catch (err) { classes.push(err.class); print(err); }
        }
        check(classes == ["sql", "sql", "sql", "sql"], `${classes}`);
        check(db.query("select 1").run().value == 1, "the session goes on");
        let nobody = postgres::client("postgres://127.0.0.1:1/postgres");
        try { nobody.query("select 1").run(); } catch (err) { check(err.kind == "unavailable" && err.class == "refused", "refused"); }
        let none = load::run(db.query("select 1 from t"), #{ requests: 10 });
    "#;
    let folder = Folder::new();
    let script = format!("const URL = \"{}\";\n{script}", server.url());
    let done = try_run(&folder, &script, &["--quiet"]);
    assert_eq!(done.code, Some(1), "every call failed: {}", done.stderr);
    assert!(done.stdout.contains("error 42P01: relation \"nowhere\" does not exist"), "{}", done.stdout);
    assert!(done.stdout.contains("`db.script(...)` takes several statements"), "{}", done.stdout);
    let planned = call(&folder, &["plan", "scenario.rhai"]);
    assert_eq!(planned.code, Some(0), "{}", planned.stderr);
}

#[test]
fn encrypted_connections() {
    let Some((server, certificate)) = Server::secure() else { return };
    let place = format!("127.0.0.1:{}/postgres", server.port);
    let script = format!(
        r#"
        const IS = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
        for mode in ["disable", "prefer", "require"] {{
            let db = postgres::client(`postgres://postgres@{place}?sslmode=${{mode}}`);
            check(db.query(IS).run().value == (mode != "disable"), mode);
        }}
        let trusting = postgres::client("postgres://{place}", #{{ host: "localhost", tls: "verify", ca: "{ca}" }});
        check(trusting.query(IS).run().value, "verified");
        let untrusting = postgres::client("postgres://{place}", #{{ host: "localhost", tls: "verify" }});
        try {{ untrusting.query(IS).run(); }} catch (err) {{ print(err.class); }}
        let result = load::run(trusting.query("select repeat('x', 20000)"), #{{ requests: 50, concurrency: 4 }});
        check(result.failures == 0 && result.bytes > 1_000_000, "a load through TLS");
        "#,
        ca = certificate.display()
    );
    assert_eq!(run(&Folder::new(), &script, &["--quiet"]).stdout, "tls\n");
    let Some(plain) = Server::start() else { return };
    let script = format!(
        r#"try {{ postgres::client("postgres://127.0.0.1:{}/postgres?sslmode=require").query("select 1").run(); }}
        catch (err) {{ print(`${{err.class}} ${{err}}`); }}"#,
        plain.port
    );
    let printed = run(&Folder::new(), &script, &["--quiet"]).stdout;
    assert!(printed.starts_with("tls ") && printed.contains("offers no encryption"), "{printed}");
}

#[test]
fn rows_in_lumps() {
    let Some(server) = Server::start() else { return };
    let script = r#"
        let db = postgres::client(URL);
        db.script("create table t (id bigint primary key, v text, b bytea, n int); create table u (like t)").run();
        let columns = ["id", "v", "b", "n"];
        let values = [data::sequence(), "tab\tback\\slash\nline", data::bytes(9), ()];
        let batch = load::run(db.insert_batch("t", columns, 50, values), #{ requests: 40, concurrency: 4 });
        let copy = load::run(db.copy("u", columns, 50, values), #{ requests: 40, concurrency: 4 });
        for result in [batch, copy] {
            check(result.failures == 0, "all rows went in");
            check(result.extras.rows_per_second > 49.0 * result.extras.insert_tps, "fifty rows a call");
        }
        check(copy.bytes > 2_000 * 20, "bytes of rows");
        for table in ["t", "u"] {
            let sums = db.query(`select count(distinct id) as ids, max(id) as most, count(*) filter (where n is null and
                length(b) = 9 and v = E'tab\tback\\slash\nline') as fine from ${table}`).run().row(0);
            check(sums.ids == 2_000 && sums.most == 1_999 && sums.fine == 2_000, `${table}: ${sums}`);
        }
        // Refused at its command, and in the middle of the rows: the session goes on.
        for table in ["nowhere", "u"] {
            let twice = db.copy(table, ["id", "n"], 3, [data::choice(["x"]), 1]);
            try { twice.run(); } catch (err) { print(err.class); }
        }
        check(db.query("select count(*) from u").run().value == 2_000, "nothing of it stays");
        let simple = postgres::client(URL, #{ mode: "simple" });
        check(simple.insert_batch("t", ["id"], 3, [data::sequence(10_000)]).run().affected == 3, "as text");
    "#;
    assert_eq!(on(&server, script), "sql\nsql\n");
}

#[test]
fn sockets_of_this_machine_are_as_good_as_tcp() {
    let folder = Folder::new();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let sockets = folder.path().display().to_string();
    let Some(server) = Server::with("trust", &[&format!("unix_socket_directories={sockets}")]) else {
        return;
    };
    let port = server.port;
    let encoded = sockets.replace('/', "%2F");
    for client in [
        format!("postgres::client(#{{ host: \"{sockets}\", port: {port} }})"),
        format!("postgres::client(\"postgres://postgres@/postgres?host={sockets}&port={port}\")"),
        format!(
            "postgres::client(\"postgres://postgres@{encoded}:{port}/postgres\", #{{ mode: \"simple\" }})"
        ),
    ] {
        let script = format!(
            r#"
            let db = {client};
            check(db.query("select inet_server_addr() is null").run().value == true, "over no network");
            check(db.query("select length(repeat('x', 3000000) || $1)", [data::text(2)]).run().value > 3_000_000, "whole");
            let result = load::run(db.query("select {{n}}::int", #{{ n: data::uniform(1, 9) }}), #{{ requests: 200, concurrency: 4 }});
            check(result.failures == 0 && result.reconnects == 0, `${{result.errors}}`);
            check(result.server.commits >= 200, "the server is watched the same way");
            "#
        );
        on(&server, &script);
    }
    let nobody = format!(
        "try {{ postgres::client(#{{ host: \"{sockets}\", port: 1 }}).query(\"select 1\").run(); }} catch (err) {{ print(`${{err.kind}} ${{err.class}}`); }}"
    );
    assert_eq!(on(&server, &nobody), "unavailable refused\n");
}

#[test]
fn statements_are_told_as_the_server_counts_them() {
    let Some(server) = Server::with("trust", &["shared_preload_libraries=pg_stat_statements"]) else {
        return;
    };
    server.psql("create schema extra; create extension pg_stat_statements schema extra");
    server.psql("create table t (id int); insert into t select generate_series(1, 100)");
    // What was counted before a load is not of the load.
    server.psql("select id from t where id <= 7");
    let script = r#"
        let db = postgres::client(URL);
        let some = db.query("select id from t where id <= $1", [7]);
        let one = db.execute("insert into t values ({n})", #{ n: data::uniform(1_000, 2_000) });
        let result = load::run(load::mix(#{ some: [3, some], one: [1, one] }), #{ requests: 400, concurrency: 4 });
        let told = result.server.statements;
        check(told.len() == 2, `${told}`);
        for statement in told {
            let row = if statement.statement.starts_with("select id") { result.operations.some } else { result.operations.one };
            check(statement.calls == row.requests, `${statement} of ${row.requests}`);
            check(statement.rows == row.requests * if row.name == "some" { 7 } else { 1 }, `${statement}`);
            check(statement.total_ms > 0.0 && statement.mean_ms * statement.calls - statement.total_ms < 0.001, `${statement}`);
        }
        let again = load::run(some, #{ requests: 10 });
        check(again.server.statements.len() == 1 && again.server.statements[0].calls == 10, "of this load alone");
    "#;
    on(&server, script);
    // Who may not read them still has the rest.
    server.psql("create role guest login");
    let guest = "let db = postgres::client(URL, #{ user: \"guest\" });\n\
        let result = load::run(db.query(\"select 1\"), #{ requests: 20 });\n\
        check(result.server.commits >= 20, `${result.server}`);";
    on(&server, guest);
}
