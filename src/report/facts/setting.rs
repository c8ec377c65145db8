//! Where and how a run was made: what somebody needs to judge it and to make it again.

use super::{flat, tables};
use crate::report::number::{count, figures, seconds};
use crate::report::table::Table;
use crate::results::{StoredRun, StoredTrial, schema::Run};

/// Host, tool and script.
pub fn environment(run: &Run) -> Table {
    let host = &run.host;
    let dirty = |dirty| if dirty { " with uncommitted changes" } else { "" };
    let took = || {
        let start: jiff::Timestamp = run.created_at.parse().ok()?;
        let end: jiff::Timestamp = run.ended_at.as_deref()?.parse().ok()?;
        Some(seconds((end.as_millisecond() - start.as_millisecond()) as f64 / 1e3))
    };
    let rows = [
        ("run", Some(run.run_id.clone())),
        ("status", Some(run.status.word().to_owned())),
        ("tags", Some(run.tags.join(", "))),
        ("started", Some(run.created_at.clone())),
        ("ended", run.ended_at.clone()),
        ("took", took()),
        ("host", Some(host.name.clone())),
        ("kernel", Some(host.kernel.clone())),
        ("CPU", Some(host.cpu_model.clone())),
        (
            "cores",
            Some(format!("{} allowed of {}", host.cores_allowed, host.cores)).filter(|_| host.cores > 0),
        ),
        ("memory", Some(format!("{} MB", count(host.memory_mb))).filter(|_| host.memory_mb > 0)),
        ("CPU governor", host.governor.clone()),
        ("benchscript", Some(run.tool_version.clone())),
        ("git", run.git.as_ref().map(|git| format!("{}{}", git.commit, dirty(git.dirty)))),
        ("script", Some(run.script.path.clone())),
        ("script sha256", Some(run.script.sha256.clone())),
        ("seed", Some(run.seed.to_string())),
    ];
    let imports =
        run.imports.iter().map(|import| ("import".to_owned(), format!("{} {}", import.path, import.sha256)));
    let known = rows.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    tables::pairs("environment", known.chain(imports).filter(|(_, value)| !value.is_empty()))
}

/// Which trial this is: where its files lie and what it ran against.
pub fn identity(trial: &StoredTrial) -> Table {
    let meta = &trial.meta;
    let rows = [
        ("folder", Some(meta.trial.clone())),
        ("status", Some(meta.status.word().to_owned())),
        ("service", Some(meta.service.clone())),
        ("endpoint", meta.endpoint.clone()),
        ("repetition", Some(meta.repetition.to_string())),
        ("attempt", Some(meta.attempt.to_string())),
        ("seed", Some(meta.seed.to_string())),
        ("started", Some(meta.started_at.clone())),
        ("ended", meta.ended_at.clone()),
        ("warm-up", Some(seconds(meta.warmup_s))),
        ("measured window", Some(seconds(meta.duration_s)).filter(|_| meta.duration_s > 0.0)),
    ];
    let known = rows.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let parameters =
        flat(&meta.parameters).into_iter().map(|(name, value)| (format!("parameter {name}"), value));
    tables::pairs("trial", known.chain(parameters).filter(|(_, value)| !value.is_empty()))
}

/// What the script started, in order: which version, with what settings, and how it ended.
pub fn started(run: &Run) -> Table {
    let table = Table::new("ready: from its start until it answered. Logs lie in the run's folder.");
    let table = table.words("service").words("version").words("endpoint").numbers("ready", "s");
    let mut table = table.words("ended").words("settings").words("log");
    for service in &run.services {
        // What was left to its default by the definition says nothing.
        let settings = flat(&service.settings).into_iter().filter(|(_, value)| value != "–");
        let settings = settings.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
        table.row(vec![
            service.name.as_str().into(),
            service.version.as_deref().unwrap_or_default().into(),
            service.endpoint.as_str().into(),
            figures(service.ready_s).into(),
            service.end.as_deref().unwrap_or_default().into(),
            settings.into(),
            service.log.as_str().into(),
        ]);
    }
    table
}

pub fn parameters(run: &Run) -> Table {
    tables::pairs("parameter", flat(&run.parameters).into_iter())
}

/// The command that does it again: with the seed, and with every parameter, since a default may change.
pub fn reproduce(run: &Run) -> String {
    let mut command = format!("benchscript run {} --seed {}", quoted(&run.script.path), run.seed);
    for (name, value) in &run.parameters {
        // As `-p` reads it: a text as it is, anything else as JSON.
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        command += &format!(" -p {}", quoted(&format!("{name}={value}")));
    }
    command
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// What the numbers mean, and what limits them.
pub fn footnotes(run: &StoredRun) -> Vec<String> {
    let measured = || run.trials.iter().filter_map(|trial| trial.metrics.as_ref());
    let mut notes: Vec<String> = [
        "throughput = successful calls that ended in the measured window / length of the window; warm-up and drain lie outside it.",
        "response time = ended − due; service time = ended − started; start lag = started − due. In a closed loop due and started coincide.",
        "Failed calls never enter the latency of successful ones; failed = failed calls / all calls; a timeout counts as a failure at its limit.",
        "Percentiles come from merged histograms, never from averaged percentiles.",
    ]
    .map(str::to_owned)
    .into();
    let declared = &run.run.declared;
    if let Some(times) = declared.get("repetitions").and_then(serde_json::Value::as_u64) {
        let order =
            declared.get("order").and_then(serde_json::Value::as_str).unwrap_or_default().replace('_', " ");
        let often = if times == 1 { "once".to_owned() } else { format!("{times} times") };
        notes.push(format!(
            "Each point was measured {often}, in {order} order; all points of a repetition met the same requests (seed {}).",
            run.run.seed
        ));
        notes.push("Of the repetitions of a point the median is shown; a limit was held if it held in all of them; the capacity is the highest load below the first that broke one.".to_owned());
    }
    if measured().any(tables::has_guesses) {
        notes.push("~ marks a percentile with fewer than 10 samples beyond it.".to_owned());
    }
    let said = measured().flat_map(|metrics| &metrics.notes).chain(&run.run.notes);
    for note in said {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::sample;

    #[test]
    fn the_command_that_does_it_again_survives_a_shell() {
        let mut run = sample::empty().run;
        run.script.path = "my scenarios/it's.rhai".into();
        run.seed = 7;
        run.parameters.clear();
        for (name, value) in
            [("seconds", json!(4)), ("url", json!("http://h:1/?a=b")), ("steps", json!([1, 2]))]
        {
            run.parameters.insert(name.into(), value);
        }
        assert_eq!(
            reproduce(&run),
            r"benchscript run 'my scenarios/it'\''s.rhai' --seed 7 -p seconds=4 -p 'url=http://h:1/?a=b' -p 'steps=[1,2]'"
        );
    }
}
