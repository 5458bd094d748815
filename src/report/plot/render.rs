//! Paints a scene with plotters, onto SVG text or onto pixels.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor, ShapeStyle, TextStyle};

use super::chart::PlotError;
use super::font;
use super::palette::Colour;
use super::scene::{Anchor, Label, Mark, Point, Scene};

/// How one backend turns scene units into its own.
///
/// plotters draws at whole coordinates only, so both backends work on a finer grid.
/// They also disagree on what a font size is and where a text begins.
struct Grid {
    /// Backend coordinates per scene pixel.
    per_px: f64,
    /// plotters font size over em.
    size_per_em: f64,
    /// Distance from a text's upper edge to its baseline, over the em.
    top_to_baseline: f64,
    /// Whether straight lines are filled rectangles instead of stroked lines.
    lines_as_rectangles: bool,
    /// Whether characters are placed one by one instead of by the backend.
    glyph_by_glyph: bool,
}

const SVG: Grid = Grid {
    per_px: 4.0,
    size_per_em: 1.24,
    top_to_baseline: 0.76,
    lines_as_rectangles: false,
    glyph_by_glyph: false,
};

/// How much a veil hides.
const VEIL: f64 = 0.22;

/// Each PNG pixel is the mean of this many squared drawn pixels: smooth edges.
const SUPERSAMPLE: usize = 3;

const PIXELS: Grid = Grid {
    per_px: SUPERSAMPLE as f64,
    size_per_em: font::LINE_PER_EM,
    top_to_baseline: font::LINE_PER_EM / 2.0,
    // plotters' thick lines have ragged joints on bitmaps.
    lines_as_rectangles: true,
    // See `bearing` for what plotters does to spacing.
    glyph_by_glyph: true,
};

/// The scene as an SVG document, labelled with `title` for screen readers.
pub(super) fn svg(scene: &Scene, title: &str) -> Result<String, PlotError> {
    let size = SVG.size(scene);
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
    paint(scene, &area, &SVG)?;
    drop(area);
    // Shown at its intended size, whatever the grid it was drawn on.
    let drawn = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    let shown = format!(
        "width=\"{}\" height=\"{}\" role=\"img\" aria-label=\"{}\"",
        scene.width,
        scene.height,
        escaped(title)
    );
    Ok(text.replacen(&drawn, &shown, 1))
}

/// The scene as rows of RGB bytes, with the width and height in pixels.
pub(super) fn pixels(scene: &Scene) -> Result<(usize, usize, Vec<u8>), PlotError> {
    let size = PIXELS.size(scene);
    let mut fine = vec![0; size.0 as usize * size.1 as usize * 3];
    let area = BitMapBackend::with_buffer(&mut fine, size).into_drawing_area();
    paint(scene, &area, &PIXELS)?;
    drop(area);
    let width = size.0 as usize / SUPERSAMPLE;
    let height = size.1 as usize / SUPERSAMPLE;
    Ok((width, height, shrink(&fine, width, height)))
}

fn shrink(fine: &[u8], width: usize, height: usize) -> Vec<u8> {
    let stride = width * SUPERSAMPLE * 3;
    let mut coarse = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let first = y * SUPERSAMPLE * stride + x * SUPERSAMPLE * 3 + channel;
                let sum: usize = (0..SUPERSAMPLE * SUPERSAMPLE)
                    .map(|i| first + i / SUPERSAMPLE * stride + i % SUPERSAMPLE * 3)
                    .map(|at| usize::from(fine[at]))
                    .sum();
                coarse.push((sum / (SUPERSAMPLE * SUPERSAMPLE)) as u8);
            }
        }
    }
    coarse
}

fn escaped(text: &str) -> String {
    text.replace(char::is_control, " ")
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn paint<B: DrawingBackend>(
    scene: &Scene,
    area: &DrawingArea<B, Shift>,
    grid: &Grid,
) -> Result<(), PlotError> {
    area.fill(&RGBColor(255, 255, 255)).map_err(drawing)?;
    for mark in &scene.marks {
        paint_mark(mark, area, grid).map_err(drawing)?;
    }
    area.present().map_err(drawing)
}

fn paint_mark<B: DrawingBackend>(
    mark: &Mark,
    area: &DrawingArea<B, Shift>,
    grid: &Grid,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    match mark {
        Mark::Rectangle(from, to, colour) => {
            let corners = [grid.at(*from), grid.at(*to)];
            area.draw(&Rectangle::new(corners, rgb(*colour).filled()))
        }
        Mark::Polygon(corners, colour) => {
            let corners: Vec<_> = corners.iter().map(|p| grid.at(*p)).collect();
            area.draw(&Polygon::new(corners, rgb(*colour).filled()))
        }
        Mark::Veil(corners, colour) => {
            let corners: Vec<_> = corners.iter().map(|p| grid.at(*p)).collect();
            let veil = rgb(*colour).mix(VEIL).filled();
            area.draw(&Polygon::new(corners, veil))
        }
        Mark::Disc(centre, radius, colour) => {
            let radius = (radius * grid.per_px).round() as u32;
            area.draw(&Circle::new(
                grid.at(*centre),
                radius,
                rgb(*colour).filled(),
            ))
        }
        Mark::Path(points, width, colour) if grid.lines_as_rectangles => {
            for piece in points.windows(2) {
                let corners = grid.stroke(piece[0], piece[1], *width);
                area.draw(&Rectangle::new(corners, rgb(*colour).filled()))?;
            }
            Ok(())
        }
        Mark::Path(points, width, colour) => {
            let points: Vec<_> = points.iter().map(|p| grid.at(*p)).collect();
            let width = (width * grid.per_px).round() as u32;
            let style = ShapeStyle::from(&rgb(*colour)).stroke_width(width);
            area.draw(&PathElement::new(points, style))
        }
        Mark::Text(label) => paint_text(label, area, grid),
    }
}

fn paint_text<B: DrawingBackend>(
    label: &Label,
    area: &DrawingArea<B, Shift>,
    grid: &Grid,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let horizontal = match label.anchor {
        _ if grid.glyph_by_glyph => HPos::Left,
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let size = label.px * grid.per_px * grid.size_per_em;
    let colour = rgb(label.colour);
    let style = TextStyle::from(font::description(size, label.bold))
        .color(&colour)
        .pos(Pos::new(horizontal, VPos::Top));
    let top = label.baseline - label.px * grid.top_to_baseline;
    if !grid.glyph_by_glyph {
        let place = grid.at((label.x, top));
        return area.draw(&Text::new(label.text.as_str(), place, style));
    }
    let (left, y) = grid.at((label.extent().0, top));
    for (x, glyph) in font::glyph_places(&label.text, label.px, label.bold, grid.per_px) {
        let place = (left + x, y);
        area.draw(&Text::new(glyph.to_string(), place, style.clone()))?;
    }
    Ok(())
}

impl Grid {
    fn size(&self, scene: &Scene) -> (u32, u32) {
        let fine = |px: f64| (px * self.per_px).round() as u32;
        (fine(scene.width), fine(scene.height))
    }

    fn at(&self, (x, y): Point) -> (i32, i32) {
        let fine = |px: f64| (px * self.per_px).round() as i32;
        (fine(x), fine(y))
    }

    /// Corners of a horizontal or vertical stroke, square at its ends so that bends close.
    fn stroke(&self, from: Point, to: Point, width: f64) -> [(i32, i32); 2] {
        let half = width / 2.0;
        let (left, right) = (from.0.min(to.0) - half, from.0.max(to.0) + half);
        let (top, bottom) = (from.1.min(to.1) - half, from.1.max(to.1) + half);
        let (x1, y1) = self.at((right, bottom));
        // Bitmap rectangles include their last row and column.
        [self.at((left, top)), (x1 - 1, y1 - 1)]
    }
}

fn rgb(Colour(r, g, b): Colour) -> RGBColor {
    RGBColor(r, g, b)
}

fn drawing<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> PlotError {
    PlotError::Drawing(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_rectangle() -> Scene {
        let mut scene = Scene::new(10.0, 6.0);
        scene.rectangle((2.0, 2.0), (4.9, 3.9), Colour(255, 0, 0));
        scene
    }

    #[test]
    fn pixels_have_the_scene_size_and_the_drawn_colour() {
        let (width, height, rgb) = pixels(&one_rectangle()).unwrap();
        assert_eq!((width, height, rgb.len()), (10, 6, 180));
        let pixel = |x: usize, y: usize| &rgb[3 * (y * width + x)..][..3];
        assert_eq!(pixel(0, 0), [255, 255, 255]);
        assert_eq!(pixel(3, 2), [255, 0, 0]);
    }

    #[test]
    fn svg_is_shown_at_scene_size_and_names_its_title_safely() {
        let text = svg(&one_rectangle(), "a < \"b\"").unwrap();
        assert!(text.starts_with(
            "<svg width=\"10\" height=\"6\" role=\"img\" aria-label=\"a &lt; &quot;b&quot;\" viewBox=\"0 0 40 24\""
        ));
        assert!(text.trim_end().ends_with("</svg>"));
    }
}
