//! Runs a scenario with every engine that can, and holds their numbers against each
//! other.
//!
//! The engines share the transition function and nothing else: what one of them
//! samples, another takes as rates, a third clones. Where two intervals do not overlap,
//! one of them is wrong, and that is a defect to be understood, not averaged.

use super::outcome::SCHEMA;
use super::rare::{self, Method};
use super::{Effort, RunError, RunOutcome, Watcher, solve};
use crate::engine::solve::Limits;
use crate::estimate::Estimate;
use crate::scenario::{Files, Scenario};
use serde::Serialize;
use std::sync::atomic::Ordering;

/// Replications at most of an engine whose replications are weighted.
const RARE_REPLICATIONS: u64 = 40;
/// Probability that sound engines are said to disagree somewhere in one verification.
const FALSE_ALARM: f64 = 0.01;

/// What every engine said, and whether they agree.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// Version of this format.
    pub schema: u32,
    /// The name of the scenario.
    pub scenario: String,
    /// Hash of everything that the result depends on besides the seed.
    pub fingerprint: String,
    /// The seed of all streams.
    pub seed: u64,
    /// Confidence level of each interval: so high that with sound engines one
    /// verification in a hundred finds a difference.
    pub confidence: f64,
    /// Do all intervals overlap?
    pub agrees: bool,
    /// Was it stopped before it was complete?
    pub interrupted: bool,
    /// The engines, and what became of each.
    pub engines: Vec<EngineReport>,
    /// Every quantity that at least two engines tell.
    pub comparisons: Vec<Comparison>,
}

/// One engine.
#[derive(Clone, Debug, Serialize)]
pub struct EngineReport {
    /// Its name; the two ways of `rare` stand for themselves.
    pub engine: &'static str,
    /// How it made its numbers; none where it could not.
    pub method: Option<String>,
    /// Why it has no numbers, where it has none.
    pub because: Option<String>,
    /// What exactly it computed, where that is not plain, and what it left out.
    pub notes: Vec<String>,
}

/// One quantity, as every engine has it.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The service or tally.
    pub of: String,
    /// `unavailability`, `outages_per_year` or `mean`.
    pub quantity: &'static str,
    /// What each engine says.
    pub found: Vec<Finding>,
    /// The pairs of engines whose intervals do not overlap.
    pub disagree: Vec<(&'static str, &'static str)>,
}

/// What one engine says of a quantity.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The engine.
    pub engine: &'static str,
    /// The number.
    pub value: Estimate,
}

/// The result of one engine, or the reason why there is none.
type Answer = (&'static str, Result<RunOutcome, String>);

/// Verifies a scenario: every engine that can answers for every service. `states`
/// bounds the chain of `solve`.
pub fn verify(
    scenario: &Scenario,
    files: &dyn Files,
    effort: &Effort,
    states: usize,
    watcher: &dyn Watcher,
) -> Result<Verification, RunError> {
    let effort = Effort {
        confidence: confidence(scenario),
        ..*effort
    };
    // Weighted replications tell more each, and cost more.
    let few = Effort {
        replications: effort.replications.min(RARE_REPLICATIONS),
        ..effort
    };
    let limits = Limits {
        states,
        compared: true,
        ..Limits::default()
    };
    let answers = vec![
        (
            "simulate",
            Ok(super::run(scenario, files, &effort, watcher)?),
        ),
        (
            "splitting",
            refusal(rare::run(scenario, files, &few, Method::Splitting, watcher))?,
        ),
        (
            "biasing",
            refusal(rare::run(scenario, files, &few, Method::Biasing, watcher))?,
        ),
        (
            "solve",
            refusal(solve::run(scenario, files, &effort, &limits, watcher))?,
        ),
    ];
    let mut found = compare(scenario, &effort, answers);
    // An engine that was stopped and has nothing to show refuses like any other.
    found.interrupted |= watcher.stop().load(Ordering::Relaxed);
    Ok(found)
}

/// What an engine refuses is a reason; anything else that goes wrong is an error.
fn refusal(answer: Result<RunOutcome, RunError>) -> Result<Result<RunOutcome, String>, RunError> {
    match answer {
        Ok(outcome) => Ok(Ok(outcome)),
        Err(RunError::Solve(reason) | RunError::Rare(reason)) => Ok(Err(reason)),
        Err(other) => Err(other),
    }
}

/// A level at which all pairs of engines together raise few false alarms.
fn confidence(scenario: &Scenario) -> f64 {
    let quantities = 2 * scenario.services.len() + scenario.tallies.len();
    let pairs = 6;
    1.0 - FALSE_ALARM / (quantities.max(1) * pairs) as f64
}

fn compare(scenario: &Scenario, effort: &Effort, answers: Vec<Answer>) -> Verification {
    let outcomes: Vec<(&'static str, &RunOutcome)> = answers
        .iter()
        .filter_map(|(engine, answer)| answer.as_ref().ok().map(|outcome| (*engine, outcome)))
        .collect();
    let mut comparisons = Vec::new();
    for spec in &scenario.services {
        type Of = fn(&super::outcome::ServiceOutcome) -> Estimate;
        let quantities: [(&'static str, Of); 2] = [
            ("unavailability", |service| service.unavailability),
            ("outages_per_year", |service| service.outages_per_year),
        ];
        for (quantity, of) in quantities {
            comparisons.push(Comparison::of(&spec.name, quantity, &outcomes, |outcome| {
                let services = outcome.services.iter();
                let mut found = services.filter(|(name, _)| *name == spec.name);
                found.next().map(|(_, service)| of(service))
            }));
        }
    }
    for spec in &scenario.tallies {
        comparisons.push(Comparison::of(&spec.name, "mean", &outcomes, |outcome| {
            outcome.tally_means.get(&spec.name).map(|tally| tally.mean)
        }));
    }
    comparisons.retain(|comparison| comparison.found.len() > 1);
    Verification {
        schema: SCHEMA,
        scenario: scenario.name.clone(),
        fingerprint: format!("{:016x}", scenario.fingerprint),
        seed: effort.seed,
        confidence: effort.confidence,
        agrees: comparisons.iter().all(|c| c.disagree.is_empty()),
        interrupted: outcomes.iter().any(|(_, outcome)| outcome.interrupted),
        engines: answers.into_iter().map(EngineReport::of).collect(),
        comparisons,
    }
}

impl EngineReport {
    fn of((engine, answer): Answer) -> EngineReport {
        match answer {
            Ok(outcome) => EngineReport {
                engine,
                method: Some(
                    outcome
                        .method
                        .filter(|method| method != engine)
                        .unwrap_or_else(|| format!("{} replications", outcome.replications)),
                ),
                because: None,
                notes: outcome.notes,
            },
            Err(reason) => EngineReport {
                engine,
                method: None,
                because: Some(reason),
                notes: Vec::new(),
            },
        }
    }
}

impl Comparison {
    fn of(
        name: &str,
        quantity: &'static str,
        outcomes: &[(&'static str, &RunOutcome)],
        value: impl Fn(&RunOutcome) -> Option<Estimate>,
    ) -> Comparison {
        let found: Vec<Finding> = outcomes
            .iter()
            .filter_map(|(engine, outcome)| value(outcome).map(|value| Finding { engine, value }))
            .collect();
        let disagree = disagreements(&found);
        Comparison {
            of: name.to_owned(),
            quantity,
            found,
            disagree,
        }
    }
}

/// The pairs of engines whose intervals do not overlap.
fn disagreements(found: &[Finding]) -> Vec<(&'static str, &'static str)> {
    let pairs = found
        .iter()
        .enumerate()
        .flat_map(|(index, a)| found[index + 1..].iter().map(move |b| (a, b)));
    pairs
        .filter(|(a, b)| !a.value.overlaps(&b.value))
        .map(|(a, b)| (a.engine, b.engine))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_disagree_where_their_intervals_do_not_overlap() {
        let says = |engine, low, high| Finding {
            engine,
            value: Estimate {
                estimate: 0.5 * (low + high),
                low,
                high,
                confidence: 0.999,
            },
        };
        let found = [
            says("simulate", 1.0, 2.0),
            says("solve", 1.5, 1.5),
            says("rare", 1.6, 1.9),
        ];
        assert_eq!(disagreements(&found), [("solve", "rare")]);
        assert_eq!(disagreements(&found[..2]), []);
    }
}
