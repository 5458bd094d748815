//! How much the downtime of a service follows each time in a scenario: failures, repairs,
//! time-outs, operators.
//!
//! Each time is made longer and shorter by the same factor, on the same random numbers; the
//! elasticity is the relative change of the downtime over the relative change of the time:
//! 1 where twice the time is twice the downtime, 0 where it does not matter.

use super::{Effort, RunError, RunOutcome, Watcher, paired};
use crate::automaton::Distribution;
use crate::estimate::Estimate;
use crate::scenario::{Files, Notice, Scenario};
use serde::Serialize;
use std::sync::atomic::Ordering;

/// What never happens has no length.
const NEVER: &str = "never";
/// Times are made so many times as long, and as short.
const FACTOR: f64 = 1.25;

/// How much the downtime follows one time.
#[derive(Clone, Debug, Serialize)]
pub struct Sensitivity {
    /// The time, as a path of the scenario or in words.
    pub parameter: String,
    /// Its value.
    pub value: String,
    /// Relative change of the downtime over the relative change of the time.
    pub elasticity: Estimate,
}

/// A time that can be changed.
enum Knob {
    Failure(usize),
    Repair(usize),
    Component(usize, bool),
    Partition(usize, bool),
    Process(usize),
    Notices(usize),
    Acts(usize),
    Parameter(usize, String),
}

/// The sensitivity of a service to every time that matters, the strongest first; the second
/// value counts those without an effect that could be told from chance.
pub fn run(
    scenario: &Scenario,
    files: &dyn Files,
    service: &str,
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<(Vec<Sensitivity>, usize), RunError> {
    let base = super::run(scenario, files, effort, watcher)?;
    let unavailability = unavailability(&base, service);
    let mut found = Vec::new();
    let mut without = 0;
    for (name, value, knob) in knobs(scenario) {
        if watcher.stop().load(Ordering::Relaxed) || unavailability <= 0.0 {
            break;
        }
        let turned = |factor: f64| {
            let changed = knob.turned(scenario, factor);
            changed.map(|changed| super::run(&changed, files, effort, watcher))
        };
        // A time that cannot be changed alone (a limit of another one) is left out.
        let (Some(Ok(longer)), Some(Ok(shorter))) = (turned(FACTOR), turned(1.0 / FACTOR)) else {
            continue;
        };
        let Some(difference) = paired::unavailability(&longer, &shorter, service) else {
            continue;
        };
        if difference.low <= 0.0 && difference.high >= 0.0 {
            without += 1;
            continue;
        }
        found.push(Sensitivity {
            parameter: name,
            value,
            elasticity: difference.scaled(1.0 / (unavailability * 2.0 * FACTOR.ln())),
        });
    }
    let strength = |one: &Sensitivity| one.elasticity.estimate.abs();
    found.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    Ok((found, without))
}

fn unavailability(run: &RunOutcome, service: &str) -> f64 {
    let found = run.services.iter().find(|(name, _)| name == service);
    found.map_or(0.0, |(_, service)| service.unavailability.estimate)
}

/// Every time of a scenario that can be changed, with its name and value.
fn knobs(scenario: &Scenario) -> Vec<(String, String, Knob)> {
    let mut found = Vec::new();
    for (index, group) in scenario.groups.iter().enumerate() {
        let Some(node) = group.members.first().map(|member| &scenario.nodes[*member]) else {
            continue;
        };
        let name = |what: &str| format!("node.{}.{what}", group.name);
        found.push((name("failure"), words(&node.failure), Knob::Failure(index)));
        found.push((name("repair"), words(&node.repair), Knob::Repair(index)));
    }
    for (index, component) in scenario.components.iter().enumerate() {
        let name = |what: &str| format!("component.{}.{what}", component.name);
        let (failure, repair) = (words(&component.failure), words(&component.repair));
        found.push((name("failure"), failure, Knob::Component(index, true)));
        found.push((name("repair"), repair, Knob::Component(index, false)));
    }
    for (index, partition) in scenario.partitions.iter().enumerate() {
        let name = |what: &str| format!("partition.{}.{what}", partition.name);
        let (every, lasts) = (words(&partition.every), words(&partition.lasts));
        found.push((name("every"), every, Knob::Partition(index, true)));
        found.push((name("lasts"), lasts, Knob::Partition(index, false)));
    }
    for (index, process) in scenario.processes.iter().enumerate() {
        let name = format!("process.{}.failure", process.name);
        found.push((name, words(&process.failure), Knob::Process(index)));
    }
    for (index, operator) in scenario.operators.iter().enumerate() {
        let name = |what: &str| format!("operator.{}.{what}", operator.name);
        if let Notice::After(time) = &operator.notices {
            found.push((name("notices"), words(time), Knob::Notices(index)));
        }
        found.push((name("acts"), words(&operator.acts), Knob::Acts(index)));
    }
    for (index, protocol) in scenario.protocols.iter().enumerate() {
        for (path, value) in protocol.parameters.durations() {
            let name = format!("protocol.{}.{path}", protocol.name);
            found.push((name, value, Knob::Parameter(index, path)));
        }
    }
    found.retain(|(_, value, _)| value != NEVER);
    found
}

/// The mean of a time, for people.
fn words(time: &Distribution) -> String {
    match time {
        Distribution::Never => NEVER.to_owned(),
        Distribution::Deterministic { value } => length(*value),
        other => format!("mean {}", length(other.mean())),
    }
}

fn length(seconds: f64) -> String {
    let units = [(3600.0, "h"), (60.0, "min"), (1.0, "s")];
    let fits = units.into_iter().find(|(unit, _)| seconds >= *unit);
    let (unit, name) = fits.unwrap_or((1e-3, "ms"));
    format!("{}{name}", (seconds / unit * 1e4).round() / 1e4)
}

impl Knob {
    /// The scenario with this time so many times as long.
    fn turned(&self, scenario: &Scenario, factor: f64) -> Option<Scenario> {
        let mut changed = scenario.clone();
        match self {
            Knob::Failure(group) | Knob::Repair(group) => {
                for member in &scenario.groups[*group].members {
                    let node = &mut changed.nodes[*member];
                    let time = match self {
                        Knob::Failure(_) => &mut node.failure,
                        _ => &mut node.repair,
                    };
                    *time = time.clone().scaled(factor);
                }
            }
            Knob::Component(index, is_failure) => {
                let component = &mut changed.components[*index];
                let time = match is_failure {
                    true => &mut component.failure,
                    false => &mut component.repair,
                };
                *time = time.clone().scaled(factor);
            }
            Knob::Partition(index, is_every) => {
                let partition = &mut changed.partitions[*index];
                let time = match is_every {
                    true => &mut partition.every,
                    false => &mut partition.lasts,
                };
                *time = time.clone().scaled(factor);
            }
            Knob::Process(index) => {
                let time = &mut changed.processes[*index].failure;
                *time = time.clone().scaled(factor);
            }
            Knob::Notices(index) => {
                if let Notice::After(time) = &mut changed.operators[*index].notices {
                    *time = time.clone().scaled(factor);
                }
            }
            Knob::Acts(index) => {
                let time = &mut changed.operators[*index].acts;
                *time = time.clone().scaled(factor);
            }
            Knob::Parameter(index, path) => {
                let parameters = &mut changed.protocols[*index].parameters;
                if !parameters.scale_duration(path, factor) {
                    return None;
                }
            }
        }
        Some(changed)
    }
}
