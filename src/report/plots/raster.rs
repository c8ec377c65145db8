//! A plotters backend that paints smooth lines into an RGB image and hands it over as PNG bytes.
//!
//! The backend that comes with plotters has jagged edges, spikes where a thick line turns, and writes files itself.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
};

use crate::error::{Error, Result};

/// The SVG backend writes sizes divided by this.
const SVG_EM: f64 = 1.24;
/// DejaVu's x-height in em: SVG text is centred on half of it.
const EX: f64 = 0.547;

pub struct Raster {
    size: (u32, u32),
    /// Rows of red, green, blue from the top.
    pixels: Vec<u8>,
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

/// Nothing can go wrong while painting into memory.
type Painted = std::result::Result<(), DrawingErrorKind<std::convert::Infallible>>;

impl Raster {
    /// White paper.
    pub fn new(size: (u32, u32)) -> Result<Self> {
        let font =
            |bytes| FontRef::try_from_slice(bytes).map_err(|error| super::draw::no_font().because(&error));
        Ok(Self {
            size,
            pixels: vec![0xFF; size.0 as usize * size.1 as usize * 3],
            regular: font(dejavu::sans::regular())?,
            bold: font(dejavu::sans::bold())?,
        })
    }

    /// A line with round ends; of no length, a disc.
    fn stroke(&mut self, from: BackendCoord, to: BackendCoord, width: f64, color: BackendColor) {
        let reach = width / 2.0 + 1.0;
        let outside = (width / 2.0 + 0.5).powi(2);
        let ((x0, y0), (x1, y1)) =
            ((f64::from(from.0), f64::from(from.1)), (f64::from(to.0), f64::from(to.1)));
        let (dx, dy) = (x1 - x0, y1 - y0);
        let length = dx * dx + dy * dy;
        let per_length = if length > 0.0 { 1.0 / length } else { 0.0 };
        for y in (y0.min(y1) - reach) as i32..=(y0.max(y1) + reach) as i32 {
            // Only what is near the line where it crosses this row; the box around a long line is mostly empty.
            let (mut left, mut right) = (x0.min(x1) - reach, x0.max(x1) + reach);
            if dy != 0.0 {
                let crosses = x0 + (f64::from(y) - y0) * dx / dy;
                let near = reach * length.sqrt() / dy.abs();
                (left, right) = (left.max(crosses - near), right.min(crosses + near));
            }
            for x in left as i32..=right as i32 {
                let (px, py) = (f64::from(x) - x0, f64::from(y) - y0);
                let along = ((px * dx + py * dy) * per_length).clamp(0.0, 1.0);
                let (away_x, away_y) = (px - along * dx, py - along * dy);
                let away = away_x * away_x + away_y * away_y;
                // Most of what is looked at is not touched.
                if away < outside {
                    self.blend((x, y), color, (width / 2.0 + 0.5 - away.sqrt()).min(1.0));
                }
            }
        }
    }

    fn blend(&mut self, (x, y): BackendCoord, color: BackendColor, cover: f64) {
        let inside = (0..self.size.0 as i32).contains(&x) && (0..self.size.1 as i32).contains(&y);
        let alpha = color.alpha * cover;
        if !inside || alpha <= 0.0 {
            return;
        }
        let at = (y as usize * self.size.0 as usize + x as usize) * 3;
        let old = [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]];
        self.pixels[at..at + 3].copy_from_slice(&mixed(old, color, alpha));
    }

    pub fn png(self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let failed = |error: png::EncodingError| Error::io("writing a plot as PNG failed").because(&error);
        let mut encoder = png::Encoder::new(&mut bytes, self.size.0, self.size.1);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_filter(png::FilterType::Up);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&self.pixels).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(bytes)
    }
}

/// A colour over another one.
fn mixed(old: [u8; 3], color: BackendColor, alpha: f64) -> [u8; 3] {
    // Rounded: neither is negative.
    let mix = |old: u8, new: u8| (f64::from(old) * (1.0 - alpha) + f64::from(new) * alpha + 0.5) as u8;
    [mix(old[0], color.rgb.0), mix(old[1], color.rgb.1), mix(old[2], color.rgb.2)]
}

impl DrawingBackend for Raster {
    type ErrorType = std::convert::Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Painted {
        Ok(())
    }

    fn present(&mut self) -> Painted {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Painted {
        self.blend(point, color, 1.0);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Painted {
        self.stroke(from, to, f64::from(style.stroke_width()), style.color());
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Painted {
        if !fill {
            let corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
            return self.draw_path(corners, style);
        }
        // Up to the far edges and without them, as an SVG's rectangle of that width and height.
        let within = |at: i32, size: u32| at.clamp(0, size as i32) as usize;
        let (from, to) = (within(left.min(right), self.size.0), within(left.max(right), self.size.0));
        let (above, below) = (within(top.min(bottom), self.size.1), within(top.max(bottom), self.size.1));
        let color = style.color();
        // Paper is of one colour nearly everywhere: what it becomes is the same from pixel to pixel.
        let (mut paper, mut painted) = ([0; 3], mixed([0; 3], color, color.alpha));
        for y in above..below {
            let row = y * self.size.0 as usize;
            let (pixels, _) = self.pixels[(row + from) * 3..(row + to) * 3].as_chunks_mut::<3>();
            for pixel in pixels {
                if *pixel != paper {
                    (paper, painted) = (*pixel, mixed(*pixel, color, color.alpha));
                }
                *pixel = painted;
            }
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Painted {
        let points: Vec<_> = path.into_iter().collect();
        points
            .windows(2)
            .for_each(|pair| self.stroke(pair[0], pair[1], f64::from(style.stroke_width()), style.color()));
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Painted {
        self.stroke(center, center, f64::from(radius) * 2.0, style.color());
        Ok(())
    }

    /// Sets text as a browser sets the SVG's: same size, same baseline, each glyph where it belongs to a fraction
    /// of a pixel.
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Painted {
        let size = style.size() / SVG_EM;
        let font =
            if matches!(style.style(), FontStyle::Bold) { self.bold.clone() } else { self.regular.clone() };
        // A font's scale is its height, an SVG's font size its em.
        let em = font.height_unscaled() / font.units_per_em().unwrap_or(2048.0);
        let font = font.into_scaled(PxScale::from(size as f32 * em));
        let (baseline, anchor) = (style.anchor().v_pos, style.anchor().h_pos);
        let baseline = f64::from(y)
            + size
                * match baseline {
                    VPos::Top => 0.76,
                    VPos::Center => 0.5 * EX,
                    VPos::Bottom => -0.5 * EX,
                };
        let width: f32 = text.chars().map(|c| font.h_advance(font.glyph_id(c))).sum();
        let share = match anchor {
            HPos::Left => 0.0,
            HPos::Center => 0.5,
            HPos::Right => 1.0,
        };
        let mut at = x as f32 - width * share;
        for c in text.chars() {
            let id = font.glyph_id(c);
            let glyph = id.with_scale_and_position(font.scale(), point(at, baseline as f32));
            at += font.h_advance(id);
            if let Some(shape) = font.outline_glyph(glyph) {
                let corner = shape.px_bounds().min;
                shape.draw(|x, y, cover| {
                    let pixel = (corner.x as i32 + x as i32, corner.y as i32 + y as i32);
                    self.blend(pixel, style.color(), f64::from(cover));
                });
            }
        }
        Ok(())
    }
}
