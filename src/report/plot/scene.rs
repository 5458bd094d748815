//! What a chart consists of before any backend draws it: a list of marks.
//!
//! Charts are laid out once in floating-point pixels and then painted onto SVG
//! and bitmap alike, so that both show the same picture and tests can examine
//! the layout (no text over text, nothing outside) without decoding an image.

use super::font;
use super::palette::{Colour, INK};

/// A point in pixels, x to the right and y downwards from the upper left corner.
pub(super) type Point = (f64, f64);

/// Smallest text size used, in pixels per em.
pub(super) const TEXT_PX: f64 = 14.0;

/// Which part of a text lies at its x position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// One line of text.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) text: String,
    pub(super) x: f64,
    pub(super) baseline: f64,
    pub(super) px: f64,
    pub(super) bold: bool,
    pub(super) anchor: Anchor,
    pub(super) colour: Colour,
}

impl Label {
    /// Regular black text of the smallest size, starting at `x`.
    pub(super) fn new(text: impl Into<String>, x: f64, baseline: f64) -> Self {
        // Control characters are not allowed in XML and have no glyph.
        let text = text.into().replace(char::is_control, " ");
        Label {
            text,
            x,
            baseline,
            px: TEXT_PX,
            bold: false,
            anchor: Anchor::Start,
            colour: INK,
        }
    }

    pub(super) fn px(self, px: f64) -> Self {
        Label { px, ..self }
    }

    pub(super) fn bold(self) -> Self {
        Label { bold: true, ..self }
    }

    pub(super) fn anchor(self, anchor: Anchor) -> Self {
        Label { anchor, ..self }
    }

    pub(super) fn colour(self, colour: Colour) -> Self {
        Label { colour, ..self }
    }

    /// Left and right end in pixels.
    pub(super) fn extent(&self) -> (f64, f64) {
        let width = font::width(&self.text, self.px, self.bold);
        let left = match self.anchor {
            Anchor::Start => self.x,
            Anchor::Middle => self.x - width / 2.0,
            Anchor::End => self.x - width,
        };
        (left, left + width)
    }
}

/// One thing to draw.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// A filled rectangle between two opposite corners, upper left first.
    Rectangle(Point, Point, Colour),
    /// A filled polygon.
    Polygon(Vec<Point>, Colour),
    /// A polygon that lets what is below shine through.
    Veil(Vec<Point>, Colour),
    /// A filled disc of the given radius.
    Disc(Point, f64, Colour),
    /// A line of the given width whose pieces are all horizontal or vertical.
    Path(Vec<Point>, f64, Colour),
    /// A line of text.
    Text(Label),
}

/// A picture: its size in pixels and its marks, painted in order.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) marks: Vec<Mark>,
}

impl Scene {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Scene {
            width,
            height: height.ceil(),
            marks: Vec::new(),
        }
    }

    pub(super) fn text(&mut self, label: Label) {
        if !label.text.trim().is_empty() {
            self.marks.push(Mark::Text(label));
        }
    }

    pub(super) fn rectangle(&mut self, from: Point, to: Point, colour: Colour) {
        self.marks.push(Mark::Rectangle(from, to, colour));
    }

    pub(super) fn polygon(&mut self, corners: Vec<Point>, colour: Colour) {
        self.marks.push(Mark::Polygon(corners, colour));
    }

    pub(super) fn veil(&mut self, corners: Vec<Point>, colour: Colour) {
        self.marks.push(Mark::Veil(corners, colour));
    }

    /// A straight line in any direction, as a polygon: backends draw thick slanted
    /// lines badly.
    pub(super) fn slanted(&mut self, from: Point, to: Point, width: f64, colour: Colour) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        if length < 1e-9 {
            return;
        }
        let (nx, ny) = (-dy / length * width / 2.0, dx / length * width / 2.0);
        self.polygon(
            vec![
                (from.0 + nx, from.1 + ny),
                (to.0 + nx, to.1 + ny),
                (to.0 - nx, to.1 - ny),
                (from.0 - nx, from.1 - ny),
            ],
            colour,
        );
    }

    /// An arrow of `length` pixels pointing up from `from`: "or better than this".
    pub(super) fn arrow_up(&mut self, from: Point, length: f64, colour: Colour) {
        const HEAD: f64 = 7.0;
        let tip = from.1 - length;
        self.path(vec![from, (from.0, tip + HEAD)], 2.0, colour);
        let corners = vec![
            (from.0, tip),
            (from.0 - 5.0, tip + HEAD),
            (from.0 + 5.0, tip + HEAD),
        ];
        self.polygon(corners, colour);
    }

    pub(super) fn disc(&mut self, centre: Point, radius: f64, colour: Colour) {
        self.marks.push(Mark::Disc(centre, radius, colour));
    }

    pub(super) fn path(&mut self, points: Vec<Point>, width: f64, colour: Colour) {
        self.marks.push(Mark::Path(points, width, colour));
    }

    /// A vertical dashed line, drawn as separate strokes because backends have no dashes.
    pub(super) fn dashed_vertical(&mut self, x: f64, top: f64, bottom: f64, colour: Colour) {
        const DASH: f64 = 7.0;
        const GAP: f64 = 5.0;
        let mut y = top;
        while y < bottom {
            self.path(vec![(x, y), (x, (y + DASH).min(bottom))], 2.0, colour);
            y += DASH + GAP;
        }
    }

    /// An arrow of `length` pixels pointing right from `from`: "or better than this".
    pub(super) fn arrow_right(&mut self, from: Point, length: f64, colour: Colour) {
        const HEAD: f64 = 7.0;
        let tip = from.0 + length;
        self.path(vec![from, (tip - HEAD, from.1)], 2.0, colour);
        let corners = vec![
            (tip, from.1),
            (tip - HEAD, from.1 - 5.0),
            (tip - HEAD, from.1 + 5.0),
        ];
        self.polygon(corners, colour);
    }
}
