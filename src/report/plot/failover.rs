//! Distributions of durations, one panel to a service and one curve to a design: the
//! share of failovers finished within x, and the share of outages over after x.

use super::chart::{Caption, Chart};
use super::distribution::Distribution;
use super::duration;
use super::frame::{self, BODY_TOP, MARGIN, WIDTH};
use super::key::{Key, Picture};
use super::palette::Style;
use super::rows::in_order;
use super::scene::Scene;
use super::step_panels::{Curve, LEFT, Panel, RIGHT, StepPanels};
use super::time_axis::TimeAxis;

/// Failover latencies, or lengths of outages, of one service in one design.
#[derive(Clone, Debug, PartialEq)]
pub struct FailoverLatency {
    /// Name of the design.
    pub design: String,
    /// Name of the service.
    pub service: String,
    /// In seconds; infinite ones are failovers that never finished.
    pub latency: Distribution,
}

/// What the durations are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationsOf {
    /// From a fault to the service restored.
    Failovers,
    /// From the service lost to the service restored.
    Outages,
}

/// Input of the charts "failover latency" and "outage length".
#[derive(Clone, Debug, PartialEq)]
pub struct Failover {
    /// Title and origin of the numbers.
    pub caption: Caption,
    /// What is drawn.
    pub of: DurationsOf,
    /// The distributions; designs and services appear in the order given here.
    pub latencies: Vec<FailoverLatency>,
}

impl DurationsOf {
    fn time_name(self) -> &'static str {
        match self {
            DurationsOf::Failovers => "time from failure to service restored",
            DurationsOf::Outages => "length of an outage",
        }
    }

    fn share_name(self) -> &'static str {
        match self {
            DurationsOf::Failovers => "share of failovers finished",
            DurationsOf::Outages => "share of outages that are over",
        }
    }

    /// What the markers of the median and the 99th percentile mean.
    fn markers(self) -> [&'static str; 2] {
        match self {
            DurationsOf::Failovers => [
                "p50: half of the failovers are done",
                "p99: all but one in a hundred are done",
            ],
            DurationsOf::Outages => [
                "p50: half of the outages are shorter",
                "p99: all but one in a hundred are shorter",
            ],
        }
    }
}

impl Failover {
    /// Lays the chart out; `None` without distributions.
    pub fn chart(&self) -> Option<Chart> {
        if self.latencies.is_empty() {
            return None;
        }
        let panels = self.panels();
        let mut key = Key::default();
        let [half, most] = self.of.markers();
        key.add(Picture::Filled, half);
        key.add(Picture::Open, most);
        let below = key.height() + MARGIN;
        let top = BODY_TOP + 20.0;
        let height = panels.scene_height(top, below);
        let mut scene = Scene::new(WIDTH, height);
        frame::heading(&mut scene, &self.caption);
        panels.draw(&mut scene, top, below);
        key.draw(&mut scene, height - below);
        Some(Chart::new(&self.caption, scene))
    }

    fn panels(&self) -> StepPanels {
        let steps = self.latencies.iter().flat_map(|l| l.latency.steps());
        let axis = TimeAxis::fitting(steps.map(|(seconds, _)| *seconds), LEFT, RIGHT);
        let designs = in_order(self.latencies.iter().map(|l| l.design.as_str()));
        let services = in_order(self.latencies.iter().map(|l| l.service.as_str()));
        let panel = |service: &str| Panel {
            name: service.to_owned(),
            curves: designs
                .iter()
                .enumerate()
                .flat_map(|(i, design)| self.curves(service, design, Style::of(i)))
                .collect(),
        };
        StepPanels {
            axis,
            time_name: self.of.time_name(),
            share_name: self.of.share_name(),
            columns: vec!["p50", "p99"],
            panels: services.into_iter().map(panel).collect(),
        }
    }

    fn curves(&self, service: &str, design: &str, style: Style) -> impl Iterator<Item = Curve> {
        self.latencies
            .iter()
            .filter(move |l| l.service == service && l.design == design)
            .map(move |l| curve(l, style))
    }
}

fn curve(failover: &FailoverLatency, style: Style) -> Curve {
    let quantiles = [0.5, 0.99].map(|p| (failover.latency.quantile(p), p));
    let cell = |(seconds, _): (f64, f64)| match seconds.is_finite() {
        true => duration::text(seconds),
        false => "never".to_owned(),
    };
    let marker = |(seconds, p): (f64, f64)| seconds.is_finite().then_some((seconds, p));
    // Failovers that take no time at all are done at the left end of the axis.
    let mut steps = vec![(0.0, failover.latency.share_up_to(0.0))];
    let later = failover.latency.steps().iter().filter(|(s, _)| *s > 0.0);
    steps.extend(later);
    Curve {
        style,
        name: failover.design.clone(),
        cells: quantiles.map(cell).to_vec(),
        notes: Vec::new(),
        steps,
        filled: marker(quantiles[0]).into_iter().collect(),
        open: marker(quantiles[1]).into_iter().collect(),
    }
}
