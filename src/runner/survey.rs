//! How busy the nodes are after the loss of some of them, and how much demand
//! survives that: the cluster is played for every choice of nodes.

use super::RunError;
use crate::automaton::{Node, NodeSet};
use crate::engine::load::flow;
use crate::engine::loss::{self, Loss};
use crate::model::measure::Condition;
use crate::model::{Model, build};
use crate::scenario::{Files, Scenario};
use crate::world::load::{Burden, Load, Resource};
use rayon::prelude::*;
use serde::Serialize;

/// At most this many choices of lost nodes are played for one row.
pub const MAX_CHOICES: usize = 1000;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Rows for 0 to so many lost nodes.
    pub most: usize,
    /// How nodes are lost.
    pub how: Loss,
    /// The utilisation that should not be exceeded; without it the scenario's.
    pub limit: Option<f64>,
    /// The seed of the phases of heartbeats and the like.
    pub seed: u64,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Survey {
    /// Version of this format.
    pub schema: u32,
    /// The name of the scenario.
    pub scenario: String,
    /// How nodes are lost: `at once` or `in sequence`.
    pub how: &'static str,
    /// The utilisation that should not be exceeded.
    pub limit: f64,
    /// Demand of the busiest hour over the mean of the day.
    pub peak_factor: f64,
    /// Requests per second of all services, the mean of the day.
    pub requests_per_s: f64,
    /// One row for each number of lost nodes.
    pub rows: Vec<Row>,
}

/// After the loss of so many nodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// How many nodes are lost.
    pub lost: usize,
    /// Choices of nodes that were played.
    pub choices: usize,
    /// Choices that there are.
    pub of_choices: f64,
    /// Processors.
    pub cpu: Busy,
    /// Memory.
    pub memory: Busy,
    /// What happens to the requests of each service that has a demand.
    pub services: Vec<ServiceRow>,
    /// The largest demand below the limit.
    pub capacity: Capacity,
}

/// Utilisation of the nodes that are left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Busy {
    /// Mean over the nodes that run and over the choices, at the mean demand.
    pub mean: f64,
    /// The worst node in the worst choice, at the mean demand.
    pub worst: f64,
    /// Mean over the nodes, in the busiest hour.
    pub peak_mean: f64,
    /// The worst node, in the busiest hour.
    pub peak_worst: f64,
    /// What a document says.
    pub documented: Option<f64>,
}

/// One service after a loss.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceRow {
    /// Its name.
    pub service: String,
    /// Choices after which it is up (degraded counts as up).
    pub up: usize,
    /// Mean wait in seconds over the choices in which it is up, at the mean demand; none where
    /// it never is, infinite (`null`) where a backlog grows without end.
    pub wait_s: Option<f64>,
    /// The longest mean wait, in the busiest hour.
    pub peak_wait_s: Option<f64>,
    /// Share of requests that fail, mean over the choices at the mean demand.
    pub failed_share: f64,
}

/// How much demand survives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Capacity {
    /// The largest demand that no choice of lost nodes brings above the limit in the busiest
    /// hour, over the demand of the scenario; 0 where there is a choice after which nobody
    /// takes the requests of a service.
    pub factor: f64,
    /// The node that is the first to reach the limit.
    pub node: Option<String>,
    /// `cpu` or `memory`, whichever it is.
    pub resource: Option<&'static str>,
    /// Services with a demand that are not up after some choice.
    pub not_up: Vec<String>,
}

/// Surveys a scenario; an error where no service has a demand.
pub fn survey(
    scenario: &Scenario,
    files: &dyn Files,
    question: &Question,
) -> Result<Survey, RunError> {
    match build::words(scenario) {
        1 => survey_words::<1>(scenario, files, question),
        _ => survey_words::<16>(scenario, files, question),
    }
}

fn survey_words<const W: usize>(
    scenario: &Scenario,
    files: &dyn Files,
    question: &Question,
) -> Result<Survey, RunError> {
    let model: Model<W> = build::model(scenario, files).map_err(RunError::Scenario)?;
    let Some(load) = model.load() else {
        return Err(RunError::Effort(format!(
            "no service of `{}` has a demand: give one, e.g. \
             demand = {{ rate = \"50/s\", busy = \"25% of one node\" }}",
            scenario.name
        )));
    };
    let bearers: Vec<Node> = load.bearers().iter().collect();
    let most = question.most.min(bearers.len().saturating_sub(1));
    let context = Context {
        model: &model,
        load,
        question,
        limit: question.limit.unwrap_or(scenario.load.limit),
        peak: scenario.load.day.iter().copied().fold(0.0, f64::max),
    };
    let rows = (0..=most)
        .map(|lost| context.row(scenario, &bearers, lost))
        .collect::<Result<_, _>>()?;
    Ok(Survey {
        schema: super::outcome::SCHEMA,
        scenario: scenario.name.clone(),
        how: match question.how {
            Loss::AtOnce => "at once",
            Loss::InSequence => "in sequence",
        },
        limit: context.limit,
        peak_factor: context.peak,
        requests_per_s: load.demands.iter().map(|demand| demand.rate_per_s).sum(),
        rows,
    })
}

struct Context<'a, const W: usize> {
    model: &'a Model<W>,
    load: &'a Load<W>,
    question: &'a Question,
    limit: f64,
    peak: f64,
}

/// What was found after one choice of lost nodes.
struct Found {
    /// For processors and memory: mean and worst at the mean demand, mean and worst in the
    /// busiest hour.
    busy: [[f64; 4]; 2],
    /// For each demand: is it up, its mean wait, its wait in the busiest hour, failed share.
    services: Vec<(bool, f64, f64, f64)>,
    room: Option<(f64, usize, Resource)>,
    /// Has every demand somebody who takes it?
    is_served: bool,
}

impl<const W: usize> Context<'_, W> {
    fn row(&self, scenario: &Scenario, bearers: &[Node], lost: usize) -> Result<Row, RunError> {
        let choices = choices(bearers, lost);
        let found: Vec<Found> = choices
            .par_iter()
            .map(|nodes| self.after(nodes.iter().copied().collect()))
            .collect::<Result<_, _>>()?;
        let documented = &scenario.load.documented;
        Ok(Row {
            lost,
            choices: choices.len(),
            of_choices: binomial(bearers.len(), lost),
            cpu: busy(&found, 0, documented.cpu.get(lost).copied()),
            memory: busy(&found, 1, documented.memory.get(lost).copied()),
            services: self.services(&found),
            capacity: self.capacity(&found),
        })
    }

    fn after(&self, lost: NodeSet<W>) -> Result<Found, RunError> {
        let state = loss::after(self.model, lost, self.question.how, self.question.seed).map_err(
            |error| RunError::Play {
                replication: 0,
                error,
            },
        )?;
        let mut places = Vec::new();
        self.load.places(&state, &mut places);
        let burden = self.load.burden(&places);
        let running = state.set(self.model.node_up()) & self.load.bearers();
        let mean_s = flow::mean_service_s(self.load, &places);
        let services = self.load.served_on(&places).map(|(demand, on)| {
            let reading = self.model.services()[demand.service].read(&state);
            let is_up = matches!(reading.condition, Condition::Up | Condition::Degraded);
            let flow = |factor| flow::flow(self.load, demand, on, &burden, &mean_s, factor);
            let (now, peak) = (flow(1.0), flow(self.peak));
            let failed = 1.0 - reading.success * (1.0 - now.lost);
            (is_up, now.wait(), peak.wait(), failed)
        });
        let services = services.collect();
        let is_served = self
            .load
            .served_on(&places)
            .all(|(demand, on)| demand.rate_per_s == 0.0 || !on.is_empty());
        Ok(Found {
            busy: [Resource::Cpu, Resource::Memory]
                .map(|resource| self.utilisations(&burden, running, resource)),
            services,
            room: burden.room(self.limit),
            is_served,
        })
    }

    fn utilisations(&self, burden: &Burden, running: NodeSet<W>, resource: Resource) -> [f64; 4] {
        let at = |factor: f64| {
            let nodes = running.iter();
            let each: Vec<f64> = nodes
                .map(|node| burden.utilisation(node.index(), resource, factor))
                .collect();
            let mean = each.iter().sum::<f64>() / each.len().max(1) as f64;
            (mean, each.into_iter().fold(0.0, f64::max))
        };
        let ((mean, worst), (peak_mean, peak_worst)) = (at(1.0), at(self.peak));
        [mean, worst, peak_mean, peak_worst]
    }

    fn services(&self, found: &[Found]) -> Vec<ServiceRow> {
        let demands = self.load.demands.iter().enumerate();
        demands
            .map(|(index, demand)| {
                let all = || found.iter().map(|one| one.services[index]);
                let up = all().filter(|(is_up, ..)| *is_up).count();
                let waits = all().filter(|(is_up, ..)| *is_up);
                ServiceRow {
                    service: self.model.services()[demand.service].name.clone(),
                    up,
                    wait_s: (up > 0).then(|| waits.clone().map(|s| s.1).sum::<f64>() / up as f64),
                    peak_wait_s: (up > 0).then(|| waits.map(|s| s.2).fold(0.0, f64::max)),
                    failed_share: all().map(|s| s.3).sum::<f64>() / found.len() as f64,
                }
            })
            .collect()
    }

    fn capacity(&self, found: &[Found]) -> Capacity {
        let tightest = found
            .iter()
            .filter_map(|one| one.room)
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let not_up = self
            .services(found)
            .into_iter()
            .filter(|service| service.up < found.len())
            .map(|service| service.service)
            .collect();
        let is_served = found.iter().all(|one| one.is_served);
        Capacity {
            factor: match tightest {
                Some((room, ..)) if is_served => room / self.peak,
                Some(_) | None if !is_served => 0.0,
                _ => f64::INFINITY,
            },
            node: tightest.map(|(_, node, _)| {
                let blueprint = self.model.blueprint();
                blueprint.node_name(Node(node as u16)).to_owned()
            }),
            resource: tightest.map(|(_, _, resource)| match resource {
                Resource::Cpu => "cpu",
                Resource::Memory => "memory",
            }),
            not_up,
        }
    }
}

fn busy(found: &[Found], resource: usize, documented: Option<f64>) -> Busy {
    let all = || found.iter().map(|one| one.busy[resource]);
    let mean = |column: usize| all().map(|b| b[column]).sum::<f64>() / found.len() as f64;
    let worst = |column: usize| all().map(|b| b[column]).fold(0.0, f64::max);
    Busy {
        mean: mean(0),
        worst: worst(1),
        peak_mean: mean(2),
        peak_worst: worst(3),
        documented,
    }
}

/// The number of ways to choose `k` of `n`.
fn binomial(n: usize, k: usize) -> f64 {
    (0..k).fold(1.0, |product, i| product * (n - i) as f64 / (i + 1) as f64)
}

/// The choices of `lost` nodes that are played: all of them if they are few, else the first
/// ones, those of neighbours, and others spread over the whole.
fn choices(nodes: &[Node], lost: usize) -> Vec<Vec<Node>> {
    let n = nodes.len();
    if binomial(n, lost) <= MAX_CHOICES as f64 {
        return combinations(n, lost)
            .into_iter()
            .map(|picked| picked.into_iter().map(|i| nodes[i]).collect())
            .collect();
    }
    let strides = (1..=n).filter(|stride| stride * lost <= n);
    let mut picked: Vec<Vec<usize>> = strides
        .flat_map(|stride| (0..n).map(move |first| (first, stride)))
        .map(|(first, stride)| {
            let mut choice: Vec<usize> = (0..lost).map(|i| (first + i * stride) % n).collect();
            choice.sort_unstable();
            choice
        })
        .take(MAX_CHOICES)
        .collect();
    picked.sort();
    picked.dedup();
    picked
        .into_iter()
        .map(|choice| choice.into_iter().map(|i| nodes[i]).collect())
        .collect()
}

/// All choices of `k` numbers below `n`, in order.
fn combinations(n: usize, k: usize) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    let mut picked: Vec<usize> = (0..k).collect();
    loop {
        all.push(picked.clone());
        let Some(at) = (0..k).rev().find(|i| picked[*i] < n - k + i) else {
            return all;
        };
        picked[at] += 1;
        for i in at + 1..k {
            picked[i] = picked[i - 1] + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_all_where_they_are_few() {
        assert_eq!(combinations(4, 0), [Vec::<usize>::new()]);
        assert_eq!(combinations(4, 2).len(), 6);
        assert_eq!(combinations(4, 4), [vec![0, 1, 2, 3]]);
        for (n, k) in [(4, 2), (10, 5), (8, 0)] {
            assert_eq!(combinations(n, k).len() as f64, binomial(n, k));
        }
    }

    #[test]
    fn many_choices_are_sampled_without_repetition() {
        let nodes: Vec<Node> = (0..100).map(Node).collect();
        for lost in [3, 50, 99] {
            let picked = choices(&nodes, lost);
            assert!(!picked.is_empty() && picked.len() <= MAX_CHOICES);
            for choice in &picked {
                let set: NodeSet<16> = choice.iter().copied().collect();
                assert_eq!(set.len(), lost);
            }
        }
    }
}
