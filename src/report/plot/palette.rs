//! Colours and markers that stay apart for colour-blind readers and in grey print.

use super::scene::{Point, Scene};

/// An opaque sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

pub(super) const INK: Colour = Colour(0x1a, 0x1a, 0x1a);
pub(super) const FAINT_INK: Colour = Colour(0x55, 0x55, 0x55);
pub(super) const AXIS: Colour = Colour(0x80, 0x80, 0x80);
pub(super) const GRID: Colour = Colour(0xd9, 0xd9, 0xd9);
pub(super) const FAINT_GRID: Colour = Colour(0xf0, 0xf0, 0xf0);
pub(super) const PAPER: Colour = Colour(0xff, 0xff, 0xff);
/// Fill of everything that is folded into "other".
pub(super) const OTHER: Colour = Colour(0xb3, 0xb3, 0xb3);

/// Okabe and Ito's palette, the pale yellow last because it is weak on white.
const OKABE_ITO: [Colour; 8] = [
    Colour(0x00, 0x72, 0xb2),
    Colour(0xd5, 0x5e, 0x00),
    Colour(0x00, 0x9e, 0x73),
    Colour(0xcc, 0x79, 0xa7),
    Colour(0xe6, 0x9f, 0x00),
    Colour(0x56, 0xb4, 0xe9),
    Colour(0x00, 0x00, 0x00),
    Colour(0xf0, 0xe4, 0x42),
];

/// How many fills can be told apart in one stacked bar.
pub(super) const FILLS: usize = OKABE_ITO.len();

/// Fill of the `index`-th segment of a stacked bar.
pub(super) fn fill(index: usize) -> Colour {
    OKABE_ITO[index % FILLS]
}

/// Viridis: its brightness rises evenly, for every kind of colour vision and in grey.
const VIRIDIS: [Colour; 9] = [
    Colour(0x44, 0x01, 0x54),
    Colour(0x47, 0x2d, 0x7b),
    Colour(0x3b, 0x52, 0x8b),
    Colour(0x2c, 0x72, 0x8e),
    Colour(0x21, 0x91, 0x8c),
    Colour(0x28, 0xae, 0x80),
    Colour(0x5e, 0xc9, 0x62),
    Colour(0xad, 0xdc, 0x30),
    Colour(0xfd, 0xe7, 0x25),
];

/// A colour for a share from 0 (dark) to 1 (bright).
pub(super) fn sequential(share: f64) -> Colour {
    let place = share.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let below = (place as usize).min(VIRIDIS.len() - 2);
    let part = place - below as f64;
    let (a, b) = (VIRIDIS[below], VIRIDIS[below + 1]);
    let mix = |a: u8, b: u8| (f64::from(a) + part * (f64::from(b) - f64::from(a))).round() as u8;
    Colour(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// Black or white, whichever is readable on `background`.
pub(super) fn ink_on(background: Colour) -> Colour {
    // Relative luminance; at 0.2 both have about the same contrast.
    let linear = |channel: u8| (f64::from(channel) / 255.0).powf(2.2);
    let Colour(r, g, b) = background;
    let luminance = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    if luminance > 0.2 { INK } else { PAPER }
}

/// The shape of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Disc,
    Square,
    Triangle,
    Diamond,
    InvertedTriangle,
    Plus,
}

const SHAPES: [Shape; 6] = [
    Shape::Disc,
    Shape::Square,
    Shape::Triangle,
    Shape::Diamond,
    Shape::InvertedTriangle,
    Shape::Plus,
];

/// Colour and marker of one design, the same in every chart that lists the designs
/// in the same order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) colour: Colour,
    shape: Shape,
}

impl Style {
    /// Style of the `index`-th design; 7 colours and 6 shapes repeat together only after 42.
    pub(super) fn of(index: usize) -> Self {
        Style {
            colour: OKABE_ITO[index % (FILLS - 1)],
            shape: SHAPES[index % SHAPES.len()],
        }
    }

    /// A filled marker: a measured value.
    pub(super) fn filled(self, scene: &mut Scene, at: Point) {
        // The white rim keeps markers apart where they overlap.
        self.draw(scene, at, 7.5, PAPER);
        self.draw(scene, at, 6.0, self.colour);
    }

    /// An open marker: a bound, or the second of two quantiles.
    pub(super) fn open(self, scene: &mut Scene, at: Point) {
        self.draw(scene, at, 7.0, self.colour);
        self.draw(scene, at, 4.0, PAPER);
    }

    fn draw(self, scene: &mut Scene, (x, y): Point, r: f64, colour: Colour) {
        // Radii are scaled so that all shapes look equally large.
        let around = |corners: &[Point], r: f64| -> Vec<Point> {
            corners
                .iter()
                .map(|(dx, dy)| (x + r * dx, y + r * dy))
                .collect()
        };
        match self.shape {
            Shape::Disc => scene.disc((x, y), r, colour),
            Shape::Square => {
                let half = 0.88 * r;
                scene.rectangle((x - half, y - half), (x + half, y + half), colour);
            }
            Shape::Triangle => {
                let corners = [(0.0, -1.0), (0.95, 0.75), (-0.95, 0.75)];
                scene.polygon(around(&corners, 1.15 * r), colour);
            }
            Shape::InvertedTriangle => {
                let corners = [(0.0, 1.0), (0.95, -0.75), (-0.95, -0.75)];
                scene.polygon(around(&corners, 1.15 * r), colour);
            }
            Shape::Diamond => {
                let corners = [(0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)];
                scene.polygon(around(&corners, 1.25 * r), colour);
            }
            Shape::Plus => {
                let (long, thin) = (1.1 * r, 0.45 * r);
                scene.rectangle((x - long, y - thin), (x + long, y + thin), colour);
                scene.rectangle((x - thin, y - long), (x + thin, y + long), colour);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_of_the_first_designs_share_colour_and_shape() {
        let styles: Vec<Style> = (0..42).map(Style::of).collect();
        for (i, a) in styles.iter().enumerate() {
            for b in &styles[..i] {
                assert!(a.colour != b.colour || a.shape != b.shape);
            }
        }
    }

    #[test]
    fn the_sequential_palette_gets_brighter_all_the_way() {
        let brightness = |Colour(r, g, b): Colour| {
            0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)
        };
        let steps: Vec<f64> = (0..=64)
            .map(|i| brightness(sequential(f64::from(i) / 64.0)))
            .collect();
        assert!(steps.is_sorted());
        assert_eq!(sequential(-1.0), VIRIDIS[0]);
        assert_eq!(sequential(2.0), VIRIDIS[8]);
    }

    #[test]
    fn text_on_a_fill_contrasts_with_it() {
        assert_eq!(ink_on(PAPER), INK);
        assert_eq!(ink_on(INK), PAPER);
        assert_eq!(ink_on(fill(0)), PAPER);
        assert_eq!(ink_on(fill(7)), INK);
    }
}
