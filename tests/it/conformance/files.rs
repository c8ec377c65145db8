//! Files have no server: what is counted is what anybody else finds in the folder.

use std::fs;

use crate::support::{Folder, run};

#[test]
fn counts_are_what_others_find() {
    let folder = Folder::new();
    let scratch = folder.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let script = r#"
        let make = files::client("SCRATCH").tree(#{ files: 10, file_size: 3_000 }).create();
        let find = command::client().exec(["find", "SCRATCH", "-type", "f", "-size", "3000c", "-name", "*"]);
        let makes_and_looks = load::journey("looks", |vu| {
            make.run();
            let found = find.run().stdout.split("\n").filter(|line| line != "").len();
            check(found == 10 + vu.turn + 1, `${found} files`);
        });
        let result = load::run(makes_and_looks, #{ requests: 40, concurrency: 1 });
        check(result.failures == 0 && result.operations["create file 3 KB"].bytes == 40 * 3_000, `${result.errors}`);
    "#;
    run(&folder, &script.replace("SCRATCH", scratch.to_str().unwrap()), &["--quiet"]);
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "something is left");
}
