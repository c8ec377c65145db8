//! What goes where: stdout, stderr, JSON; and that secrets go nowhere.

use std::{fs, path::Path};

use serde_json::Value;

use super::against;

const SCRIPT: &str = r#"
    print("before");
    let result = load::run(http::client("{url}").get("/"), #{ requests: 20 });
    print(`${result.requests} calls`);
"#;

#[test]
fn prints_go_to_stdout_and_progress_to_stderr() {
    let (_, done) = against(SCRIPT, &[]);
    assert!(done.stdout.starts_with("before\n20 calls\n"), "{}", done.stdout);
    assert!(done.stdout.contains("results  "), "{}", done.stdout);
    assert!(done.stderr.contains("GET /: measuring 20 calls"), "{}", done.stderr);
    assert!(!done.stdout.contains("measuring"), "{}", done.stdout);
}

#[test]
fn quiet_leaves_what_the_script_prints() {
    let (_, done) = against(SCRIPT, &["--quiet"]);
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("before\n20 calls\n", ""));
}

#[test]
fn json_is_all_that_is_on_stdout() {
    let (_, done) = against(SCRIPT, &["--json"]);
    let value: Value =
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {}", done.stdout));
    assert!(value.is_object());
    assert!(done.stderr.contains("before\n") && done.stderr.contains("20 calls\n"), "{}", done.stderr);
}

#[test]
fn secrets_are_written_nowhere() {
    let script = r#"
        let token = param("api_token", "none");
        let login = param("settings", #{ user: "me", password: "none" });
        let api = http::client("http://me:hunter2@{host}", #{ headers: #{ authorization: `Bearer ${token}` } });
        let save = api.post("/", #{ json: #{ password: login.password }, headers: #{ "x-api-key": token } });
        load::run(save, #{ requests: 5 });
        try { http::client(`ftp://me:${token}@nowhere`); } catch (err) { throw err; }
    "#;
    let server = crate::http::fake::Fake::answering(|_| crate::http::fake::ok("fine"));
    let folder = crate::support::Folder::new();
    let done = crate::support::try_run(
        &folder,
        &script.replace("{host}", server.url.trim_start_matches("http://")),
        &["-p", "api_token=s3cret-1", "-p", r#"settings={"user": "me", "password": "s3cret-2"}"#],
    );
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    for shown in [&done.stdout, &done.stderr] {
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    // The script itself is stored as it was written: what stands in it was no secret.
    let mut read = 0;
    for_each_file(folder.path(), &mut |path, text| {
        let is_script = path.extension().is_some_and(|ending| ending == "rhai");
        assert!(!text.contains("s3cret"), "{}", path.display());
        assert!(is_script || !text.contains("hunter2"), "{}", path.display());
        read += 1;
    });
    assert!(read > 8, "{read} files");
}

fn for_each_file(folder: &Path, see: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            for_each_file(&path, see);
        } else {
            see(&path, &String::from_utf8_lossy(&fs::read(&path).unwrap()));
        }
    }
}
