//! Sums up the load of replications.

use super::Effort;
use super::outcome::{DemandOutcome, NodeLoad, NodesOutcome, Utilisation};
use crate::automaton::Nanos;
use crate::engine::load::record::{DemandRecord, LoadRecord};
use crate::estimate::{Durations, Estimate, Moments, mean, rare_total};
use crate::world::load::Load;

/// What was counted about the load in a run.
pub struct LoadSum {
    effort: Effort,
    limit: f64,
    /// Each with the number of its service.
    demands: Vec<(usize, DemandSum)>,
    nodes: Vec<NodeSum>,
    above_limit: Moments,
    overload: Moments,
}

struct DemandSum {
    rate_per_s: f64,
    requests: Moments,
    failed: Moments,
    delayed: Moments,
    waited: Moments,
    troubles: [Durations; 3],
}

struct NodeSum {
    name: String,
    busy: [Moments; 2],
    peak: [f64; 2],
}

impl LoadSum {
    /// An empty sum; `names` are those of the nodes that can bear work.
    pub fn new<const W: usize>(load: &Load<W>, names: Vec<String>, effort: &Effort) -> LoadSum {
        LoadSum {
            effort: *effort,
            limit: load.settings.limit,
            demands: load
                .demands
                .iter()
                .map(|demand| (demand.service, DemandSum::new(demand.rate_per_s)))
                .collect(),
            nodes: names
                .into_iter()
                .map(|name| NodeSum {
                    name,
                    busy: [Moments::new(), Moments::new()],
                    peak: [0.0; 2],
                })
                .collect(),
            above_limit: Moments::new(),
            overload: Moments::new(),
        }
    }

    /// Adds the next replication.
    pub fn add(&mut self, record: &LoadRecord) {
        for ((_, sum), demand) in self.demands.iter_mut().zip(&record.demands) {
            sum.add(demand);
        }
        for (sum, node) in self.nodes.iter_mut().zip(&record.nodes) {
            for (resource, moments) in sum.busy.iter_mut().enumerate() {
                moments.push(node.busy_s[resource]);
                sum.peak[resource] = sum.peak[resource].max(node.peak[resource]);
            }
        }
        self.above_limit.push(record.above_limit_s);
        self.overload.push(record.overload_s);
    }

    /// The outcome for a service, if it has a demand. `assumed_s` is how long an outage
    /// would be where none was seen.
    pub fn demand(&self, service: usize, assumed_s: f64) -> Option<DemandOutcome> {
        let (_, sum) = self.demands.iter().find(|(number, _)| *number == service)?;
        let confidence = self.effort.confidence;
        let years = self.effort.horizon.years();
        let assumed = sum.rate_per_s * assumed_s;
        let failed = rare_total(&sum.failed, assumed, confidence);
        let delayed = rare_total(&sum.delayed, assumed, confidence);
        // How many requests come does not depend on chance.
        let requests = sum.requests.mean();
        let share = |total: Estimate| match requests > 0.0 {
            true => total.scaled(1.0 / requests).clamped(0.0, 1.0),
            false => Estimate::exact(0.0, confidence),
        };
        let served = requests - sum.failed.mean();
        let waited = rare_total(&sum.waited, assumed * assumed_s, confidence);
        Some(DemandOutcome {
            requests_per_s: sum.rate_per_s,
            failed_requests_per_year: failed.scaled(1.0 / years),
            delayed_requests_per_year: delayed.scaled(1.0 / years),
            failed_share: share(failed),
            delayed_share: share(delayed),
            mean_wait_s: (served > 0.0).then(|| waited.scaled(1.0 / served)),
            failed_per_outage: sum.troubles[0].quantiles(confidence),
            delayed_per_outage: sum.troubles[1].quantiles(confidence),
            queued_per_outage: sum.troubles[2].quantiles(confidence),
        })
    }

    /// How busy the nodes were.
    pub fn nodes(&self, assumed_s: f64) -> NodesOutcome {
        let horizon = self.effort.horizon.seconds();
        let confidence = self.effort.confidence;
        let share = |seconds: &Moments| {
            rare_total(seconds, assumed_s, confidence)
                .scaled(1.0 / horizon)
                .clamped(0.0, 1.0)
        };
        let utilisation = |node: &NodeSum, resource: usize| Utilisation {
            mean: mean(&node.busy[resource], confidence)
                .scaled(1.0 / horizon)
                .clamped(0.0, f64::INFINITY),
            peak: node.peak[resource],
        };
        NodesOutcome {
            limit: self.limit,
            above_limit: share(&self.above_limit),
            overload: share(&self.overload),
            nodes: self
                .nodes
                .iter()
                .map(|node| {
                    let load = NodeLoad {
                        cpu: utilisation(node, 0),
                        memory: utilisation(node, 1),
                    };
                    (node.name.clone(), load)
                })
                .collect(),
        }
    }
}

impl DemandSum {
    fn new(rate_per_s: f64) -> DemandSum {
        DemandSum {
            rate_per_s,
            requests: Moments::new(),
            failed: Moments::new(),
            delayed: Moments::new(),
            waited: Moments::new(),
            troubles: [Durations::new(), Durations::new(), Durations::new()],
        }
    }

    fn add(&mut self, record: &DemandRecord) {
        self.requests.push(record.requests);
        self.failed.push(record.failed);
        self.delayed.push(record.delayed);
        self.waited.push(record.waited_s);
        for trouble in &record.troubles {
            let counts = [trouble.failed, trouble.delayed, trouble.queued];
            for (all, count) in self.troubles.iter_mut().zip(counts) {
                all.record(as_duration(count));
            }
        }
    }
}

/// Numbers of requests are kept as durations are: a request for a second, so that [`Quantiles`]
/// in seconds are numbers of requests. More than 1e10 requests count as so many.
fn as_duration(requests: f64) -> u64 {
    Nanos::from_seconds(requests).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_requests_survive_as_durations() {
        let mut durations = Durations::new();
        durations.record(as_duration(12.5));
        let quantiles = durations.quantiles(0.95).expect("one");
        assert_eq!(quantiles.max, 12.5);
    }
}
