//! One load of a service's operation, from outside: started, watched while it goes on, ended, its numbers added up.

use std::{fs, path::PathBuf, process::Child};

use serde_json::Value;

use super::servers::Service;
use crate::{
    services::left::{Scene, signal, wait_for},
    support::{classes, json, requests, run_folder, trials},
};

/// A load by four virtual users that goes on.
pub struct Load {
    scene: Scene,
    child: Child,
}

/// What became of it.
pub struct Ended {
    pub metrics: Value,
    pub calls: Vec<Value>,
}

impl Load {
    /// Starts it against what listens on `port`; it lasts a minute unless `plan` says otherwise, or it is interrupted.
    pub fn start(service: Service, port: u16, plan: &str) -> Self {
        let scene = Scene::new();
        let plan =
            if plan.contains("requests") { plan.to_owned() } else { format!("duration: \"60s\", {plan}") };
        let script = format!(
            "load::run({}, #{{ concurrency: 4, record: \"all\", {plan} }});",
            service.operation(port)
        );
        let child = scene.start(&script);
        Self { scene, child }
    }

    /// Waits until it has noted more than `known` failures in its files; how many there are then.
    pub fn wait_for_failures(&mut self, known: u64) -> u64 {
        let mut seen = 0;
        wait_for("failures in `metrics.csv`", || {
            assert!(self.child.try_wait().unwrap().is_none(), "the load ended");
            seen = self.trial().map_or(0, |trial| sum(&trial, "failures"));
            seen > known
        });
        seen
    }

    /// Waits until the server has performed `more` calls than now.
    pub fn wait_for_calls(&mut self, mut performed: impl FnMut() -> u64, more: u64) {
        let before = performed();
        wait_for("calls of the load", || {
            assert!(self.child.try_wait().unwrap().is_none(), "the load ended");
            performed() >= before + more
        });
    }

    /// Ends it as Ctrl-C does.
    pub fn interrupt(self) -> Ended {
        signal(&self.child, libc::SIGINT);
        self.end(130)
    }

    /// Waits for its end. What it counted adds up, and nothing of it is left.
    pub fn end(self, code: i32) -> Ended {
        let trial = |scene: &Scene| trials(&run_folder(&scene.folder)).remove(0);
        let output = self.child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
        self.scene.nothing_is_left();
        let trial = trial(&self.scene);
        let mut ended = Ended { metrics: json(&trial.join("metrics.json")), calls: requests(&trial) };
        let total = &ended.metrics["total"];
        let of = |name: &str| total[name].as_u64().unwrap();
        assert_eq!(of("requests"), of("successes") + of("failures"), "{total}");
        assert_eq!(of("requests"), sum(&trial, "calls"), "the intervals add up: {total}");
        assert_eq!(of("failures"), sum(&trial, "failures"), "the intervals add up: {total}");
        let errors = &ended.metrics["errors"];
        let failures = errors["by_class"].as_object().unwrap().values();
        let failures: u64 = failures.map(|class| class["count"].as_u64().unwrap()).sum();
        assert_eq!(of("failures"), failures, "the classes add up: {errors}");
        let kept =
            |success: bool| ended.calls.iter().filter(|call| call["success"] == success).count() as u64;
        assert_eq!((of("successes"), of("failures")), (kept(true), kept(false)), "each call is kept");
        ended.leave_out_unfinished();
        ended
    }

    fn trial(&self) -> Option<PathBuf> {
        let runs = fs::read_dir(self.scene.folder.path().join("results")).ok()?;
        let trials = runs.flatten().flat_map(|run| fs::read_dir(run.path()).into_iter().flatten().flatten());
        trials.map(|trial| trial.path()).find(|trial| trial.join("metrics.csv").is_file())
    }
}

impl Ended {
    pub fn total(&self, name: &str) -> u64 {
        self.metrics["total"][name].as_u64().unwrap()
    }

    /// The classes of failures.
    pub fn classes(&self) -> Vec<String> {
        classes(&self.metrics)
    }

    /// Forgets the calls that were in flight when the load was interrupted: they say nothing about the server.
    fn leave_out_unfinished(&mut self) {
        let classes = self.metrics["errors"]["by_class"].as_object_mut().unwrap();
        if let Some(unfinished) = classes.remove("unfinished") {
            assert!(unfinished["count"].as_u64().unwrap() <= 4, "{unfinished}");
        }
        self.calls.retain(|call| call["error"] != "unfinished");
    }
}

/// The sum of a column of `metrics.csv`, over its whole lines.
fn sum(trial: &std::path::Path, column: &str) -> u64 {
    let text = fs::read_to_string(trial.join("metrics.csv")).unwrap_or_default();
    let whole = &text[..text.rfind('\n').unwrap_or(0)];
    let mut lines = whole.lines();
    let Some(at) = lines.next().and_then(|head| head.split(',').position(|name| name == column)) else {
        return 0;
    };
    lines.map(|line| unquoted(line).split(',').nth(at).unwrap().parse::<u64>().unwrap()).sum()
}

/// A line whose quoted fields hold no commas any more.
fn unquoted(line: &str) -> String {
    line.split('"').enumerate().map(|(at, part)| if at % 2 == 1 { "quoted" } else { part }).collect()
}
