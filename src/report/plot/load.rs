//! Load over the number of lost nodes: the model beside what a document says.

use super::chart::{Caption, Chart};
use super::font;
use super::frame::{self, BODY_TOP, MARGIN, WIDTH};
use super::key::{Key, Picture};
use super::palette::{AXIS, Colour, FAINT_INK, GRID, INK, OTHER, PAPER, fill};
use super::scene::{Anchor, Label, Scene, TEXT_PX};

const TOP: f64 = BODY_TOP + 44.0;
const BOTTOM: f64 = 560.0;
const LEFT: f64 = MARGIN + 52.0;
/// Between two panels.
const GAP: f64 = 84.0;
/// The widest bar in pixels.
const WIDEST: f64 = 46.0;
/// More rows than this are too narrow to tell bars apart.
const MOST: usize = 64;
/// Bars narrower than this have no figures over them.
const ROOM_FOR_FIGURES: f64 = 38.0;
const MEAN: usize = 0;
const WORST: usize = 1;

/// The load after the loss of so many nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadPoint {
    /// Lost nodes.
    pub lost: usize,
    /// Mean utilisation of the nodes that are left.
    pub mean: f64,
    /// Utilisation of the busiest.
    pub worst: f64,
    /// The same two in the busiest hour of the day.
    pub peak: [f64; 2],
    /// What a document says.
    pub documented: Option<f64>,
}

/// One resource.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPanel {
    /// Its name.
    pub name: String,
    /// By the number of lost nodes.
    pub points: Vec<LoadPoint>,
}

/// Input of the chart "load over lost nodes".
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Title and origin of the numbers.
    pub caption: Caption,
    /// The utilisation that should not be exceeded.
    pub limit: f64,
    /// That in words.
    pub limit_name: String,
    /// Side by side.
    pub panels: Vec<LoadPanel>,
}

/// Where a panel stands and how it is scaled.
struct Frame {
    left: f64,
    right: f64,
    most: f64,
}

impl Frame {
    fn y(&self, utilisation: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * (utilisation / self.most).min(1.0)
    }
}

impl Load {
    /// Lays the chart out; `None` without work, or with too many rows.
    pub fn chart(&self) -> Option<Chart> {
        let rows = self.panels.iter().map(|panel| panel.points.len()).max()?;
        let most = self.most();
        if rows == 0 || rows > MOST || most <= 0.0 || !most.is_finite() {
            return None;
        }
        let key = self.key();
        let key_top = BOTTOM + 66.0;
        let mut scene = Scene::new(WIDTH, key_top + key.height() + MARGIN);
        frame::heading(&mut scene, &self.caption);
        let count = self.panels.len() as f64;
        let width = (WIDTH - MARGIN - LEFT - GAP * (count - 1.0)) / count;
        for (index, panel) in self.panels.iter().enumerate() {
            let left = LEFT + (width + GAP) * index as f64;
            let frame = Frame {
                left,
                right: left + width,
                most: (1.12 * most).max(1.1),
            };
            self.draw_axis(&mut scene, &frame, panel);
            for point in &panel.points {
                draw_point(&mut scene, &frame, panel.points.len(), point);
            }
            self.draw_limits(&mut scene, &frame);
            for point in &panel.points {
                draw_documented(&mut scene, &frame, panel.points.len(), point);
            }
        }
        key.draw(&mut scene, key_top);
        Some(Chart::new(&self.caption, scene))
    }

    fn points(&self) -> impl Iterator<Item = &LoadPoint> {
        self.panels.iter().flat_map(|panel| &panel.points)
    }

    fn most(&self) -> f64 {
        self.points()
            .flat_map(|p| [p.worst, p.peak[WORST], p.documented.unwrap_or(0.0)])
            .fold(0.0, f64::max)
    }

    fn draw_axis(&self, scene: &mut Scene, frame: &Frame, panel: &LoadPanel) {
        let step = step(frame.most);
        let mut at = 0.0;
        while at <= frame.most {
            let y = frame.y(at);
            scene.path(vec![(frame.left, y), (frame.right, y)], 1.0, GRID);
            let label = Label::new(percent(at), frame.left - 8.0, y + 5.0);
            scene.text(label.anchor(Anchor::End));
            at += step;
        }
        let ends = vec![(frame.left, BOTTOM), (frame.right, BOTTOM)];
        scene.path(ends, 1.0, AXIS);
        let name = format!("{}, utilisation", panel.name);
        scene.text(Label::new(name, frame.left - 44.0, TOP - 18.0).bold());
        let middle = (frame.left + frame.right) / 2.0;
        let label = Label::new("lost nodes", middle, BOTTOM + 46.0);
        scene.text(label.anchor(Anchor::Middle).bold());
    }

    /// The limit and all that a node has, over the bars.
    fn draw_limits(&self, scene: &mut Scene, frame: &Frame) {
        let y = frame.y(1.0);
        scene.path(vec![(frame.left, y), (frame.right, y)], 1.5, INK);
        if self.limit < 1.0 {
            let y = frame.y(self.limit);
            let mut x = frame.left;
            while x < frame.right {
                let end = (x + 8.0).min(frame.right);
                scene.path(vec![(x, y), (end, y)], 1.5, FAINT_INK);
                x += 13.0;
            }
        }
    }

    fn key(&self) -> Key {
        let mut key = Key::default();
        let has_peak = self.points().any(|p| p.peak[WORST] > p.worst);
        key.add(Picture::Swatch(fill(MEAN)), "model: mean of the nodes left");
        key.add(Picture::Swatch(fill(WORST)), "model: busiest node");
        if has_peak {
            key.add(Picture::Swatch(OTHER), "in the busiest hour");
        }
        if self.points().any(|p| p.documented.is_some()) {
            key.add(Picture::Open, "as the document prints it");
        }
        if self.limit < 1.0 {
            key.add(Picture::Dashes, self.limit_name.clone());
        }
        key.add(Picture::Line, "all that a node has");
        key
    }
}

fn draw_point(scene: &mut Scene, frame: &Frame, count: usize, point: &LoadPoint) {
    let part = (frame.right - frame.left) / count as f64;
    let middle = frame.left + part * (point.lost as f64 + 0.5);
    let width = bar_width(part);
    let bars = [
        (
            middle - width / 2.0 - 1.0,
            point.mean,
            point.peak[MEAN],
            MEAN,
        ),
        (
            middle + width / 2.0 + 1.0,
            point.worst,
            point.peak[WORST],
            WORST,
        ),
    ];
    for (x, now, peak, colour) in bars {
        let (from, to) = (x - width / 2.0, x + width / 2.0);
        if peak > now {
            scene.rectangle((from, frame.y(peak)), (to, frame.y(now)), OTHER);
        }
        scene.rectangle((from, frame.y(now)), (to, BOTTOM), fill(colour));
        if width >= ROOM_FOR_FIGURES {
            let y = frame.y(peak.max(now)) - 6.0;
            figure(scene, percent(peak.max(now)), x, y, colour_of(colour));
        }
    }
    let every = (24.0 / part).ceil().max(1.0) as usize;
    if point.lost.is_multiple_of(every) {
        let label = Label::new(point.lost.to_string(), middle, BOTTOM + 22.0);
        scene.text(label.anchor(Anchor::Middle));
    }
}

/// What a document says, left of the mean, which it is to be compared with.
fn draw_documented(scene: &mut Scene, frame: &Frame, count: usize, point: &LoadPoint) {
    let part = (frame.right - frame.left) / count as f64;
    let middle = frame.left + part * (point.lost as f64 + 0.5);
    if let Some(documented) = point.documented {
        let at = (middle - bar_width(part) - 12.0, frame.y(documented));
        scene.disc(at, 7.0, INK);
        scene.disc(at, 4.5, PAPER);
    }
}

fn bar_width(part: f64) -> f64 {
    (0.35 * part).min(WIDEST)
}

/// A figure over a bar, on paper, so that lines behind it do not cross it out.
fn figure(scene: &mut Scene, text: String, x: f64, baseline: f64, colour: Colour) {
    let half = font::width(&text, TEXT_PX, false) / 2.0 + 1.0;
    scene.rectangle(
        (x - half, baseline - 12.0),
        (x + half, baseline + 2.0),
        PAPER,
    );
    scene.text(
        Label::new(text, x, baseline)
            .anchor(Anchor::Middle)
            .colour(colour),
    );
}

fn colour_of(bar: usize) -> Colour {
    if bar == MEAN { INK } else { FAINT_INK }
}

/// A round step with at most about ten lines.
fn step(most: f64) -> f64 {
    let steps = [
        0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 50.0, 100.0,
    ];
    steps
        .into_iter()
        .find(|step| most / step <= 10.0)
        .unwrap_or(most / 5.0)
}

fn percent(share: f64) -> String {
    format!("{:.0}%", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(points: Vec<LoadPoint>) -> Load {
        Load {
            caption: Caption::new("t", "e", None, 0),
            limit: 0.8,
            limit_name: "limit 80%".to_owned(),
            panels: vec![LoadPanel {
                name: "CPU".to_owned(),
                points,
            }],
        }
    }

    #[test]
    fn nothing_to_bear_is_nothing_to_draw() {
        assert!(load(Vec::new()).chart().is_none());
        let idle = LoadPoint {
            lost: 0,
            mean: 0.0,
            worst: 0.0,
            peak: [0.0; 2],
            documented: None,
        };
        assert!(load(vec![idle]).chart().is_none());
        let busy = LoadPoint {
            mean: 0.25,
            worst: 1.0,
            ..idle
        };
        assert!(load(vec![busy]).chart().is_some());
        assert!(load(vec![busy; 100]).chart().is_none());
    }

    #[test]
    fn the_axis_has_few_lines() {
        for most in [0.3, 1.1, 1.8, 4.0, 30.0, 900.0] {
            assert!(most / step(most) <= 10.0 + 1e-9);
        }
    }
}
