//! `benchscript doctor`: what is wrong with this machine for benchmarking, and how to mend it.

mod cpu;
mod kernel;
mod network;
mod programs;
mod storage;
mod timer;

use std::{fs, io};

use clap::Args;
use serde::Serialize;

use super::{Ending, Out, Outcome, output};
use crate::report::{Cell, Table, Tone};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript doctor\n  benchscript doctor --out /scratch/me\n  benchscript doctor --json\n\nThe exit code is 3 if something is bad, else 0."
)]
pub struct Doctor {
    #[command(flatten)]
    out: Out,

    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// Numbers may be worse, or vary more, than they need to.
    Warn,
    /// Numbers would be wrong, or loads fail.
    Bad,
}

/// What one look at the machine brought.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    found: String,
    verdict: Verdict,
    /// A sentence with the command to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    what_to_do: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, found: found.into(), verdict: Verdict::Ok, what_to_do: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { check, found: found.into(), verdict: Verdict::Warn, what_to_do: Some(what_to_do.into()) }
    }

    fn bad(check: &'static str, found: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, ..Self::warn(check, found, what_to_do) }
    }
}

impl Doctor {
    pub fn execute(self) -> Outcome {
        let mut findings = cpu::look();
        findings.push(timer::look());
        findings.extend(kernel::look());
        findings.extend(network::look());
        findings.extend(storage::look(&self.out.out));
        findings.extend(programs::look());
        let worst = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
        if self.json {
            let shown = serde_json::json!({ "schema": 1, "verdict": worst, "findings": findings });
            output::line(&format!("{shown:#}"));
        } else {
            output::print(&text(&findings, output::colored(&io::stdout())));
        }
        Ok(if worst == Verdict::Bad { Ending::Missed } else { Ending::Done })
    }
}

/// The table, then the advice: its sentences are too long for a column.
fn text(findings: &[Finding], color: bool) -> String {
    let mut table = Table::new("").words("check").words("found").words("verdict");
    for finding in findings {
        let verdict = match finding.verdict {
            Verdict::Ok => Cell::toned("ok", Tone::Good),
            Verdict::Warn => Cell::toned("warn", Tone::Warn),
            Verdict::Bad => Cell::toned("bad", Tone::Bad),
        };
        table.row(vec![finding.check.into(), finding.found.clone().into(), verdict]);
    }
    let mut text = table.text(color);
    let advice = |verdict: Verdict| {
        let wanted = findings.iter().filter(move |finding| finding.verdict == verdict);
        wanted.filter_map(|finding| Some(format!("  {}: {}\n", finding.check, finding.what_to_do.as_ref()?)))
    };
    // What makes numbers wrong comes first.
    let advice: String = advice(Verdict::Bad).chain(advice(Verdict::Warn)).collect();
    if advice.is_empty() {
        text += "\nnothing to mend\n";
    } else {
        text += &format!("\nwhat to do:\n{advice}");
    }
    text
}

/// The content of a file of the kernel; none if it is not there.
fn kernel_file(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bad_is_advised_first() {
        let findings = [
            Finding::ok("cores", "8"),
            Finding::warn("governor", "powersave", "do this"),
            Finding::bad("space", "none", "do that"),
        ];
        let text = text(&findings, false);
        assert!(text.contains("governor  powersave  warn"), "{text}");
        assert!(text.ends_with("what to do:\n  space: do that\n  governor: do this\n"), "{text}");
    }
}
