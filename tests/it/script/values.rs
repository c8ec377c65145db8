//! Constants, closures, parameters, the environment, errors, statistics, generated values.

use super::printed;
use crate::http::fake::{Fake, ok};
use crate::support::{Folder, call, json, run, run_folder, trials, try_run};

#[test]
fn functions_see_constants_and_imports_of_the_top_level() {
    let folder = Folder::new();
    folder.write("lib.rhai", "const SIZE = 7;\n\nfn size() { SIZE }\n\nfn twice() { size() * 2 }\n");
    let script = r#"
        import "lib" as l;
        const X = 5;

        fn plain() { X }
        fn qualified() { global::X }
        fn nested(n) { if n == 0 { plain() } else { nested(n - 1) } }
        fn imported() { l::twice() + l::size() }

        print(`${plain()} ${qualified()} ${nested(3)} ${imported()}`);
    "#;
    assert_eq!(run(&folder, script, &["--quiet"]).stdout, "5 5 5 21\n");
}

#[test]
fn closures_capture_and_are_passed_around() {
    let script = r#"
        fn twice(f) { f.call() + f.call() }
        let count = 0;
        let next = || { count += 1; count };
        print(twice(next));
        print([1, 2, 3].map(|x| x * 10).filter(|x| x > 10));
        print(count);
    "#;
    assert_eq!(printed(script), "3\n[20, 30]\n2\n");
}

/// What a check before the run might take for a mistake, and is none.
#[test]
fn odd_but_valid_scripts_are_accepted() {
    let folder = Folder::new();
    folder.write("http.rhai", "fn fetch() { \"my own\" }\n");
    folder.write("deep.rhai", "import \"http\" as inner;\n\nfn via() { inner::fetch() }\n");
    let script = r#"
        const LIMIT = 3;

        fn load(n) { n + LIMIT }
        fn stats() { "a function called like a module" }
        fn limit() { global::LIMIT }

        {
            import "http" as http;
            print(http::fetch());
        }
        if true {
            import "deep" as deep;
            print(deep::via());
        }
        fn inside() { import "http" as own; own::fetch() }
        print(inside());
        let run = Fn("load");
        print(run.call(1));
        print(load(2) + limit());
        print(stats());
        print(http::get(http::client("http://127.0.0.1:1"), "/x").name);
        let report = #{ table: |n| n * 2 };
        print(report.table.call(4));
        let data = [3, 1, 2];
        data.sort();
        print(data);
        fn param(name) { name }
        print(param("of my own"));
        if false { print("never"); }
        switch LIMIT { 3 => print("three"), _ => print("other") }
    "#;
    let wanted = "my own\nmy own\nmy own\n4\n8\na function called like a module\nGET /x\n8\n[1, 2, 3]\nof my own\nthree\n";
    // The alias of an import in a block ends with the block: the native module is visible again after it.
    assert_eq!(run(&folder, script, &["--quiet"]).stdout, wanted);
    assert_eq!(call(&folder, &["plan", "scenario.rhai"]).code, Some(0));
}

#[test]
fn a_response_has_status_headers_and_body() {
    let server = Fake::answering(|request| {
        let body = if request.starts_with("GET /users/7 ") { r#"{"id": 7, "tags": ["a"]}"# } else { "plain" };
        format!("HTTP/1.1 200 OK\r\nX-Kind: test\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    });
    let script = r#"
        let api = http::client("{url}");
        let user = api.get("/users/{id}", #{ id: data::sequence() });
        let answer = user.run(7);
        print(`${answer.status} ${answer.json.id} ${answer.json.tags[0]} ${answer.headers["x-kind"]}`);
        print(api.get("/").run().body);
        print(answer.elapsed_ms > 0.0 && answer.bytes.len() == 24);
    "#;
    let done = run(&Folder::new(), &script.replace("{url}", &server.url), &["--quiet"]);
    assert_eq!(done.stdout, "200 7 a test\nplain\ntrue\n");
}

#[test]
fn a_caught_error_says_what_it_is() {
    let server = Fake::answering(|_| "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_owned());
    let script = r#"
        try { http::client("{url}").get("/").run(); }
        catch (err) { print(`${err.kind} ${err.class}`); }
        try { http::client("http://127.0.0.1:1").get("/").run(); }
        catch (err) { print(`${err.kind} ${err.class} ${err.hints}`); }
        try { http::client("nowhere"); }
        catch (err) { print(`${err.kind} ${err.class == ()} ${err.message}`); }
        try { throw "my own"; } catch (err) { print(err); }
    "#;
    let done = run(&Folder::new(), &script.replace("{url}", &server.url), &["--quiet"]);
    assert_eq!(
        done.stdout,
        "unavailable status_5xx\n\
         unavailable refused [\"is the service running, and is this its port?\"]\n\
         usage true a URL without a scheme: `nowhere`\n\
         my own\n"
    );
}

#[test]
fn parameters_have_the_type_of_their_default() {
    let folder = Folder::new();
    let script = r#"
        let all = [param("whole", 1), param("share", 0.5), param("name", "x"), param("fast", false),
                   param("list", [1]), param("map", #{}), param("left", 3)];
        for value in all { print(`${type_of(value)} ${value}`); }
    "#;
    let given = ["whole=1_000", "share=2", "name=12", "fast=true", "list=[4, 5]", r#"map={"a": 1}"#];
    let arguments: Vec<&str> =
        ["--quiet"].into_iter().chain(given.iter().flat_map(|given| ["-p", given])).collect();
    let shown = run(&folder, script, &arguments).stdout;
    assert_eq!(shown, "i64 1000\nf64 2.0\nstring 12\nbool true\narray [4, 5]\nmap #{\"a\": 1}\ni64 3\n");
    let stored = json(&run_folder(&folder).join("run.json"));
    assert_eq!(stored["parameters"]["whole"], 1000);
    assert_eq!(stored["parameters"]["left"], 3);
    for wrong in ["whole=1.5", "share=much", "fast=yes", "list={}", "map=[1]"] {
        assert_eq!(try_run(&Folder::new(), script, &["-p", wrong]).code, Some(2), "{wrong}");
    }
}

#[test]
fn an_imported_file_may_ask_for_parameters() {
    let folder = Folder::new();
    folder.write("site.rhai", "fn url() { param(\"url\", \"http://127.0.0.1:1\") }\n");
    let script = "import \"site\" as site;\nprint(site::url());\n";
    assert_eq!(run(&folder, script, &["--quiet", "-p", "url=mine"]).stdout, "mine\n");
    let done = try_run(&folder, script, &["--quiet", "-p", "ulr=mine"]);
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("did you mean `url`?"), "{}", done.stderr);
}

#[test]
fn the_environment_can_be_read() {
    let folder = Folder::new();
    folder.write("scenario.rhai", r#"print(env("HOME_OF_TEST", "default")); print(env("PATH").len() > 0);"#);
    assert_eq!(call(&folder, &["run", "scenario.rhai", "--quiet"]).stdout, "default\ntrue\n");
}

#[test]
fn metrics_stand_in_the_extras_of_the_next_load() {
    let script = r#"
        let home = http::client("{url}").get("/");
        metric("rows", 12);
        metric("share", 0.5);
        let first = load::run(home, #{ requests: 3 });
        let second = load::run(home, #{ requests: 3 });
        print(`${first.extras.rows} ${first.extras.share} ${"rows" in second.extras}`);
    "#;
    let (folder, done) = super::against(script, &["--quiet"]);
    assert_eq!(done.stdout, "12 0.5 false\n");
    let trials = trials(&run_folder(&folder));
    assert_eq!(json(&trials[0].join("metrics.json"))["extras"]["rows"], 12);
}

#[test]
fn statistics_are_those_of_the_textbook() {
    let script = r#"
        let v = [2, 4, 4, 4, 5, 5, 7, 9];
        print(stats::sum(v)); print(stats::mean(v)); print(stats::median(v)); print(stats::min(v)); print(stats::max(v));
        print(stats::percentile([1, 2, 3, 4], 25));
        print(stats::stddev([1, 2, 3, 4, 5]) * stats::stddev([1, 2, 3, 4, 5]) - 2.5 < 1e-12);
        print(stats::stddev([3]));
    "#;
    assert_eq!(printed(script), "40.0\n5.0\n4.5\n2.0\n9.0\n1.75\ntrue\n0.0\n");
}

#[test]
fn generated_values_follow_the_seed_alone() {
    let folder = Folder::new();
    let script = r#"
        for g in [data::uniform(1, 1_000_000), data::zipf(1, 1_000_000), data::uuid(), data::text(3, 9),
                  data::choice(["a", "b", "c"]), data::normal(0.0, 1.0)] {
            print(g.sample(20));
        }
        print(data::sequence(10, 5).sample(3));
    "#;
    let shown = |seed| run(&folder, script, &["--quiet", "--seed", seed]).stdout;
    let first = shown("1");
    assert_eq!(first, shown("1"));
    let other = shown("2");
    for (line, (one, two)) in first.lines().zip(other.lines()).enumerate() {
        assert_eq!(one == two, line == 6, "{one}");
    }
    assert!(first.ends_with("[10, 15, 20]\n"));
}

#[test]
fn the_prelude_joins_the_native_module_of_its_name() {
    let server = Fake::answering(|_| ok("fine"));
    let script = r#"
        let home = http::client("{url}").get("/");
        let ladder = load::sweep(home, "concurrency", [1, 2, 3], #{ requests: 6 });
        for result in ladder { print(`${result.name}: ${result.requests}, ${result.config.plan.concurrency}`); }
    "#;
    let done = run(&Folder::new(), &script.replace("{url}", &server.url), &["--quiet"]);
    assert_eq!(
        done.stdout,
        "GET /, concurrency 1: 6, 1\nGET /, concurrency 2: 6, 2\nGET /, concurrency 3: 6, 3\n"
    );
}

#[test]
fn metrics_of_the_script_stand_in_the_summary_and_the_report() {
    let folder = Folder::new();
    run(&folder, "metric(\"ratio\", 1.5); metric(\"ratio\", 2.25);", &[]);
    let run = run_folder(&folder);
    assert_eq!(json(&run.join("summary.json"))["metrics"]["ratio"], 2.25);
    assert_eq!(json(&run.join("run.json"))["metrics"]["ratio"], 2.25);
    let reports = folder.path().join("reports").join(run.file_name().unwrap());
    assert_eq!(json(&reports.join("report.json"))["metrics"]["ratio"], 2.25);
    for page in ["report.md", "index.html"] {
        assert!(std::fs::read_to_string(reports.join(page)).unwrap().contains("ratio"), "{page}");
    }
}

#[test]
fn floats_are_printed_with_six_digits() {
    let folder = Folder::new();
    let script = "for x in [1.0 / 3.0, 1234.5678, 1234567.891, 5.0, 0.000001234567, 0.0] { print(`${x}`); } print(2.0 / 3.0);";
    let done = run(&folder, script, &["--quiet"]);
    assert_eq!(done.stdout, "0.333333\n1234.57\n1234567.9\n5.0\n1.23457e-6\n0.0\n0.666667\n");
}
