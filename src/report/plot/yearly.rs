//! Distribution of yearly downtime: in which share of years is it worse than x?

use super::chart::{Caption, Chart};
use super::distribution::Distribution;
use super::duration;
use super::frame::{self, BODY_TOP, MARGIN, WIDTH};
use super::palette::Style;
use super::scene::Scene;
use super::step_panels::{Curve, LEFT, Panel, RIGHT, StepPanels};
use super::time_axis::TimeAxis;

/// Downtime of one design in each simulated year.
#[derive(Clone, Debug, PartialEq)]
pub struct YearlyDowntime {
    /// Name of the design.
    pub design: String,
    /// Downtime in seconds per year, one observation to each year, 0 for years without.
    pub downtime: Distribution,
}

/// Input of the chart "distribution of yearly downtime".
#[derive(Clone, Debug, PartialEq)]
pub struct YearlyDowntimes {
    /// Title and origin of the numbers.
    pub caption: Caption,
    /// One curve to each design, in this order.
    pub designs: Vec<YearlyDowntime>,
}

impl YearlyDowntimes {
    /// Lays the chart out; `None` without designs.
    pub fn chart(&self) -> Option<Chart> {
        if self.designs.is_empty() {
            return None;
        }
        let times = self.designs.iter().flat_map(|d| d.downtime.steps());
        let axis = TimeAxis::logarithmic(times.map(|(seconds, _)| *seconds), LEFT, RIGHT);
        let curves = self.designs.iter().enumerate().map(curve).collect();
        let panels = StepPanels {
            axis,
            time_name: "downtime in a year (logarithmic)",
            share_name: "share of years with more downtime than this",
            columns: Vec::new(),
            panels: vec![Panel {
                name: String::new(),
                curves,
            }],
        };
        let top = BODY_TOP + 20.0;
        let mut scene = Scene::new(WIDTH, panels.scene_height(top, MARGIN));
        frame::heading(&mut scene, &self.caption);
        panels.draw(&mut scene, top, MARGIN);
        Some(Chart::new(&self.caption, scene))
    }
}

fn curve((index, design): (usize, &YearlyDowntime)) -> Curve {
    let downtime = &design.downtime;
    let none = downtime.share_up_to(0.0);
    let mut steps = vec![(0.0, 1.0 - none)];
    let positive = downtime
        .steps()
        .iter()
        .filter(|(seconds, _)| *seconds > 0.0);
    steps.extend(positive.map(|(seconds, share)| (*seconds, 1.0 - share)));
    let notes = match none {
        n if n >= 1.0 => vec!["no downtime in any year".to_owned()],
        n if n <= 0.0 => vec!["downtime in every year".to_owned(), worst(downtime)],
        n => vec![
            format!("no downtime in {} of years", share(n)),
            worst(downtime),
        ],
    };
    Curve {
        style: Style::of(index),
        name: design.design.clone(),
        cells: Vec::new(),
        notes,
        steps,
        filled: Vec::new(),
        open: Vec::new(),
    }
}

/// How bad a bad year is, in words.
fn worst(downtime: &Distribution) -> String {
    match (downtime.quantile(0.99), downtime.quantile(1.0)) {
        (0.0, most) if most.is_finite() => format!("worst year seen: {}", duration::text(most)),
        (q, _) if q.is_finite() => format!("1 year in 100 worse than {}", duration::text(q)),
        _ => "some downtime without end".to_owned(),
    }
}

/// A share in percent that says 0% and 100% only when it is exactly that.
fn share(share: f64) -> String {
    match 100.0 * share {
        p if p <= 0.0 => "0%".to_owned(),
        p if p < 0.1 => "less than 0.1%".to_owned(),
        p if p < 9.95 => format!("{p:.1}%"),
        p if p < 99.0 => format!("{p:.0}%"),
        p if p < 99.9 => format!("{p:.1}%"),
        _ => "more than 99.9%".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(samples: &[f64]) -> Vec<String> {
        let downtime = Distribution::from_samples(samples.iter().copied()).unwrap();
        let design = YearlyDowntime {
            design: "d".to_owned(),
            downtime,
        };
        curve((0, &design)).notes
    }

    #[test]
    fn years_without_downtime_are_told_in_the_legend() {
        let some = notes(&[0.0, 60.0, 120.0, 3600.0]);
        assert_eq!(
            some,
            [
                "no downtime in 25% of years",
                "1 year in 100 worse than 1 h"
            ]
        );
        assert_eq!(notes(&[0.0, 0.0]), ["no downtime in any year"]);
    }

    #[test]
    fn shares_never_round_to_certainty() {
        assert_eq!(share(0.9996), "more than 99.9%");
        assert_eq!(share(0.0004), "less than 0.1%");
        assert_eq!(share(0.37), "37%");
    }
}
