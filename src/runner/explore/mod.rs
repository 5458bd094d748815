//! Runs the reader `explore`: for each service the losses that its part of the model
//! can suffer, in parallel, merged in a fixed order.

mod losses;
pub mod outcome;
mod sequences;
mod windows;

use super::{RunError, Watcher};
use crate::automaton::{Node, NodeSet};
use crate::engine::explore::cuts;
use crate::engine::explore::survive::{self, How};
use crate::engine::explore::{ExploreError, Explorer, Limits, Rests};
use crate::model::{Model, build};
use crate::scenario::{Files, Scenario};
use losses::{Found, Task};
pub use outcome::{CutSequence, Exploration, Possible, Survival, Window};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// Lost nodes at most, unless more are asked for.
const USUAL_LOST: usize = 3;

/// Faults in a cut sequence at most, unless more are asked for.
pub const USUAL_ORDER: usize = 3;
/// Sequences that are tried at most for services with the same parts.
const MAX_TRIES: usize = 2_000;
/// Situations of rest that are kept after each fault of a sequence.
const RESTS_OF_CUTS: usize = 4;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Sets of up to so many lost nodes; without it 3, or fewer in a large cluster.
    pub lost: Option<usize>,
    /// Cut sequences of up to so many faults; 0 looks for none.
    pub order: usize,
    /// Only these services; empty: all.
    pub services: Vec<String>,
    /// How much is tried.
    pub limits: Limits,
}

impl Default for Question {
    fn default() -> Self {
        Question {
            lost: None,
            order: USUAL_ORDER,
            services: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// Explores a scenario.
pub fn run(
    scenario: &Scenario,
    files: &dyn Files,
    question: &Question,
    watcher: &dyn Watcher,
) -> Result<Exploration, RunError> {
    match build::words(scenario) {
        1 => Search::<1>::new(scenario, files, question, watcher)?.run(),
        _ => Search::<16>::new(scenario, files, question, watcher)?.run(),
    }
}

/// Services that depend on the same parts, and the model of those parts.
struct Group<const W: usize> {
    services: Vec<usize>,
    model: Model<W>,
}

struct Search<'a, const W: usize> {
    scenario: &'a Scenario,
    question: &'a Question,
    watcher: &'a dyn Watcher,
    groups: Vec<Group<W>>,
    /// Lost nodes at most: in sets, and in orders.
    most: (usize, usize),
    notes: Vec<String>,
}

impl<'a, const W: usize> Search<'a, W> {
    fn new(
        scenario: &'a Scenario,
        files: &'a dyn Files,
        question: &'a Question,
        watcher: &'a dyn Watcher,
    ) -> Result<Self, RunError> {
        let whole: Model<W> = build::model(scenario, files).map_err(RunError::Scenario)?;
        let asked = |index: &usize| {
            question.services.is_empty()
                || question.services.contains(&scenario.services[*index].name)
        };
        let mut parts: Vec<(u128, Vec<usize>)> = Vec::new();
        for service in (0..scenario.services.len()).filter(asked) {
            let needed = whole.needed_by(service);
            match parts.iter_mut().find(|(known, _)| *known == needed) {
                Some((_, services)) => services.push(service),
                None => parts.push((needed, vec![service])),
            }
        }
        if parts.is_empty() {
            return Err(RunError::Explore(format!(
                "`{}` has no service: there is nothing that could fail; add one, e.g. \
                 [service.web] up = \"any(node.up)\"",
                scenario.name
            )));
        }
        let groups = parts
            .into_iter()
            .map(|(needed, services)| {
                let model = build::model(scenario, files).map_err(RunError::Scenario)?;
                Ok(Group {
                    services,
                    model: model.restricted_to(needed),
                })
            })
            .collect::<Result<_, RunError>>()?;
        let mut notes = Vec::new();
        let most = most(scenario.nodes.len(), question.lost, &mut notes)?;
        Ok(Search {
            scenario,
            question,
            watcher,
            groups,
            most,
            notes,
        })
    }

    fn run(&self) -> Result<Exploration, RunError> {
        let mut notes = self.notes.clone();
        let starts: Vec<(Explorer<'_, W>, Rests<W>)> = self
            .groups
            .par_iter()
            .map(|group| {
                let mut explorer =
                    Explorer::new(&group.model, &group.services, self.question.limits);
                let rests = explorer.start().map_err(refused)?;
                Ok((explorer, rests))
            })
            .collect::<Result<_, RunError>>()?;
        let (found, cuts) = rayon::join(|| self.losses(&starts), || self.cuts(&starts));
        let (found, cuts) = (found?, cuts?);
        let (distance, minimal_cut_sequences) = self.name_cuts(&starts, &cuts, &mut notes);
        let names = |node: Node| self.scenario.nodes[node.index()].name.clone();
        let services: Vec<String> = (self.scenario.services.iter())
            .map(|service| service.name.clone())
            .collect();
        let sets = losses::all_sets::<W>(self.scenario.nodes.len(), self.most.0);
        let survivability = losses::rows(&found, &sets, &names, &services);
        let mut windows = Vec::new();
        for Group { services, model } in &self.groups {
            let seed = self.question.limits.seed;
            windows.extend(windows::windows(
                model,
                services,
                self.scenario,
                &survivability,
                seed,
            )?);
        }
        let start = self.start(&starts);
        note_draws(&survivability, self.question.limits.draws, &mut notes);
        Ok(Exploration {
            schema: super::outcome::SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            scenario: self.scenario.name.clone(),
            nodes: self.scenario.nodes.iter().map(|n| n.name.clone()).collect(),
            engine: "explore",
            seed: self.question.limits.seed,
            lost: self.most.0,
            start,
            survivability,
            windows,
            distance,
            minimal_cut_sequences,
            notes,
        })
    }

    /// What every service is before anything is lost, in the order of the scenario.
    fn start(
        &self,
        starts: &[(Explorer<'_, W>, Rests<W>)],
    ) -> Vec<(String, crate::model::measure::Condition)> {
        let mut all = Vec::new();
        for (explorer, rests) in starts {
            for (place, service) in explorer.services().iter().enumerate() {
                let worst = losses::worst_of(std::iter::once(&rests.outcomes), place);
                all.push((*service, worst));
            }
        }
        all.sort_by_key(|(service, _)| *service);
        all.into_iter()
            .map(|(service, worst)| (self.scenario.services[service].name.clone(), worst))
            .collect()
    }

    fn cuts(&self, starts: &[(Explorer<'_, W>, Rests<W>)]) -> Result<Vec<cuts::Cuts>, RunError> {
        starts
            .par_iter()
            .map(|(explorer, rests)| {
                let mut explorer = explorer.clone();
                explorer.keep_rests(RESTS_OF_CUTS);
                let stop = self.watcher.stop();
                cuts::search(&mut explorer, rests, self.question.order, MAX_TRIES, stop)
                    .map_err(refused)
            })
            .collect()
    }

    /// Distance and cut sequences of each service, in the order of the scenario; says
    /// where the search was cut off.
    fn name_cuts(
        &self,
        starts: &[(Explorer<'_, W>, Rests<W>)],
        found: &[cuts::Cuts],
        notes: &mut Vec<String>,
    ) -> (Vec<(String, Option<usize>)>, Vec<CutSequence>) {
        let mut all = Vec::new();
        for ((explorer, rests), cuts) in starts.iter().zip(found) {
            let mut names = Vec::new();
            for (place, service) in explorer.services().iter().enumerate() {
                let name = &self.scenario.services[*service].name;
                names.push(name.as_str());
                let (model, begin) = (explorer.model(), rests.after);
                let named = sequences::named(cuts, place, name, model, self.scenario, begin);
                all.push((*service, named));
            }
            if cuts.complete_to < self.question.order {
                notes.push(format!(
                    "{}: {} sequences of {} faults were tried; all of up to {} faults",
                    names.join(", "),
                    cuts.tries,
                    cuts.faults.len(),
                    cuts.complete_to
                ));
            }
        }
        all.sort_by_key(|(service, _)| *service);
        let distance = all
            .iter()
            .map(|(service, cuts)| {
                let name = self.scenario.services[*service].name.clone();
                (name, cuts.iter().map(|cut| cut.order).min())
            })
            .collect();
        (
            distance,
            all.into_iter().flat_map(|(_, cuts)| cuts).collect(),
        )
    }

    fn tasks(&self) -> Vec<Task<W>> {
        let nodes = self.scenario.nodes.len();
        let mut tasks = Vec::new();
        for how in How::ALL {
            if how.in_order() {
                tasks.extend((0..nodes).map(|n| Task::InOrder(how, Node(n as u16), self.most.1)));
            } else {
                // Cutting off everybody cuts off nobody.
                let apart = |set: &NodeSet<W>| how == How::AtOnce || set.len() < nodes;
                let sets = losses::all_sets(nodes, self.most.0)
                    .into_iter()
                    .filter(apart);
                tasks.extend(sets.map(|set| Task::Together(how, set)));
            }
        }
        tasks
    }

    fn losses(&self, starts: &[(Explorer<'_, W>, Rests<W>)]) -> Result<Vec<Found>, RunError> {
        let tasks = self.tasks();
        let all = (starts.len() * tasks.len()) as u64;
        let done = AtomicU64::new(0);
        let work = |(explorer, rests): &(Explorer<'_, W>, Rests<W>), task: &Task<W>| {
            if self.watcher.stop().load(Ordering::Relaxed) {
                return Err(RunError::Explore(
                    "stopped before all losses were tried: there is no partial answer".to_owned(),
                ));
            }
            let explorer = &mut explorer.clone();
            let losses = match *task {
                Task::Together(how, lost) => (
                    how,
                    vec![survive::together(explorer, rests, how, lost).map_err(refused)?],
                ),
                Task::InOrder(how, first, most) => (
                    how,
                    survive::in_order(explorer, rests, how, first, most).map_err(refused)?,
                ),
            };
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            self.watcher.progress(done, all);
            Ok(losses)
        };
        starts
            .par_iter()
            .map(|start| {
                let losses = tasks
                    .par_iter()
                    .map(|task| work(start, task))
                    .collect::<Result<_, RunError>>()?;
                Ok(Found {
                    services: start.0.services().to_vec(),
                    losses,
                })
            })
            .collect()
    }
}

fn refused(error: ExploreError) -> RunError {
    RunError::Explore(error.to_string())
}

/// Lost nodes at most, in sets and in orders.
fn most(
    nodes: usize,
    asked: Option<usize>,
    notes: &mut Vec<String>,
) -> Result<(usize, usize), RunError> {
    let wanted = asked.unwrap_or(USUAL_LOST).min(nodes);
    let fits = |limit: usize, count: fn(usize, usize) -> usize| {
        (1..=wanted)
            .rfind(|k| count(nodes, *k) <= limit)
            .unwrap_or(1)
    };
    let sets = fits(losses::MAX_SETS, losses::sets);
    if asked.is_some() && sets < wanted {
        return Err(RunError::Explore(format!(
            "there are {} sets of up to {wanted} of {nodes} nodes; at most {} are tried.\n  \
             help: ask for --lost {sets}",
            losses::sets(nodes, wanted),
            losses::MAX_SETS,
        )));
    }
    let orders = fits(losses::MAX_ORDERS, losses::orders).min(sets);
    if sets < wanted {
        notes.push(format!(
            "sets of {wanted} of {nodes} nodes are too many ({}); sets of up to {sets} were tried",
            losses::sets(nodes, wanted)
        ));
    }
    if orders < sets {
        notes.push(format!(
            "orders of {sets} of {nodes} nodes are too many ({}); one after the other, up to \
             {orders} were tried",
            losses::orders(nodes, sets)
        ));
    }
    Ok((sets, orders))
}

fn note_draws(rows: &[Survival], draws: usize, notes: &mut Vec<String>) {
    let drawn = rows.iter().filter(|row| !row.exhaustive).count();
    if drawn > 0 {
        notes.push(format!(
            "in {drawn} of {} losses the phases of heartbeats and checks have too many \
             combinations; up to {draws} were drawn for each instead of all",
            rows.len()
        ));
    }
}
