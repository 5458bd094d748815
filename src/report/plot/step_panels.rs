//! Step curves of shares over time, in one or several panels above one another,
//! each with its legend to the right of the data.

use super::font;
use super::frame::{MARGIN, USUAL_HEIGHT, WIDTH};
use super::palette::{AXIS, FAINT_INK, GRID, Style};
use super::scene::{Anchor, Label, Point, Scene, TEXT_PX};
use super::time_axis::TimeAxis;

/// Left and right end of the data area in pixels.
pub(super) const LEFT: f64 = MARGIN + 56.0;
pub(super) const RIGHT: f64 = 770.0;
/// Where legends begin, and where the names in them do.
const LEGEND: f64 = RIGHT + 30.0;
const NAMES: f64 = LEGEND + 32.0;

const PANEL_NAME: f64 = 36.0;
const PANEL_GAP: f64 = 20.0;
const LEGEND_LINE: f64 = 21.0;
const NOTE_LINE: f64 = 19.0;
const ENTRY_GAP: f64 = 8.0;

/// One curve and its entry in the legend.
pub(super) struct Curve {
    pub(super) style: Style,
    pub(super) name: String,
    /// Numbers in the columns of the legend, as many as there are column names.
    pub(super) cells: Vec<String>,
    /// Further lines under the name.
    pub(super) notes: Vec<String>,
    /// (seconds, share from there on), ascending in time; the first share holds
    /// from the left end of the axis.
    pub(super) steps: Vec<(f64, f64)>,
    /// (seconds, share) of filled markers.
    pub(super) filled: Vec<(f64, f64)>,
    /// (seconds, share) of open markers.
    pub(super) open: Vec<(f64, f64)>,
}

/// Curves that share a data area.
pub(super) struct Panel {
    /// Written above the data area; empty for none.
    pub(super) name: String,
    pub(super) curves: Vec<Curve>,
}

/// All panels over one time axis.
pub(super) struct StepPanels {
    pub(super) axis: TimeAxis,
    pub(super) time_name: &'static str,
    pub(super) share_name: &'static str,
    /// Names of the columns of numbers in every legend.
    pub(super) columns: Vec<&'static str>,
    pub(super) panels: Vec<Panel>,
}

/// Vertical extent of one data area.
#[derive(Clone, Copy)]
struct Area {
    top: f64,
    bottom: f64,
}

impl Area {
    fn y(self, share: f64) -> f64 {
        self.bottom - share.clamp(0.0, 1.0) * (self.bottom - self.top)
    }
}

impl StepPanels {
    /// Places the panels from `top` on; `below` pixels are needed under the time axis.
    fn areas(&self, top: f64, below: f64) -> Vec<Area> {
        let count = self.panels.len() as f64;
        let name = self.name_height();
        let room = (USUAL_HEIGHT - top - below - (count - 1.0) * PANEL_GAP) / count - name;
        let mut y = top;
        let place = |panel: &Panel| {
            let height = room.max(self.legend_height(panel)).max(120.0);
            let area = Area {
                top: y + name,
                bottom: y + name + height,
            };
            y = area.bottom + PANEL_GAP;
            area
        };
        self.panels.iter().map(place).collect()
    }

    fn name_height(&self) -> f64 {
        let named = self.panels.iter().any(|p| !p.name.is_empty());
        if named || !self.columns.is_empty() {
            PANEL_NAME
        } else {
            8.0
        }
    }

    fn legend_height(&self, panel: &Panel) -> f64 {
        panel.curves.iter().map(entry_height).sum()
    }

    /// Height of the whole scene with `below` pixels under the names of the time axis.
    pub(super) fn scene_height(&self, top: f64, below: f64) -> f64 {
        let areas = self.areas(top, below + TIME_AXIS);
        areas.last().map_or(top, |area| area.bottom) + TIME_AXIS + below
    }

    /// Draws everything from `top` on; the share's name is written just above.
    pub(super) fn draw(&self, scene: &mut Scene, top: f64, below: f64) {
        scene.text(Label::new(self.share_name, MARGIN, top - 6.0).colour(FAINT_INK));
        let areas = self.areas(top, below + TIME_AXIS);
        for (panel, area) in self.panels.iter().zip(&areas) {
            self.draw_grid(scene, *area);
            let name = font::clip(&panel.name, 15.0, true, RIGHT - MARGIN);
            scene.text(Label::new(name, MARGIN, area.top - 17.0).px(15.0).bold());
            self.draw_curves(scene, panel, *area);
            self.draw_legend(scene, panel, *area);
        }
        if let Some(last) = areas.last() {
            self.draw_time_labels(scene, last.bottom);
        }
    }

    fn draw_grid(&self, scene: &mut Scene, area: Area) {
        let tall = area.bottom - area.top > 200.0;
        for percent in (0..=100).step_by(if tall { 25 } else { 50 }) {
            let y = area.y(f64::from(percent) / 100.0);
            scene.path(vec![(LEFT - 5.0, y), (RIGHT, y)], 1.0, GRID);
            let label = Label::new(format!("{percent}%"), LEFT - 10.0, y + 5.0);
            scene.text(label.anchor(Anchor::End));
        }
        for tick in self.axis.ticks() {
            scene.path(
                vec![(tick.x, area.top), (tick.x, area.bottom + 5.0)],
                1.0,
                GRID,
            );
        }
        let corner = vec![(LEFT, area.top), (LEFT, area.bottom), (RIGHT, area.bottom)];
        scene.path(corner, 1.0, AXIS);
    }

    fn draw_time_labels(&self, scene: &mut Scene, bottom: f64) {
        for tick in self.axis.ticks() {
            scene.text(Label::new(tick.label, tick.x, bottom + 22.0).anchor(Anchor::Middle));
        }
        scene.text(Label::new(self.time_name, LEFT, bottom + 45.0));
    }

    fn draw_curves(&self, scene: &mut Scene, panel: &Panel, area: Area) {
        let count = panel.curves.len();
        for (i, curve) in panel.curves.iter().enumerate() {
            // Earlier curves are thicker and stay visible under identical later ones.
            let width = 1.8 + 1.6 * (count - 1 - i) as f64 / count as f64;
            let points = self.staircase(&curve.steps, area);
            scene.path(points, width, curve.style.colour);
        }
        for curve in &panel.curves {
            let at = |(seconds, share): &(f64, f64)| (self.axis.x(*seconds), area.y(*share));
            for point in &curve.filled {
                curve.style.filled(scene, at(point));
            }
            for point in &curve.open {
                curve.style.open(scene, at(point));
            }
        }
    }

    /// The steps as a line of horizontal and vertical pieces, without steps too
    /// small to see.
    fn staircase(&self, steps: &[(f64, f64)], area: Area) -> Vec<Point> {
        const LEAST_STEP: f64 = 0.5;
        let mut y = area.y(steps.first().map_or(0.0, |(_, share)| *share));
        let mut points = match steps.first() {
            // A curve that begins at nothing is drawn from its first step on.
            Some((_, 0.0)) if steps.len() > 1 => Vec::new(),
            _ => vec![(self.axis.left(), y)],
        };
        let mut last_x = self.axis.left();
        for (i, (seconds, share)) in steps.iter().enumerate().skip(1) {
            let x = self.axis.x(*seconds);
            let next = steps.get(i + 1).map(|(s, _)| self.axis.x(*s));
            let crowded = next.is_some_and(|next| next - last_x < LEAST_STEP);
            let new_y = area.y(*share);
            if crowded || new_y == y {
                continue;
            }
            points.extend([(x, y), (x, new_y)]);
            (last_x, y) = (x, new_y);
        }
        let is_complete = steps.last().is_some_and(|(_, s)| *s == 0.0 || *s == 1.0);
        // Nothing can happen after the last step unless some never ends.
        if !is_complete || steps.len() == 1 {
            points.push((self.axis.right(), y));
        }
        points
    }

    fn draw_legend(&self, scene: &mut Scene, panel: &Panel, area: Area) {
        let columns = self.legend_columns();
        for (name, x) in self.columns.iter().zip(&columns) {
            let name = Label::new(*name, *x, area.top - 10.0).colour(FAINT_INK);
            scene.text(name.anchor(Anchor::End));
        }
        let names_end = columns.first().map_or(WIDTH - MARGIN, |x| x - COLUMN);
        let mut y = area.top;
        for curve in &panel.curves {
            let middle = y + LEGEND_LINE / 2.0;
            scene.path(
                vec![(LEGEND, middle), (LEGEND + 24.0, middle)],
                3.0,
                curve.style.colour,
            );
            if !curve.filled.is_empty() || !curve.open.is_empty() {
                curve.style.filled(scene, (LEGEND + 12.0, middle));
            }
            let name = font::clip(&curve.name, TEXT_PX, false, names_end - NAMES - 6.0);
            scene.text(Label::new(name, NAMES, middle + 5.0));
            for (cell, x) in curve.cells.iter().zip(&columns) {
                let cell = Label::new(cell.as_str(), *x, middle + 5.0);
                scene.text(cell.anchor(Anchor::End));
            }
            for (i, note) in curve.notes.iter().enumerate() {
                let note = font::clip(note, TEXT_PX, false, WIDTH - MARGIN - NAMES);
                let baseline = middle + 5.0 + NOTE_LINE * (i + 1) as f64;
                scene.text(Label::new(note, NAMES, baseline).colour(FAINT_INK));
            }
            y += entry_height(curve);
        }
    }

    /// Right ends of the legend's columns of numbers.
    fn legend_columns(&self) -> Vec<f64> {
        let count = self.columns.len();
        (0..count)
            .map(|i| WIDTH - MARGIN - COLUMN * (count - 1 - i) as f64)
            .collect()
    }
}

/// Width in pixels of a column of numbers in the legend.
const COLUMN: f64 = 78.0;
/// Height in pixels of the labels and the name of the time axis.
const TIME_AXIS: f64 = 54.0;

fn entry_height(curve: &Curve) -> f64 {
    match curve.notes.len() {
        0 => LEGEND_LINE,
        notes => LEGEND_LINE + NOTE_LINE * notes as f64 + ENTRY_GAP,
    }
}
