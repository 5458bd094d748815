//! Sums up the weighted totals of replications, which come in their order.

use super::super::outcome::{
    CauseShare, NodesDown, PlannedOutcome, ServiceOutcome, TallyLevel, TallyMean,
};
use crate::automaton::Nanos;
use crate::engine::rare::{ServiceTotals, Totals};
use crate::engine::record::LOST_LEVELS;
use crate::estimate::{Estimate, Moments, mean, rare_total};
use crate::runner::Effort;
use crate::scenario::ServiceSpec;

/// One service.
pub struct ServiceSum {
    down: Moments,
    failed: Moments,
    read_only: Moments,
    planned: Moments,
    unplanned: Moments,
    outages: Moments,
    planned_outages: Moments,
    unplanned_outages: Moments,
    first_outage: Moments,
    since_first: Moments,
    down_at_end: Moments,
    cause_s: Vec<f64>,
    lost_s: [f64; LOST_LEVELS],
}

/// What all estimates need to know.
#[derive(Clone, Copy)]
pub struct Scale {
    /// How much was run.
    pub effort: Effort,
    /// How long an outage would be where none was seen, in seconds.
    pub assumed_s: f64,
}

impl Scale {
    /// The share of time of a quantity in seconds per replication.
    pub fn share(&self, seconds: &Moments) -> Estimate {
        rare_total(seconds, self.assumed_s, self.effort.confidence)
            .scaled(1.0 / self.effort.horizon.seconds())
            .clamped(0.0, 1.0)
    }

    /// Events per year of a count per replication.
    fn per_year(&self, counts: &Moments) -> Estimate {
        let years = self.effort.horizon.years();
        rare_total(counts, 1.0, self.effort.confidence).scaled(1.0 / years)
    }

    fn probability(&self, weights: &Moments) -> Estimate {
        rare_total(weights, 1.0, self.effort.confidence).clamped(0.0, 1.0)
    }
}

impl ServiceSum {
    /// An empty sum of a service with so many causes.
    pub fn new(causes: usize) -> ServiceSum {
        let none = Moments::new;
        ServiceSum {
            down: none(),
            failed: none(),
            read_only: none(),
            planned: none(),
            unplanned: none(),
            outages: none(),
            planned_outages: none(),
            unplanned_outages: none(),
            first_outage: none(),
            since_first: none(),
            down_at_end: none(),
            cause_s: vec![0.0; causes],
            lost_s: [0.0; LOST_LEVELS],
        }
    }

    /// Adds a replication.
    pub fn add(&mut self, totals: &ServiceTotals) {
        self.down.push(totals.down_s);
        self.failed.push(totals.failed_s);
        self.read_only.push(totals.read_only_s);
        self.planned.push(totals.planned_s);
        self.unplanned
            .push((totals.down_s - totals.planned_s).max(0.0));
        self.outages.push(totals.outages);
        self.planned_outages.push(totals.planned_outages);
        let unplanned = totals.outages - totals.planned_outages;
        self.unplanned_outages.push(unplanned.max(0.0));
        self.first_outage.push(totals.first_outage);
        self.since_first.push(totals.since_first_s);
        self.down_at_end.push(totals.down_at_end);
        for (sum, part) in self.cause_s.iter_mut().zip(&totals.cause_s) {
            *sum += part;
        }
        for (sum, part) in self.lost_s.iter_mut().zip(&totals.lost_s) {
            *sum += part;
        }
    }

    /// The share of time not up.
    pub fn unavailability(&self, scale: &Scale) -> Estimate {
        scale.share(&self.down)
    }

    /// The result.
    pub fn outcome(
        &self,
        spec: &ServiceSpec,
        causes: &[String],
        maintained: bool,
        scale: &Scale,
    ) -> ServiceOutcome {
        let unavailability = self.unavailability(scale);
        let ever = scale.probability(&self.first_outage);
        ServiceOutcome {
            availability: unavailability.complement(),
            unavailability,
            request_availability: scale.share(&self.failed).complement(),
            read_only: (spec.read_only.is_some()).then(|| scale.share(&self.read_only)),
            downtime_s_per_year: unavailability.scaled(Nanos::SECONDS_PER_YEAR),
            outages_per_year: scale.per_year(&self.outages),
            planned: maintained.then(|| self.planned(scale)),
            up_at_end: scale.probability(&self.down_at_end).complement(),
            mttf_s: self.mttf_s(ever, scale),
            mttf_assumes_constant_rate: true,
            no_outage: ever.complement(),
            mean_outage_s: None,
            mean_time_between_outages_s: None,
            outage_s: None,
            failover_s: None,
            attribution: attribution(causes, &self.cause_s),
            nodes_down: self.nodes_down(),
            load: None,
            claimed: spec.claimed,
            failover_steps: Vec::new(),
            outage_steps: Vec::new(),
            year: None,
            yearly_downtime_s: Vec::new(),
            months: crate::runner::slo::Months::default(),
        }
    }

    /// The time without an outage over the number of first outages, which is right
    /// where they come at a constant rate. The ends of both intervals are taken
    /// together: nearly certain outages leave a wide one.
    fn mttf_s(&self, ever: Estimate, scale: &Scale) -> Estimate {
        let whole = (scale.effort.warm_up + scale.effort.horizon).seconds();
        let since = mean(&self.since_first, scale.effort.confidence);
        let waited = |since: f64| (whole - since).clamp(0.0, whole);
        Estimate {
            estimate: waited(since.estimate) / ever.estimate,
            low: waited(since.high) / ever.high,
            high: waited(since.low) / ever.low,
            confidence: ever.confidence,
        }
    }

    fn planned(&self, scale: &Scale) -> PlannedOutcome {
        let yearly = |seconds| scale.share(seconds).scaled(Nanos::SECONDS_PER_YEAR);
        PlannedOutcome {
            planned_downtime_s_per_year: yearly(&self.planned),
            unplanned_downtime_s_per_year: yearly(&self.unplanned),
            planned_outages_per_year: scale.per_year(&self.planned_outages),
            unplanned_outages_per_year: scale.per_year(&self.unplanned_outages),
        }
    }

    fn nodes_down(&self) -> Vec<NodesDown> {
        let total: f64 = self.lost_s.iter().sum();
        (self.lost_s.iter().enumerate())
            .filter(|(_, seconds)| **seconds > 0.0)
            .map(|(nodes, seconds)| NodesDown {
                nodes,
                share: seconds / total,
            })
            .collect()
    }
}

/// Shares of the downtime by cause, the largest first.
pub fn attribution(causes: &[String], seconds: &[f64]) -> Vec<CauseShare> {
    let total: f64 = seconds.iter().sum();
    let mut shares: Vec<CauseShare> = (causes.iter().zip(seconds))
        .filter(|(_, seconds)| **seconds > 0.0)
        .map(|(cause, seconds)| CauseShare {
            cause: cause.clone(),
            share: seconds / total,
        })
        .collect();
    shares.sort_by(|a, b| b.share.total_cmp(&a.share));
    shares
}

/// One tally.
pub struct TallySum {
    /// For each level the share of time there and elsewhere: the rarer of the two
    /// tells how well the other is known.
    levels: Vec<(Moments, Moments)>,
    mean: Moments,
}

impl TallySum {
    /// An empty sum of a tally with so many levels.
    pub fn new(levels: usize) -> TallySum {
        TallySum {
            levels: vec![(Moments::new(), Moments::new()); levels],
            mean: Moments::new(),
        }
    }

    /// Adds the seconds at each level in a replication.
    pub fn add(&mut self, seconds: &[f64], horizon_s: f64) {
        let total: f64 = seconds.iter().sum();
        let mut mean = 0.0;
        for (value, ((here, elsewhere), seconds)) in self.levels.iter_mut().zip(seconds).enumerate()
        {
            here.push(seconds / horizon_s);
            elsewhere.push((total - seconds).max(0.0) / horizon_s);
            mean += value as f64 * seconds / horizon_s;
        }
        self.mean.push(mean);
    }

    /// The shares of time.
    pub fn shares(&self, scale: &Scale) -> Vec<TallyLevel> {
        let assumed = (scale.assumed_s / scale.effort.horizon.seconds()).min(1.0);
        let rare =
            |sum: &Moments| rare_total(sum, assumed, scale.effort.confidence).clamped(0.0, 1.0);
        (self.levels.iter().enumerate())
            .map(|(value, (here, elsewhere))| TallyLevel {
                value: value as u64,
                share: if here.sum() <= elsewhere.sum() {
                    rare(here)
                } else {
                    rare(elsewhere).complement()
                },
            })
            .collect()
    }

    /// The mean over time.
    pub fn mean(&self, flow_per_s: Option<f64>, scale: &Scale) -> TallyMean {
        let largest = self.levels.len() as f64 - 1.0;
        let mean = rare_total(&self.mean, largest, scale.effort.confidence).clamped(0.0, largest);
        TallyMean {
            mean,
            mean_time_s: flow_per_s.map(|flow| mean.scaled(1.0 / flow)),
        }
    }
}

/// Everything about one replication that belongs to the services of a pass.
pub fn row(totals: &Totals, service: usize) -> (f64, f64, f64) {
    let service = &totals.services[service];
    (service.down_s, service.failed_s, service.outages)
}
