//! What happens in the course of a fault script: how services and conditions fare from
//! its first fault on.

use super::Design;
use crate::automaton::Nanos;
use crate::engine::replay::{self, Change, Plan, What};
use crate::model::measure::Condition as State;
use crate::model::{Model, build};
use crate::runner::RunError;
use crate::scenario::claims::language::{CourseTime, When};
use crate::scenario::error::Origin;
use crate::scenario::expression::Condition;
use crate::scenario::faults::FaultScript;
use crate::scenario::{Scenario, ServiceSpec};
use rayon::prelude::*;

/// What is watched.
pub enum Watched<'a> {
    /// A service of the scenario, by its index.
    Service(usize),
    /// A condition, and where it is written.
    Condition(&'a Condition, Origin),
}

/// One replication: from the first fault on, how what is watched fares.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// When the first fault happened, in seconds.
    begin_s: f64,
    /// The end of the script, in seconds.
    end_s: f64,
    /// Its state at the first fault and every later one, each with its time.
    states: Vec<(f64, State)>,
}

/// Plays scripts on a design and watches one thing, in so many replications of each.
pub fn play(
    design: &Design<'_>,
    watched: &Watched<'_>,
    scripts: &[&FaultScript],
    seed: u64,
    replications: u64,
) -> Result<Vec<Vec<Course>>, RunError> {
    match build::words(&design.scenario) {
        1 => play_words::<1>(design, watched, scripts, seed, replications),
        _ => play_words::<16>(design, watched, scripts, seed, replications),
    }
}

fn play_words<const W: usize>(
    design: &Design<'_>,
    watched: &Watched<'_>,
    scripts: &[&FaultScript],
    seed: u64,
    replications: u64,
) -> Result<Vec<Vec<Course>>, RunError> {
    let scenario = watching(&design.scenario, watched);
    let model: Model<W> = build::model(&scenario, design.files).map_err(RunError::Scenario)?;
    let needed = model.needed_by(0);
    let model = model.restricted_to(needed);
    let max_events = scenario.run.max_events;
    let plans = scripts
        .iter()
        .map(|script| Plan::new(script, &model, &scenario));
    let plans: Vec<Plan<W>> = plans
        .collect::<Result<_, _>>()
        .map_err(RunError::Scenario)?;
    plans
        .par_iter()
        .map(|plan| {
            let played = (0..replications).into_par_iter();
            played
                .map(|replication| {
                    let changes = replay::replay(&model, plan, seed, replication, max_events)
                        .map_err(|error| RunError::Play { replication, error })?;
                    Ok(Course::of(&changes, plan.until()))
                })
                .collect()
        })
        .collect()
}

/// The scenario with nothing to watch but this.
fn watching(scenario: &Scenario, watched: &Watched<'_>) -> Scenario {
    let mut changed = scenario.clone();
    changed.tallies.clear();
    let mut service = match watched {
        Watched::Service(index) => scenario.services[*index].clone(),
        Watched::Condition(condition, origin) => ServiceSpec {
            name: "condition".to_owned(),
            up: (*condition).clone(),
            up_origin: origin.clone(),
            read_only: None,
            success: None,
            demand: None,
            claimed: None,
        },
    };
    service.demand = None;
    changed.services = vec![service];
    changed
}

impl Course {
    fn of<const W: usize>(changes: &[Change<W>], until: Nanos) -> Course {
        let mut course = Course {
            begin_s: f64::INFINITY,
            end_s: until.seconds(),
            states: Vec::new(),
        };
        for change in changes {
            course.add(change.at.seconds(), &change.what);
        }
        course
    }

    fn add<const W: usize>(&mut self, t_s: f64, what: &What<W>) {
        match what {
            What::Fault(_) => self.begin_s = self.begin_s.min(t_s),
            What::Signal(..) => {}
            What::Service(_, reading) => {
                // Until the first fault only the latest state matters.
                if self.begin_s.is_infinite() {
                    self.states.clear();
                }
                self.states.push((t_s, reading.condition));
            }
        }
    }

    /// Stretches from the first fault on, each with its length.
    fn stretches(&self) -> impl Iterator<Item = (f64, f64, State)> {
        let begin = self.begin_s.min(self.end_s);
        self.states
            .iter()
            .enumerate()
            .map(move |(index, (from, state))| {
                let until = self.states.get(index + 1).map_or(self.end_s, |(t, _)| *t);
                (from.max(begin), until.max(begin), *state)
            })
    }

    /// How it is when the script is over.
    pub fn at_end(&self) -> State {
        self.states.last().map_or(State::Down, |(_, state)| *state)
    }

    /// Does it hold when it is to hold?
    pub fn holds(&self, when: When) -> bool {
        // What lasts no time nobody notices, unless it is the end.
        let lasting = || self.stretches().filter(|(from, until, _)| until > from);
        match when {
            When::AtEnd => is_served(self.at_end()),
            When::Always => lasting().all(|(.., state)| is_served(state)),
            When::Ever => lasting().any(|(.., state)| is_served(state)),
        }
    }

    /// A time from the first fault on, in seconds.
    pub fn time_s(&self, which: CourseTime) -> f64 {
        let while_served = |served: bool| -> f64 {
            self.stretches()
                .filter(|(.., state)| is_served(*state) == served)
                .map(|(from, until, _)| until - from)
                .sum()
        };
        match which {
            CourseTime::TimeTo => self
                .stretches()
                .find(|(from, until, state)| until > from && is_served(*state))
                .map_or(f64::INFINITY, |(from, ..)| from - self.begin_s),
            CourseTime::TimeWhile => while_served(true),
            CourseTime::Interruption => while_served(false),
            CourseTime::Recovery if !is_served(self.at_end()) => f64::INFINITY,
            CourseTime::Recovery => self
                .stretches()
                .filter(|(.., state)| !is_served(*state))
                .map(|(_, until, _)| until - self.begin_s)
                .fold(0.0, f64::max),
        }
    }
}

/// Is a service served, perhaps with some failures?
pub fn is_served(state: State) -> bool {
    state <= State::Degraded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course() -> Course {
        Course {
            begin_s: 60.0,
            end_s: 100.0,
            states: vec![
                (0.0, State::Up),
                (60.0, State::Down),
                (63.0, State::Degraded),
                (70.0, State::ReadOnly),
                (72.0, State::Up),
            ],
        }
    }

    #[test]
    fn times_run_from_the_first_fault() {
        let c = course();
        assert_eq!(c.time_s(CourseTime::TimeTo), 3.0);
        assert_eq!(c.time_s(CourseTime::Interruption), 5.0);
        assert_eq!(c.time_s(CourseTime::TimeWhile), 35.0);
        assert_eq!(c.time_s(CourseTime::Recovery), 12.0);
        assert!(c.holds(When::AtEnd) && c.holds(When::Ever) && !c.holds(When::Always));
    }

    #[test]
    fn what_never_comes_back_takes_for_ever() {
        let mut c = course();
        c.states.push((90.0, State::Down));
        assert_eq!(c.time_s(CourseTime::Recovery), f64::INFINITY);
        assert!(!c.holds(When::AtEnd));
    }
}
