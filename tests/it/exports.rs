//! Runs in the formats of other tools, an index of them, and removing old ones.

use serde_json::Value;

use crate::support::{Folder, call, run};

const TWO: &str = r#"
scenario(#{ name: "pair", why: "to compare", sweep: #{ users: [1, 2] } });
fn setup() { target::http(#{}) }
fn trial(server, p) {
    metric("rows", 7);
    load::run(http::client(server.url).get("/"), #{ concurrency: p.users, requests: 50 })
}
"#;

#[test]
fn every_format_has_the_numbers_of_the_run() {
    let folder = Folder::new();
    run(&folder, TWO, &["--quiet"]);
    let exported = |format: &str, more: &[&str]| {
        let done = call(&folder, &[&["export", "latest", "--format", format], more].concat());
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        done.stdout
    };
    let csv = exported("csv", &[]);
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row[at("requests")] == "50" && row[at("rows")] == "7"), "{csv}");
    assert_eq!([rows[0][at("users")], rows[1][at("users")]], ["1", "2"]);

    let open = exported("openmetrics", &[]);
    assert!(open.ends_with("# EOF\n"));
    let lines = |start: &str| {
        open.lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines("benchmark_requests_total{").len(), 2);
    assert!(lines("benchmark_requests_total{").iter().all(|line| line.ends_with(" 50")), "{open}");
    let whole = lines("benchmark_request_duration_seconds_bucket{");
    assert!(whole.iter().filter(|line| line.contains("+Inf")).all(|line| line.ends_with(" 50")), "{open}");
    // Each bucket holds those below it as well.
    let counts: Vec<u64> = whole[..whole.len() / 2]
        .iter()
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!(counts.is_sorted(), "{counts:?}");
    for name in [
        "benchmark_latency_seconds{",
        "benchmark_throughput_rps{",
        "benchmark_success_rate{",
        "benchmark_rows{",
    ] {
        assert!(!lines(name).is_empty(), "{name}\n{open}");
    }

    let k6: Value = serde_json::from_str(&exported("k6", &["--trial", "2"])).unwrap();
    assert_eq!(k6["metrics"]["http_reqs"]["values"]["count"], 50);
    let go = exported("go", &["--to", "lines.txt"]);
    assert_eq!(go.trim(), "lines.txt");
    let go = std::fs::read_to_string(folder.path().join("lines.txt")).unwrap();
    assert!(go.contains("BenchmarkPair/users=1-") && go.contains("ns/op"), "{go}");
    // Read by SQLite itself, twice: a run that is there already is replaced.
    std::fs::write(folder.path().join("runs.sql"), exported("sqlite", &[])).unwrap();
    let read = r#"
import sqlite3
base = sqlite3.connect(":memory:")
for _ in range(2): base.executescript(open("runs.sql").read())
print(base.execute("select count(*) from runs").fetchone()[0])
print(base.execute("select p.value, t.requests, f.value from trials t join parameters p using (run, trial) join figures f using (run, trial) where p.name = 'users' and f.name = 'rows' order by 1").fetchall())
"#;
    let done =
        std::process::Command::new("python3").args(["-c", read]).current_dir(folder.path()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert_eq!(said, "1\n[(1, 50, 7.0), (2, 50, 7.0)]\n");
    let refused = call(&folder, &["export", "latest", "--format", "k6"]);
    assert_eq!(refused.code, Some(2));
}

#[test]
fn runs_are_listed_with_their_purpose_and_old_ones_removed() {
    let folder = Folder::new();
    let script = "scenario(#{ name: \"own\", why: \"the reason\" });\nfn trial(p) { #{ n: 1 } }\n";
    for note in ["first", "second", "third"] {
        run(&folder, script, &["--quiet", "--note", note]);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let table = call(&folder, &["list", "--markdown"]).stdout;
    assert!(table.contains("| first |") && table.contains("| third |"), "{table}");
    let first = table
        .lines()
        .find(|line| line.contains("| first |"))
        .unwrap()
        .split('|')
        .nth(1)
        .unwrap()
        .trim()
        .to_owned();
    assert_eq!(call(&folder, &["tag", &first, "base"]).code, Some(0));
    assert_eq!(call(&folder, &["clean"]).code, Some(2), "nothing is removed without a rule");
    let shown = call(&folder, &["clean", "--keep", "1", "--dry-run"]).stdout;
    assert_eq!(shown.lines().count(), 1, "{shown}");
    assert!(
        call(&folder, &["clean", "--keep", "1", "--older-than", "1d"]).stdout.contains("nothing to remove")
    );
    assert_eq!(call(&folder, &["clean", "--keep", "1"]).stdout.lines().count(), 1);
    let left = call(&folder, &["list"]).stdout;
    assert!(left.contains("first") && left.contains("third") && !left.contains("second"), "{left}");
}
