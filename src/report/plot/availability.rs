//! Availability by design: one row to each (design, service) on the axis of nines.

use super::chart::{Caption, Chart};
use super::duration::{self, SECONDS_PER_YEAR};
use super::font;
use super::frame::{self, BODY_TOP, MARGIN, USUAL_HEIGHT, WIDTH};
use super::key::{Key, Picture};
use super::nines::{self, NinesAxis};
use super::palette::{AXIS, FAINT_INK, GRID, INK, Style};
use super::rows::{Place, Row, Rows};
use super::scene::{Anchor, Label, Scene, TEXT_PX};

/// Estimated unavailability of one service in one design.
#[derive(Clone, Debug, PartialEq)]
pub struct AvailabilityRow {
    /// Name of the design.
    pub design: String,
    /// Name of the service.
    pub service: String,
    /// Estimated unavailability, 0 to 1; 0 if no downtime was seen, anything
    /// outside that range is shown as "no estimate".
    pub unavailability: f64,
    /// Lower end of the interval, 0 to `unavailability`: 0 is drawn as an arrow, and
    /// an exact value has both ends equal to `unavailability`.
    pub low: f64,
    /// Upper end of the interval, `unavailability` to 1; 0 if there is none.
    pub high: f64,
}

/// A value that somebody claims, drawn as a vertical line.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// What to call it, for example `claimed 99.999999%`.
    pub label: String,
    /// The claimed unavailability, above 0 and at most 1.
    pub unavailability: f64,
}

/// Input of the chart "availability by design".
#[derive(Clone, Debug, PartialEq)]
pub struct Availability {
    /// Title and origin of the numbers.
    pub caption: Caption,
    /// What the error bars are, for example `95% confidence interval`; may be empty.
    pub interval: String,
    /// The estimates; designs and services appear in the order given here.
    pub rows: Vec<AvailabilityRow>,
    /// A claimed value to compare with.
    pub claim: Option<Claim>,
}

impl Row for AvailabilityRow {
    fn design(&self) -> &str {
        &self.design
    }

    fn service(&self) -> &str {
        &self.service
    }
}

impl AvailabilityRow {
    fn is_estimate(&self) -> bool {
        (0.0..=1.0).contains(&self.unavailability)
    }

    /// The unavailability that the marker stands for: the estimate, or the upper
    /// bound where no downtime was seen; 0 if there is not even a bound.
    fn marked(&self) -> f64 {
        match self.unavailability > 0.0 {
            true => self.unavailability,
            false => self.high.clamp(0.0, 1.0),
        }
    }

    fn is_bound(&self) -> bool {
        self.unavailability == 0.0
    }

    /// Availability in percent and downtime per year, as printed beside the row.
    fn cells(&self) -> [String; 2] {
        if !self.is_estimate() {
            return ["no estimate".to_owned(), "–".to_owned()];
        }
        let percent = nines::percent(self.marked());
        let downtime = duration::text(self.marked() * SECONDS_PER_YEAR);
        match (self.is_bound(), self.marked() > 0.0) {
            (false, _) => [percent, downtime],
            (true, true) => [format!("≥ {percent}"), format!("≤ {downtime}")],
            (true, false) => ["no downtime seen".to_owned(), "–".to_owned()],
        }
    }
}

/// Length of the arrow at an upper bound, in pixels.
const ARROW: f64 = 32.0;
/// Distance between the two lines of percentages in pixels.
const PERCENT_LINE: f64 = 18.0;
const CELL_GAP: f64 = 24.0;
const COLUMN_NAMES: [&str; 2] = ["availability", "downtime per year"];

/// Horizontal and vertical positions shared by all parts of the chart.
struct Layout<'a> {
    rows: Rows<'a, AvailabilityRow>,
    cells: Vec<[String; 2]>,
    /// Right ends of the two columns of numbers.
    columns: [f64; 2],
    axis: NinesAxis,
    top: f64,
    bottom: f64,
    /// Where the first row's group begins: `top`, or below the claim's label.
    rows_top: f64,
}

impl Availability {
    /// Lays the chart out; `None` without rows.
    pub fn chart(&self) -> Option<Chart> {
        if self.rows.is_empty() {
            return None;
        }
        let layout = self.layout();
        let key = self.key();
        let key_top = layout.bottom + 80.0 + layout.second_line();
        let mut scene = Scene::new(WIDTH, key_top + key.height() + MARGIN);
        frame::heading(&mut scene, &self.caption);
        layout
            .rows
            .draw_names(&mut scene, layout.rows_top, layout.columns[1], true);
        layout.draw_axis(&mut scene);
        if let Some(claim) = self.valid_claim() {
            layout.draw_claim(&mut scene, claim);
        }
        for (place, cells) in layout.rows.places.iter().zip(&layout.cells) {
            layout.draw_row(&mut scene, place);
            layout.draw_cells(&mut scene, place, cells);
        }
        key.draw(&mut scene, key_top);
        Some(Chart::new(&self.caption, scene))
    }

    fn valid_claim(&self) -> Option<&Claim> {
        let claim = self.claim.as_ref()?;
        (claim.unavailability > 0.0 && claim.unavailability <= 1.0).then_some(claim)
    }

    fn layout(&self) -> Layout<'_> {
        let top = BODY_TOP + 52.0;
        let rows_top = top
            + if self.valid_claim().is_some() {
                26.0
            } else {
                0.0
            };
        let rows = Rows::arrange(&self.rows, USUAL_HEIGHT - rows_top - 130.0);
        let cells: Vec<[String; 2]> = rows.places.iter().map(|p| p.row.cells()).collect();
        let columns = columns(&cells);
        let second = WIDTH - MARGIN;
        let first = second - columns[1] - CELL_GAP;
        // Axis labels stand half their width beyond the data area.
        let right = first - columns[0] - CELL_GAP - 36.0;
        let axis = self.axis(rows.data_left() + 24.0, right);
        let bottom = rows_top + rows.height;
        Layout {
            rows,
            cells,
            columns: [first, second],
            axis,
            top,
            bottom,
            rows_top,
        }
    }

    fn axis(&self, left: f64, right: f64) -> NinesAxis {
        // An interval that reaches down to almost nothing ends in an arrow instead
        // of stretching the axis: at most one nine beyond the estimates is shown.
        let least = self.estimates().map(AvailabilityRow::marked);
        let least = least.filter(|u| *u > 0.0).fold(1.0, f64::min);
        let shown_low = |row: &AvailabilityRow| match row.low > 0.0 {
            true => row.low.max(least / 10.0).min(row.unavailability),
            false => row.unavailability / 2.0,
        };
        let shown = |row: &AvailabilityRow| match row.is_bound() {
            // Room for the arrow.
            true => [row.marked(), row.marked() / 4.0],
            false => [row.high.min(1.0), shown_low(row)],
        };
        let ends = self.estimates().flat_map(shown);
        let marked = self.estimates().map(AvailabilityRow::marked);
        let claimed = self.valid_claim().map(|claim| claim.unavailability);
        NinesAxis::enclosing(ends.chain(marked).chain(claimed), left, right)
    }

    fn estimates(&self) -> impl Iterator<Item = &AvailabilityRow> {
        self.rows.iter().filter(|row| row.is_estimate())
    }

    fn key(&self) -> Key {
        let mut key = Key::default();
        if self.estimates().any(|row| !row.is_bound()) {
            let text = match self.interval.as_str() {
                "" => "estimate".to_owned(),
                interval => format!("estimate with {interval}"),
            };
            key.add(Picture::Estimate, text);
        }
        if self.estimates().any(AvailabilityRow::is_bound) {
            key.add(Picture::Bound, "no downtime seen: at least this good");
        }
        if let Some(claim) = self.valid_claim() {
            key.add(Picture::Dashed(INK), claim.label.as_str());
        }
        key
    }
}

/// Widths of the two columns of numbers.
fn columns(cells: &[[String; 2]]) -> [f64; 2] {
    [0, 1].map(|i| {
        let heading = font::width(COLUMN_NAMES[i], TEXT_PX, true);
        let widths = cells
            .iter()
            .map(|cell| font::width(&cell[i], TEXT_PX, false));
        widths.fold(heading, f64::max)
    })
}

impl Layout<'_> {
    /// Height in pixels of the second line of percentages, 0 if there is none.
    fn second_line(&self) -> f64 {
        let lines = self.axis.ticks().into_iter().map(|tick| tick.percent_line);
        PERCENT_LINE * lines.max().unwrap_or(0) as f64
    }

    fn draw_axis(&self, scene: &mut Scene) {
        let (left, right) = (self.axis.left, self.axis.right);
        if self.axis.high - self.axis.low <= 2 {
            for x in self.axis.minor_lines() {
                scene.path(vec![(x, self.top), (x, self.bottom)], 1.0, GRID);
            }
        }
        for tick in self.axis.ticks() {
            let x = tick.x;
            scene.path(vec![(x, self.top - 5.0), (x, self.bottom + 5.0)], 1.0, GRID);
            let middle = |text: String, y: f64| Label::new(text, x, y).anchor(Anchor::Middle);
            let percent_line = self.bottom + 41.0 + PERCENT_LINE * tick.percent_line as f64;
            scene.text(middle(tick.percent, percent_line));
            if !tick.nines.is_empty() {
                let downtime = duration::text(tick.unavailability * SECONDS_PER_YEAR);
                scene.text(middle(downtime, self.top - 11.0).colour(FAINT_INK));
                scene.text(middle(tick.nines, self.bottom + 22.0).colour(FAINT_INK));
            }
        }
        for y in [self.top, self.bottom] {
            scene.path(vec![(left, y), (right, y)], 1.0, AXIS);
        }
        let below =
            "availability (logarithmic in unavailability: each nine is ten times less downtime)";
        scene.text(Label::new(
            below,
            left - 24.0,
            self.bottom + 66.0 + self.second_line(),
        ));
        let above = Label::new("downtime per year", left - 24.0, self.top - 32.0);
        scene.text(above.colour(FAINT_INK));
        for (name, x) in COLUMN_NAMES.into_iter().zip(self.columns) {
            let name = Label::new(name, x, self.top - 11.0).bold();
            scene.text(name.anchor(Anchor::End));
        }
    }

    fn draw_claim(&self, scene: &mut Scene, claim: &Claim) {
        let x = self.axis.x(claim.unavailability);
        scene.dashed_vertical(x, self.top, self.bottom, INK);
        // On the side of the line where there is more room.
        let toward_left = x - self.axis.left > self.axis.right - x;
        let room = (x - self.axis.left).max(self.axis.right - x) - 8.0;
        let text = font::clip(&claim.label, TEXT_PX, true, room);
        let label = match toward_left {
            true => Label::new(text, x - 8.0, self.top + 19.0).anchor(Anchor::End),
            false => Label::new(text, x + 8.0, self.top + 19.0),
        };
        scene.text(label.bold());
    }

    fn draw_row(&self, scene: &mut Scene, place: &Place<AvailabilityRow>) {
        let row = place.row;
        if !row.is_estimate() {
            return;
        }
        let style = Style::of(place.design);
        let y = self.rows_top + place.middle;
        if row.is_bound() {
            let x = match row.marked() > 0.0 {
                true => self.axis.x(row.marked()),
                false => self.axis.right,
            };
            let x = x.min(self.axis.right - ARROW);
            scene.arrow_right((x, y), ARROW, style.colour);
            style.open(scene, (x, y));
            return;
        }
        self.draw_interval(scene, row, style, y);
        style.filled(scene, (self.axis.x(row.unavailability), y));
    }

    fn draw_interval(&self, scene: &mut Scene, row: &AvailabilityRow, style: Style, y: f64) {
        const CAP: f64 = 5.0;
        let from = self.axis.x(row.high.max(row.unavailability).min(1.0));
        scene.path(vec![(from, y - CAP), (from, y + CAP)], 2.0, style.colour);
        let beyond = row.low <= 0.0 || nines::nines(row.low) > f64::from(self.axis.high);
        if beyond {
            scene.arrow_right((from, y), self.axis.right - from, style.colour);
            return;
        }
        let to = self.axis.x(row.low.min(row.unavailability));
        scene.path(vec![(from, y), (to, y)], 2.0, style.colour);
        scene.path(vec![(to, y - CAP), (to, y + CAP)], 2.0, style.colour);
    }

    fn draw_cells(&self, scene: &mut Scene, place: &Place<AvailabilityRow>, cells: &[String; 2]) {
        let baseline = self.rows_top + place.middle + 5.0;
        for (text, x) in cells.iter().zip(self.columns) {
            scene.text(Label::new(text.as_str(), x, baseline).anchor(Anchor::End));
        }
    }
}
