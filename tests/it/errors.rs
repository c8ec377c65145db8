//! Every `errors/NAME.rhai` must fail with exactly the text of `errors/NAME.txt`, exit code included.
//!
//! `UPDATE=1 cargo test --test it errors` rewrites the texts; read the diff before committing it.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use rcgen::{CertificateParams, CertifiedKey, DnType, KeyPair, generate_simple_self_signed};
use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::http::fake::{Fake, ok, request};
use crate::support::{Done, Folder, call, program};

/// How a script is run where it is not `run scenario.rhai --quiet`.
const ARGUMENTS: &[(&str, &[&str])] = &[
    ("unknown_parameter", &["-p", "secons=3"]),
    ("no_parameters", &["-p", "seconds=3"]),
    ("wrong_parameter", &["-p", "seconds=soon"]),
    ("unwritable_results", &["--out", "scenario.rhai"]),
];

/// Files that lie beside every script.
const FILES: &[(&str, &str)] = &[
    ("times.csv", "due_s\n0.5\n1.5\nsoon\n"),
    ("calls.csv", "user,start,early,unix\nann,3.5,-1,1700000000\nbob,4.5,2,1700000001\n"),
    ("none.csv", "due_s\n# nothing\n"),
];

/// The servers and the like that scripts name in braces: `{garbage}`.
struct Scene {
    names: Vec<(&'static str, String)>,
    certificate: PathBuf,
    _folder: Folder,
    /// Keeps a port taken.
    _listener: TcpListener,
    _servers: Vec<Fake>,
}

impl Scene {
    fn new() -> Self {
        let folder = Folder::new();
        let fine = Fake::answering(|_| ok("fine"));
        let refusing = Fake::answering(|_| {
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy".to_owned()
        });
        let garbage = Fake::answering(|_| "220 mail.example.org ESMTP\r\n".to_owned());
        let half = Fake::new(|_, mut stream| {
            request(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly a part").ok();
        });
        let closing = Fake::new(|_, mut stream| drop(request(&mut stream)));
        let silent = Fake::new(|_, mut stream| while request(&mut stream).is_some() {});
        let plain = Fake::new(|_, mut stream| {
            stream.read_exact(&mut [0; 8]).ok();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").ok();
        });
        let (tls, certificate) = tls(&folder);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap().port().to_string();
        // Bound and let go: nobody listens there.
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let names = vec![
            ("{ok}", fine.url.clone()),
            ("{refusing}", refusing.url.clone()),
            ("{garbage}", garbage.url.clone()),
            ("{half}", half.url.clone()),
            ("{closing}", closing.url.clone()),
            ("{silent}", silent.url.clone()),
            ("{tls}", tls.url.clone()),
            ("{closed}", format!("http://{closed}")),
            ("{plain}", plain.url.replace("http:", "https:")),
            ("{taken_port}", taken),
        ];
        let servers = vec![fine, refusing, garbage, half, closing, silent, plain, tls];
        Self { names, certificate, _folder: folder, _listener: listener, _servers: servers }
    }

    /// Runs `script`; what it says on stderr, without what differs from run to run, and its exit code.
    fn shown(&self, name: &str, script: &str) -> String {
        let folder = Folder::new();
        let place =
            |text: &str| self.names.iter().fold(text.to_owned(), |text, (name, is)| text.replace(name, is));
        folder.write("scenario.rhai", &place(script));
        for library in ["round", "trip", "broken", "orders", "steps", "young", "old", "typo"] {
            let path = scripts().join("lib").join(format!("{library}.rhai"));
            folder.write(&format!("lib/{library}.rhai"), &fs::read_to_string(path).unwrap());
        }
        FILES.iter().for_each(|(name, text)| drop(folder.write(name, text)));
        let more = ARGUMENTS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, more)| more);
        let done: Done = Command::new("sh")
            // Few enough for the test of the limit, enough for all others.
            .args(["-c", "ulimit -n 1024 && exec \"$@\"", "sh"])
            .arg(program())
            .args(["run", "scenario.rhai", "--quiet", "--seed", "1"])
            .args(more)
            .current_dir(folder.path())
            .env("NO_COLOR", "1")
            // A machine without certificates of its own says something else.
            .env("SSL_CERT_FILE", &self.certificate)
            .env_remove("BENCHSCRIPT_PATH")
            .env("XDG_DATA_HOME", folder.path().join("data"))
            .output()
            .unwrap()
            .into();
        let mut text = done.stderr;
        for (name, is) in &self.names {
            text = text.replace(is, name);
            let address = is.trim_start_matches("http://").trim_start_matches("https://");
            text = text.replace(address, name);
        }
        text = text.replace(&folder.path().display().to_string(), "{folder}");
        text = without_run(&text, folder.path());
        text = without_ports(&text);
        text = settled(&text, "has ", " {free space}\n");
        for resolver in ["Temporary failure in name resolution", "Name or service not known"] {
            text = text.replace(resolver, "{as the resolver says}");
        }
        format!("{text}exit: {}\n", done.code.map_or("by a signal".to_owned(), |code| code.to_string()))
    }
}

/// Replaces the name of the run, which holds the time.
fn without_run(text: &str, folder: &Path) -> String {
    let runs = fs::read_dir(folder.join("results")).into_iter().flatten().flatten();
    let runs = runs.filter_map(|run| run.file_name().into_string().ok());
    runs.fold(text.to_owned(), |text, run| text.replace(&run, "{run}"))
}

/// Replaces ports of servers that the scripts themselves started.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let port = &part[..part.len() - rest.len()];
        // The one that scripts write down themselves stays.
        format!("{text}127.0.0.1:{}{rest}", if ["", "8080"].contains(&port) { port } else { "{port}" })
    })
}

/// Replaces the rest of a line about free space, which no two machines have alike.
fn settled(text: &str, before: &str, instead: &str) -> String {
    match text.split_once("to spare), ") {
        Some((head, tail)) => {
            let tail = tail.strip_prefix(before).unwrap_or(tail);
            format!(
                "{head}to spare), {}{instead}{}",
                before.trim_end(),
                tail.split_once('\n').unwrap_or_default().1
            )
        }
        None => text.to_owned(),
    }
}

/// A server whose certificate nobody vouches for, and a certificate of somebody else.
fn tls(folder: &Folder) -> (Fake, PathBuf) {
    let names = vec!["127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names.clone()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let mut server = Fake::new(move |_, stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
        request(&mut stream);
    });
    server.url = server.url.replace("http:", "https:");
    let mut other = CertificateParams::new(names).unwrap();
    other.distinguished_name.push(DnType::CommonName, "somebody else");
    let other = other.self_signed(&KeyPair::generate().unwrap()).unwrap();
    (server, folder.write("other.pem", &other.pem()))
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/errors")
}

/// Every script with its name.
fn all() -> Vec<(String, PathBuf)> {
    let files = fs::read_dir(scripts()).unwrap().map(|entry| entry.unwrap().path());
    let scripts = files.filter(|path| path.extension().is_some_and(|ending| ending == "rhai"));
    let mut named: Vec<_> =
        scripts.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path)).collect();
    named.sort();
    named
}

#[test]
fn diagnostics_read_as_written() {
    let scene = Scene::new();
    let scripts = all();
    let next = AtomicUsize::new(0);
    let wrong: Vec<String> = thread::scope(|scope| {
        let work = || {
            let mut wrong = Vec::new();
            while let Some((name, script)) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                let shown = scene.shown(name, &fs::read_to_string(script).unwrap());
                let expected = script.with_extension("txt");
                if std::env::var_os("UPDATE").is_some() {
                    fs::write(&expected, &shown).unwrap();
                }
                let wanted = fs::read_to_string(&expected).unwrap_or_default();
                if shown != wanted {
                    wrong.push(format!("--- {name}: shown\n{shown}--- {name}: wanted\n{wanted}"));
                }
            }
            wrong
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_missing_file_is_told_with_its_name() {
    let done = call(&Folder::new(), &["run", "nowhere.rhai", "--quiet"]);
    assert_eq!(done.code, Some(2));
    assert_eq!(
        done.stderr,
        "error: cannot read `nowhere.rhai`: No such file or directory (os error 2)\n\
         hint: check the path; `benchscript new NAME` makes a scenario to start from\n"
    );
}
