//! Commands as operations, with real programs: what is told of them, what counts as a failure, and that none outlives its call.

use std::{
    fs,
    path::Path,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use crate::support::{Folder, json, run, run_folder, start, trials};

/// What a script prints.
fn printed(script: &str) -> String {
    run(&Folder::new(), script, &["--quiet"]).stdout
}

#[test]
fn an_answer_tells_what_the_command_said() {
    let script = r#"
        let here = command::client();
        let both = here.shell("echo out; echo err >&2; exit 3", #{ ok: [0, 3] }).run();
        print(`${both.exit_code} ${both.signal} ${both.stdout.len()} ${both.stderr}`);
        print(here.exec(["cat"], #{ stdin: "fed\n" }).run().stdout);
        print(here.exec(["echo", "a b", 'c', 4, "{as it is}", "$HOME"]).run().stdout);
        print(here.exec(["echo", `[{"rate": 2.5}]`]).run().json[0].rate);
        print(here.shell("kill -TERM $$", #{ ok: 143 }).run().signal);
        try { here.exec(["true"]).run().json } catch (err) { print(`${err.kind}: ${err}`) }
    "#;
    assert_eq!(
        printed(script),
        "3 0 4 err\n\nfed\n\na b c 4 {as it is} $HOME\n\n2.5\n15\n\
         protocol: the output is not JSON: ``: EOF while parsing a value at line 1 column 0\n"
    );
}

#[test]
fn failures_have_a_class_and_say_why() {
    let script = r#"
        let here = command::client(#{ folder: "/" });
        let failing = [
            here.exec(["false"]),
            here.shell("echo no space >&2; exit 28"),
            here.shell("kill -SEGV $$", #{ name: "crash" }),
            here.exec(["sleep", 600], #{ timeout: "100ms" }),
            here.exec(["no-such-program"]),
            here.exec(["tmp"], #{ env: #{ PATH: "/" } }),
            command::client(#{ folder: "/no/such/folder" }).exec(["true"]),
        ];
        for operation in failing {
            try { operation.run(); } catch (err) { print(`${err.class}/${err.kind}: ${err}`); }
        }
    "#;
    assert_eq!(
        printed(script),
        "exit/unavailable: `false` on `/` failed: exit code 1, expected 0\n\
         exit/unavailable: `echo no space >&2; exit 28` on `/` failed: exit code 28, expected 0: `no space`\n\
         exit/unavailable: `crash` on `/` failed: ended by signal 11 (SIGSEGV)\n\
         timeout/unavailable: `sleep 600` on `/` failed: still running after 100ms; it was killed\n\
         io/io: cannot start `no-such-program`: there is no such program\n\
         io/io: cannot start `tmp`: there is no such program\n\
         io/io: there is no folder `/no/such/folder` to run commands in\n"
    );
}

#[test]
fn usage_covers_children_that_were_waited_for() {
    let script = r#"
        let busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let answer = command::client().shell(`(${busy}); (${busy}); sleep 0.1`).run();
        print(answer.cpu_s > 0.05 && answer.cpu_s == answer.user_s + answer.system_s);
        print(answer.duration_s >= 0.1 && answer.max_rss_mb > 0.5 && answer.max_rss_mb < 1_000);
    "#;
    assert_eq!(printed(script), "true\ntrue\n");
}

#[test]
fn long_output_keeps_its_beginning_and_its_end() {
    let script = r#"
        let long = "echo first; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last";
        let answer = command::client().shell(long).run();
        let lines = answer.stdout.split("\n");
        print(`${lines[0]} ${lines[2]} ${lines[lines.len() - 2]} ${answer.stdout.len() < 2_200_000}`);
    "#;
    assert_eq!(printed(script), "first [2902860 bytes are left out here] last true\n");
}

#[test]
fn folder_and_environment_reach_the_command() {
    let folder = Folder::new();
    let script = format!(
        r#"
        let here = command::client(#{{
            folder: "{}", env: #{{ COLOR: "blue", SIZE: 1 }}, service: #{{ name: "shop", url: "http://u:p@shop.example:81/x" }},
        }});
        let told = "echo $PWD $COLOR $SIZE $SERVICE_NAME $SERVICE_HOSTNAME $SERVICE_PORT $SERVICE_URL";
        print(here.shell(told, #{{ env: #{{ SIZE: 2 }} }}).run().stdout);
        "#,
        folder.path().display()
    );
    let told =
        format!("{} blue 2 shop shop.example 81 http://u:p@shop.example:81/x\n\n", folder.path().display());
    assert_eq!(printed(&script), told);
}

#[test]
fn under_load_each_call_is_a_process_with_its_own_arguments() {
    let folder = Folder::new();
    let script = r#"
        let here = command::client(#{ env: #{ API_TOKEN: "hidden" } });
        let third = here.exec(["sh", "-c", "echo {n} >> numbers; exit {code}"], #{
            n: data::sequence(), code: data::choice([0]), name: "append", env: #{ URL: "http://u:secret@h" },
        });
        let fails = here.exec(["sh", "-c", "read line; exit $line"], #{ stdin: "{code}", code: data::sequence(), name: "count" });
        let result = load::run(third, #{ concurrency: 4, requests: 40 });
        print(`${result.successes} ${result.failures}`);
        let result = load::run(fails, #{ requests: 8 });
        print(`${result.successes} ${result.errors.by_class.exit}`);
    "#;
    let done = run(&folder, script, &["--quiet"]);
    assert_eq!(done.stdout, "40 0\n1 7\n");
    let text = fs::read_to_string(folder.path().join("numbers")).unwrap();
    let mut numbers: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
    numbers.sort();
    assert_eq!(numbers, (0..40).collect::<Vec<_>>());
    let trials = trials(&run_folder(&folder));
    let rows = crate::support::requests(&trials[1]);
    assert_eq!(rows.iter().filter(|row| row["error"] == "exit").count(), 7, "{:?}", rows.first());
    assert_eq!(json(&trials[0].join("metrics.json"))["total"]["bytes"], 0);
    let config = fs::read_to_string(trials[0].join("effective_config.yaml")).unwrap();
    assert!(
        !config.contains("hidden") && !config.contains("secret") && config.contains("API_TOKEN"),
        "{config}"
    );
}

#[test]
fn lines_of_json_are_merged_as_samples() {
    let folder = Folder::new();
    let script = r#"
        let lines = `
            starting
            {"name": "get", "latency_s": 0.25, "success": true, "hits": 3, "warm": true, "timestamp_end": 17}
            {"operation_type": "put", "latency_ms": 40, "bytes": 1000}
            {"name": "get", "latency_s": 3.0, "error": "timeout"}
            {"name": "get", "latency_s": 0.5, "success": false, "error": "gone"}
            {"load": 0.5, "warm": false}
            7
        `;
        let here = command::client();
        let client = here.exec(["cat"], #{ stdin: lines, samples: true, name: "client" });
        let r = load::run(client, #{ concurrency: 2, requests: 10, name: "clients" });
        let get = r.operations.get;
        print(`${r.requests} ${get.successes} ${get.failures} ${r.operations.put.successes} ${r.operations.put.bytes}`);
        print(`${get.latency.p50_ms.round()} ${r.operations.put.latency.max_ms.round()} ${get.errors.by_class}`);
        print(`${r.extras.hits_avg} ${r.extras.hits_count} ${r.extras.load_max} ${r.extras.warm}`);
        print(r.extras.keys().filter(|key| key.ends_with("_avg")));

        let visit = load::journey("visit", |vu| { client.run(); });
        print(load::run(visit, #{ requests: 3 }).operations.keys());

        // What was told before a command failed, or was killed, has happened.
        let fails = here.shell(`echo '{"name": "early", "latency_s": 1}'; exit 4`, #{ samples: true, name: "fails" });
        let stuck = here.shell(`echo '{"name": "stuck", "latency_s": 1}'; sleep 600`, #{ samples: true, name: "hangs" });
        for broken in [fails, stuck] {
            try { load::run(broken, #{ requests: 2, timeout: "500ms" }) } catch (err) { print(err) }
        }
        let plain = here.exec(["echo", "no JSON"], #{ samples: true });
        try { plain.run() } catch (err) { print(`${err.class}: ${err}`) }
        print(here.exec(["true"], #{ samples: true }).run().exit_code);
    "#;
    let done = crate::support::try_run(&folder, script, &["--quiet"]);
    assert_eq!(
        done.stdout,
        "10 10 20 10 10000\n\
         250.0 40.0 #{\"reported\": 10, \"timeout\": 10}\n\
         3.0 10 0.5 0.5\n\
         [\"hits_avg\", \"load_avg\"]\n\
         [\"client\", \"get\", \"put\"]\n\
         protocol: `echo no JSON` on `this machine` failed: no line of 1 is a sample or a number in JSON; the first: `no JSON`\n\
         0\n"
    );
    let trials = trials(&run_folder(&folder));
    let metrics = json(&trials[0].join("metrics.json"));
    let notes = metrics["notes"].to_string();
    assert!(
        notes.contains(
            "`client` wrote 20 lines that are no samples or numbers in JSON; the first: `starting`"
        ),
        "{notes}"
    );
    let rows = crate::support::requests(&trials[0]);
    let puts: Vec<_> = rows.iter().filter(|row| row["operation_type"] == "put").collect();
    assert_eq!(puts.len(), 10);
    assert!(puts.iter().all(|row| row["latency_s"] == 0.04 && row["bytes"] == 1000), "{:?}", puts[0]);
    for (trial, name) in [(2, "early"), (3, "stuck")] {
        let told = json(&trials[trial].join("metrics.json"))["operations"][name]["successes"].clone();
        assert_eq!(told, 2, "{name}");
    }
}

#[test]
fn a_command_that_takes_too_long_under_load_is_killed_with_its_children() {
    let folder = Folder::new();
    let script = r#"
        let slow = command::client().shell("sleep 600 & echo $! >> children; wait", #{ name: "slow" });
        let result = load::run(slow, #{ concurrency: 2, requests: 2, timeout: "200ms" });
        print(result.errors.timeouts);
        // What a command leaves behind ends with it, and nobody waits for its outputs.
        command::client().shell("sleep 600 & echo $! >> children").run();
    "#;
    let done = crate::support::try_run(&folder, script, &["--quiet"]);
    assert_eq!((done.stdout.as_str(), done.code), ("2\n", Some(1)), "{}", done.stderr);
    let children = pids(&folder.path().join("children"));
    assert_eq!(children.len(), 3);
    wait_for("the children to end", || children.iter().all(|pid| !is_running(*pid)));
}

#[test]
fn nothing_outlives_a_run_that_is_stopped() {
    for signal in [libc::SIGINT, libc::SIGKILL] {
        let folder = Folder::new();
        let script = r#"
            let here = command::client();
            here.shell("echo $$ > child; exec sleep 600", #{ timeout: "1h" }).run();
            print("not reached");
        "#;
        folder.write("scenario.rhai", script);
        let mut running = start(&folder);
        let file = folder.path().join("child");
        wait_for("the command", || fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')));
        let [child] = pids(&file)[..] else { panic!("one child") };
        assert!(is_running(child));
        // SAFETY: a signal to a child that was not waited for yet.
        unsafe { libc::kill(running.id() as i32, signal) };
        let code = ended(&mut running);
        assert_eq!(code, (signal == libc::SIGINT).then_some(130));
        wait_for("the command to end", || !is_running(child));
    }
}

fn pids(file: &Path) -> Vec<u32> {
    fs::read_to_string(file).unwrap().lines().map(|line| line.parse().unwrap()).collect()
}

/// A process that nobody has waited for yet does not run any more.
fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn ended(child: &mut Child) -> Option<i32> {
    wait_for("the run to end", || child.try_wait().unwrap().is_some());
    child.wait().unwrap().code()
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited 30 s for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
