//! What loads tell of the machine and of processes, held against what the kernel says of the same processes.

use std::{fs, path::Path};

use serde_json::Value;

use crate::support::{Folder, json, report_folder, run, run_folder, trials};

/// A service that does `work` in a shell from its start on, and a load that calls something else for `seconds`.
fn scenario(work: &str, seconds: u32, more: &str) -> String {
    let work = work.replace('{', "{{").replace('}', "}}").replace('`', "\\`");
    format!(
        r#"
        let busy = service::start(#{{ name: "busy", command: ["sh", "-c", `{work}`], ready: #{{ log: "ready" }} }});
        let ticks = || {{
            let ids = command::client().exec(["sh", "-c", `for p in ${{busy.pid}} $(cat /proc/${{busy.pid}}/task/*/children); do cat /proc/$p/stat; done`]).run();
            let sum = 0;
            for line in ids.stdout.split("\n") {{
                let fields = line.split(" ");
                if fields.len() > 20 {{ sum += parse_int(fields[13]) + parse_int(fields[14]) + parse_int(fields[15]) + parse_int(fields[16]); }}
            }}
            sum
        }};
        let load = || load::run(command::client().exec(["sleep", "0.2"]), #{{ name: "load", duration: "{seconds}s" }});
        {more}
        "#
    )
}

fn resource(folder: &Folder) -> Value {
    json(&trials(&run_folder(folder))[0].join("metrics.json"))["resource"].clone()
}

/// The rows of `resources.csv` by column.
fn rows(trial: &Path) -> Vec<Vec<(String, Option<f64>)>> {
    let text = fs::read_to_string(trial.join("resources.csv")).unwrap();
    let mut lines = text.lines();
    let names: Vec<String> = lines.next().unwrap().split(',').map(str::to_owned).collect();
    let row =
        |line: &str| names.iter().cloned().zip(line.split(',').map(|field| field.parse().ok())).collect();
    lines.map(row).collect()
}

fn column(rows: &[Vec<(String, Option<f64>)>], name: &str) -> Vec<Option<f64>> {
    let at = |row: &Vec<(String, Option<f64>)>| row.iter().find(|(column, _)| column == name).unwrap().1;
    rows.iter().map(at).collect()
}

#[test]
fn the_cpu_of_a_service_is_what_the_kernel_says_of_it_children_included() {
    let folder = Folder::new();
    // The work is done by a child, and some of it by children of the child that have ended.
    let work =
        "(while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; /bin/true; done) & echo ready; wait";
    let script = scenario(
        work,
        4,
        r#"
        let before = ticks.call();
        let result = load.call();
        let ticks = ticks.call() - before;
        let told = result.resource.service.cpu_util * result.resource.cores * result.duration_s * 100.0;
        print(`${told} ${ticks}`);
        check(told > 0.8 * ticks && told < 1.1 * ticks, `told ${told} of ${ticks} ticks`);
        check(ticks > 100, `the machine let it run: ${ticks}`);
        let all = result.resource;
        check(all.cpu_util == all.service.cpu_util, "it is what was under test");
        check(all.service.processes >= 2.0, "with its child");
        check(all.machine.cpu_util > 0.9 * all.service.cpu_util, "it is on this machine");
        check(all.generator.cpu_util < 0.2 && all.generator.cpu_util > 0.0, "what waits uses little");
        check(all.service.max("cpu_util") >= all.service.p95("cpu_util"), "spread");
        check(all.series.len() == result.series[-1].second + 1, "a row a second");
        "#,
    );
    let done = run(&folder, &script, &[]);
    assert!(done.stdout.contains("resources\n"), "{}", done.stdout);
    let page = fs::read_to_string(report_folder(&folder).join("index.html")).unwrap();
    assert!(page.contains("<h3>Resources</h3>") && page.contains("CPU over time"), "the report has them");
    let page = json(&report_folder(&folder).join("report.json"));
    assert_eq!(page["trials"][0]["resource"], resource(&folder));
}

#[test]
fn the_seconds_of_resources_are_those_of_the_load() {
    let folder = Folder::new();
    run(
        &folder,
        r#"
        let server = target::http(#{ service_time: "1ms" });
        load::run(http::client(server.url).get("/"), #{ rate: 200, warmup: "1s", duration: "2500ms" });
        "#,
        &["--quiet"],
    );
    let trial = &trials(&run_folder(&folder))[0];
    let metrics = fs::read_to_string(trial.join("metrics.csv")).unwrap();
    let last = metrics.lines().last().unwrap().split(',').next().unwrap().parse::<f64>().unwrap();
    let rows = rows(trial);
    let seconds: Vec<f64> = column(&rows, "second").into_iter().flatten().collect();
    assert_eq!(seconds, (0..=last as u64).map(|second| second as f64).collect::<Vec<_>>());
    for (second, until) in seconds.iter().zip(column(&rows, "until_s")).take(rows.len() - 1) {
        let late = until.unwrap() - (second + 1.0);
        assert!((0.0..0.9).contains(&late), "second {second} was looked at {late} s after its end");
    }
    let service = column(&rows, "service.cpu_util");
    assert!(
        service[..3].iter().all(|share| share.is_some_and(|share| (0.0..=1.05).contains(&share))),
        "{service:?}"
    );
    assert!(column(&rows, "service.threads")[1].unwrap() >= 1.0);
    let modes = ["user", "system", "iowait", "irq", "steal", "idle"];
    let of = |mode: &str| column(&rows, &format!("machine.{mode}"))[1].unwrap();
    let sum: f64 = modes.into_iter().map(of).sum();
    assert!((sum - 1.0).abs() < 1e-4, "the modes are all of the time: {sum}");
    assert!(column(&rows, "machine.loopback_mb_per_second")[1].unwrap() > 0.01, "the calls go over it");
}

#[test]
fn the_memory_of_a_service_is_told() {
    let folder = Folder::new();
    let work = r#"exec python3 -c "import time; held = bytearray(b'x' * 200_000_000); print('ready', flush=True); time.sleep(60)""#;
    let script = scenario(work, 1, "load.call();");
    run(&folder, &script, &["--quiet"]);
    let used = resource(&folder);
    for name in ["rss_mb", "rss_anon_mb"] {
        let mb = used["service"][name]["avg"].as_f64().unwrap();
        assert!((200.0..260.0).contains(&mb), "{name}: {mb}");
    }
    assert_eq!(used["ram_mb"], used["service"]["rss_mb"]);
    assert!(used["machine"]["ram_used_mb"]["avg"].as_f64().unwrap() > 200.0, "{used}");
}

#[test]
fn what_a_service_writes_is_told_after_its_writers_ended_too() {
    let folder = Folder::new();
    // Each writer ends after 2 MB: only its parents know of it then.
    let work = format!(
        "echo ready; while :; do dd if=/dev/zero of={}/written bs=1M count=2 2>/dev/null; sleep 0.1; done",
        folder.path().display()
    );
    let script = scenario(
        &work,
        3,
        r#"
        let written = || {
            let io = command::client().exec(["cat", `/proc/${busy.pid}/io`]).run();
            parse_int(io.stdout.split("\nwrite_bytes: ")[1].split("\n")[0])
        };
        let before = written.call();
        let result = load.call();
        let truth = (written.call() - before).to_float() / 1e6;
        let told = result.resource.service.write_mb_per_second * result.duration_s;
        check(told > 0.6 * truth && told < 1.2 * truth + 2.1, `told ${told} of ${truth} MB`);
        if truth == 0.0 { print("no storage"); }
        "#,
    );
    let done = run(&folder, &script, &["--quiet"]);
    if done.stdout.contains("no storage") {
        crate::support::skip("a temporary folder on a disk");
    }
}

#[test]
fn services_are_told_apart_and_what_ended_is_gone() {
    let folder = Folder::new();
    let script = r#"
        let start = |name| service::start(#{ name: name, command: ["sh", "-c", "echo ready; sleep 60"], ready: #{ log: "ready" } });
        let gone = start.call("gone");
        let one = start.call("one");
        let two = start.call("two");
        gone.stop();
        let nothing = command::client().exec(["true"]);
        let result = load::run(nothing, #{ name: "several", duration: "1s" });
        check(result.resource.services.keys() == ["one", "two"], `${result.resource.services.keys()}`);
        check(result.resource.services.one.rss_mb > 0.0, "one");
        let sum = result.resource.services.one.rss_mb + result.resource.services.two.rss_mb;
        check((result.resource.service.rss_mb - sum).abs() < 0.5, `${result.resource.service.rss_mb} of ${sum}`);
        one.stop();
        two.stop();
        let alone = load::run(nothing, #{ name: "alone", duration: "1s" });
        check(alone.resource.cpu_util <= alone.resource.machine.cpu_util, "the rest of the machine");
        try { alone.resource.service.cpu_util } catch (err) { print(err.kind + " " + err.hints[0]); }
        try { alone.resource.machine.max("iowate") } catch (err) { print(err.kind + " " + err.hints[0]); }
        try { alone.resource.machine.rss_mb } catch (err) { print(err.kind); }
    "#;
    let done = run(&folder, script, &["--quiet"]);
    assert_eq!(
        done.stdout,
        "unavailable only of what the script started: `service::start`, `redis::start`, `target::http`\n\
         usage did you mean `iowait`?\nusage\n"
    );
    let of = |at: usize| json(&trials(&run_folder(&folder))[at].join("metrics.json"))["resource"].clone();
    assert!(of(0)["service"].is_object() && of(1).get("service").is_none(), "{}", of(1));
}

#[test]
fn a_load_too_short_to_tell_says_so() {
    let folder = Folder::new();
    let script = r#"
        let nothing = command::client().exec(["true"]);
        let result = load::run(nothing, #{ requests: 1 });
        try { print(result.resource.cpu_util <= 1.0); } catch (err) { print(err.message + "; " + err.hints[0]); }
    "#;
    let done = run(&folder, script, &["--quiet"]);
    let short =
        "`cpu_util` of what was under test is not known; the load was too short: it takes 0.1 s at least\n";
    // A machine so busy that one call takes 0.1 s can tell: then the file has it too.
    let rows = rows(&trials(&run_folder(&folder))[0]);
    let is_known = column(&rows, "machine.cpu_util").iter().any(Option::is_some);
    assert_eq!(done.stdout, if is_known { "true\n" } else { short });
}
