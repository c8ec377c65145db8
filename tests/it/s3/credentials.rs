//! Who may do what: real signatures at a real server, where keys come from, and that they are never written down.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    sync::{Arc, Mutex},
};

use super::{
    Kind, Server,
    server::{ACCESS, SECRET},
};
use crate::{
    http::fake::{Fake, ok},
    services::holding,
    support::{Done, Folder, program, run, try_run},
};

#[test]
fn wrong_keys_are_refused_by_name() {
    let Some(server) = Server::start(Kind::SeaweedFs) else { return };
    let right = server.client("");
    run(&Folder::new(), &format!("{right}.create_bucket().run(); {right}.put(\"x\").run();"), &["--quiet"]);
    for (client, call, class, advice) in [
        (right.replace(SECRET, "hunter2"), "get(\"x\")", "wrong_signature", "`secret_key`"),
        (right.replace(SECRET, "hunter2"), "put(\"x\")", "wrong_signature", "`secret_key`"),
        (right.replace(ACCESS, "nobody"), "get(\"x\")", "wrong_access_key", "`access_key`"),
        (right.replace("\"bench\"", "\"other\""), "get(\"x\")", "no_such_bucket", "create_bucket"),
        (right.clone(), "get(\"y\")", "no_such_key", "`fill`"),
        (
            right.replace("access_key:", "anonymous: true, access_key:"),
            "get(\"x\")",
            "access_denied",
            "credentials",
        ),
    ] {
        let done = try_run(&Folder::new(), &format!("let op = {client}.{call};\nop.run();"), &["--quiet"]);
        assert_eq!(done.code, Some(1), "{call}: {}", done.stderr);
        assert!(done.stderr.contains(advice), "{call}: {}", done.stderr);
        assert!(!done.stderr.contains("hunter2") && !done.stderr.contains(SECRET), "{}", done.stderr);
        let caught = format!(
            "let op = {client}.{call};\ntry {{ op.run(); }} catch (err) {{ print(`${{err.kind}} ${{err.class}}`); }}"
        );
        let done = try_run(&Folder::new(), &caught, &["--quiet"]);
        assert_eq!(done.stdout.trim(), format!("unavailable {class}"), "{call}: {}", done.stderr);
    }
}

#[test]
fn keys_come_from_a_file_that_is_nobody_elses_or_from_the_environment() {
    let Some(server) = Server::start(Kind::Rclone) else { return };
    let folder = Folder::new();
    let text = format!(
        "[default]\naws_access_key_id=no\naws_secret_access_key=no\n[bench]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n"
    );
    let file = folder.write("keys", &text);
    let script = format!(
        "let url = \"http://127.0.0.1:{}\";\n\
         let store = s3::client(url, #{{ credentials_file: \"{}\", profile: \"bench\" }});\n\
         store.create_bucket().run();\nprint(store.put(\"x\", #{{ object_size_bytes: 10 }}).run().status);\n\
         load::run(store.get(\"x\"), #{{ requests: 3 }});",
        server.port,
        file.display()
    );
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let done = try_run(&folder, &script, &["--quiet"]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("others can read") && done.stderr.contains("chmod 600"), "{}", done.stderr);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(run(&folder, &script, &["--quiet"]).stdout.trim(), "200");
    fs::remove_file(&file).unwrap();
    assert_eq!(holding(folder.path(), SECRET), Vec::<String>::new());
}

#[test]
fn tokens_of_sessions_go_along_signed_wherever_they_come_from() {
    // Who issued a token is not for these servers to say: this one looks at what comes, rclone at the signature.
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    let server = Fake::answering(move |request| {
        hears.lock().unwrap().push(request.to_owned());
        ok("")
    });
    let folder = Folder::new();
    let text =
        "[default]\naws_access_key_id = a\naws_secret_access_key = s\naws_session_token = of-the-file\n";
    let file = folder.write("keys", text);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    for (settings, token) in [
        (format!("credentials_file: \"{}\"", file.display()), "of-the-file"),
        (
            "access_key: \"a\", secret_key: \"s\", session_token: \"of/the+script==\"".to_owned(),
            "of/the+script==",
        ),
        (String::new(), "of-the-environment"),
    ] {
        let script = format!("s3::client(\"{}\", #{{ {settings} }}).get(\"x\").run();", server.url);
        folder.write("scenario.rhai", &script);
        let mut command = Command::new(program());
        command.current_dir(folder.path()).args(["run", "scenario.rhai", "--quiet"]);
        command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "s");
        let done = Done::from(command.env("AWS_SESSION_TOKEN", "of-the-environment").output().unwrap());
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let request = heard.lock().unwrap().pop().unwrap();
        assert!(request.contains(&format!("\r\nx-amz-security-token: {token}\r\n")), "{request}");
        assert!(
            request.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, "),
            "{request}"
        );
    }
    let Some(server) = Server::start(Kind::Rclone) else { return };
    let client = server.client("session_token: \"any\"");
    run(&folder, &format!("{client}.create_bucket().run(); {client}.put(\"x\").run();"), &["--quiet"]);
    let wrong = client.replace(SECRET, "hunter2");
    let done = try_run(&folder, &format!("{wrong}.get(\"x\").run();"), &["--quiet"]);
    assert!(done.code == Some(1) && done.stderr.contains("secret_key"), "{}", done.stderr);
}
