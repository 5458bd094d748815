//! What claims are held against: runs and load surveys of the designs, each made once,
//! when the first claim asks for it.

use super::{Design, Settings};
use crate::engine::loss::Loss;
use crate::runner::outcome::ServiceOutcome;
use crate::runner::survey::{self, Survey};
use crate::runner::{Effort, RunError, RunOutcome, Watcher, auto};

/// How many times the replications of the first run are played where its intervals leave
/// a claim open.
const MORE: u64 = 8;

/// Runs and surveys, one of each for each design.
pub struct Evidence<'a> {
    settings: Settings,
    watcher: &'a dyn Watcher,
    runs: Vec<Option<RunOutcome>>,
    surveys: Vec<Option<Survey>>,
}

impl<'a> Evidence<'a> {
    /// Nothing is known yet.
    pub fn new(settings: Settings, designs: usize, watcher: &'a dyn Watcher) -> Evidence<'a> {
        Evidence {
            settings,
            watcher,
            runs: vec![None; designs],
            surveys: vec![None; designs],
        }
    }

    /// The run of a design.
    pub fn run(&mut self, index: usize, design: &Design<'_>) -> Result<&RunOutcome, RunError> {
        if self.runs[index].is_none() {
            let effort = self.effort(design, 1);
            self.play(index, design, &effort)?;
        }
        self.runs[index].as_ref().ok_or_else(stopped)
    }

    /// More replications of a design; false where its answer is exact, or there have been
    /// more already, or the user has chosen how many there are.
    pub fn sharpen(&mut self, index: usize, design: &Design<'_>) -> Result<bool, RunError> {
        let effort = self.effort(design, MORE);
        let can = self.settings.replications.is_none()
            && self.runs[index].as_ref().is_some_and(|run| {
                run.engine == "simulate" && run.replications < effort.replications
            });
        if can {
            self.play(index, design, &effort)?;
        }
        Ok(can)
    }

    fn play(&mut self, index: usize, design: &Design<'_>, effort: &Effort) -> Result<(), RunError> {
        let (scenario, files) = (&design.scenario, design.files);
        // Where there is an exact answer it is better than any number of replications.
        let outcome = auto::run(scenario, files, effort, false, self.watcher)?;
        if outcome.interrupted {
            return Err(stopped());
        }
        self.runs[index] = Some(outcome);
        Ok(())
    }

    fn effort(&self, design: &Design<'_>, times: u64) -> Effort {
        let run = &design.scenario.run;
        let replications = self.settings.replications.unwrap_or(run.replications);
        Effort {
            replications: replications.saturating_mul(times),
            relative_error: None,
            limit: replications.saturating_mul(times),
            horizon: run.horizon,
            warm_up: run.warm_up,
            seed: self.settings.seed.unwrap_or(run.seed),
            confidence: run.confidence,
            max_events: run.max_events,
        }
    }

    /// How busy the nodes of a design are after the loss of some of them at once.
    pub fn survey(&mut self, index: usize, design: &Design<'_>) -> Result<&Survey, RunError> {
        if self.surveys[index].is_none() {
            let question = survey::Question {
                most: design.scenario.nodes.len(),
                how: Loss::AtOnce,
                limit: None,
                seed: self.settings.seed.unwrap_or(design.scenario.run.seed),
            };
            self.surveys[index] = Some(survey::survey(&design.scenario, design.files, &question)?);
        }
        self.surveys[index].as_ref().ok_or_else(stopped)
    }
}

/// The outcome of a service by its name.
pub fn service<'o>(outcome: &'o RunOutcome, name: &str) -> Option<&'o ServiceOutcome> {
    let mut found = outcome.services.iter().filter(|(known, _)| known == name);
    found.next().map(|(_, service)| service)
}

fn stopped() -> RunError {
    RunError::Effort("the check of claims was stopped".to_owned())
}
