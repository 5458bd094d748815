//! Downtime attribution: which cause takes which share of each row's downtime.
//!
//! Totals differ by orders of magnitude between designs, so bars show shares and
//! the absolute downtime stands beside them.

use super::chart::{Caption, Chart};
use super::duration;
use super::font;
use super::frame::{self, BODY_TOP, MARGIN, USUAL_HEIGHT, WIDTH};
use super::key::{Key, Picture};
use super::palette::{self, AXIS, Colour, FAINT_INK, GRID, OTHER, PAPER};
use super::rows::{Row, Rows, in_order};
use super::scene::{Anchor, Label, Scene, TEXT_PX};

/// One cause and the downtime it is charged with.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Name of the cause.
    pub name: String,
    /// Downtime in seconds per year, 0 or more; anything else counts as 0.
    pub downtime: f64,
}

/// Causes of the downtime of one service in one design.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributionRow {
    /// Name of the design.
    pub design: String,
    /// Name of the service.
    pub service: String,
    /// Causes in any order; they add up to the row's downtime.
    pub causes: Vec<Cause>,
}

/// Input of the chart "downtime by cause".
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// Title and origin of the numbers.
    pub caption: Caption,
    /// Bars; designs and services appear in the order given here.
    pub rows: Vec<AttributionRow>,
}

impl Row for AttributionRow {
    fn design(&self) -> &str {
        &self.design
    }

    fn service(&self) -> &str {
        &self.service
    }
}

impl Cause {
    fn seconds(&self) -> f64 {
        match self.downtime.is_finite() {
            true => self.downtime.max(0.0),
            false => 0.0,
        }
    }
}

impl AttributionRow {
    /// Downtime in seconds per year.
    fn total(&self) -> f64 {
        self.causes.iter().map(Cause::seconds).sum()
    }

    /// Share of `cause` in the row's downtime, 0 to 1.
    fn share(&self, cause: &str) -> f64 {
        let same = self.causes.iter().filter(|c| c.name == cause);
        let total = self.total();
        match total > 0.0 {
            true => same.map(Cause::seconds).sum::<f64>() / total,
            false => 0.0,
        }
    }
}

/// The causes that get a colour of their own, most important first, and how many do not.
struct Ranking<'a> {
    named: Vec<&'a str>,
    others: usize,
}

impl<'a> Ranking<'a> {
    /// Ranks by mean share, so that a design with little downtime counts as much as any.
    fn of(rows: &'a [AttributionRow]) -> Self {
        let names = in_order(rows.iter().flat_map(|r| &r.causes).map(|c| c.name.as_str()));
        let mut ranked: Vec<(f64, &str)> = names
            .into_iter()
            .map(|name| (rows.iter().map(|row| row.share(name)).sum(), name))
            .filter(|(share, _)| *share > 0.0)
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        let all = ranked.len();
        if all > palette::FILLS {
            ranked.truncate(palette::FILLS - 1);
        }
        Ranking {
            others: all - ranked.len(),
            named: ranked.into_iter().map(|(_, name)| name).collect(),
        }
    }

    /// Shares of one row in drawing order, the unnamed causes together at the end.
    fn segments(&self, row: &AttributionRow) -> Vec<(f64, Colour)> {
        let mut segments: Vec<(f64, Colour)> = self
            .named
            .iter()
            .enumerate()
            .map(|(i, name)| (row.share(name), palette::fill(i)))
            .collect();
        if self.others > 0 && row.total() > 0.0 {
            let named: f64 = segments.iter().map(|(share, _)| share).sum();
            segments.push(((1.0 - named).max(0.0), OTHER));
        }
        segments
    }

    fn key(&self) -> Key {
        let mut key = Key::default();
        for (i, name) in self.named.iter().enumerate() {
            key.add(Picture::Swatch(palette::fill(i)), *name);
        }
        if self.others > 0 {
            key.add(
                Picture::Swatch(OTHER),
                format!("{} other causes", self.others),
            );
        }
        key
    }
}

const TOTAL_NAME: &str = "downtime per year";

impl Attribution {
    /// Lays the chart out; `None` without rows.
    pub fn chart(&self) -> Option<Chart> {
        if self.rows.is_empty() {
            return None;
        }
        let ranking = Ranking::of(&self.rows);
        let key = ranking.key();
        let top = BODY_TOP + 32.0;
        let rows = Rows::arrange(&self.rows, USUAL_HEIGHT - top - 90.0 - key.height());
        let bottom = top + rows.height;
        let key_top = bottom + 58.0;
        let mut scene = Scene::new(WIDTH, key_top + key.height() + MARGIN);
        frame::heading(&mut scene, &self.caption);
        let left = rows.data_left();
        let right = WIDTH - MARGIN - font::width(TOTAL_NAME, TEXT_PX, true) - 32.0;
        rows.draw_names(&mut scene, top, WIDTH - MARGIN, false);
        draw_axis(&mut scene, (left, top), (right, bottom));
        for place in &rows.places {
            let y = top + place.middle;
            let half = (0.41 * rows.pitch).min(12.0);
            let segments = ranking.segments(place.row);
            draw_bar(&mut scene, (left, y - half), (right, y + half), &segments);
            let total = duration::text(place.row.total());
            scene.text(Label::new(total, WIDTH - MARGIN, y + 5.0).anchor(Anchor::End));
        }
        key.draw(&mut scene, key_top);
        Some(Chart::new(&self.caption, scene))
    }
}

fn draw_axis(scene: &mut Scene, (left, top): (f64, f64), (right, bottom): (f64, f64)) {
    for quarter in 0..=4 {
        let x = left + (right - left) * f64::from(quarter) / 4.0;
        scene.path(vec![(x, top), (x, bottom + 5.0)], 1.0, GRID);
        let label = Label::new(format!("{}%", 25 * quarter), x, bottom + 22.0);
        scene.text(label.anchor(Anchor::Middle));
    }
    scene.path(vec![(left, bottom), (right, bottom)], 1.0, AXIS);
    scene.text(Label::new(
        "share of each row's downtime",
        left,
        bottom + 44.0,
    ));
    let total = Label::new(TOTAL_NAME, WIDTH - MARGIN, top - 10.0).bold();
    scene.text(total.anchor(Anchor::End));
}

fn draw_bar(
    scene: &mut Scene,
    (left, top): (f64, f64),
    (right, bottom): (f64, f64),
    segments: &[(f64, Colour)],
) {
    let baseline = (top + bottom) / 2.0 + 5.0;
    if segments.iter().all(|(share, _)| *share == 0.0) {
        scene.text(Label::new("no downtime", left + 6.0, baseline).colour(FAINT_INK));
        return;
    }
    let mut from = left;
    for (share, colour) in segments.iter().filter(|(share, _)| *share > 0.0) {
        let to = from + share * (right - left);
        scene.rectangle((from, top), (to, bottom), *colour);
        if to < right - 0.5 && to - from > 2.0 {
            scene.path(vec![(to, top), (to, bottom)], 1.0, PAPER);
        }
        let text = format!("{:.0}%", 100.0 * share);
        if font::width(&text, TEXT_PX, false) + 10.0 < to - from {
            let label = Label::new(text, (from + to) / 2.0, baseline);
            scene.text(
                label
                    .anchor(Anchor::Middle)
                    .colour(palette::ink_on(*colour)),
            );
        }
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(causes: &[(&str, f64)]) -> AttributionRow {
        let cause = |(name, downtime): &(&str, f64)| Cause {
            name: (*name).to_owned(),
            downtime: *downtime,
        };
        AttributionRow {
            design: "d".to_owned(),
            service: "s".to_owned(),
            causes: causes.iter().map(cause).collect(),
        }
    }

    #[test]
    fn causes_are_ranked_by_mean_share_not_by_the_worst_design() {
        let rows = [
            row(&[("disk", 600.0), ("network", 400.0)]),
            row(&[("network", 0.9), ("disk", 0.1), ("none", 0.0)]),
        ];
        assert_eq!(Ranking::of(&rows).named, ["network", "disk"]);
    }

    #[test]
    fn too_many_causes_are_folded_and_shares_still_fill_the_bar() {
        let names: Vec<String> = (0..11).map(|i| format!("cause {i}")).collect();
        let causes: Vec<(&str, f64)> = names.iter().map(|n| (n.as_str(), 1.0)).collect();
        let rows = [row(&causes)];
        let ranking = Ranking::of(&rows);
        assert_eq!((ranking.named.len(), ranking.others), (7, 4));
        let filled: f64 = ranking.segments(&rows[0]).iter().map(|(s, _)| s).sum();
        assert!((filled - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nonsense_counts_as_no_downtime() {
        let row = row(&[("a", f64::NAN), ("b", -1.0), ("c", f64::INFINITY)]);
        assert_eq!(row.total(), 0.0);
        assert_eq!(row.share("a"), 0.0);
    }
}
