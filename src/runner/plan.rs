//! Searches the cheapest design that meets targets: numbers of nodes, and changes laid over
//! each.
//!
//! For each number of nodes the design itself is run, then each change by itself. Changes
//! that certainly help are put together, the cheapest minute first, until the targets are
//! met or nothing is left. All run on the same random numbers. What is not tried is said.

use super::survey::{self, Question};
use super::{Effort, RunError, RunOutcome, Watcher, paired};
use crate::engine::loss::Loss;
use crate::estimate::Estimate;
use crate::scenario::{Files, Scenario};
use std::sync::atomic::Ordering;

/// Changes that are put together at most.
const MOST_CHANGES: usize = 4;

/// What a design has to reach.
#[derive(Clone, Debug)]
pub struct Targets {
    /// The service.
    pub service: String,
    /// Its availability, by the low end of the interval.
    pub availability: f64,
    /// The 99th percentile of failovers in seconds, by the high end of its interval.
    pub failover_s: Option<f64>,
    /// The busiest node after the loss of so many, 1 is all that it has.
    pub utilisation: Option<(f64, usize)>,
}

/// A change that may be laid over a design.
#[derive(Clone, Debug)]
pub struct Change {
    /// A short name.
    pub id: String,
    /// What is different, in words.
    pub text: String,
    /// What it costs in a year.
    pub cost_per_year: f64,
}

/// The scenario with some of the changes, by their places, or why there is none.
pub type Changed<'a> = dyn Fn(&[usize]) -> Result<Scenario, String> + 'a;

/// One number of nodes, and what may be changed.
pub struct Size<'a> {
    /// Nodes of the group that is resized.
    pub nodes: u64,
    /// What so many cost in a year.
    pub cost_per_year: f64,
    /// The changes that suit it.
    pub changes: Vec<Change>,
    /// The scenario with some of the changes, by their places, or why there is none.
    pub scenario: Box<Changed<'a>>,
}

/// What was found about one design.
#[derive(Clone, Debug)]
pub struct Assessed {
    /// Nodes of the group that is resized.
    pub nodes: u64,
    /// The changes that it has.
    pub changes: Vec<Change>,
    /// What it costs in a year.
    pub cost_per_year: f64,
    /// What was found, or why it could not be run.
    pub found: Result<Measured, String>,
}

/// The numbers that targets are about.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Share of time in which the service is not up.
    pub unavailability: Estimate,
    /// The 99th percentile of failovers in seconds with its high end, where there were any.
    pub failover_s: Option<(f64, f64)>,
    /// The busiest node after the losses; none where no service has a demand, or nobody
    /// is left.
    pub utilisation: Option<f64>,
    /// The targets that it misses, in words.
    pub misses: Vec<String>,
}

/// Everything that was tried.
pub struct Planned {
    /// The designs, in the order in which they were tried.
    pub tried: Vec<Assessed>,
    /// Was it stopped before it was complete?
    pub interrupted: bool,
}

/// Searches.
pub fn plan(
    sizes: &[Size<'_>],
    files: &dyn Files,
    targets: &Targets,
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<Planned, RunError> {
    let mut search = Search {
        files,
        targets,
        effort,
        watcher,
        tried: Vec::new(),
    };
    for size in sizes {
        search.size(size)?;
    }
    Ok(Planned {
        tried: search.tried,
        interrupted: watcher.stop().load(Ordering::Relaxed),
    })
}

struct Search<'a> {
    files: &'a dyn Files,
    targets: &'a Targets,
    effort: &'a Effort,
    watcher: &'a dyn Watcher,
    tried: Vec<Assessed>,
}

impl Search<'_> {
    fn size(&mut self, size: &Size<'_>) -> Result<(), RunError> {
        let Some(base) = self.assess(size, &[])? else {
            return Ok(());
        };
        let mut helpful: Vec<(usize, f64)> = Vec::new();
        for index in 0..size.changes.len() {
            let Some(run) = self.assess(size, &[index])? else {
                continue;
            };
            let saved = paired::unavailability(&base, &run, &self.targets.service);
            if let Some(saved) = saved.filter(|saved| saved.low > 0.0) {
                let cost = size.changes[index].cost_per_year.max(1.0);
                helpful.push((index, saved.estimate / cost));
            }
        }
        helpful.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        // Changes that are worth most for their price together, one more each time.
        for count in 2..=helpful.len().min(MOST_CHANGES) {
            let mut chosen: Vec<usize> = helpful[..count].iter().map(|(index, _)| *index).collect();
            chosen.sort_unstable();
            self.assess(size, &chosen)?;
            let is_met = self.tried.last().is_some_and(|tried| {
                tried
                    .found
                    .as_ref()
                    .is_ok_and(|found| found.misses.is_empty())
            });
            if is_met {
                break;
            }
        }
        Ok(())
    }

    /// Runs one design; none where it could not be, or somebody stopped.
    fn assess(
        &mut self,
        size: &Size<'_>,
        chosen: &[usize],
    ) -> Result<Option<RunOutcome>, RunError> {
        if self.watcher.stop().load(Ordering::Relaxed) {
            return Ok(None);
        }
        let changes: Vec<Change> = chosen.iter().map(|i| size.changes[*i].clone()).collect();
        let mut assessed = Assessed {
            nodes: size.nodes,
            cost_per_year: size.cost_per_year
                + changes
                    .iter()
                    .map(|change| change.cost_per_year)
                    .sum::<f64>(),
            changes,
            found: Err(String::new()),
        };
        let tried = (size.scenario)(chosen).and_then(|scenario| {
            let run = super::run(&scenario, self.files, self.effort, self.watcher);
            run.map(|run| (scenario, run))
                .map_err(|error| error.to_string())
        });
        let run = match tried {
            Err(reason) => {
                assessed.found = Err(reason);
                None
            }
            Ok((_, run)) if run.interrupted => return Ok(None),
            Ok((scenario, run)) => {
                assessed.found = self.measure(&scenario, &run);
                Some(run)
            }
        };
        self.tried.push(assessed);
        Ok(run)
    }

    fn measure(&self, scenario: &Scenario, run: &RunOutcome) -> Result<Measured, String> {
        let targets = self.targets;
        let named =
            |(name, _): &&(String, super::outcome::ServiceOutcome)| *name == targets.service;
        let Some((_, service)) = run.services.iter().find(named) else {
            return Err(format!("it has no service `{}`", targets.service));
        };
        let failover = service.failover_s.as_ref();
        let mut found = Measured {
            unavailability: service.unavailability,
            failover_s: failover.map(|q| (q.p99, q.intervals.p99[1])),
            utilisation: None,
            misses: Vec::new(),
        };
        if service.unavailability.high > 1.0 - targets.availability {
            found.misses.push("availability".to_owned());
        }
        if let (Some(limit), Some((_, high))) = (targets.failover_s, found.failover_s)
            && high > limit
        {
            found.misses.push("failover".to_owned());
        }
        if let Some((limit, lost)) = targets.utilisation {
            found.utilisation = self.busiest(scenario, lost);
            if found.utilisation.is_some_and(|busiest| busiest > limit) {
                found.misses.push(format!("utilisation with {lost} lost"));
            }
        }
        Ok(found)
    }

    /// The busiest node after the loss of so many, of processors and memory.
    fn busiest(&self, scenario: &Scenario, lost: usize) -> Option<f64> {
        let question = Question {
            most: lost,
            how: Loss::InSequence,
            limit: None,
            seed: self.effort.seed,
        };
        let survey = survey::survey(scenario, self.files, &question).ok()?;
        let row = survey.rows.iter().find(|row| row.lost == lost)?;
        Some(row.cpu.worst.max(row.memory.worst))
    }
}
