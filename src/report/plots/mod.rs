//! The plots of a run, each as SVG and PNG; the SVG follows the reader's light or dark mode.

mod axis;
mod comparison;
mod draw;
mod figure;
mod palette;
mod percentiles;
mod raster;
mod resources;
mod series;
mod sweep;
mod time;

pub use palette::dark_css;

use plotters::prelude::SVGBackend;
use plotters_backend::DrawingErrorKind;

use axis::Scale;
use comparison::Rows;
use figure::Figure;
use raster::Raster;

use crate::error::{Error, Result};
use crate::measure::Verdict;
use crate::report::facts;
use crate::report::number::line;
use crate::results::{StoredRun, StoredTrial};

/// One picture.
#[derive(Debug, Clone)]
pub struct Plot {
    /// The file name without its ending.
    pub name: String,
    /// What it shows, for readers who do not see it.
    pub alt: String,
    size: (u32, u32),
    /// What lies inside the `<svg>` element.
    shapes: String,
    pub png: Vec<u8>,
}

/// All plots of a run.
pub struct Plots {
    /// Of the sweep of a declared scenario; else two for each service that has more than one trial.
    pub comparison: Vec<Plot>,
    /// Those of each trial, in the run's order; a trial without a measured second has none.
    pub trials: Vec<Vec<Plot>>,
}

impl Plots {
    pub fn draw(run: &StoredRun) -> Result<Self> {
        draw::load_font()?;
        let labels = facts::labels(run);
        let mut plots = Self { comparison: Vec::new(), trials: Vec::new() };
        let services = facts::services(run);
        let sweep = facts::sweep::of(run);
        if let Some(sweep) = &sweep {
            plots.sweep(sweep)?;
        }
        for service in services.iter().filter(|_| plots.comparison.is_empty()).collect::<Vec<_>>() {
            let of_service =
                run.trials.iter().zip(&labels).filter(|(trial, _)| trial.meta.service == *service);
            let (trials, labels): (Vec<_>, Vec<_>) =
                of_service.map(|(trial, label)| (trial, label.as_str())).unzip();
            if trials.len() < 2 {
                continue;
            }
            let (prefix, what) = match services.len() {
                1 => ("comparison".to_owned(), "all trials".to_owned()),
                _ => (
                    format!("comparison-{}", file_name(service)),
                    format!("all {} trials", line(service, 20)),
                ),
            };
            let rows = Rows { trials, labels, what };
            plots.comparison.push(plot(&format!("{prefix}-throughput"), &comparison::throughput(&rows))?);
            plots.comparison.push(plot(&format!("{prefix}-latency"), &comparison::latency(&rows))?);
        }
        for (trial, label) in run.trials.iter().zip(&labels) {
            let named = |what: &str| format!("{}-{what}", file_name(&trial.meta.trial));
            let mut drawn = Vec::new();
            if !trial.series.is_empty() {
                drawn.push(plot(&named("throughput"), &time::throughput(trial, label))?);
                drawn.push(plot(&named("latency"), &time::latency(trial, label))?);
            }
            if !trial.latency_curve.is_empty() {
                drawn.push(plot(&named("percentiles"), &percentiles::latency(trial, label))?);
            }
            for (what, figure) in
                [("cpu", resources::cpu(trial, label)), ("memory", resources::memory(trial, label))]
            {
                if let Some(figure) = figure {
                    drawn.push(plot(&named(what), &figure)?);
                }
            }
            plots.trials.push(drawn);
        }
        Ok(plots)
    }

    /// What changes with the parameters of a sweep that are numbers, and a map of two parameters.
    fn sweep(&mut self, sweep: &facts::sweep::Sweep) -> Result<()> {
        if let Some(axis) = sweep.load() {
            let name = file_name(axis);
            self.comparison.push(plot(&format!("sweep-{name}-throughput"), &sweep::throughput(sweep, axis))?);
            self.comparison.push(plot(&format!("sweep-{name}-latency"), &sweep::latency(sweep, axis))?);
        }
        if let [up, across] = sweep.axes[..] {
            let (up, across) = if sweep.load() == Some(up) { (across, up) } else { (up, across) };
            if let Some(map) = sweep::map(sweep, across, up) {
                self.comparison.push(plot("sweep-map", &map)?);
            }
        }
        Ok(())
    }

    pub fn all(&self) -> impl Iterator<Item = &Plot> {
        self.comparison.iter().chain(self.trials.iter().flatten())
    }
}

fn plot(name: &str, figure: &Figure) -> Result<Plot> {
    let size = (draw::WIDTH, figure.height);
    let mut text = String::new();
    draw::draw(figure, &mut SVGBackend::with_string(&mut text, size)).map_err(failed(name))?;
    let shapes =
        text.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</svg>")).map_or("", |(inner, _)| inner);
    let mut raster = Raster::new(size)?;
    draw::draw(figure, &mut raster).map_err(failed(name))?;
    let series: Vec<&str> =
        figure.series.iter().map(|series| series.name.as_str()).filter(|name| !name.is_empty()).collect();
    let rows = figure.y.scale() == Scale::Rows;
    let up = if rows { "one row a trial".to_owned() } else { format!("up: {}", figure.y.title) };
    let shown = if series.is_empty() { String::new() } else { format!("; shown: {}", series.join(", ")) };
    let alt = format!("{}; across: {}; {up}{shown}", figure.title, figure.x.title);
    let alt = line(&alt, 300);
    Ok(Plot { name: name.to_owned(), alt, size, shapes: shapes.to_owned(), png: raster.png()? })
}

/// Whose plot it is and what it shows. A trial whose numbers are not the service's own says so in every picture;
/// a long name is shortened, so that the rest fits.
fn title(trial: &StoredTrial, label: &str, what: &str) -> String {
    match trial.metrics.as_ref().map_or(Verdict::Valid, |metrics| metrics.validity.verdict) {
        Verdict::Valid => format!("{}: {what}", line(label, 48)),
        verdict => format!("{}: {what} ({})", line(label, 28), verdict.word()),
    }
}

/// The trial's folder name, with nothing in it that a path or a link could stumble over.
fn file_name(trial: &str) -> String {
    trial.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect()
}

fn failed<E: std::error::Error + Send + Sync + 'static>(
    name: &str,
) -> impl FnOnce(DrawingErrorKind<E>) -> Error {
    move |error| Error::io(format!("drawing plot `{name}` failed")).because(&error)
}

impl Plot {
    /// For a file of its own.
    pub fn svg(&self) -> String {
        let (width, height) = self.size;
        let size = format!(" width=\"{width}\" height=\"{height}\"");
        self.element(&size, &format!("<style>{}</style>\n", dark_css()))
    }

    /// For inside a page, whose style sheet has [`dark_css`].
    pub fn inline(&self) -> String {
        self.element("", "")
    }

    fn element(&self, attributes: &str, first: &str) -> String {
        let (width, height) = self.size;
        let alt = escape(&self.alt);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {width} {height}\"{attributes} \
             role=\"img\" aria-label=\"{alt}\">\n{first}{}</svg>\n",
            self.shapes
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn odd_numbers_are_drawn_without_a_panic() {
        let plots = Plots::draw(&sample::odd()).expect("drawn");
        assert_eq!(plots.comparison.len(), 2);
        for plot in plots.all() {
            let svg = plot.svg();
            assert!(plot.png.starts_with(b"\x89PNG"), "{}", plot.name);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", plot.name);
            assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        }
    }

    #[test]
    fn a_sweep_is_drawn_by_its_load_and_as_a_map() {
        let plots = Plots::draw(&sample::swept()).expect("drawn");
        let names: Vec<&str> = plots.comparison.iter().map(|plot| plot.name.as_str()).collect();
        assert_eq!(names, ["sweep-users-throughput", "sweep-users-latency", "sweep-map"]);
        assert!(
            plots.comparison[0].alt.contains("shown: size=small, size=large"),
            "{}",
            plots.comparison[0].alt
        );
        // One field for each point, with its number in it.
        assert!(plots.comparison[2].shapes.matches("<rect").count() >= 8);
    }

    #[test]
    fn services_are_not_compared_with_each_other() {
        let plots = Plots::draw(&sample::two_services()).expect("drawn");
        let names: Vec<&str> = plots.comparison.iter().map(|plot| plot.name.as_str()).collect();
        assert_eq!(names, ["comparison-http-throughput", "comparison-http-latency"]);
        assert!(
            plots.comparison[0].alt.starts_with("throughput of all http trials"),
            "{}",
            plots.comparison[0].alt
        );
        assert!(!plots.comparison[0].shapes.contains("randrw"));
    }

    #[test]
    fn a_trial_without_seconds_has_no_plots() {
        let plots = Plots::draw(&sample::interrupted()).expect("drawn");
        assert_eq!(plots.trials.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 0]);
        assert!(plots.comparison[0].shapes.contains("not measured"));
        assert!(Plots::draw(&sample::empty()).expect("drawn").all().next().is_none());
    }

    #[test]
    fn every_axis_has_a_title_and_names_stay_text() {
        let plots = Plots::draw(&sample::hostile("<b>\u{1}")).expect("drawn");
        for plot in plots.all() {
            let svg = plot.svg();
            assert!(!svg.contains("<b>") && !svg.contains('\u{1}'), "{}", plot.name);
        }
        let throughput = &plots.trials[0][0];
        assert!(throughput.shapes.contains("time since the start of the load (s)"));
        assert!(throughput.alt.contains("throughput over time"), "{}", throughput.alt);
    }

    #[test]
    fn dark_paper_has_its_own_colours() {
        let plots = Plots::draw(&sample::storage()).expect("drawn");
        let svg = plots.trials[0][0].svg();
        assert!(svg.contains("prefers-color-scheme: dark"));
        assert!(svg.contains("throughput (MB/s)"));
        assert!(!svg.contains("#FFFFFF"), "an SVG has no paper of its own");
    }
}
