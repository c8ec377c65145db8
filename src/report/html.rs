//! `index.html`: the whole report in one file that needs no network.

use minijinja::{Environment, Value, context, value::Serde};
use serde::Serialize;

use super::facts;
use super::plots::{Plot, Plots, dark_css};
use super::table::{Table, Tone};
use crate::error::{Error, Result};
use crate::results::schema::{Run, Status};
use crate::results::{StoredRun, StoredTrial};

// Names end in `.html`, so that everything put into them is escaped.
const PAGE: (&str, &str) = ("index.html", include_str!("index.html.j2"));
const TABLE: (&str, &str) = ("table.html", include_str!("table.html.j2"));
const STYLE: &str = include_str!("style.css");

/// What the page's template sees. Tables are rendered before; they are empty strings without rows.
#[derive(Serialize)]
struct Page<'a> {
    style: Value,
    title: &'a str,
    status: &'static str,
    run: &'a Run,
    banner: Option<Said>,
    checks: Option<Said>,
    check_table: Value,
    headline: Vec<facts::Fact>,
    points: Value,
    trials: Value,
    warnings: Vec<String>,
    comparison: Vec<Value>,
    storage: Value,
    resources: Value,
    metrics: Value,
    failures: Value,
    sections: Vec<Section>,
    services: Value,
    environment: Value,
    parameters: Value,
    reproduce: String,
    footnotes: Vec<String>,
}

/// A sentence and what it means.
#[derive(Serialize)]
struct Said {
    tone: Tone,
    text: String,
}

impl Said {
    fn new((tone, text): (Tone, String)) -> Self {
        Self { tone, text }
    }
}

/// One titled table of a trial's section.
#[derive(Serialize)]
struct Block {
    title: &'static str,
    table: Value,
}

/// A trial's section.
#[derive(Serialize)]
struct Section {
    id: String,
    label: String,
    status: &'static str,
    done: bool,
    warnings: Vec<String>,
    plots: Vec<Value>,
    blocks: Vec<Block>,
}

pub fn page(run: &StoredRun, plots: &Plots) -> Result<String> {
    let failed = |error: minijinja::Error| {
        Error::io(format!("writing `index.html` of run `{}` failed", run.run.run_id)).because(&error)
    };
    render(run, plots).map_err(failed)
}

fn render(run: &StoredRun, plots: &Plots) -> Result<String, minijinja::Error> {
    let mut templates = Environment::new();
    templates.add_template(PAGE.0, PAGE.1)?;
    templates.add_template(TABLE.0, TABLE.1)?;
    let table = |table: &Table| html(&templates, table);
    let facts = &run.run;
    let labels = facts::labels(run);
    let measured = || {
        let named = labels.iter().zip(&run.trials);
        named.filter_map(|(label, trial)| Some((label.as_str(), trial.metrics.as_ref()?)))
    };
    let sections = run.trials.iter().zip(&labels).zip(&plots.trials);
    let sections: Vec<Section> = sections
        .map(|((trial, label), plots)| section(&templates, trial, label, plots))
        .collect::<Result<_, _>>()?;
    let page = Page {
        style: Value::from_safe_string(format!("{STYLE}\n{}", dark_css())),
        title: facts::title(facts),
        status: facts.status.word(),
        run: facts,
        banner: facts::banner(run).map(Said::new),
        checks: facts::check_count(facts).map(Said::new),
        check_table: table(&facts::checks(facts))?,
        headline: facts::headline(run),
        points: table(&facts::sweep::points(run))?,
        trials: table(&facts::trials(run))?,
        warnings: facts::warnings(run),
        comparison: pictures(&plots.comparison),
        storage: table(&facts::storage(measured()))?,
        resources: table(&facts::resources(measured()))?,
        metrics: table(&facts::metrics(&run.run))?,
        failures: table(&facts::failures(measured(), run.trials.len() > 1))?,
        sections,
        services: table(&facts::started(facts))?,
        environment: table(&facts::environment(facts))?,
        parameters: table(&facts::parameters(facts))?,
        reproduce: facts::reproduce(facts),
        footnotes: facts::footnotes(run),
    };
    templates.get_template(PAGE.0)?.render(Serde(&page))
}

fn section(
    templates: &Environment,
    trial: &StoredTrial,
    label: &str,
    plots: &[Plot],
) -> Result<Section, minijinja::Error> {
    let mut tables = Vec::new();
    if let Some(metrics) = &trial.metrics {
        tables.push(("Times", facts::timing(&metrics.total)));
        if metrics.operations.len() > 1 {
            tables.push(("Operations", facts::operations(metrics)));
        }
        tables.push(("Failures", facts::failures([(label, metrics)].into_iter(), false)));
        tables.push(("Storage", facts::storage([(label, metrics)].into_iter())));
        tables.push(("Further figures", facts::extras(metrics)));
        tables.push(("Server", facts::server(metrics)));
        tables.push(("Resources", facts::quantities(metrics)));
        tables.push(("Configuration", facts::config(metrics)));
    }
    tables.push(("Trial", facts::identity(trial)));
    let blocks = tables.into_iter().filter(|(_, table)| !table.is_empty());
    let blocks = blocks.map(|(title, table)| Ok(Block { title, table: html(templates, &table)? }));
    Ok(Section {
        id: trial.meta.trial.clone(),
        label: label.to_owned(),
        status: trial.meta.status.word(),
        done: trial.meta.status == Status::Done,
        warnings: facts::warnings_of(trial),
        plots: pictures(plots),
        blocks: blocks.collect::<Result<_, minijinja::Error>>()?,
    })
}

/// A table as HTML; an empty string without rows.
fn html(templates: &Environment, table: &Table) -> Result<Value, minijinja::Error> {
    if table.is_empty() {
        return Ok(Value::from(""));
    }
    let text = templates.get_template(TABLE.0)?.render(context! { table => Serde(table) })?;
    Ok(Value::from_safe_string(text))
}

fn pictures(plots: &[Plot]) -> Vec<Value> {
    plots.iter().map(|plot| Value::from_safe_string(plot.inline())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn text(run: &StoredRun) -> String {
        page(run, &Plots::draw(run).expect("drawn")).expect("rendered")
    }

    #[test]
    fn everything_from_outside_is_escaped() {
        let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
        let text = text(&sample::hostile(hostile));
        assert!(!text.contains("<script"), "a script got through");
        assert!(!text.contains("<img"), "an image got through");
        assert!(text.contains("&lt;script&gt;"));
        assert!(!text.contains("onerror=alert(1)>"));
    }

    #[test]
    fn needs_no_network() {
        let text = text(&sample::ladder()).replace("http://www.w3.org/2000/svg", "");
        for word in ["src=\"http", "href=\"http", "url(", "@import", "<script", "<link"] {
            assert!(!text.contains(word), "`{word}` found");
        }
    }

    #[test]
    fn an_interrupted_run_says_so_before_its_numbers() {
        let text = text(&sample::interrupted());
        let banner = text.find("this run was interrupted").expect("a banner");
        assert!(banner < text.find("<table").expect("a table"));
    }

    #[test]
    fn a_run_without_trials_is_a_page() {
        assert!(text(&sample::empty()).contains("</html>"));
    }
}
