//! S3 against real servers: what was sent, what came back, and what is counted.

mod conformance;
mod credentials;
mod faults;
mod large;
mod multipart;
pub mod server;
mod tls;

use serde_json::Value;

use crate::support::{Folder, json, run, run_folder, trials};
use server::{Kind, Server};

/// The metrics of the loads of a script, in order; `CLIENT` stands for the server's.
fn loads(server: &Server, script: &str) -> Vec<Value> {
    let folder = Folder::new();
    run(&folder, &script.replace("CLIENT", &server.client("")), &["--quiet"]);
    trials(&run_folder(&folder)).iter().map(|trial| json(&trial.join("metrics.json"))).collect()
}

#[test]
fn totals_agree_with_the_servers_own_list() {
    let Some(server) = Server::start(Kind::SeaweedFs) else { return };
    let metrics = loads(
        &server,
        r#"
        let store = CLIENT;
        store.create_bucket().run();
        let sizes = [[0.5, "1 KiB"], [0.5, 3_000]];
        let filled = store.fill(#{ keys: 300, sizes: sizes }).run();
        check(filled.size == 300, "all written");
        let space = #{ keys: 300, sizes: sizes, distribution: "sequential", checksum: true };
        load::run(store.get(space), #{ concurrency: 3, requests: 300 });
        let put = store.put(#{ keys: 200, prefix: "new/", object_size_bytes: 2_000, distribution: "sequential" });
        load::run(put, #{ concurrency: 3, requests: 200 });
        load::run(store.head(#{ keys: 200, prefix: "new/" }), #{ concurrency: 3, requests: 50 });
        load::run(store.list("new/", #{ max_keys: 7 }), #{ requests: 10 });
        load::run(store.delete(#{ keys: 50, prefix: "new/0", distribution: "sequential" }), #{ requests: 50 });
        load::run(store.multipart(#{ keys: 2, prefix: "m/", object_size_bytes: "6 MiB", part_size_bytes: "5 MiB" }), #{ requests: 4 });

        let all = store.list(#{ all: true, max_keys: 100 }).run();
        let of = |prefix| store.list(prefix, #{ all: true }).run().keys.len();
        print(`${all.keys.len()} ${of.call("object-")} ${of.call("new/")}`);
        let total = store.list("object-", #{ all: true }).run().sizes.reduce(|sum, size| sum + size, 0);
        metric("listed_bytes", total);
        load::run(store.get(space), #{ requests: 300 });
        "#,
    );
    assert!(metrics.iter().all(|load| load["total"]["failures"] == 0), "{metrics:#?}");
    let extra = |at: usize, name: &str| metrics[at]["extras"][name].as_f64().unwrap();
    let per_second = |at: usize| metrics[at]["throughput"]["value"].as_f64().unwrap();
    assert_eq!(
        metrics[0]["total"]["bytes"].as_f64().unwrap(),
        extra(6, "listed_bytes"),
        "sizes follow from keys"
    );
    let bytes = metrics[0]["total"]["bytes"].as_u64().unwrap();
    assert!((300 * 1_400..300 * 2_600).contains(&bytes), "{bytes}");
    assert_eq!(
        (metrics[1]["total"]["bytes"].as_u64(), metrics[1]["total"]["items"].as_u64()),
        (Some(400_000), Some(200))
    );
    assert_eq!(metrics[3]["total"]["items"], 70);
    assert_eq!(metrics[5]["total"]["bytes"], 4 * 6 * 1_024 * 1_024);
    for (at, name) in ["get", "put", "head", "list", "delete", "multipart"].iter().enumerate() {
        let rate = extra(at, &format!("{name}_ops_per_second"));
        assert!((rate / per_second(at) - 1.0).abs() < 1e-6, "{name}");
    }
    // The first byte comes before the last.
    let first_byte = extra(0, "ttfb_s") * 1e3;
    assert!(first_byte > 0.0 && first_byte <= metrics[0]["total"]["latency_ms"]["avg"].as_f64().unwrap());
    assert_eq!((&metrics[0]["service"], &metrics[0]["component"]), (&"s3".into(), &"storage".into()));
}

#[test]
fn a_mix_keeps_its_operations_apart_and_journeys_use_what_was_answered() {
    let Some(server) = Server::start(Kind::SeaweedFs) else { return };
    let metrics = loads(
        &server,
        r#"
        let store = CLIENT;
        store.create_bucket().run();
        store.fill(#{ keys: 50, object_size_bytes: 4_096 }).run();
        let get = store.get(#{ keys: 50, distribution: "zipf", range: "0-1023", checksum: true });
        let put = store.put(#{ keys: 50, object_size_bytes: 4_096 });
        load::run(load::mix(#{ get: [3, get], put: [1, put] }), #{ concurrency: 4, requests: 200 });
        let journey = load::journey("rewrite", |vu| {
            let key = `mine-${vu.number}`;
            let put = store.put(key, #{ name: "write", object_size_bytes: 100 }).run();
            let read = store.get(key, #{ name: "read", checksum: true }).run();
            check(read.bytes.len() == 100 && read.etag == put.etag, "it is what was written");
            store.delete(key, #{ name: "remove" }).run();
        });
        load::run(journey, #{ concurrency: 3, requests: 30 });
        "#,
    );
    assert!(metrics.iter().all(|load| load["total"]["failures"] == 0), "{metrics:#?}");
    let extras = &metrics[0]["extras"];
    let figure = |name: &str| extras[name].as_f64().unwrap();
    assert!(
        (figure("get_bytes_per_second") / figure("get_ops_per_second") - 1_024.0).abs() < 1e-3,
        "{extras}"
    );
    assert!(
        (figure("put_bytes_per_second") / figure("put_ops_per_second") - 4_096.0).abs() < 1e-3,
        "{extras}"
    );
    assert!(figure("ttfb_s") > 0.0 && figure("put_ttfb_s") > 0.0);
    assert_eq!(metrics[1]["total"]["requests"], 30);
}
