//! Unavailability against a swept value: one line for each service, with a band
//! for its interval. Better is up.

use super::chart::{Caption, Chart};
use super::duration::{self, SECONDS_PER_YEAR};
use super::font;
use super::frame::{self, BODY_TOP, MARGIN, WIDTH};
use super::key::{Key, Picture};
use super::nines::{NinesAxis, Rung};
use super::palette::{AXIS, FAINT_GRID, FAINT_INK, GRID, Style};
use super::scene::{Anchor, Label, Point, Scene, TEXT_PX};
use super::swept::{Swept, spread};

const LEFT: f64 = MARGIN + 128.0;
const RIGHT: f64 = 850.0;
const TOP: f64 = BODY_TOP + 40.0;
const BOTTOM: f64 = 590.0;
/// Where the names in the legend begin.
const NAMES: f64 = 990.0;
const LEGEND_LINE: f64 = 24.0;
const LINE: f64 = 2.5;
const ARROW: f64 = 30.0;
const MOST_MARKERS: usize = 40;
/// More values than this are closer together than a line is wide.
const MOST_VALUES: usize = 500;

/// What was found at one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Number of the value on the swept axis.
    pub value: usize,
    /// Share of time; 0: no downtime seen, `high` is a bound.
    pub unavailability: f64,
    /// Ends of the interval.
    pub low: f64,
    /// See `low`.
    pub high: f64,
}

impl Found {
    /// The unavailability that a marker stands for: the bound where nothing was seen.
    pub(super) fn marked(&self) -> f64 {
        match self.is_bound() {
            true => self.high,
            false => self.unavailability,
        }
    }

    pub(super) fn is_bound(&self) -> bool {
        self.unavailability == 0.0
    }

    /// Can it be drawn at all?
    pub(super) fn is_sound(&self) -> bool {
        self.marked() > 0.0 && self.marked() <= 1.0
    }
}

/// One service over all values.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceLine {
    /// The service.
    pub service: String,
    /// In the order of the values; values without a result are left out.
    pub points: Vec<Found>,
}

/// Input of the chart "one swept value".
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// Title and origin of the numbers.
    pub caption: Caption,
    /// What the bands are, e.g. `95% confidence interval`.
    pub interval: String,
    /// The horizontal axis.
    pub swept: Swept,
    /// The services.
    pub lines: Vec<ServiceLine>,
}

/// A point with its place on the page.
struct Placed {
    x: f64,
    found: Found,
}

impl Lines {
    /// Lays the chart out; `None` without a point, or with too many values.
    pub fn chart(&self) -> Option<Chart> {
        if self.points().next().is_none() || self.swept.labels.len() > MOST_VALUES {
            return None;
        }
        let key = self.key();
        let key_top = BOTTOM + 66.0;
        let legend_end = TOP + LEGEND_LINE * self.lines.len() as f64;
        let height = (key_top + key.height()).max(legend_end) + MARGIN;
        let mut scene = Scene::new(WIDTH, height);
        frame::heading(&mut scene, &self.caption);
        let axis = self.axis();
        draw_rungs(&mut scene, &axis);
        self.draw_values(&mut scene);
        let placed: Vec<Vec<Placed>> = (0..self.lines.len()).map(|i| self.placed(i)).collect();
        // All intervals, then all lines, then all markers: none hides another kind.
        for draw in [draw_intervals, draw_line, draw_markers] {
            for (i, points) in placed.iter().enumerate() {
                for run in self.runs(points) {
                    draw(&mut scene, &axis, run, Style::of(i));
                }
            }
        }
        self.draw_legend(&mut scene);
        key.draw(&mut scene, key_top);
        Some(Chart::new(&self.caption, scene))
    }

    fn points(&self) -> impl Iterator<Item = &Found> {
        let points = self.lines.iter().flat_map(|line| &line.points);
        points.filter(|found| found.is_sound())
    }

    /// The axis from bottom to top. An interval that reaches down to almost nothing
    /// does not stretch it: at most one nine beyond the estimates is shown.
    fn axis(&self) -> NinesAxis {
        let least = self.points().map(Found::marked).fold(1.0, f64::min);
        let shown = |found: &Found| match found.is_bound() {
            // Room for the arrow.
            true => [found.marked(), found.marked() / 2.0],
            false => [found.high.min(1.0), found.low.max(least / 10.0)],
        };
        let marked = self.points().map(Found::marked);
        NinesAxis::enclosing(self.points().flat_map(shown).chain(marked), BOTTOM, TOP)
    }

    /// Neighbours between which a line makes sense: not across a bound, and not
    /// between names.
    fn runs<'a>(&self, points: &'a [Placed]) -> Vec<&'a [Placed]> {
        let continuous = self.swept.is_continuous();
        let joined =
            |a: &Placed, b: &Placed| continuous && !a.found.is_bound() && !b.found.is_bound();
        points.chunk_by(joined).collect()
    }

    /// The points of a line; services stand side by side so that equal ones are seen.
    fn placed(&self, line: usize) -> Vec<Placed> {
        let places = self.swept.places(LEFT, RIGHT);
        let room = 0.7 * (RIGHT - LEFT) / places.len().max(1) as f64;
        let most = match self.swept.is_continuous() {
            true => 8.0,
            false => 18.0,
        };
        let step = (room / self.lines.len() as f64).min(most);
        let aside = step * (line as f64 - (self.lines.len() - 1) as f64 / 2.0);
        let mut placed: Vec<Placed> = self.lines[line]
            .points
            .iter()
            .filter(|found| found.is_sound() && found.value < places.len())
            .map(|found| Placed {
                x: places[found.value] + aside,
                found: *found,
            })
            .collect();
        placed.sort_by(|a, b| a.x.total_cmp(&b.x));
        placed
    }

    fn draw_values(&self, scene: &mut Scene) {
        let places = self.swept.places(LEFT, RIGHT);
        scene.path(vec![(LEFT, BOTTOM), (RIGHT, BOTTOM)], 1.0, AXIS);
        for x in &places {
            scene.path(vec![(*x, BOTTOM), (*x, BOTTOM + 5.0)], 1.0, AXIS);
        }
        for (x, label) in spread(&self.swept.labels, &places, self.swept.room(LEFT, RIGHT)) {
            scene.text(Label::new(label, x, BOTTOM + 22.0).anchor(Anchor::Middle));
        }
        let name = font::clip(&self.swept.title(), TEXT_PX, true, RIGHT - LEFT);
        let name = Label::new(name, (LEFT + RIGHT) / 2.0, BOTTOM + 46.0);
        scene.text(name.anchor(Anchor::Middle).bold());
    }

    fn draw_legend(&self, scene: &mut Scene) {
        for (i, line) in self.lines.iter().enumerate() {
            let middle = TOP + LEGEND_LINE * (i as f64 + 0.5);
            let style = Style::of(i);
            if self.swept.is_continuous() {
                let ends = vec![(NAMES - 36.0, middle), (NAMES - 12.0, middle)];
                scene.path(ends, LINE, style.colour);
            }
            style.filled(scene, (NAMES - 24.0, middle));
            let name = font::clip(&line.service, TEXT_PX, false, WIDTH - MARGIN - NAMES);
            scene.text(Label::new(name, NAMES, middle + 5.0));
        }
    }

    fn key(&self) -> Key {
        let mut key = Key::default();
        if self.points().any(|found| !found.is_bound()) {
            let shape = match self.swept.is_continuous() {
                true => "band (bar where a point stands alone)",
                false => "bar",
            };
            key.add(
                Picture::Filled,
                format!("estimate; {shape}: {}", self.interval),
            );
        }
        if self.points().any(Found::is_bound) {
            key.add(Picture::Open, "no downtime seen: at least this good");
        }
        key
    }
}

fn draw_rungs(scene: &mut Scene, axis: &NinesAxis) {
    if axis.high - axis.low <= 2 {
        for y in axis.minor_lines() {
            scene.path(vec![(LEFT, y), (RIGHT, y)], 1.0, FAINT_GRID);
        }
    }
    for Rung {
        unavailability,
        at: y,
        nines,
        percent,
    } in axis.rungs()
    {
        scene.path(vec![(LEFT - 5.0, y), (RIGHT + 5.0, y)], 1.0, GRID);
        let left = |text: String, y: f64| Label::new(text, LEFT - 10.0, y).anchor(Anchor::End);
        let percent = font::clip(&percent, TEXT_PX, false, LEFT - 14.0);
        scene.text(left(percent, y + 5.0));
        scene.text(left(nines, y + 21.0).colour(FAINT_INK));
        let downtime = duration::text(unavailability * SECONDS_PER_YEAR);
        scene.text(Label::new(downtime, RIGHT + 10.0, y + 5.0).colour(FAINT_INK));
    }
    let left = Label::new("availability", LEFT - 10.0, TOP - 18.0);
    scene.text(left.anchor(Anchor::End));
    let right = Label::new("downtime per year", RIGHT + 10.0, TOP - 18.0);
    scene.text(right.colour(FAINT_INK));
}

/// A band, or a bar where a point stands alone.
fn draw_intervals(scene: &mut Scene, axis: &NinesAxis, run: &[Placed], style: Style) {
    match run {
        [alone] if alone.found.is_bound() => {}
        [Placed { x, found }] => {
            let ends = vec![(*x, axis.x(found.low)), (*x, axis.x(found.high))];
            scene.path(ends, 2.0, style.colour);
        }
        run => {
            let upper = run.iter().map(|p| (p.x, axis.x(p.found.low)));
            let lower = run.iter().rev().map(|p| (p.x, axis.x(p.found.high)));
            scene.veil(upper.chain(lower).collect(), style.colour);
        }
    }
}

fn draw_line(scene: &mut Scene, axis: &NinesAxis, run: &[Placed], style: Style) {
    let at = |placed: &Placed| -> Point { (placed.x, axis.x(placed.found.marked())) };
    for pair in run.windows(2) {
        scene.slanted(at(&pair[0]), at(&pair[1]), LINE, style.colour);
    }
}

fn draw_markers(scene: &mut Scene, axis: &NinesAxis, run: &[Placed], style: Style) {
    // Where markers would cover the line, the line alone says more.
    if run.len() > MOST_MARKERS {
        return;
    }
    for Placed { x, found } in run {
        let at = (*x, axis.x(found.marked()));
        if found.is_bound() {
            scene.arrow_up(at, ARROW, style.colour);
            style.open(scene, at);
        } else {
            style.filled(scene, at);
        }
    }
}
