//! One row to each (design, service), grouped by service, names to the left.

use super::font;
use super::frame::MARGIN;
use super::palette::{FAINT_GRID, Style};
use super::scene::{Label, Scene, TEXT_PX};

/// Widest name in pixels before it is shortened: about 28 ordinary characters.
const WIDEST_NAME: f64 = 240.0;
/// Size of service names in pixels per em.
const SERVICE_PX: f64 = 15.0;
/// Distance in pixels of design names from the margin; markers stand in it.
const INDENT: f64 = 30.0;
/// Height in pixels of a group's own name and of the space between groups.
const GROUP_NAME: f64 = 26.0;
const GROUP_GAP: f64 = 10.0;
const LEAST_PITCH: f64 = 22.0;
const MOST_PITCH: f64 = 34.0;

/// A row of a chart that belongs to a design and a service.
pub(super) trait Row {
    fn design(&self) -> &str;
    fn service(&self) -> &str;
}

/// Where one row is drawn.
pub(super) struct Place<'a, T> {
    pub(super) row: &'a T,
    /// Number of the design, by first appearance.
    pub(super) design: usize,
    /// Vertical middle in pixels, relative to the top of all rows.
    pub(super) middle: f64,
}

/// All rows with their vertical positions.
pub(super) struct Rows<'a, T> {
    pub(super) places: Vec<Place<'a, T>>,
    /// Services with the position of their names.
    groups: Vec<(&'a str, f64)>,
    /// Distance between the middles of neighbouring rows in pixels.
    pub(super) pitch: f64,
    /// Total height in pixels.
    pub(super) height: f64,
}

/// The distinct texts in order of first appearance.
pub(super) fn in_order<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut order = Vec::new();
    for text in texts {
        if !order.contains(&text) {
            order.push(text);
        }
    }
    order
}

impl<'a, T: Row> Rows<'a, T> {
    /// Spreads the rows over about `room` pixels, more if they need it.
    pub(super) fn arrange(rows: &'a [T], room: f64) -> Self {
        let designs = in_order(rows.iter().map(Row::design));
        let services = in_order(rows.iter().map(Row::service));
        let overhead = services.len() as f64 * (GROUP_NAME + GROUP_GAP);
        let pitch = ((room - overhead) / rows.len() as f64).clamp(LEAST_PITCH, MOST_PITCH);
        let (mut places, mut groups, mut y) = (Vec::new(), Vec::new(), GROUP_GAP / 2.0);
        for service in services {
            groups.push((service, y));
            y += GROUP_NAME;
            let mut members: Vec<Place<T>> = rows
                .iter()
                .filter(|row| row.service() == service)
                .map(|row| Place {
                    row,
                    design: designs.iter().position(|d| *d == row.design()).unwrap_or(0),
                    middle: 0.0,
                })
                .collect();
            members.sort_by_key(|place| place.design);
            for mut place in members {
                place.middle = y + pitch / 2.0;
                y += pitch;
                places.push(place);
            }
            y += GROUP_GAP;
        }
        let height = y - GROUP_GAP / 2.0;
        Rows {
            places,
            groups,
            pitch,
            height,
        }
    }

    /// Where the data area begins: right of the longest name.
    pub(super) fn data_left(&self) -> f64 {
        let design = |place: &Place<T>| font::width(place.row.design(), TEXT_PX, false);
        let service = |(name, _): &(&str, f64)| font::width(name, SERVICE_PX, true) - INDENT;
        let designs = self.places.iter().map(design);
        let widest = designs.chain(self.groups.iter().map(service));
        MARGIN + INDENT + widest.fold(0.0, f64::max).min(WIDEST_NAME) + 18.0
    }

    /// Writes service and design names, with each design's marker if `marked`, and
    /// shades every second row as a guide for the eye up to `right`.
    pub(super) fn draw_names(&self, scene: &mut Scene, top: f64, right: f64, marked: bool) {
        for (i, place) in self.places.iter().enumerate() {
            let middle = top + place.middle;
            if i % 2 == 0 {
                let half = self.pitch / 2.0;
                let corners = ((MARGIN, middle - half), (right, middle + half));
                scene.rectangle(corners.0, corners.1, FAINT_GRID);
            }
            if marked {
                Style::of(place.design).filled(scene, (MARGIN + 14.0, middle));
            }
            let name = font::clip(place.row.design(), TEXT_PX, false, WIDEST_NAME);
            scene.text(Label::new(name, MARGIN + INDENT, middle + 5.0));
        }
        for (service, y) in &self.groups {
            let name = font::clip(service, SERVICE_PX, true, INDENT + WIDEST_NAME);
            let label = Label::new(name, MARGIN, top + y + 19.0);
            scene.text(label.px(SERVICE_PX).bold());
        }
    }
}
