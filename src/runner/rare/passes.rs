//! Splitting: one pass for all services with the same minimal cuts.

use super::outcome::{blank, not_looked_at};
use super::sums::{self, Scale, ServiceSum, TallySum};
use crate::automaton::Nanos;
use crate::engine::branch::{Brancher, CutLimits, Cuts, Distance, Waiting, cuts};
use crate::engine::rare::{Levels, Splitter, Totals, TreeError};
use crate::estimate::Concentration;
use crate::model::measure::Condition;
use crate::model::{Model, build};
use crate::runner::outcome::{ReplicationRow, worst_relative_error};
use crate::runner::{Effort, RunError, RunOutcome, Watcher, target};
use crate::scenario::{Files, Scenario};
use rayon::prelude::*;
use std::sync::atomic::Ordering;

/// Replications that one thread plays in a row.
const CHUNK: u64 = 4;
/// Replications after which the stopping rule looks for the first time.
const FIRST_LOOK: u64 = 32;
/// Replications are alike if they are worth as much as this part of them, all equal.
const ALIKE: f64 = 0.5;
/// Events of one replication with all its copies at most.
const MAX_TREE_EVENTS: u64 = 200_000_000;

/// Services that share their levels.
struct Group {
    services: Vec<usize>,
    needed: u128,
    cuts: Cuts,
}

/// A pass that has been played.
struct Pass {
    services: Vec<(usize, ServiceSum)>,
    tallies: Vec<TallySum>,
    /// For each replication and service: seconds down, seconds failed, outages.
    rows: Vec<Vec<(f64, f64, f64)>>,
    events: Vec<u64>,
    method: String,
    interrupted: bool,
}

struct Runner<'a, const W: usize> {
    scenario: &'a Scenario,
    files: &'a dyn Files,
    effort: &'a Effort,
    watcher: &'a dyn Watcher,
    whole: Model<W>,
}

/// Runs all passes.
pub fn run<const W: usize>(
    scenario: &Scenario,
    files: &dyn Files,
    effort: &Effort,
    watcher: &dyn Watcher,
) -> Result<RunOutcome, RunError> {
    let runner = Runner::<W> {
        scenario,
        files,
        effort,
        watcher,
        whole: build::model(scenario, files).map_err(RunError::Scenario)?,
    };
    let target = target(effort, scenario.services.len())?;
    let mut passes = Vec::new();
    let groups = runner.groups()?;
    let count = groups.len() as u64;
    for (index, group) in groups.into_iter().enumerate() {
        let before = index as u64 * target;
        let pass = runner.pass(&group, index == 0, target, (before, count * target))?;
        let interrupted = pass.interrupted;
        passes.push(pass);
        if interrupted {
            break;
        }
    }
    if passes.len() as u64 != count {
        return Err(RunError::Rare(
            "stopped before every service had its pass: there is no partial answer".to_owned(),
        ));
    }
    Ok(runner.outcome(&passes))
}

impl<const W: usize> Runner<'_, W> {
    fn groups(&self) -> Result<Vec<Group>, RunError> {
        let mut groups: Vec<Group> = Vec::new();
        for service in 0..self.whole.services().len() {
            let needed = self.needed(service);
            let cuts = self.cuts(service)?;
            let same = |group: &&mut Group| group.needed == needed && group.cuts.cuts == cuts.cuts;
            match groups.iter_mut().find(same) {
                Some(group) => group.services.push(service),
                None => groups.push(Group {
                    services: vec![service],
                    needed,
                    cuts,
                }),
            }
        }
        Ok(groups)
    }

    /// The automata that are played for a service. Tallies, and what is planned,
    /// depend on others.
    fn needed(&self, service: usize) -> u128 {
        if self.whole.tallies().is_empty() && self.whole.rounds().is_empty() {
            self.whole.needed_by(service)
        } else {
            u128::MAX
        }
    }

    fn model(&self, needed: u128) -> Result<Model<W>, RunError> {
        let model = build::model(self.scenario, self.files).map_err(RunError::Scenario)?;
        Ok(if needed == u128::MAX {
            model
        } else {
            model.restricted_to(needed)
        })
    }

    fn cuts(&self, service: usize) -> Result<Cuts, RunError> {
        let model = self.model(self.whole.needed_by(service))?;
        let waiting = Waiting::untimed(model.blueprint().distributions(), 1);
        let mut brancher = Brancher::new(&model, waiting, 0);
        let asked = &model.services()[service];
        let down = |state: &_| asked.read(state).condition >= Condition::ReadOnly;
        let stop = self.watcher.stop();
        cuts(&mut brancher, &down, CutLimits::default(), stop)
            .map_err(|overflow| RunError::Rare(overflow.to_string()))
    }

    fn pass(
        &self,
        group: &Group,
        first: bool,
        target: u64,
        (before, of): (u64, u64),
    ) -> Result<Pass, RunError> {
        let model = self.model(group.needed)?;
        let blueprint = model.blueprint();
        let distance = Distance::new(&group.cuts.cuts, blueprint.timer_count());
        let services = group.services.iter().fold(0, |all, s| all | 1 << s);
        let levels = Levels::new(blueprint, distance, services);
        let levels = if levels.knows_anything() {
            splitter(&model, levels, self.effort)
                .tune()
                .map_err(|error| failed("the pilot run", error))?
        } else {
            levels
        };
        let mut pass = self.blank_pass(group, &model, first, &levels);
        let mut look = match self.effort.relative_error {
            Some(_) => FIRST_LOOK.max(self.effort.replications).min(target),
            None => target,
        };
        loop {
            self.play_until(&model, &levels, look, (before, of), &mut pass)?;
            let done = pass.rows.len() as u64;
            let worst = self.worst_relative_error(&pass);
            let wanted = self.effort.relative_error.unwrap_or(f64::INFINITY);
            if pass.interrupted || done >= target || worst <= wanted {
                return Ok(pass);
            }
            look = next_look(done, worst / wanted).min(target);
        }
    }

    fn blank_pass(&self, group: &Group, model: &Model<W>, first: bool, levels: &Levels) -> Pass {
        let causes = |service: &usize| model.services()[*service].blame.causes().len();
        let tallies = model.tallies().iter().filter(|_| first);
        Pass {
            services: (group.services.iter())
                .map(|service| (*service, ServiceSum::new(causes(service))))
                .collect(),
            tallies: tallies
                .map(|t| TallySum::new(t.limit as usize + 1))
                .collect(),
            rows: Vec::new(),
            events: Vec::new(),
            method: self.describe(group, levels),
            interrupted: false,
        }
    }

    fn describe(&self, group: &Group, levels: &Levels) -> String {
        let names: Vec<&str> = (group.services.iter())
            .map(|service| self.scenario.services[*service].name.as_str())
            .collect();
        let names = names.join(", ");
        if !levels.knows_anything() {
            let why = if group.cuts.down_at_start {
                "down at the start"
            } else {
                "no set of events was found that takes it down"
            };
            return format!("{names}: plain simulation ({why})");
        }
        let factors: Vec<String> = (levels.describe().iter())
            .map(|(distance, factor)| format!("1/{factor:.3} at {distance}"))
            .collect();
        let copies = match factors.is_empty() {
            true => "no copies".to_owned(),
            false => format!("weight of a copy {}", factors.join(", ")),
        };
        format!(
            "{names}: {} minimal cuts, the shortest of {} events; {copies}",
            group.cuts.cuts.len(),
            group.cuts.cuts.first().map_or(0, Vec::len),
        )
    }

    fn play_until(
        &self,
        model: &Model<W>,
        levels: &Levels,
        until: u64,
        (before, of): (u64, u64),
        pass: &mut Pass,
    ) -> Result<(), RunError> {
        let wave = CHUNK * 4 * rayon::current_num_threads() as u64;
        let (stop, effort) = (self.watcher.stop(), self.effort);
        while (pass.rows.len() as u64) < until {
            let from = pass.rows.len() as u64;
            let to = (from + wave).min(until);
            let chunks: Vec<u64> = (from..to).step_by(CHUNK as usize).collect();
            let played: Vec<Vec<Result<Totals, RunError>>> = chunks
                .into_par_iter()
                .map_init(
                    || splitter(model, levels.clone(), effort),
                    |splitter, first| {
                        (first..to.min(first + CHUNK))
                            .take_while(|_| !stop.load(Ordering::Relaxed))
                            .map(|replication| {
                                (splitter.replicate(replication)).map_err(|error| {
                                    failed(&format!("replication {replication}"), error)
                                })
                            })
                            .collect()
                    },
                )
                .collect();
            for totals in played.into_iter().flatten() {
                let totals = totals?;
                // After an interruption only the unbroken row from the start counts.
                if totals.replication == pass.rows.len() as u64 {
                    pass.add(&totals, self.effort.horizon);
                }
            }
            self.watcher.progress(before + pass.rows.len() as u64, of);
            if stop.load(Ordering::Relaxed) {
                pass.interrupted = true;
                return Ok(());
            }
        }
        Ok(())
    }

    fn scale(&self) -> Scale {
        let horizon_s = self.effort.horizon.seconds();
        Scale {
            effort: *self.effort,
            assumed_s: self.whole.slowest_repair().seconds().min(horizon_s),
        }
    }

    fn worst_relative_error(&self, pass: &Pass) -> f64 {
        let scale = self.scale();
        let services = pass.services.iter();
        let shares = pass.tallies.iter().flat_map(|tally| tally.shares(&scale));
        worst_relative_error(
            services.map(|(_, sum)| sum.unavailability(&scale)),
            shares.map(|level| level.share),
        )
    }

    fn outcome(&self, passes: &[Pass]) -> RunOutcome {
        let scale = self.scale();
        let mut outcome = blank(self.scenario, self.effort);
        let maintained = !self.whole.rounds().is_empty();
        let mut columns = Vec::new();
        for (index, spec) in self.scenario.services.iter().enumerate() {
            let (pass, at) = (passes.iter())
                .find_map(|pass| Some((pass, pass.services.iter().position(|(s, _)| *s == index)?)))
                .expect("every service has a pass");
            let causes = self.whole.services()[index].blame.causes();
            let service = pass.services[at]
                .1
                .outcome(spec, causes, maintained, &scale);
            outcome.services.push((spec.name.clone(), service));
            let totals: Vec<f64> = pass.rows.iter().map(|row| row[at].0).collect();
            if let Some(warning) = concentration(&totals) {
                outcome.warnings.push(format!("{}: {warning}", spec.name));
            }
            columns.push((pass, at));
        }
        let replications = passes.iter().map(|pass| pass.rows.len()).min().unwrap_or(0);
        outcome.per_replication = (0..replications)
            .map(|r| ReplicationRow {
                services: columns.iter().map(|(pass, at)| pass.rows[r][*at]).collect(),
                events: passes.iter().map(|pass| pass.events[r]).sum(),
            })
            .collect();
        outcome.replications = replications as u64;
        let all: usize = passes.iter().map(|pass| pass.rows.len()).sum();
        outcome.simulated_years = self.effort.horizon.years() * all as f64;
        outcome.events = passes.iter().flat_map(|pass| &pass.events).sum();
        outcome.interrupted = passes.iter().any(|pass| pass.interrupted);
        if outcome.interrupted {
            outcome.warnings.insert(
                0,
                format!("the run was interrupted: only {replications} replications count"),
            );
        }
        outcome.method = Some("splitting".to_owned());
        outcome.notes = not_looked_at(self.scenario);
        (outcome.notes).extend(
            passes
                .iter()
                .map(|pass| format!("splitting, {}", pass.method)),
        );
        for (spec, tally) in self.scenario.tallies.iter().zip(&passes[0].tallies) {
            (outcome.tallies).insert(spec.name.clone(), tally.shares(&scale));
            let mean = tally.mean(spec.flow_per_s, &scale);
            outcome.tally_means.insert(spec.name.clone(), mean);
        }
        outcome
    }
}

impl Pass {
    fn add(&mut self, totals: &Totals, horizon: Nanos) {
        let row = self.services.iter_mut().map(|(service, sum)| {
            sum.add(&totals.services[*service]);
            sums::row(totals, *service)
        });
        self.rows.push(row.collect());
        for (tally, seconds) in self.tallies.iter_mut().zip(&totals.tallies) {
            tally.add(seconds, horizon.seconds());
        }
        self.events.push(totals.events);
    }
}

fn splitter<'m, const W: usize>(
    model: &'m Model<W>,
    levels: Levels,
    effort: &Effort,
) -> Splitter<'m, W> {
    Splitter::new(
        model,
        levels,
        effort.seed,
        (effort.warm_up, effort.horizon),
        effort.max_events.min(MAX_TREE_EVENTS),
    )
}

/// The warning of a mean that hides its variance. Each replication sums over many
/// copies, so few replications are no reason if they are alike.
fn concentration(totals: &[f64]) -> Option<String> {
    let concentration = Concentration::of(totals);
    let alike = concentration.effective_events >= ALIKE * totals.len() as f64;
    concentration.warning().filter(|_| !alike)
}

/// After so many replications, whose error is so many times too large.
fn next_look(done: u64, too_large: f64) -> u64 {
    let needed = (done as f64 * too_large * too_large * 1.1).min(1e18);
    (needed as u64)
        .clamp(done + done / 4 + 1, done * 4)
        .next_multiple_of(CHUNK)
}

fn failed(what: &str, error: TreeError) -> RunError {
    RunError::Rare(format!("{what}: {error}"))
}
