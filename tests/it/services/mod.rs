//! Services that scripts start: what scripts see of them, real servers, and that nothing of them is ever left behind.

mod by_hand;
mod faults;
pub mod left;
mod real;

use std::{fs, path::Path};

use crate::support::{call, json, program, run, run_folder, try_run};
use left::Scene;

/// A definition of the built-in target as a service like any other, with more fields.
fn web(more: &str) -> String {
    format!(
        r#"#{{ name: "web", command: ["{}", "target", "http", "--port", "{{port}}"], ready: #{{ http: "/" }}, {more} }}"#,
        program().display()
    )
}

#[test]
fn a_service_is_started_awaited_and_stopped() {
    let scene = Scene::new();
    let script = format!(
        r#"
        let server = service::start({});
        print(server.name + " " + server.host + " " + server.version);
        check(server.url == `http://127.0.0.1:${{server.port}}` && server.ports.port == server.port, "its address");
        check(http::client(server.url).get("/").run().status == 200, "it answers");
        check(server.running && server.pid > 1 && server.ready_s > 0.0, "it runs");
        check(server.credentials.key == "s3cr3t-key", "its credentials");
        print(server.logs);
        server.stop();
        server.stop();
        check(!server.running, "it ended");
        print(server);
        "#,
        web(&format!(
            r#"version: ["{}", "--version"], credentials: #{{ key: "s3cr3t-key" }}, env: #{{ KEY: "{{key}}" }},
            settings: #{{ api_key: "s3cr3t-key", size: 7 }}"#,
            program().display()
        ))
    );
    let done = scene.run(&script);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    let version = env!("CARGO_PKG_VERSION");
    assert!(done.stdout.starts_with(&format!("web 127.0.0.1 {version}\n")), "{}", done.stdout);
    assert!(done.stdout.contains(&format!("web {version} at http://127.0.0.1:")), "{}", done.stdout);
    assert!(done.stderr.contains("web: ready after "), "{}", done.stderr);
    scene.nothing_is_left();
    let folder = run_folder(&scene.folder);
    let services = json(&folder.join("run.json"))["services"].clone();
    let service = &services[0];
    assert_eq!(services.as_array().unwrap().len(), 1);
    assert_eq!((&service["name"], &service["version"]), (&"web".into(), &version.into()));
    assert_eq!((&service["launcher"], &service["end"]), (&"process".into(), &"stopped".into()));
    assert_eq!(service["settings"], serde_json::json!({ "api_key": "***", "size": 7 }));
    assert!(service["ready_s"].as_f64().unwrap() > 0.0 && service["ended_at"].is_string(), "{service}");
    let log = fs::read_to_string(folder.join(service["log"].as_str().unwrap())).unwrap();
    assert!(log.contains(service["endpoint"].as_str().unwrap()), "{log}");
    assert_eq!(
        holding(scene.folder.path(), "s3cr3t-key"),
        ["scenario.rhai"],
        "beside what the script itself says"
    );
}

/// Names of the files below `folder` that contain `text`, each once.
pub fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(text) {
            found.push(entry.file_name().into_string().unwrap());
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn each_way_of_being_ready_is_awaited() {
    let scene = Scene::new();
    let program = program().display();
    let target = format!(r#"["{program}", "target", "http", "--port", "{{port}}"]"#);
    let script = format!(
        r#"
        for ready in [
            #{{ tcp: "port" }},
            #{{ tcp: "port", send: "GET / HTTP/1.1\r\nhost: h\r\n\r\n", expect: "HTTP/1.1 200" }},
            #{{ http: "/status/404", status: 404 }},
            #{{ http: "http://{{host}}:{{port}}/" }},
            #{{ log: "http://127.0.0.1:{{port}}" }},
            #{{ command: ["sh", "-c", "test -s late || {{{{ echo x > late; echo soon; exit 1; }}}}; echo now"], output: "now" }},
        ] {{
            let server = service::start(#{{ name: "web", command: {target}, ready: ready }});
            check(server.running, `${{ready}}`);
            server.stop();
        }}
        "#
    );
    let done = scene.run(&script);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    assert!(done.stderr.contains("web: waiting for `sh` to say `now` (soon)"), "{}", done.stderr);
    scene.nothing_is_left();
}

#[test]
fn files_steps_and_names_are_filled_in() {
    let scene = Scene::new();
    let script = format!(
        r#"
        let server = service::start({});
        check(server.url == `web://${{server.port}}/${{server.ports.extra}}/key`, "the address");
        "#,
        web(
            r#"url: "web://{port}/{extra}/{secret}", ports: #{ port: 0, extra: 0 }, credentials: #{ secret: "key" },
            files: #{ "conf/a.json": "{\"port\": {port}, \"other\": {unknown}}" }, env: #{ PLACE: "{name}-{extra}" },
            ready: #{ http: "http://{host}:{port}/" },
            before: [["sh", "-c", "grep -q '\"port\": {port}, .*{{unknown}}' {dir}/conf/a.json"], ["test", "-d", "{data}"]],
            after: [["sh", "-c", "test \"$PLACE\" = web-{extra}"]]"#
        )
        .replacen("ready: #{ http: \"/\" },", "", 1)
    );
    let done = scene.run(&script);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    scene.nothing_is_left();
}

#[test]
fn a_plan_says_what_it_starts_and_starts_nothing() {
    let scene = Scene::new();
    let script = r#"
        let cache = redis::start(#{ port: 6379 });
        let web = service::start(#{ name: "web", command: ["not-installed"], ready: #{ tcp: "port" } });
        load::run(http::client(web.url).get("/"), #{ duration: "10s", warmup: "1s" });
    "#;
    scene.folder.write("scenario.rhai", script);
    let done = call(&scene.folder, &["plan", "scenario.rhai"]);
    assert!(done.stdout.contains("starts redis\nstarts web\n"), "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("1 loads, about 11 s"), "{}", done.stdout);
    let done = call(&scene.folder, &["plan", "scenario.rhai", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(plan["services"], serde_json::json!(["redis", "web"]));
    let wrong = script.replace("not-installed\"", "x\", \"{prot}\"");
    scene.folder.write("scenario.rhai", &wrong);
    let done = call(&scene.folder, &["check", "scenario.rhai"]);
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(done.stderr.contains("did you mean `{port}`?"), "{}", done.stderr);
    scene.nothing_is_left();
}

#[test]
fn two_of_a_kind_have_logs_of_their_own() {
    let scene = Scene::new();
    let script = format!(
        "let a = service::start({0}); let b = service::start({0}); print(a.logs); print(b.logs);",
        web("")
    );
    let done = run(&scene.folder, &script, &["--quiet"]);
    let logs: Vec<&str> = done.stdout.lines().map(|path| path.rsplit('/').next().unwrap()).collect();
    assert_eq!(logs, ["web.log", "web-2.log"]);
    let done = try_run(&scene.folder, &format!("{script} print(a.no);"), &["--quiet"]);
    assert!(done.stderr.contains("a Service has no field `no`"), "{}", done.stderr);
}
