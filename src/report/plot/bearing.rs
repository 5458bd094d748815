//! Left side bearings of the embedded fonts' glyphs.
//!
//! plotters' bitmap text (0.3.7, `ab_glyph`) begins every glyph's ink at the pen,
//! dropping the space that the font leaves before it, which sets "Down time" for
//! "Downtime". The bearing is read from the font (OpenType tables `cmap` format 4
//! and `hmtx`) and put back when text is drawn glyph by glyph.

/// Space before the ink of `character` in font units; 0 if the font does not say.
pub(super) fn left_side_bearing(font: &[u8], character: char) -> i16 {
    bearing(font, character).unwrap_or(0)
}

fn bearing(font: &[u8], character: char) -> Option<i16> {
    let glyph = glyph(font, character)?;
    let full_metrics = u16_at(font, table(font, b"hhea")? + 34)?;
    let metrics = table(font, b"hmtx")?;
    // Glyphs beyond the full metrics share the last width and list bearings only.
    let at = match glyph < full_metrics {
        true => metrics + 4 * glyph + 2,
        false => metrics + 4 * full_metrics + 2 * (glyph - full_metrics),
    };
    Some(u16_at(font, at)? as u16 as i16)
}

fn u16_at(font: &[u8], at: usize) -> Option<usize> {
    let bytes = font.get(at..at + 2)?;
    Some(usize::from(bytes[0]) << 8 | usize::from(bytes[1]))
}

fn u32_at(font: &[u8], at: usize) -> Option<usize> {
    Some(u16_at(font, at)? << 16 | u16_at(font, at + 2)?)
}

/// Offset of a table in the file.
fn table(font: &[u8], tag: &[u8; 4]) -> Option<usize> {
    let records = (0..u16_at(font, 4)?).map(|i| 12 + 16 * i);
    let mut of_tag = records.filter(|at| font.get(*at..at + 4) == Some(tag));
    u32_at(font, of_tag.next()? + 8)
}

/// Glyph number of a character of the basic multilingual plane.
fn glyph(font: &[u8], character: char) -> Option<usize> {
    let code = usize::from(u16::try_from(u32::from(character)).ok()?);
    let map = unicode_map(font)?;
    let twice_count = u16_at(font, map + 6)?;
    let ends = map + 14;
    let starts = ends + twice_count + 2;
    let mut segments = (0..twice_count).step_by(2);
    let segment = segments.find(|i| u16_at(font, ends + i).is_some_and(|end| code <= end))?;
    let start = u16_at(font, starts + segment)?;
    if code < start {
        return None;
    }
    let delta = u16_at(font, starts + twice_count + segment)?;
    let offset_at = starts + 2 * twice_count + segment;
    let glyph = match u16_at(font, offset_at)? {
        0 => code + delta,
        offset => match u16_at(font, offset_at + offset + 2 * (code - start))? {
            0 => return None,
            listed => listed + delta,
        },
    };
    Some(glyph & 0xffff)
}

/// Offset of the format 4 character map for Windows Unicode.
fn unicode_map(font: &[u8]) -> Option<usize> {
    let cmap = table(font, b"cmap")?;
    let records = (0..u16_at(font, cmap + 2)?).map(|i| cmap + 4 + 8 * i);
    let is_unicode = |at: &usize| u16_at(font, *at) == Some(3) && u16_at(font, at + 2) == Some(1);
    let map = cmap + u32_at(font, records.clone().find(is_unicode)? + 4)?;
    (u16_at(font, map)? == 4).then_some(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    static FONT: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSans.ttf");

    #[test]
    fn bearings_are_those_that_fonttools_reads() {
        let read = ['n', 't', 'l', 'W', '≥', '…'].map(|c| left_side_bearing(FONT, c));
        assert_eq!(read, [186, 55, 193, 68, 217, 236]);
    }

    #[test]
    fn unknown_glyphs_and_broken_fonts_have_no_bearing() {
        assert_eq!(bearing(FONT, '한'), None);
        assert_eq!(bearing(FONT, '😀'), None);
        assert_eq!(bearing(&FONT[..400], 'n'), None);
        assert_eq!(left_side_bearing(&[], 'n'), 0);
    }
}
