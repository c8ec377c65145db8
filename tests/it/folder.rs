//! The run folder: which files there are, and that they agree with each other and with what other programs read.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use benchscript::results::StoredRun;
use serde_json::Value;

use crate::support::{Folder, call, json, requests, run, run_folder, skip, trials};

const FAILING: &str = r#"
let server = target::http(#{ service_time: "exponential:2ms", error_rate: 0.1, seed: 1 });
let api = http::client(server.url);
load::run(api.get("/"), #{ rate: 200, duration: "1500ms", warmup: "500ms", record: "all" });
"#;

/// All files below `folder`, by their paths in it.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found
}

/// Whether `name` is made of these parts: `8d` eight digits, `4x` four hexadecimal digits, else the text itself.
fn is_made_of(name: &str, parts: &[&str]) -> bool {
    let mut rest = name;
    for part in parts {
        let (count, kind) = part.split_at(part.len() - 1);
        let drawn = |fits: fn(char) -> bool| {
            let text = rest.get(..count.parse().unwrap())?;
            text.chars().all(fits).then_some(text.len())
        };
        let taken = match kind {
            "d" => drawn(|c| c.is_ascii_digit()),
            "x" => drawn(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)),
            _ => rest.starts_with(part).then_some(part.len()),
        };
        let Some(taken) = taken else { return false };
        rest = &rest[taken..];
    }
    rest.is_empty()
}

#[test]
fn a_run_leaves_exactly_its_files() {
    let folder = Folder::new();
    folder.write("extra.rhai", "fn plan() { #{ requests: 20 } }");
    let script = r#"
        import "extra" as extra;
        let server = target::http(#{});
        load::run(http::client(server.url).get("/"), extra::plan());
        load::run(http::client(server.url).get("/b"), #{ requests: 20, record: "none" });
    "#;
    run(&folder, script, &[]);
    let path = run_folder(&folder);
    let id = path.file_name().unwrap().to_str().unwrap();
    assert!(is_made_of(id, &["scenario-", "8d", "-", "6d", "-", "4x"]), "{id}");
    let names: Vec<String> =
        trials(&path).iter().map(|trial| trial.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(is_made_of(&names[0], &["001-", "8x", "-r1"]) && is_made_of(&names[1], &["002-", "8x", "-r1"]));
    let mut expected: BTreeSet<String> = [
        "run.json",
        "summary.json",
        "logs/events.jsonl",
        "scenario/scenario.rhai",
        "scenario/parameters.json",
    ]
    .map(str::to_owned)
    .into();
    let import = json(&path.join("run.json"))["imports"][0]["sha256"].as_str().unwrap()[..8].to_owned();
    expected.insert(format!("scenario/imports/{import}-extra.rhai"));
    for name in &names {
        for file in [
            "meta.json",
            "effective_config.yaml",
            "metrics.json",
            "metrics.csv",
            "resources.csv",
            "latency.hlog",
        ] {
            expected.insert(format!("{name}/{file}"));
        }
    }
    expected.insert(format!("{}/requests.jsonl", names[0]));
    assert_eq!(files(&path), expected);
    let reports = files(&folder.path().join("reports").join(id));
    let (plots, pages): (Vec<&String>, Vec<&String>) =
        reports.iter().partition(|file| file.starts_with("plots/"));
    assert_eq!(pages, ["index.html", "report.json", "report.md"]);
    assert!(
        plots.iter().any(|plot| plot.ends_with(".svg")) && plots.iter().any(|plot| plot.ends_with(".png"))
    );
    for file in ["run.json", "summary.json"]
        .map(str::to_owned)
        .into_iter()
        .chain(names.iter().flat_map(|name| [format!("{name}/meta.json"), format!("{name}/metrics.json")]))
    {
        assert_eq!(json(&path.join(&file))["schema"], 1, "{file}");
    }
    assert_eq!(json(&folder.path().join("reports").join(id).join("report.json"))["schema"], 1);
}

#[test]
fn the_files_of_a_trial_agree() {
    let folder = Folder::new();
    run(&folder, FAILING, &["--seed", "5"]);
    let trial = trials(&run_folder(&folder)).remove(0);
    let metrics = json(&trial.join("metrics.json"));
    let total = &metrics["total"];
    let lines = requests(&trial);
    let measured: Vec<&Value> = lines.iter().filter(|line| line["phase"] != "warmup").collect();
    assert_eq!((lines.len(), measured.len()), (400, 300));
    let (good, bad): (Vec<&Value>, Vec<&Value>) = measured.iter().partition(|line| line["success"] == true);
    assert_eq!((&total["successes"], &total["failures"]), (&good.len().into(), &bad.len().into()));
    assert_eq!(total["errors"]["by_class"]["status_5xx"]["count"], bad.len());
    for (name, field, lines) in [
        ("latency_ms", "latency_s", &good),
        ("service_time_ms", "service_time_s", &good),
        ("failed_ms", "latency_s", &bad),
    ] {
        let mut times: Vec<f64> = lines.iter().map(|line| line[field].as_f64().unwrap() * 1e3).collect();
        times.sort_unstable_by(f64::total_cmp);
        for (percentile, share) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)]
        {
            let exact = times[(times.len() as f64 * share).ceil() as usize - 1];
            let ours = total[name][percentile].as_f64().unwrap();
            assert!((ours / exact - 1.0).abs() <= 0.001, "{name} {percentile}: {ours}, exactly {exact}");
        }
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        assert!((total[name]["avg"].as_f64().unwrap() / mean - 1.0).abs() <= 0.001, "{name} mean");
    }
    let csv = fs::read_to_string(trial.join("metrics.csv")).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let sum = |column: usize, warmup: bool| -> u64 {
        rows.iter()
            .filter(|row| (row[2] == "warmup") == warmup)
            .map(|row| row[column].parse::<u64>().unwrap())
            .sum()
    };
    assert_eq!((sum(3, false), sum(4, false), sum(3, true)), (300, bad.len() as u64, 100));
    assert_eq!(
        (sum(5, false).into(), sum(6, false).into()),
        (total["bytes"].clone(), total["items"].clone())
    );
    let to = good
        .iter()
        .filter(|line| line["due_s"].as_f64().unwrap() + line["latency_s"].as_f64().unwrap() <= 2.0);
    // Warm-up calls that ended in the window count for its throughput.
    let early = lines.iter().filter(|line| {
        let ended = line["due_s"].as_f64().unwrap() + line["latency_s"].as_f64().unwrap();
        line["phase"] == "warmup" && line["success"] == true && ended >= 0.5
    });
    let ended = to.count() + early.count();
    assert!((total["throughput"].as_f64().unwrap() - ended as f64 / 1.5).abs() < 1e-9);
    let yaml = fs::read_to_string(trial.join("effective_config.yaml")).unwrap();
    let config: Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(config["plan"], metrics["config"]["plan"]);
    assert_eq!((&config["plan"]["concurrency"], &config["plan"]["loop"]), (&1_000.into(), &"open".into()));
}

#[test]
fn numbers_keep_all_their_digits() {
    let folder = Folder::new();
    run(&folder, FAILING, &[]);
    let path = run_folder(&folder);
    let stored = StoredRun::open(&path).unwrap();
    let text = fs::read_to_string(trials(&path)[0].join("metrics.json")).unwrap();
    let again = serde_json::to_string_pretty(stored.trials[0].metrics.as_ref().unwrap()).unwrap();
    assert_eq!(again, text.trim_end());
}

#[test]
fn another_hdrhistogram_reads_the_same_percentiles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python =
        std::env::var_os("BENCHSCRIPT_PYTHON").map_or_else(|| root.join(".venv/bin/python"), PathBuf::from);
    let known = Command::new(&python).args(["-c", "import hdrh"]).output();
    if !known.is_ok_and(|output| output.status.success()) {
        skip(
            "Python with hdrhistogram: pip install hdrhistogram==0.10.8 into .venv, or set BENCHSCRIPT_PYTHON",
        );
        return;
    }
    let folder = Folder::new();
    run(&folder, FAILING, &[]);
    let trial = trials(&run_folder(&folder)).remove(0);
    let reader = root.join("scripts/lab/read_hlog.py");
    let output = Command::new(python).arg(reader).arg(trial.join("latency.hlog")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ours = &json(&trial.join("metrics.json"))["total"];
    assert!(theirs["GET__/warmup"]["count"].as_u64().unwrap() > 50);
    for (tag, name) in
        [("GET__", "latency_ms"), ("GET__/service", "service_time_ms"), ("GET__/failed", "failed_ms")]
    {
        assert_eq!(theirs[tag]["count"], ours[name]["count"], "{tag}");
        for percentile in ["p50", "p90", "p95", "p99", "p999"] {
            let (theirs, ours) =
                (theirs[tag][percentile].as_f64().unwrap(), ours[name][percentile].as_f64().unwrap());
            assert!((theirs - ours).abs() < 1e-5, "{tag} {percentile}: {theirs}, ours {ours}");
        }
    }
}

#[test]
fn a_thinned_sample_is_uniform_and_the_same_for_any_number_of_threads() {
    let sample = |threads: u32| -> Vec<u64> {
        let folder = Folder::new();
        let script = format!(
            r#"let server = target::http(#{{ error_rate: 0.1, seed: 1 }});
            let home = http::client(server.url).get("/?n={{turn}}");
            load::run(home, #{{ requests: 4_000, concurrency: 8, threads: {threads}, record: 200 }});"#
        );
        run(&folder, &script, &["--seed", "3"]);
        let trial = trials(&run_folder(&folder)).remove(0);
        let lines = requests(&trial);
        let failures = lines.iter().filter(|line| line["success"] == false).count();
        let metrics = json(&trial.join("metrics.json"));
        assert_eq!(metrics["total"]["failures"], failures, "failures have a budget of their own");
        let notes = metrics["notes"].to_string();
        assert!(notes.contains("a uniform sample of"), "{notes}");
        let kept = lines.iter().filter(|line| line["success"] == true);
        let mut turns: Vec<u64> = kept.map(|line| line["request_id"].as_u64().unwrap()).collect();
        turns.sort_unstable();
        turns
    };
    let one = sample(1);
    assert_eq!(one, sample(4));
    assert!((80..=200).contains(&one.len()), "{}", one.len());
    let mean = one.iter().sum::<u64>() as f64 / one.len() as f64;
    // Five standard errors of a uniform mean.
    assert!((mean - 2_000.0).abs() < 5.0 * 4_000.0 / (12.0 * one.len() as f64).sqrt(), "{mean}");
}

#[test]
fn the_summary_adds_up() {
    let folder = Folder::new();
    let script = r#"
        let server = target::http(#{ service_time: "1ms", error_rate: 0.2, seed: 4 });
        let api = http::client(server.url);
        load::run(api.get("/a"), #{ requests: 100 });
        load::together(#{
            reads: [api.get("/b"), #{ requests: 50, concurrency: 2 }],
            writes: [api.post("/c", #{ json: #{ a: 1 } }), #{ rate: 100, duration: "500ms" }],
        });
    "#;
    run(&folder, script, &[]);
    let path = run_folder(&folder);
    let summary = json(&path.join("summary.json"));
    let totals: Vec<Value> =
        trials(&path).iter().map(|trial| json(&trial.join("metrics.json"))["total"].clone()).collect();
    for (sum, part, expected) in [
        ("total_requests", "requests", Some(200)),
        ("successful_requests", "successes", None),
        ("failed_requests", "failures", None),
    ] {
        let added: u64 = totals.iter().map(|total| total[part].as_u64().unwrap()).sum();
        assert_eq!(summary[sum], added, "{sum}");
        assert_eq!(summary["services"]["http"][sum], added, "{sum}");
        assert!(expected.is_none_or(|expected| added == expected), "{sum}");
    }
    let rate = summary["successful_requests"].as_f64().unwrap() / 200.0;
    assert_eq!(summary["success_rate"], rate);
    assert_eq!(summary["trials"].as_array().unwrap().len(), 2);
    let second = json(&trials(&path)[1].join("metrics.json"));
    let counts = |name: &str| second["operations"][name]["requests"].as_u64().unwrap();
    assert_eq!((counts("reads"), counts("writes")), (50, 50));
}

#[test]
fn no_file_holds_a_secret() {
    let folder = Folder::new();
    let script = r#"
        let key = param("api_key", "none");
        let server = target::http(#{});
        let api = http::client(server.url, #{ headers: #{ authorization: "Bearer " + key } });
        let post = api.post("/echo", #{
            headers: #{ "x-auth-token": key },
            query: #{ api_key: key },
            json: #{ password: key, max_tokens: 17 },
        });
        load::run(post, #{ requests: 5 });
        print(post.run().status);
    "#;
    let done = run(&folder, script, &["-p", "api_key=hunter2b", "-v"]);
    let mut shown = format!("{}{}", done.stdout, done.stderr);
    for file in files(folder.path()) {
        if file != "scenario.rhai" {
            shown += &String::from_utf8_lossy(&fs::read(folder.path().join(&file)).unwrap());
        }
        assert!(!shown.contains("hunter2b"), "{file} holds the secret");
    }
    assert!(shown.contains("\"api_key\": \"***\""), "the parameter itself is there");
}

#[test]
fn finished_runs_are_found_and_shown() {
    let folder = Folder::new();
    run(&folder, FAILING, &[]);
    let id = run_folder(&folder).file_name().unwrap().to_str().unwrap().to_owned();
    let ok = |arguments: &[&str]| {
        let done = call(&folder, arguments);
        assert_eq!(done.code, Some(0), "{arguments:?}: {}", done.stderr);
        done.stdout
    };
    ok(&["tag", &id, "before"]);
    assert_eq!(json(&run_folder(&folder).join("run.json"))["tags"], serde_json::json!(["before"]));
    let list = ok(&["list"]);
    assert!(list.contains(&id) && list.contains("done") && list.contains("before"), "{list}");
    for name in [id.as_str(), "latest", "before", &id[..id.len() - 1]] {
        assert!(ok(&["show", name]).contains("GET /"), "{name}");
    }
    fs::remove_dir_all(folder.path().join("reports")).unwrap();
    ok(&["report", "before"]);
    assert!(folder.path().join("reports").join(&id).join("index.html").is_file());
    assert_eq!(call(&folder, &["show", "nothing"]).code, Some(2));
}
