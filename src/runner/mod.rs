//! Runs a scenario: replications in parallel, merged in their order, until there
//! are enough of them or somebody stops the run.
//!
//! The result does not depend on the number of threads: replications are cut
//! into chunks of a fixed size, chunks are merged in their order, and the
//! stopping rule looks only at fixed numbers of replications.

pub mod advise;
pub mod auto;
pub mod claims;
pub mod explore;
pub mod gather;
mod idle;
pub mod importance;
mod load_sum;
pub mod outcome;
pub mod paired;
pub mod plan;
pub mod rare;
pub mod sensitivity;
pub mod slo;
pub mod solve;
pub mod survey;
pub mod verify;
pub mod waits;
mod year;

use crate::automaton::Nanos;
use crate::engine::PlayError;
use crate::engine::record::ReplicationRecord;
use crate::engine::simulate::Simulator;
use crate::model::{Model, build};
use crate::scenario::error::ScenarioError;
use crate::scenario::{Files, Scenario};
use gather::Gatherer;
use idle::Idle;
pub use outcome::RunOutcome;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Replications that one thread plays in a row.
const CHUNK: u64 = 16;
/// Replications after which the stopping rule looks for the first time.
const FIRST_LOOK: u64 = 256;

/// Replications times services at most: each leaves a row, from which differences
/// and warnings are computed, and a row takes about a hundred bytes.
const MAX_ROWS: u64 = 50_000_000;
/// Warm-up and horizon of one replication together, in years: the clock ends at 292.
const MAX_YEARS: f64 = 250.0;

/// How much to run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Replications at least, and at most where no precision is asked for.
    pub replications: u64,
    /// Relative half width of the unavailability interval of every service that
    /// is asked for, e.g. 0.01.
    pub relative_error: Option<f64>,
    /// Replications at most where a precision is asked for.
    pub limit: u64,
    /// Simulated time of one replication.
    pub horizon: Nanos,
    /// Time before that which is not counted.
    pub warm_up: Nanos,
    /// The seed.
    pub seed: u64,
    /// Confidence level of the intervals.
    pub confidence: f64,
    /// Events of one replication after which it counts as endless.
    pub max_events: u64,
}

/// Why a run ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The scenario is wrong.
    #[error("{0}")]
    Scenario(Box<ScenarioError>),
    /// More is asked for than can be done.
    #[error("{0}")]
    Effort(String),
    /// There is no exact answer.
    #[error("{0}")]
    Solve(String),
    /// The search cannot go on.
    #[error("{0}")]
    Explore(String),
    /// Rare events cannot be found in the way that was asked for.
    #[error("{0}")]
    Rare(String),
    /// A replication cannot go on.
    #[error("replication {replication}: {error}")]
    Play {
        /// Which one.
        replication: u64,
        /// Why.
        error: PlayError,
    },
}

/// Somebody who wants to know how far a run is.
pub trait Watcher: Sync {
    /// So many replications of so many are done.
    fn progress(&self, done: u64, of: u64);
    /// Should the run stop and keep what it has?
    fn stop(&self) -> &AtomicBool;
}

/// Runs a scenario and sums it up.
pub fn run(
    scenario: &Scenario,
    files: &dyn Files,
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<RunOutcome, RunError> {
    match build::words(scenario) {
        1 => run_words::<1>(scenario, files, effort, watcher),
        _ => run_words::<16>(scenario, files, effort, watcher),
    }
}

fn run_words<const W: usize>(
    scenario: &Scenario,
    files: &dyn Files,
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<RunOutcome, RunError> {
    let model: Model<W> = build::model(scenario, files).map_err(RunError::Scenario)?;
    let mut gatherer = Gatherer::new(scenario, &model, effort);
    let target = target(effort, scenario.services.len())?;
    let mut look = FIRST_LOOK.min(target);
    let mut interrupted = false;
    while !interrupted {
        interrupted = !play_until(&model, effort, watcher, look, target, &mut gatherer)?;
        let enough = match effort.relative_error {
            Some(wanted) => {
                gatherer.replications() >= effort.replications.min(target)
                    && gatherer.worst_relative_error() <= wanted
            }
            None => false,
        };
        if enough || gatherer.replications() >= target {
            break;
        }
        look = (look * 2).min(target);
    }
    Ok(gatherer.finish(interrupted))
}

/// Replications at most, if so many are possible.
fn target(effort: &Effort, services: usize) -> Result<u64, RunError> {
    let years = effort.warm_up.years() + effort.horizon.years();
    if years > MAX_YEARS {
        return Err(RunError::Effort(format!(
            "warm-up and horizon together are {years:.0} years; at most {MAX_YEARS} are possible"
        )));
    }
    let most = MAX_ROWS / services.max(1) as u64;
    if effort.replications > most {
        return Err(RunError::Effort(format!(
            "{} replications would not fit into memory, {most} are possible here; \
             a longer --horizon needs fewer of them",
            effort.replications
        )));
    }
    Ok(match effort.relative_error {
        Some(_) => effort.limit.clamp(effort.replications, most),
        None => effort.replications,
    })
}

/// Plays and merges replications up to number `until`; false if somebody stopped it.
fn play_until<const W: usize>(
    model: &Model<W>,
    effort: &Effort,
    watcher: &dyn Watcher,
    until: u64,
    target: u64,
    gatherer: &mut Gatherer,
) -> Result<bool, RunError> {
    // A wave is enough work for every thread, and little enough to be kept in memory.
    let wave = CHUNK * 4 * rayon::current_num_threads() as u64;
    let simulator = || {
        let (warm_up, horizon) = (effort.warm_up, effort.horizon);
        Simulator::new(model, effort.seed, warm_up, horizon, effort.max_events)
    };
    let idle = Idle::new(simulator);
    while gatherer.replications() < until {
        let from = gatherer.replications();
        let to = (from + wave).min(until);
        let chunks: Vec<u64> = (from..to).step_by(CHUNK as usize).collect();
        let played: Vec<Vec<Result<ReplicationRecord, RunError>>> = chunks
            .into_par_iter()
            .map(|first| {
                let to = to.min(first + CHUNK);
                idle.with(|simulator| play_chunk(simulator, first, to, watcher.stop()))
            })
            .collect();
        for record in played.into_iter().flatten() {
            let record = record?;
            // After an interruption only the unbroken row from the start counts.
            if record.replication == gatherer.replications() {
                gatherer.add(record);
            }
        }
        watcher.progress(gatherer.replications(), target);
        if watcher.stop().load(Ordering::Relaxed) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn play_chunk<const W: usize>(
    simulator: &mut Simulator<'_, W>,
    from: u64,
    to: u64,
    stop: &AtomicBool,
) -> Vec<Result<ReplicationRecord, RunError>> {
    let mut records = Vec::with_capacity((to - from) as usize);
    for replication in from..to {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        records.push(
            simulator
                .replicate(replication)
                .map_err(|error| RunError::Play { replication, error }),
        );
    }
    records
}
