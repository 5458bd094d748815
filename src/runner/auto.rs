//! The engine that suits a scenario.
//!
//! Where the model has an exact answer that is quickly found, the means are solved and
//! only the lengths of single outages are simulated. Everything else is simulated,
//! unless a pilot says that the asked precision would take too long: then what comes
//! near to an outage is split.

use super::outcome::ServiceOutcome;
use super::rare::{self, Method};
use super::{Effort, RunError, RunOutcome, Watcher, solve};
use crate::engine::solve::Limits;
use crate::scenario::{Files, Scenario};

/// States at most of a chain that is solved without being asked for: about a second.
const STATES: usize = 20_000;
/// Replications of the pilot that finds out how rare outages are.
const PILOT: u64 = 256;
/// Where the asked precision takes so many times the pilot, rare events are split.
const PATIENCE: f64 = 200.0;

/// Runs a scenario with the engine that suits it, and says in a note which and why.
/// `counted` means that the user asked for a number of replications.
pub fn run(
    scenario: &Scenario,
    files: &dyn Files,
    effort: &Effort,
    counted: bool,
    watcher: &dyn Watcher,
) -> Result<RunOutcome, RunError> {
    if counted {
        // Who counts replications has chosen simulation.
        return super::run(scenario, files, effort, watcher);
    }
    let exact = solve_exactly(scenario, files, effort, watcher)?;
    let reason = match exact {
        Ok(mut exact) if effort.relative_error.is_some() => {
            exact.notes.insert(0, TOOK_SOLVE.to_owned());
            return Ok(exact);
        }
        Ok(exact) => {
            let simulated = super::run(scenario, files, effort, watcher)?;
            return Ok(with_exact_means(simulated, exact));
        }
        Err(reason) => reason,
    };
    if let Some(why_rare) = waiting_is_hopeless(scenario, files, effort, watcher)? {
        let rare = rare::run(scenario, files, effort, Method::Splitting, watcher);
        if let Ok(mut outcome) = rare {
            let note = format!("--engine auto took rare: {reason}, and {why_rare}");
            outcome.notes.insert(0, note);
            return Ok(outcome);
        }
    }
    let mut outcome = super::run(scenario, files, effort, watcher)?;
    outcome
        .notes
        .insert(0, format!("--engine auto took simulate: {reason}"));
    Ok(outcome)
}

/// Would simulation need more replications for the asked precision than it may have?
/// A pilot tells.
fn waiting_is_hopeless(
    scenario: &Scenario,
    files: &dyn Files,
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<Option<String>, RunError> {
    let Some(wanted) = effort.relative_error else {
        return Ok(None);
    };
    if scenario.services.is_empty() {
        return Ok(None);
    }
    let pilot = Effort {
        replications: effort.replications.min(PILOT),
        relative_error: None,
        ..*effort
    };
    let found = super::run(scenario, files, &pilot, watcher)?;
    let worst = found.worst_relative_error();
    let needed = found.replications as f64 * (worst / wanted).powi(2);
    let too_many = needed > (effort.limit as f64).min(PATIENCE * pilot.replications as f64);
    Ok(too_many.then(|| match worst.is_finite() {
        true => format!("simulation would need about {needed:.0e} replications"),
        false => format!(
            "simulation saw no outage in {} replications",
            found.replications
        ),
    }))
}

const TOOK_SOLVE: &str =
    "--engine auto took solve: every time is exponential or instant, so there is an exact answer";

/// The exact answer, or the reason why there is none.
fn solve_exactly(
    scenario: &Scenario,
    files: &dyn Files,
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<Result<RunOutcome, String>, RunError> {
    if let Some(what) = solve::leaves_out(scenario) {
        return Ok(Err(format!("solve does not tell {what}")));
    }
    let limits = Limits {
        states: STATES,
        exact: true,
        years: true,
        ..Limits::default()
    };
    match solve::run(scenario, files, effort, &limits, watcher) {
        Ok(outcome) => Ok(Ok(outcome)),
        Err(RunError::Solve(reason)) => Ok(Err(reason)),
        Err(other) => Err(other),
    }
}

/// A simulation whose means are replaced by exact ones; the lengths of single outages
/// and years are what was seen.
fn with_exact_means(simulated: RunOutcome, exact: RunOutcome) -> RunOutcome {
    let mut notes = vec![format!(
        "{TOOK_SOLVE}; the lengths of single outages and the figure of years are simulated"
    )];
    notes.extend(exact.notes);
    let stopped = simulated.interrupted.then(|| simulated.warnings.first());
    let warnings = stopped.flatten().cloned().into_iter().collect();
    let services = simulated.services.into_iter().zip(exact.services);
    RunOutcome {
        engine: exact.engine,
        method: exact.method,
        services: services
            .map(|((name, seen), (_, exact))| (name, seen.with_exact_means(exact)))
            .collect(),
        tallies: exact.tallies,
        tally_means: exact.tally_means,
        notes,
        warnings,
        ..simulated
    }
}

impl ServiceOutcome {
    fn with_exact_means(self, exact: ServiceOutcome) -> ServiceOutcome {
        ServiceOutcome {
            outage_s: self.outage_s,
            failover_s: self.failover_s,
            nodes_down: self.nodes_down,
            planned: self.planned,
            load: self.load,
            failover_steps: self.failover_steps,
            outage_steps: self.outage_steps,
            yearly_downtime_s: self.yearly_downtime_s,
            months: self.months,
            ..exact
        }
    }
}
