//! Planned against unplanned downtime: two marks to each (design, service) on one
//! logarithmic axis of time, because the two can differ by orders of magnitude.

use super::chart::{Caption, Chart};
use super::duration;
use super::font;
use super::frame::{self, BODY_TOP, MARGIN, USUAL_HEIGHT, WIDTH};
use super::key::{Key, Picture};
use super::palette::{self, AXIS, Colour, GRID};
use super::rows::{Row, Rows};
use super::scene::{Anchor, Label, Scene, TEXT_PX};
use super::time_axis::TimeAxis;

/// An estimate in seconds per year, with its interval; all 0 where nothing was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Downtime {
    /// The estimate; anything that is not above 0 is not drawn.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Planned and unplanned downtime of one service in one design.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRow {
    /// Name of the design.
    pub design: String,
    /// Name of the service.
    pub service: String,
    /// What maintenance brought about while nothing was wrong.
    pub planned: Downtime,
    /// Everything else.
    pub unplanned: Downtime,
}

/// Input of the chart "planned and unplanned downtime".
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Title and origin of the numbers.
    pub caption: Caption,
    /// What the error bars are, for example `95% confidence interval`.
    pub interval: String,
    /// Rows; designs and services appear in the order given here.
    pub rows: Vec<PlannedRow>,
}

impl Row for PlannedRow {
    fn design(&self) -> &str {
        &self.design
    }

    fn service(&self) -> &str {
        &self.service
    }
}

impl Downtime {
    fn seen(&self) -> bool {
        self.estimate > 0.0 && self.estimate.is_finite()
    }

    fn text(&self) -> String {
        match self.seen() {
            true => duration::text(self.estimate),
            false => "none".to_owned(),
        }
    }
}

const NAMES: [&str; 2] = ["planned", "unplanned"];
/// Half the side of a mark in pixels.
const HALF: f64 = 5.0;
const GAP: f64 = 28.0;

/// The colours of planned and unplanned downtime.
fn colours() -> [Colour; 2] {
    [palette::fill(1), palette::fill(0)]
}

impl PlannedRow {
    fn both(&self) -> [Downtime; 2] {
        [self.planned, self.unplanned]
    }
}

impl Planned {
    /// Lays the chart out; `None` without rows.
    pub fn chart(&self) -> Option<Chart> {
        if self.rows.is_empty() {
            return None;
        }
        let mut key = Key::default();
        let explanations = [
            "planned: maintenance, while nothing was wrong",
            "unplanned: everything else",
        ];
        for (colour, text) in colours().into_iter().zip(explanations) {
            key.add(Picture::Swatch(colour), text);
        }
        key.add(Picture::Line, self.interval.as_str());
        let top = BODY_TOP + 32.0;
        let rows = Rows::arrange(&self.rows, USUAL_HEIGHT - top - 90.0 - key.height());
        let bottom = top + rows.height;
        let key_top = bottom + 58.0;
        let mut scene = Scene::new(WIDTH, key_top + key.height() + MARGIN);
        frame::heading(&mut scene, &self.caption);
        let columns = self.columns();
        let left = rows.data_left() + 24.0;
        let right = columns[0] - self.width_of(0) - GAP - 24.0;
        let seen = self.rows.iter().flat_map(PlannedRow::both);
        let seconds = seen.filter(Downtime::seen).map(|d| d.estimate);
        let axis = TimeAxis::logarithmic(seconds, left, right);
        rows.draw_names(&mut scene, top, WIDTH - MARGIN, false);
        draw_axis(&mut scene, &axis, top, bottom);
        for (name, x) in NAMES.into_iter().zip(columns) {
            let label = Label::new(name, x, top - 10.0).bold();
            scene.text(label.anchor(Anchor::End));
        }
        for place in &rows.places {
            let y = top + place.middle;
            let marks = place.row.both().into_iter().zip(colours()).zip(columns);
            for ((downtime, colour), x) in marks {
                draw_mark(&mut scene, &axis, downtime, y, colour);
                let label = Label::new(downtime.text(), x, y + 5.0);
                scene.text(label.anchor(Anchor::End));
            }
        }
        key.draw(&mut scene, key_top);
        Some(Chart::new(&self.caption, scene))
    }

    /// Width of a column of numbers in pixels.
    fn width_of(&self, index: usize) -> f64 {
        let heading = font::width(NAMES[index], TEXT_PX, true);
        self.rows
            .iter()
            .map(|row| font::width(&row.both()[index].text(), TEXT_PX, false))
            .fold(heading, f64::max)
    }

    /// Right ends of the two columns of numbers.
    fn columns(&self) -> [f64; 2] {
        let second = WIDTH - MARGIN;
        [second - self.width_of(1) - GAP, second]
    }
}

fn draw_axis(scene: &mut Scene, axis: &TimeAxis, top: f64, bottom: f64) {
    for tick in axis.ticks() {
        scene.path(vec![(tick.x, top), (tick.x, bottom + 5.0)], 1.0, GRID);
        let label = Label::new(tick.label, tick.x, bottom + 22.0);
        scene.text(label.anchor(Anchor::Middle));
    }
    let ends = vec![(axis.left(), bottom), (axis.right(), bottom)];
    scene.path(ends, 1.0, AXIS);
    let below = "downtime per year (logarithmic)";
    scene.text(Label::new(below, axis.left(), bottom + 44.0));
}

fn draw_mark(scene: &mut Scene, axis: &TimeAxis, downtime: Downtime, y: f64, colour: Colour) {
    if !downtime.seen() {
        return;
    }
    let ends = [downtime.low, downtime.high].map(|seconds| (axis.x(seconds), y));
    scene.path(ends.to_vec(), 2.0, colour);
    let x = axis.x(downtime.estimate);
    scene.rectangle((x - HALF, y - HALF), (x + HALF, y + HALF), colour);
}
