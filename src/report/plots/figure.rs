//! A figure before it is drawn: axes, series, shaded spans. Both the SVG and the PNG come from it.

use super::axis::Axis;

/// Colours by what they mean; `palette` says how they look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Text and frames.
    Ink,
    /// Text that matters less.
    Faint,
    Grid,
    /// One of the series, from 0.
    Series(usize),
    /// Failures.
    Bad,
}

/// A shape beside the colour, so that colour is never the only signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    Circle,
    Square,
    Diamond,
    Triangle,
}

pub const MARKERS: [Marker; 4] = [Marker::Circle, Marker::Square, Marker::Diamond, Marker::Triangle];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A line through the points with a few markers on it.
    Line(Marker),
    /// A dashed line without markers: what was asked for, not what was measured.
    Dashed,
    /// A marker at each point.
    Dots(Marker),
    /// A bar from the left edge to each point; `y` is its row.
    Bars,
    /// A thin line from each point to the next, two by two.
    Links,
}

#[derive(Debug, Clone)]
pub struct Series {
    /// Stands in the legend; empty for none.
    pub name: String,
    pub colour: Colour,
    pub style: Style,
    /// Unbroken stretches of points.
    pub parts: Vec<Vec<(f64, f64)>>,
}

/// A shaded span of the x axis and what it means.
#[derive(Debug, Clone)]
pub struct Band {
    pub from: f64,
    pub to: f64,
    pub label: String,
}

#[derive(Debug, Clone)]
pub struct Figure {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
    pub bands: Vec<Band>,
    /// Fields of a map: column and row from 0, how much of the colour (0 to 1), and the text in it.
    pub cells: Vec<(f64, f64, f64, String)>,
    /// Text right of a point.
    pub notes: Vec<(f64, f64, String)>,
    /// In pixels; the width is always the same.
    pub height: u32,
}

impl Figure {
    pub fn new(title: String, x: Axis, y: Axis) -> Self {
        Self {
            title,
            x,
            y,
            series: Vec::new(),
            bands: Vec::new(),
            cells: Vec::new(),
            notes: Vec::new(),
            height: 900,
        }
    }

    pub fn line(&mut self, name: impl Into<String>, colour: Colour, style: Style, points: Vec<(f64, f64)>) {
        self.lines(name, colour, style, vec![points]);
    }

    pub fn lines(
        &mut self,
        name: impl Into<String>,
        colour: Colour,
        style: Style,
        parts: Vec<Vec<(f64, f64)>>,
    ) {
        self.series.push(Series { name: name.into(), colour, style, parts });
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.series.iter().all(|series| series.parts.iter().all(Vec::is_empty))
    }
}
