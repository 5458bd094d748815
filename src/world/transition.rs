//! Counters and transitions: a stochastic Petri net beside the nodes, for what has no
//! system of its own here: queues of customers, models of coverage, software that ages.
//!
//! A transition goes on as long as its condition holds, its pace is above 0, and none of
//! its outcomes would take a counter below 0 or above its limit; then its time runs, as
//! fast as its pace says, and at the end chance picks an outcome. What cannot go on any
//! more begins anew the next time, or keeps its age.
//!
//! Sources: Ajmone Marsan, Balbo and Conte 1984 (generalised stochastic Petri nets;
//! enabling and age memory); Meyer, Movaghar and Sanders 1985 (activities with cases).

use super::pace::Times;
use crate::automaton::evaluate::Test;
use crate::automaton::{
    Automaton, Blueprint, Delay, Distribution, Level, SetId, Step, Timer, TimerClass,
};
use crate::scenario::transition::{CounterSpec, TransitionSpec};

/// All counters and transitions of a scenario.
pub struct Transitions<const W: usize> {
    counters: Vec<Place>,
    transitions: Vec<Transition<W>>,
}

/// A counter.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    level: Level,
    start: u64,
    limit: u64,
}

struct Transition<const W: usize> {
    timer: Timer,
    after: Delay,
    when: Option<Test<W>>,
    pace: Option<Times<W>>,
    keeps_age: bool,
    weights: Vec<f64>,
    /// What each outcome adds to counters.
    changes: Vec<Vec<(usize, i64)>>,
}

impl Place {
    /// Registers a counter; expressions can name it from then on.
    pub fn register<const W: usize>(blueprint: &mut Blueprint<W>, spec: &CounterSpec) -> Place {
        Place {
            level: blueprint.level(&spec.name, spec.limit),
            start: spec.start,
            limit: spec.limit,
        }
    }
}

impl<const W: usize> Transitions<W> {
    /// The net of a scenario; `rules` has the condition and the pace of each transition.
    pub fn new(
        blueprint: &mut Blueprint<W>,
        counters: Vec<Place>,
        specs: &[TransitionSpec],
        rules: Vec<(Option<Test<W>>, Option<Times<W>>)>,
    ) -> Self {
        let transitions = specs
            .iter()
            .zip(rules)
            .map(|(spec, (when, pace))| Transition {
                timer: blueprint.timer(&spec.name, "happens", class(&spec.after)),
                after: blueprint.delay(&spec.after),
                when,
                pace,
                keeps_age: spec.keeps_age,
                weights: spec.outcomes.iter().map(|o| o.weight).collect(),
                changes: spec.outcomes.iter().map(|o| o.changes.clone()).collect(),
            })
            .collect();
        Transitions {
            counters,
            transitions,
        }
    }

    fn after(&self, (index, by): (usize, i64), step: &Step<'_, W>) -> Option<u64> {
        let place = self.counters[index];
        let value = step.level(place.level).checked_add_signed(by)?;
        (value <= place.limit).then_some(value)
    }

    /// How fast a transition goes on; 0 where it cannot.
    fn pace(&self, transition: &Transition<W>, step: &Step<'_, W>) -> f64 {
        let allowed = transition
            .when
            .as_ref()
            .is_none_or(|test| test.holds(step.state()));
        let mut changes = transition.changes.iter().flatten();
        if !allowed || !changes.all(|change| self.after(*change, step).is_some()) {
            return 0.0;
        }
        let pace = transition.pace.as_ref();
        pace.map_or(1.0, |times| times.value(step.state()))
    }

    fn settle(&self, step: &mut Step<'_, W>) {
        for transition in &self.transitions {
            let pace = self.pace(transition, step);
            if pace == 0.0 && !transition.keeps_age {
                step.cancel(transition.timer);
                continue;
            }
            if !step.is_armed(transition.timer) {
                if pace == 0.0 {
                    continue;
                }
                step.arm(transition.timer, transition.after);
            }
            step.pace(transition.timer, pace);
        }
    }
}

/// A random time is the world's chance, a fixed one the machinery's.
fn class(after: &Distribution) -> TimerClass {
    match after {
        Distribution::Deterministic { .. } | Distribution::Uniform { .. } => TimerClass::Reaction,
        _ => TimerClass::Chance,
    }
}

impl<const W: usize> Automaton<W> for Transitions<W> {
    fn name(&self) -> &str {
        "transition"
    }

    fn reads(&self) -> Vec<SetId> {
        let mut reads: Vec<SetId> = self.counters.iter().map(|c| c.level.changed).collect();
        for transition in &self.transitions {
            if let Some(test) = &transition.when {
                test.signals(&mut reads);
            }
            if let Some(times) = &transition.pace {
                times.signals(&mut reads);
            }
        }
        reads
    }

    fn writes(&self) -> Vec<SetId> {
        self.counters.iter().map(|c| c.level.changed).collect()
    }

    fn begin(&self, step: &mut Step<'_, W>) {
        for place in &self.counters {
            step.put_level(place.level, place.start);
        }
        self.settle(step);
    }

    fn react(&self, step: &mut Step<'_, W>) {
        self.settle(step);
    }

    fn fire(&self, timer: Timer, step: &mut Step<'_, W>) {
        let fired = self.transitions.iter().find(|t| t.timer == timer);
        if let Some(transition) = fired {
            let outcome = match transition.weights[..] {
                [_] => 0,
                _ => step.choose(&transition.weights),
            };
            for (index, by) in &transition.changes[outcome] {
                if let Some(value) = self.after((*index, *by), step) {
                    step.put_level(self.counters[*index].level, value);
                }
            }
        }
        self.settle(step);
    }
}
