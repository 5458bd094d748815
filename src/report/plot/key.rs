//! The key under a chart: small pictures with their meaning, flowing over lines.

use super::font;
use super::frame::{MARGIN, WIDTH};
use super::palette::{Colour, FAINT_INK, INK, PAPER};
use super::scene::{Label, Scene, TEXT_PX};

/// Height in pixels of one line of the key.
const LINE: f64 = 24.0;
/// Width in pixels reserved for the picture.
const PICTURE: f64 = 36.0;
const GAP: f64 = 28.0;

/// The small picture beside an explanation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Picture {
    /// A filled square.
    Swatch(Colour),
    /// A filled marker on an error bar.
    Estimate,
    /// An open marker with an arrow to the right.
    Bound,
    /// A dashed line.
    Dashed(Colour),
    /// A dashed horizontal line.
    Dashes,
    /// A horizontal line.
    Line,
    /// A filled marker alone.
    Filled,
    /// An open marker alone.
    Open,
}

/// Explanations in the order in which they are shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Key {
    items: Vec<(Picture, String)>,
}

impl Key {
    pub(super) fn add(&mut self, picture: Picture, text: impl Into<String>) {
        let room = WIDTH - 2.0 * MARGIN - PICTURE;
        let text = font::clip(&text.into(), TEXT_PX, false, room);
        self.items.push((picture, text));
    }

    /// Left and top of every item relative to the key, and the key's height.
    fn layout(&self) -> (Vec<(f64, f64)>, f64) {
        let (mut x, mut y) = (0.0, 0.0);
        let mut places = Vec::new();
        for (_, text) in &self.items {
            let width = PICTURE + font::width(text, TEXT_PX, false);
            if x > 0.0 && x + width > WIDTH - 2.0 * MARGIN {
                (x, y) = (0.0, y + LINE);
            }
            places.push((x, y));
            x += width + GAP;
        }
        (places, if self.items.is_empty() { 0.0 } else { y + LINE })
    }

    /// Height in pixels, 0 if there is nothing to explain.
    pub(super) fn height(&self) -> f64 {
        self.layout().1
    }

    /// Draws the key with its upper edge at `top`.
    pub(super) fn draw(&self, scene: &mut Scene, top: f64) {
        let (places, _) = self.layout();
        for ((picture, text), (x, y)) in self.items.iter().zip(places) {
            let (x, middle) = (MARGIN + x, top + y + LINE / 2.0);
            picture.draw(scene, x, middle);
            scene.text(Label::new(text.as_str(), x + PICTURE, middle + 5.0));
        }
    }
}

impl Picture {
    fn draw(self, scene: &mut Scene, x: f64, y: f64) {
        let centre = (x + PICTURE / 2.0 - 4.0, y);
        match self {
            Picture::Swatch(colour) => {
                scene.rectangle((x + 12.0, y - 8.0), (x + 28.0, y + 8.0), colour);
            }
            Picture::Estimate => {
                scene.path(vec![(x, y), (x + 28.0, y)], 2.0, FAINT_INK);
                scene.disc(centre, 6.0, FAINT_INK);
            }
            Picture::Bound => {
                scene.arrow_right((x + 7.0, y), 22.0, FAINT_INK);
                scene.disc((x + 7.0, y), 7.0, FAINT_INK);
                scene.disc((x + 7.0, y), 4.0, PAPER);
            }
            Picture::Dashed(colour) => scene.dashed_vertical(centre.0, y - 9.0, y + 9.0, colour),
            Picture::Dashes => {
                for piece in [0.0, 11.0, 22.0] {
                    let ends = vec![(x + piece, y), (x + piece + 7.0, y)];
                    scene.path(ends, 1.5, FAINT_INK);
                }
            }
            Picture::Line => scene.path(vec![(x, y), (x + 28.0, y)], 1.5, INK),
            Picture::Filled => scene.disc(centre, 6.0, FAINT_INK),
            Picture::Open => {
                scene.disc(centre, 7.0, FAINT_INK);
                scene.disc(centre, 4.0, PAPER);
            }
        }
    }
}
