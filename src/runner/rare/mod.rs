//! Runs the reader `rare`: for each service the levels that suit it, replications in
//! parallel, and the result.
//!
//! Services with the same minimal cuts share a pass. As in [`runner`](super), the
//! result does not depend on the number of threads.

mod cycles;
mod outcome;
mod passes;
mod sums;

use super::{Effort, RunError, RunOutcome, Watcher};
use crate::model::build;
use crate::scenario::{Files, Scenario};

/// How rare events are made less rare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Copies of what comes near to an outage; any distribution.
    #[default]
    Splitting,
    /// Failures made likely, with likelihood ratios; exponential times only.
    Biasing,
}

/// Runs a scenario.
pub fn run(
    scenario: &Scenario,
    files: &dyn Files,
    effort: &Effort,
    method: Method,
    watcher: &dyn Watcher,
) -> Result<RunOutcome, RunError> {
    match build::words(scenario) {
        1 => run_words::<1>(scenario, files, effort, method, watcher),
        _ => run_words::<16>(scenario, files, effort, method, watcher),
    }
}

fn run_words<const W: usize>(
    scenario: &Scenario,
    files: &dyn Files,
    effort: &Effort,
    method: Method,
    watcher: &dyn Watcher,
) -> Result<RunOutcome, RunError> {
    if scenario.services.is_empty() {
        return Err(RunError::Rare(format!(
            "`{}` has no service: outages are what this engine looks for. Add a [service.NAME], \
             or use --engine simulate",
            scenario.name
        )));
    }
    match method {
        Method::Splitting => passes::run::<W>(scenario, files, effort, watcher),
        Method::Biasing => cycles::run::<W>(scenario, files, effort, watcher),
    }
}
