//! Two swept values: a coloured cell for each pair, with the number in it.

use super::chart::{Caption, Chart};
use super::duration::{self, SECONDS_PER_YEAR};
use super::font;
use super::frame::{self, BODY_TOP, MARGIN, WIDTH};
use super::key::{Key, Picture};
use super::lines::Found;
use super::nines::nines;
use super::palette::{AXIS, Colour, FAINT_GRID, FAINT_INK, ink_on, sequential};
use super::scene::{Anchor, Label, Scene, TEXT_PX};
use super::swept::{Swept, spread};

const TOP: f64 = BODY_TOP + 40.0;
const RIGHT: f64 = 1030.0;
/// The colour bar.
const BAR: (f64, f64) = (1070.0, 1094.0);
const BAR_STRIPS: usize = 90;
/// Height in pixels that the cells fill where they may.
const ROOM: f64 = 470.0;
const TALLEST: f64 = 96.0;
const WIDEST_LABEL: f64 = 200.0;
const NUMBER_PX: f64 = 16.0;
/// More rows or columns than this cannot be told apart on a page.
const MOST: usize = 120;

/// Input of the chart "two swept values".
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// Title and origin of the numbers.
    pub caption: Caption,
    /// The first swept path, from top to bottom.
    pub rows: Swept,
    /// The second swept path, from left to right.
    pub columns: Swept,
    /// What was found; `value` counts cells row by row.
    pub cells: Vec<Found>,
    /// Least and most nines of the colour scale, so that charts that belong
    /// together can share it.
    pub scale: (f64, f64),
}

/// Positions that all parts share.
struct Layout {
    left: f64,
    width: f64,
    height: f64,
    bottom: f64,
    scale: Scale,
}

/// From nines to colours, with round ends.
struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Heat {
    /// Lays the chart out; `None` without a cell, or with too many.
    pub fn chart(&self) -> Option<Chart> {
        let (rows, columns) = (self.rows.labels.len(), self.columns.labels.len());
        let drawable = (1..=MOST).contains(&rows) && (1..=MOST).contains(&columns);
        if !drawable || !self.cells.iter().any(Found::is_sound) {
            return None;
        }
        let layout = self.layout();
        let key = self.key();
        let key_top = layout.bottom + 60.0;
        let mut scene = Scene::new(WIDTH, key_top + key.height() + MARGIN);
        frame::heading(&mut scene, &self.caption);
        // Points that were not computed stay pale.
        let corner = (RIGHT, layout.bottom);
        scene.rectangle((layout.left, TOP), corner, FAINT_GRID);
        for found in self.cells.iter().filter(|found| found.is_sound()) {
            self.draw_cell(&mut scene, &layout, found);
        }
        self.draw_names(&mut scene, &layout);
        layout.scale.draw(&mut scene, layout.bottom);
        key.draw(&mut scene, key_top);
        Some(Chart::new(&self.caption, scene))
    }

    fn layout(&self) -> Layout {
        let label = |text: &String| font::width(text, TEXT_PX, false).min(WIDEST_LABEL);
        let widest = self.rows.labels.iter().map(label).fold(0.0, f64::max);
        let left = MARGIN + widest + 16.0;
        let count = self.rows.labels.len() as f64;
        let height = (ROOM / count).clamp(8.0, TALLEST);
        Layout {
            left,
            width: (RIGHT - left) / self.columns.labels.len() as f64,
            height,
            bottom: TOP + height * count,
            scale: Scale::around(self.scale),
        }
    }

    fn draw_cell(&self, scene: &mut Scene, layout: &Layout, found: &Found) {
        let columns = self.columns.labels.len();
        let (row, column) = (found.value / columns, found.value % columns);
        let left = layout.left + layout.width * column as f64;
        let top = TOP + layout.height * row as f64;
        let fill = layout.scale.colour(nines(found.marked()));
        // A thin gap lets the eye find the rows.
        let gap = if layout.height > 16.0 { 1.0 } else { 0.0 };
        let corner = (left + layout.width - gap, top + layout.height - gap);
        scene.rectangle((left + gap, top + gap), corner, fill);
        let middle = (left + layout.width / 2.0, top + layout.height / 2.0);
        draw_numbers(scene, found, middle, (layout.width, layout.height), fill);
    }

    fn draw_names(&self, scene: &mut Scene, layout: &Layout) {
        let legend = Label::new(self.legend(), RIGHT, TOP - 14.0).anchor(Anchor::End);
        let room = legend.extent().0 - MARGIN - 20.0;
        scene.text(legend.colour(FAINT_INK));
        let name = font::clip(&self.rows.name, TEXT_PX, true, room);
        scene.text(Label::new(name, MARGIN, TOP - 14.0).bold());
        // Every so many rows have a label where not all have room.
        let every = (20.0 / layout.height).ceil() as usize;
        for (i, label) in self.rows.labels.iter().enumerate().step_by(every.max(1)) {
            let y = TOP + layout.height * (i as f64 + 0.5) + 5.0;
            let label = font::clip(label, TEXT_PX, false, WIDEST_LABEL);
            scene.text(Label::new(label, layout.left - 10.0, y).anchor(Anchor::End));
        }
        let places = self.columns.middles(layout.left, RIGHT);
        let widest = (layout.width - 12.0).max(60.0);
        for (x, label) in spread(&self.columns.labels, &places, widest) {
            scene.text(Label::new(label, x, layout.bottom + 22.0).anchor(Anchor::Middle));
        }
        let middle = (layout.left + RIGHT) / 2.0;
        let name = font::clip(&self.columns.name, TEXT_PX, true, RIGHT - layout.left);
        let name = Label::new(name, middle, layout.bottom + 46.0);
        scene.text(name.anchor(Anchor::Middle).bold());
    }

    fn key(&self) -> Key {
        let mut key = Key::default();
        let computed = self.cells.iter().filter(|found| found.is_sound()).count();
        if computed < self.rows.labels.len() * self.columns.labels.len() {
            key.add(Picture::Swatch(FAINT_GRID), "not computed");
        }
        key
    }

    /// What the cells say, for above their right end.
    fn legend(&self) -> &'static str {
        match self.cells.iter().any(Found::is_bound) {
            true => "nines, and downtime per year; ≥ no downtime seen: at least this good",
            false => "nines, and downtime per year",
        }
    }
}

/// As much of the numbers as there is room for.
fn draw_numbers(
    scene: &mut Scene,
    found: &Found,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
    fill: Colour,
) {
    let (least, most) = match found.is_bound() {
        true => ("≥ ", "≤ "),
        false => ("", ""),
    };
    // Rounded down: 3.996 nines are not yet four.
    let shown = (100.0 * nines(found.marked()) + 1e-6).floor() / 100.0;
    let number = format!("{least}{shown:.2}");
    let downtime = duration::text(found.marked() * SECONDS_PER_YEAR);
    let downtime = format!("{most}{downtime}");
    let fits = |text: &str, px: f64| font::width(text, px, false) + 8.0 <= width;
    let both = height >= 46.0 && fits(&downtime, TEXT_PX);
    let label = |text: String, y: f64| {
        let label = Label::new(text, x, y).anchor(Anchor::Middle);
        label.colour(ink_on(fill))
    };
    if height >= 20.0 && fits(&number, NUMBER_PX) {
        let baseline = if both { y - 3.0 } else { y + 6.0 };
        scene.text(label(number, baseline).px(NUMBER_PX));
        if both {
            scene.text(label(downtime, y + 17.0));
        }
    }
}

impl Scale {
    fn around((least, most): (f64, f64)) -> Scale {
        let steps = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0];
        let wide = |step: &&f64| (most - least) / **step <= 8.0;
        let step = *steps.iter().find(wide).unwrap_or(&5.0);
        let low = (least / step + 1e-9).floor() * step;
        let high = (most / step - 1e-9).ceil() * step;
        Scale {
            low,
            high: high.max(low + step),
            step,
        }
    }

    fn share(&self, nines: f64) -> f64 {
        ((nines - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn colour(&self, nines: f64) -> Colour {
        sequential(self.share(nines))
    }

    fn draw(&self, scene: &mut Scene, bottom: f64) {
        // Few rows make a low chart; the bar needs room for its labels all the same.
        let bottom = bottom.max(TOP + 60.0);
        let strip = (bottom - TOP) / BAR_STRIPS as f64;
        for i in 0..BAR_STRIPS {
            let share = (i as f64 + 0.5) / BAR_STRIPS as f64;
            let low = bottom - strip * i as f64;
            let corners = ((BAR.0, low - strip - 0.3), (BAR.1, low));
            scene.rectangle(corners.0, corners.1, sequential(share));
        }
        let name = Label::new("nines", BAR.0, TOP - 14.0).colour(FAINT_INK);
        scene.text(name);
        let count = ((self.high - self.low) / self.step).round() as usize;
        let pitch = (bottom - TOP) / count.max(1) as f64;
        let every = (20.0 / pitch).ceil().max(1.0) as usize;
        for i in (0..=count).step_by(every) {
            let value = self.low + self.step * i as f64;
            let y = bottom - self.share(value) * (bottom - TOP);
            scene.path(vec![(BAR.1, y), (BAR.1 + 5.0, y)], 1.0, AXIS);
            let decimals = match self.step {
                s if s < 0.1 => 2,
                s if s < 1.0 => 1,
                _ => 0,
            };
            scene.text(Label::new(
                format!("{value:.decimals$}"),
                BAR.1 + 10.0,
                y + 5.0,
            ));
        }
    }
}
