//! The embedded font: registration, text measurement and clipping.
//!
//! plotters without system libraries knows no font at all, and a chart without
//! a font is an error rather than a chart without text. DejaVu Sans is therefore
//! part of the binary, and every text is measured with the font it is drawn in.

use std::sync::OnceLock;

use super::bearing::left_side_bearing;
use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// Name under which the font is registered. The SVG repeats it literally, so it
/// is written as a CSS list: Verdana has the same widths as DejaVu Sans.
const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Height of the font's line (ascent plus descent) over its em, from its `hhea` table.
pub(super) const LINE_PER_EM: f64 = 2384.0 / 2048.0;

static REGULAR: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSans.ttf");
static BOLD: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSans-Bold.ttf");

/// A plotters font description; `size` is plotters' own size, not the em.
pub(super) fn description(size: f64, bold: bool) -> FontDesc<'static> {
    register_once();
    let style = if bold {
        FontStyle::Bold
    } else {
        FontStyle::Normal
    };
    FontDesc::new(FontFamily::Name(FAMILY), size, style)
}

fn register_once() {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        // A failure here shows as a drawing error later; both files are checked by a test.
        let _ = register_font(FAMILY, FontStyle::Normal, REGULAR);
        let _ = register_font(FAMILY, FontStyle::Bold, BOLD);
    });
}

/// Advance width in pixels of `text` set at `px` pixels per em.
pub(super) fn width(text: &str, px: f64, bold: bool) -> f64 {
    // plotters rounds widths down to whole pixels: measure large, then scale down.
    const EM: f64 = 1000.0;
    let measured = description(EM * LINE_PER_EM, bold)
        .box_size(text)
        .map(|(w, _)| f64::from(w));
    let at_em = measured.unwrap_or(0.6 * EM * text.chars().count() as f64);
    at_em * px / EM
}

/// Where each character of `text` begins its ink, with the character, on a grid of
/// `per_px` places a pixel; spaces are left out.
pub(super) fn glyph_places(text: &str, px: f64, bold: bool, per_px: f64) -> Vec<(i32, char)> {
    const UNITS_PER_EM: f64 = 2048.0;
    let file = if bold { BOLD } else { REGULAR };
    let mut before = String::new();
    let mut places = Vec::new();
    for character in text.chars() {
        before.push(character);
        if character.is_whitespace() {
            continue;
        }
        // Measured with what precedes it, because pairs are kerned.
        let own = width(character.encode_utf8(&mut [0; 4]), px, bold);
        let pen = (width(&before, px, bold) - own) * per_px;
        let bearing = f64::from(left_side_bearing(file, character)) / UNITS_PER_EM * px * per_px;
        places.push((pen.round() as i32 + bearing.floor() as i32, character));
    }
    places
}

/// `text` itself if it fits in `max_width` pixels, otherwise its beginning and an ellipsis.
pub(super) fn clip(text: &str, px: f64, bold: bool, max_width: f64) -> String {
    if width(text, px, bold) <= max_width {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let shorter: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
        if width(&shorter, px, bold) <= max_width {
            return shorter;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_embedded_fonts_are_accepted() {
        assert!(register_font("check", FontStyle::Normal, REGULAR).is_ok());
        assert!(register_font("check", FontStyle::Bold, BOLD).is_ok());
    }

    #[test]
    fn width_grows_with_text_and_size() {
        assert!(width("mm", 14.0, false) > width("m", 14.0, false));
        assert!((width("quad", 28.0, false) - 2.0 * width("quad", 14.0, false)).abs() < 1e-9);
        assert!(width("quad", 14.0, true) > width("quad", 14.0, false));
    }

    #[test]
    fn clip_keeps_short_text_and_shortens_long_text() {
        assert_eq!(clip("quad", 14.0, false, 100.0), "quad");
        let clipped = clip("a name that never ends", 14.0, false, 80.0);
        assert!(clipped.ends_with('…') && clipped.starts_with("a name"));
        assert!(width(&clipped, 14.0, false) <= 80.0);
        assert_eq!(clip("quad", 14.0, false, 1.0), "");
    }
}
