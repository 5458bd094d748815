//! What all charts share: page width, margins, title and subtitle.

use super::chart::Caption;
use super::font;
use super::palette::FAINT_INK;
use super::scene::{Label, Scene};

/// Width of every chart in pixels.
pub(super) const WIDTH: f64 = 1200.0;
/// Height in pixels that charts fill when their data allow.
pub(super) const USUAL_HEIGHT: f64 = 700.0;
/// Free space in pixels at all four edges.
pub(super) const MARGIN: f64 = 24.0;
/// First vertical position in pixels below title and subtitle.
pub(super) const BODY_TOP: f64 = 92.0;

/// Writes title and subtitle, shortened to the page if need be.
pub(super) fn heading(scene: &mut Scene, caption: &Caption) {
    let room = WIDTH - 2.0 * MARGIN;
    let title = font::clip(&caption.title, 24.0, true, room);
    scene.text(Label::new(title, MARGIN, 42.0).px(24.0).bold());
    let subtitle = font::clip(&caption.subtitle, 15.0, false, room);
    scene.text(
        Label::new(subtitle, MARGIN, 68.0)
            .px(15.0)
            .colour(FAINT_INK),
    );
}
