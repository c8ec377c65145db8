//! Draws a figure: the same layout on any plotters backend, so that SVG and PNG are the same picture.

use plotters::prelude::{Color, FontStyle, ShapeStyle, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{IntoFont, register_font};
use plotters_backend::{BackendTextStyle, DrawingBackend, DrawingErrorKind};

use super::axis::Scale;
use super::figure::{Colour, Figure, Marker, Series, Style};
use super::palette::on_light;
use crate::error::{Error, Result};
use crate::report::number::line;

pub const WIDTH: u32 = 1600;
const EDGE: i32 = 32;
const TITLE: f64 = 40.0;
const LABEL: f64 = 32.0;
/// The name both of the font that measures and paints, and of what a browser takes for an SVG.
const FONT: &str = "sans-serif";
/// Pixels between two markers of a line.
const MARKER_GAP: f64 = 150.0;

type Drawn<E> = std::result::Result<(), DrawingErrorKind<E>>;

/// Bare machines have no fonts: plots bring their own.
pub fn load_font() -> Result<()> {
    let fonts = [(FontStyle::Normal, dejavu::sans::regular()), (FontStyle::Bold, dejavu::sans::bold())];
    fonts.into_iter().try_for_each(|(style, bytes)| register_font(FONT, style, bytes)).map_err(|_| no_font())
}

pub fn no_font() -> Error {
    Error::io("the font built into benchscript could not be read; plots cannot be drawn")
}

/// The part of the picture between the axes, in pixels.
struct Frame {
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

pub fn draw<DB: DrawingBackend>(figure: &Figure, to: &mut DB) -> Drawn<DB::ErrorType> {
    let mut pen = Pen { to };
    let top = pen.heading(figure)?;
    let rows = figure.y.scale() == Scale::Rows;
    let labels = figure.y.ticks.iter().map(|(_, label)| pen.width(label)).max().unwrap_or(0);
    let last = figure.x.ticks.last().map_or(0, |(_, label)| pen.width(label) / 2);
    let bands = if figure.bands.is_empty() { 0 } else { 44 };
    let frame = Frame {
        left: EDGE + labels + 16,
        right: WIDTH as i32 - EDGE - last.max(8),
        top: top + 64 + bands,
        bottom: figure.height as i32 - EDGE - 92,
    };
    pen.text(&figure.y.title, (EDGE, top + 14), (HPos::Left, VPos::Top), Colour::Faint)?;
    pen.bands(figure, &frame)?;
    pen.x_axis(figure, &frame)?;
    pen.y_axis(figure, &frame, rows)?;
    pen.cells(figure, &frame)?;
    for series in &figure.series {
        pen.series(series, figure, &frame)?;
    }
    for (x, y, note) in &figure.notes {
        let (x, y) = frame.at(figure, (*x, *y));
        pen.text(note, (x + 24, y), (HPos::Left, VPos::Center), Colour::Ink)?;
    }
    if figure.is_empty() {
        let middle = ((frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2);
        pen.text("nothing was measured", middle, (HPos::Center, VPos::Center), Colour::Faint)?;
    }
    pen.to.present()
}

impl Frame {
    fn x(&self, figure: &Figure, value: f64) -> i32 {
        self.left + (figure.x.place(value) * f64::from(self.right - self.left)).round() as i32
    }

    fn y(&self, figure: &Figure, value: f64) -> i32 {
        self.bottom - (figure.y.place(value) * f64::from(self.bottom - self.top)).round() as i32
    }

    fn at(&self, figure: &Figure, (x, y): (f64, f64)) -> (i32, i32) {
        (self.x(figure, x), self.y(figure, y))
    }
}

/// Draws single things in this file's sizes.
struct Pen<'a, DB> {
    to: &'a mut DB,
}

impl<DB: DrawingBackend> Pen<'_, DB> {
    fn style(size: f64, bold: bool) -> TextStyle<'static> {
        let font = (FONT, size).into_font();
        (if bold { font.style(FontStyle::Bold) } else { font }).into()
    }

    fn width(&self, text: &str) -> i32 {
        Self::style(LABEL, false).layout_box(text).map_or(0, |((left, _), (right, _))| right - left)
    }

    fn text(
        &mut self,
        text: &str,
        at: (i32, i32),
        (h, v): (HPos, VPos),
        colour: Colour,
    ) -> Drawn<DB::ErrorType> {
        let colour = on_light(colour);
        let style = Self::style(LABEL, false).pos(Pos::new(h, v)).color(&colour);
        // Names and units come from outside: a control character would break the SVG.
        self.to.draw_text(&line(text, 200), &style, at)
    }

    fn line(&mut self, from: (i32, i32), to: (i32, i32), colour: Colour, width: u32) -> Drawn<DB::ErrorType> {
        self.to.draw_line(from, to, &stroke(colour, width))
    }

    /// The title and below it the legend; returns where the rest begins.
    fn heading(&mut self, figure: &Figure) -> std::result::Result<i32, DrawingErrorKind<DB::ErrorType>> {
        let ink = on_light(Colour::Ink);
        let style = Self::style(TITLE, true).pos(Pos::new(HPos::Left, VPos::Top)).color(&ink);
        self.to.draw_text(&line(&figure.title, 72), &style, (EDGE, EDGE - 8))?;
        let named: Vec<&Series> = figure.series.iter().filter(|series| !series.name.is_empty()).collect();
        let (mut x, mut y) = (EDGE, EDGE + 74);
        if named.is_empty() {
            return Ok(EDGE + 52);
        }
        for series in named {
            let name = line(&series.name, 48);
            let width = 84 + self.width(&name) + 44;
            if x > EDGE && x + width > WIDTH as i32 {
                (x, y) = (EDGE, y + 48);
            }
            self.sample(series, (x, y))?;
            self.text(&name, (x + 84, y), (HPos::Left, VPos::Center), Colour::Ink)?;
            x += width;
        }
        Ok(y + 28)
    }

    /// What a series looks like, 70 pixels wide.
    fn sample(&mut self, series: &Series, (x, y): (i32, i32)) -> Drawn<DB::ErrorType> {
        match series.style {
            Style::Bars => {
                self.to.draw_rect((x, y - 12), (x + 70, y + 12), &stroke(series.colour, 1).filled(), true)
            }
            Style::Dots(marker) => self.marker((x + 35, y), marker, series.colour),
            Style::Dashed => self.dashes(&[(x, y), (x + 70, y)], series.colour),
            Style::Line(marker) => {
                self.line((x, y), (x + 70, y), series.colour, 5)?;
                self.marker((x + 35, y), marker, series.colour)
            }
            Style::Links => self.line((x, y), (x + 70, y), series.colour, 4),
        }
    }

    fn bands(&mut self, figure: &Figure, frame: &Frame) -> Drawn<DB::ErrorType> {
        let mut free = frame.left;
        for band in &figure.bands {
            let (from, to) = (frame.x(figure, band.from), frame.x(figure, band.to));
            let shade =
                ShapeStyle { color: on_light(Colour::Faint).mix(0.16), filled: true, stroke_width: 1 };
            self.to.draw_rect((from, frame.top), (to.max(from + 2), frame.bottom), &shade, true)?;
            // A narrow band's label may be wider than the band: it is kept inside the picture and off its neighbour.
            let width = self.width(&band.label);
            let left = ((from + to - width) / 2).min(frame.right - width).max(free);
            if left + width <= frame.right {
                self.text(&band.label, (left, frame.top - 8), (HPos::Left, VPos::Bottom), Colour::Faint)?;
                free = left + width + 24;
            }
        }
        Ok(())
    }

    fn x_axis(&mut self, figure: &Figure, frame: &Frame) -> Drawn<DB::ErrorType> {
        let mut free = i32::MIN;
        for (value, label) in &figure.x.ticks {
            let (x, half) = (frame.x(figure, *value), self.width(label) / 2);
            self.line((x, frame.top), (x, frame.bottom), Colour::Grid, 2)?;
            if x - half > free {
                self.text(label, (x, frame.bottom + 12), (HPos::Center, VPos::Top), Colour::Ink)?;
                free = x + half + 16;
            }
        }
        let title = ((frame.left + frame.right) / 2, frame.bottom + 60);
        self.text(&figure.x.title, title, (HPos::Center, VPos::Top), Colour::Faint)
    }

    fn y_axis(&mut self, figure: &Figure, frame: &Frame, rows: bool) -> Drawn<DB::ErrorType> {
        for (value, label) in &figure.y.ticks {
            let y = frame.y(figure, *value);
            if !rows {
                self.line((frame.left, y), (frame.right, y), Colour::Grid, 2)?;
            }
            self.text(label, (frame.left - 14, y), (HPos::Right, VPos::Center), Colour::Ink)?;
        }
        self.line((frame.left, frame.bottom), (frame.right, frame.bottom), Colour::Ink, 2)?;
        self.line((frame.left, frame.top), (frame.left, frame.bottom), Colour::Ink, 2)
    }

    fn cells(&mut self, figure: &Figure, frame: &Frame) -> Drawn<DB::ErrorType> {
        for (column, row, share, text) in &figure.cells {
            let (left, top) = frame.at(figure, (*column, *row));
            let (right, bottom) = frame.at(figure, (column + 1.0, row + 1.0));
            // Never so dark that the text on it cannot be read.
            let color = on_light(Colour::Series(0)).mix(0.06 + 0.54 * share);
            let shade = ShapeStyle { color, filled: true, stroke_width: 1 };
            self.to.draw_rect((left + 2, top + 2), (right - 2, bottom - 2), &shade, true)?;
            let middle = ((left + right) / 2, (top + bottom) / 2);
            self.text(text, middle, (HPos::Center, VPos::Center), Colour::Ink)?;
        }
        Ok(())
    }

    fn series(&mut self, series: &Series, figure: &Figure, frame: &Frame) -> Drawn<DB::ErrorType> {
        for part in &series.parts {
            let mut points: Vec<(i32, i32)> = part.iter().map(|point| frame.at(figure, *point)).collect();
            points.dedup();
            match series.style {
                Style::Bars => {
                    let row = f64::from(frame.bottom - frame.top) / figure.y.ticks.len().max(1) as f64;
                    let half = (row * 0.32).clamp(2.0, 32.0) as i32;
                    for (x, y) in points {
                        let style = stroke(series.colour, 1).filled();
                        self.to.draw_rect(
                            (frame.left, y - half),
                            (x.max(frame.left + 1), y + half),
                            &style,
                            true,
                        )?;
                    }
                }
                Style::Dots(marker) => {
                    points.into_iter().try_for_each(|point| self.marker(point, marker, series.colour))?
                }
                Style::Dashed => self.dashes(&points, series.colour)?,
                Style::Links => points
                    .chunks(2)
                    .try_for_each(|pair| self.to.draw_path(pair.to_vec(), &stroke(series.colour, 4)))?,
                Style::Line(marker) => {
                    if points.len() > 1 {
                        self.to.draw_path(points.clone(), &stroke(series.colour, 4))?;
                    }
                    let mut next = f64::NEG_INFINITY;
                    for point in points {
                        if f64::from(point.0) >= next {
                            self.marker(point, marker, series.colour)?;
                            next = f64::from(point.0) + MARKER_GAP;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn dashes(&mut self, points: &[(i32, i32)], colour: Colour) -> Drawn<DB::ErrorType> {
        const DASH: f64 = 18.0;
        const GAP: f64 = 12.0;
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let (dx, dy) = (f64::from(x1 - x0), f64::from(y1 - y0));
            let length = dx.hypot(dy);
            let at = |along: f64| {
                let share = (along / length).min(1.0);
                (x0 + (dx * share).round() as i32, y0 + (dy * share).round() as i32)
            };
            let mut along = 0.0;
            while along < length {
                self.line(at(along), at(along + DASH), colour, 4)?;
                along += DASH + GAP;
            }
        }
        Ok(())
    }

    fn marker(&mut self, (x, y): (i32, i32), marker: Marker, colour: Colour) -> Drawn<DB::ErrorType> {
        let fill = stroke(colour, 1).filled();
        match marker {
            Marker::Circle => self.to.draw_circle((x, y), 10, &fill, true),
            Marker::Square => self.to.draw_rect((x - 9, y - 9), (x + 9, y + 9), &fill, true),
            Marker::Diamond => {
                self.to.fill_polygon([(x, y - 13), (x + 13, y), (x, y + 13), (x - 13, y)], &fill)
            }
            Marker::Triangle => self.to.fill_polygon([(x, y - 12), (x + 12, y + 9), (x - 12, y + 9)], &fill),
        }
    }
}

fn stroke(colour: Colour, width: u32) -> ShapeStyle {
    ShapeStyle { color: on_light(colour).to_rgba(), filled: false, stroke_width: width }
}
