//! `report.md`: the same answer and tables as the terminal, with the setting, the method and links to the plots.

use super::facts;
use super::plots::Plot;
use super::table::{Table, escape_markdown};
use crate::results::StoredRun;

/// The page. `plots` holds the comparison first, then each trial's.
pub fn page(run: &StoredRun, plots: &super::Plots) -> String {
    let facts = &run.run;
    let mut out = format!("# {}\n\n", escape_markdown(facts::title(facts)));
    out += &format!("{} · {}\n\n", escape_markdown(&facts.scenario), facts.status.word());
    for (what, said) in [("Why", &facts.why), ("This run", &facts.note)] {
        if let Some(said) = said {
            out += &format!("{what}: {}\n\n", escape_markdown(said));
        }
    }
    if let Some((_, banner)) = facts::banner(run) {
        out += &format!("> **Note:** {}\n\n", escape_markdown(&banner));
    }
    for fact in facts::headline(run) {
        let of = if fact.of.is_empty() { String::new() } else { format!(" ({})", escape_markdown(&fact.of)) };
        out += &format!("- {}: **{}**{}\n", fact.name, escape_markdown(&fact.value), of);
    }
    out.push('\n');
    if let Some((_, sum)) = facts::check_count(facts) {
        section(&mut out, "## Checks", &facts::checks(facts), &format!("{sum}\n\n"));
    }
    section(&mut out, "## Points", &facts::sweep::points(run), "");
    section(&mut out, "## Trials", &facts::trials(run), "");
    links(&mut out, &plots.comparison);

    let labels = facts::labels(run);
    let measured = || {
        let named = labels.iter().zip(&run.trials);
        named.filter_map(|(label, trial)| Some((label.as_str(), trial.metrics.as_ref()?)))
    };
    section(&mut out, "## Storage", &facts::storage(measured()), "");
    section(&mut out, "## Resources", &facts::resources(measured()), "");
    section(&mut out, "## Failures", &facts::failures(measured(), true), "");
    section(&mut out, "## Metrics of the script", &facts::metrics(&run.run), "");
    let warnings = facts::warnings(run);
    if !warnings.is_empty() {
        out += "## Warnings\n\n";
        warnings.iter().for_each(|warning| out += &format!("- {}\n", escape_markdown(warning)));
        out.push('\n');
    }
    for ((trial, label), plots) in run.trials.iter().zip(&labels).zip(&plots.trials) {
        out += &format!("## {}\n\n", escape_markdown(label));
        links(&mut out, plots);
        if let Some(metrics) = &trial.metrics {
            section(&mut out, "", &facts::timing(&metrics.total), "");
            if metrics.operations.len() > 1 {
                section(&mut out, "", &facts::operations(metrics), "");
            }
            section(&mut out, "", &facts::extras(metrics), "");
            section(&mut out, "", &facts::server(metrics), "");
            section(&mut out, "", &facts::config(metrics), "");
        }
    }
    section(&mut out, "## Services", &facts::started(facts), "");
    section(&mut out, "## Environment", &facts::environment(facts), "");
    section(&mut out, "## Parameters", &facts::parameters(facts), "");
    out += &format!("Do it again: `{}`\n\n## Method\n\n", facts::reproduce(facts).replace('`', ""));
    facts::footnotes(run).iter().for_each(|note| out += &format!("- {}\n", escape_markdown(note)));
    out
}

fn section(out: &mut String, heading: &str, table: &Table, lead: &str) {
    if table.is_empty() {
        return;
    }
    if !heading.is_empty() {
        *out += &format!("{heading}\n\n");
    }
    *out += &format!("{lead}{}\n", table.markdown());
}

fn links(out: &mut String, plots: &[Plot]) {
    for plot in plots {
        *out += &format!("![{}](plots/{}.svg)\n\n", escape_markdown(&plot.alt), plot.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Plots, sample};

    #[test]
    fn a_run_of_several_trials() {
        let run = sample::ladder();
        let plots = Plots::draw(&run).expect("drawn");
        sample::snapshot("report-run.md", &page(&run, &plots));
    }

    #[test]
    fn what_was_started_is_told_with_its_version_and_settings() {
        let run = sample::two_services();
        let page = page(&run, &Plots { comparison: Vec::new(), trials: vec![Vec::new(); 3] });
        let row = page.lines().find(|line| line.starts_with("| web |")).expect("a row of the service");
        assert!(row.contains("web 2.1") && row.contains("1.25") && row.contains("stopped"), "{row}");
        assert!(row.contains("port=8080 workers=4 |"), "{row}");
    }

    #[test]
    fn hostile_names_stay_text() {
        let mut run = sample::mixed();
        run.run.question = Some("<script>alert(1)</script> | `x`".into());
        let text = page(&run, &Plots { comparison: Vec::new(), trials: vec![Vec::new()] });
        assert!(!text.contains("<script"), "{text}");
    }
}
