//! The colours of the plots: Okabe and Ito's, which colour-blind readers can tell apart, on light and on dark paper.

use plotters::style::RGBColor;

use super::figure::Colour;

/// On light paper (also in every PNG) and on dark paper.
type Pair = (RGBColor, RGBColor);

const INK: Pair = (RGBColor(0x1F, 0x23, 0x28), RGBColor(0xE6, 0xE8, 0xEB));
const FAINT: Pair = (RGBColor(0x5B, 0x63, 0x6C), RGBColor(0xA3, 0xAB, 0xB4));
const GRID: Pair = (RGBColor(0xDF, 0xE2, 0xE6), RGBColor(0x38, 0x3F, 0x47));
const BAD: Pair = (RGBColor(0xC2, 0x3B, 0x00), RGBColor(0xFF, 0x8A, 0x4C));
const SERIES: [Pair; 6] = [
    (RGBColor(0x00, 0x72, 0xB2), RGBColor(0x56, 0xB4, 0xE9)),
    (RGBColor(0xC4, 0x7C, 0x00), RGBColor(0xF2, 0xB1, 0x34)),
    (RGBColor(0x00, 0x8A, 0x66), RGBColor(0x2F, 0xC9, 0x9C)),
    (RGBColor(0xB8, 0x5C, 0x92), RGBColor(0xE0, 0x97, 0xC0)),
    (RGBColor(0x3E, 0x93, 0xC9), RGBColor(0x8F, 0xCB, 0xF0)),
    (RGBColor(0x4A, 0x4F, 0x55), RGBColor(0xC9, 0xCD, 0xD2)),
];

fn pair(colour: Colour) -> Pair {
    match colour {
        Colour::Ink => INK,
        Colour::Faint => FAINT,
        Colour::Grid => GRID,
        Colour::Bad => BAD,
        Colour::Series(index) => SERIES[index % SERIES.len()],
    }
}

/// The colour on light paper.
pub fn on_light(colour: Colour) -> RGBColor {
    pair(colour).0
}

/// CSS that turns the light colours of an SVG into the dark ones where the reader prefers dark. It works inside a
/// page and inside a file of its own, and printing stays light.
pub fn dark_css() -> String {
    let hex = |RGBColor(r, g, b): RGBColor| format!("#{r:02X}{g:02X}{b:02X}");
    let rule = |(light, dark): &Pair| {
        let (light, dark) = (hex(*light), hex(*dark));
        format!(".plot [fill=\"{light}\"]{{fill:{dark}}}.plot [stroke=\"{light}\"]{{stroke:{dark}}}")
    };
    let rules: String = [INK, FAINT, GRID, BAD].iter().chain(&SERIES).map(rule).collect();
    format!("@media screen and (prefers-color-scheme: dark){{{rules}}}")
}
