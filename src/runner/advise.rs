//! What single changes of a design are worth: each is run on the random numbers of the
//! design itself.

use super::{Effort, RunError, RunOutcome, Watcher, paired};
use crate::automaton::Nanos;
use crate::estimate::Estimate;
use crate::scenario::{Files, Scenario};
use std::sync::atomic::Ordering;

/// Minutes in a year.
const MINUTES: f64 = Nanos::SECONDS_PER_YEAR / 60.0;

/// A design that may be better than another one.
pub struct Candidate {
    /// A short name.
    pub id: String,
    /// What is different, in words.
    pub text: String,
    /// What it costs in a year more than the design itself, where that is known.
    pub cost_per_year: Option<f64>,
    /// The changed scenario, or why there is none.
    pub scenario: Result<Scenario, String>,
}

/// What became of the design and of each candidate.
pub struct Advice {
    /// The design itself.
    pub baseline: RunOutcome,
    /// The candidates, in their order.
    pub tried: Vec<Tried>,
    /// Was it stopped before it was complete?
    pub interrupted: bool,
}

/// One candidate.
pub struct Tried {
    /// A short name.
    pub id: String,
    /// What is different, in words.
    pub text: String,
    /// What it costs in a year more than the design itself.
    pub cost_per_year: Option<f64>,
    /// What it is worth, or why it could not be tried.
    pub found: Result<Vec<Worth>, String>,
}

/// What a change is worth for one service.
#[derive(Clone, Debug)]
pub struct Worth {
    /// The service.
    pub service: String,
    /// Minutes down in a year, with the change.
    pub downtime_minutes: Estimate,
    /// Minutes in a year that the change saves: paired, replication by replication.
    pub saved_minutes: Estimate,
}

/// Runs the design and every candidate.
pub fn advise(
    baseline: &Scenario,
    candidates: Vec<Candidate>,
    files: &dyn Files,
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<Advice, RunError> {
    let run = super::run(baseline, files, effort, watcher)?;
    let mut advice = Advice {
        interrupted: run.interrupted,
        baseline: run,
        tried: Vec::new(),
    };
    for candidate in candidates {
        if advice.interrupted || watcher.stop().load(Ordering::Relaxed) {
            advice.interrupted = true;
            break;
        }
        let found = match &candidate.scenario {
            Err(reason) => Err(reason.clone()),
            Ok(scenario) => match super::run(scenario, files, effort, watcher) {
                Ok(run) if run.interrupted => {
                    advice.interrupted = true;
                    break;
                }
                Ok(run) => Ok(worth(&advice.baseline, &run)),
                // A change that does not fit this design is no error of the design.
                Err(error) => Err(error.to_string()),
            },
        };
        advice.tried.push(Tried {
            id: candidate.id,
            text: candidate.text,
            cost_per_year: candidate.cost_per_year,
            found,
        });
    }
    Ok(advice)
}

fn worth(baseline: &RunOutcome, changed: &RunOutcome) -> Vec<Worth> {
    let of_service = |(name, service): &(String, super::outcome::ServiceOutcome)| {
        let saved = paired::unavailability(baseline, changed, name)?;
        Some(Worth {
            service: name.clone(),
            downtime_minutes: service.unavailability.scaled(MINUTES),
            saved_minutes: saved.scaled(MINUTES),
        })
    };
    changed.services.iter().filter_map(of_service).collect()
}
