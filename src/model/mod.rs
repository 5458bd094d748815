//! The one transition function: automata, signals and services, composed.
//!
//! [`Model::step`] takes a state and a cause, changes the state, and asks a
//! [`Reader`] for what belongs to time and chance. Everything else (simulation,
//! replay, and later solving and exploring) only reads this function.

pub mod build;
pub mod demand;
pub mod derived;
pub mod measure;
pub mod slice;

use crate::automaton::{
    Automaton, Blueprint, Command, Disturbance, Interest, Nanos, Reader, SetId, State, Step,
    StreamId, Timer,
};
use crate::world::load::Load;
use crate::world::maintenance::RoundCounters;
use measure::{Service, Tally};

/// At most this many automata in one model: the width of [`Interest::automata`].
pub const MAX_AUTOMATA: usize = 128;
/// At most this many services, tallies, and one more where there are demands: the width of [`Interest::measures`].
pub const MAX_MEASURES: usize = 64;
/// The largest value of a tally.
pub const MAX_TALLY: u64 = 100_000;
/// At most this many timers in one model; readers number them in 24 bits.
pub const MAX_TIMERS: usize = 1 << 24;
/// At most this many reactions at one instant before the model counts as running in circles.
pub const MAX_REACTIONS: u32 = 10_000;

/// Why the state changes.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'a, const W: usize> {
    /// The initial state is laid out.
    Begin,
    /// A timer has run out.
    Fire(Timer),
    /// Somebody gives an order.
    Obey(&'a Command<W>),
}

/// The automata of a model react to each other without end at one instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "more than {MAX_REACTIONS} immediate reactions at one instant; `{automaton}` was still reacting"
)]
pub struct Runaway {
    /// The automaton that ran last.
    pub automaton: String,
}

/// A scenario made ready to run. It never changes while it runs; all that
/// changes is in the [`State`].
pub struct Model<const W: usize> {
    blueprint: Blueprint<W>,
    /// The automata in the order in which they react, each with the stream of
    /// its choices.
    automata: Vec<(Box<dyn Automaton<W>>, StreamId)>,
    /// The automaton of each timer.
    owners: Vec<u32>,
    interest: Vec<Interest>,
    services: Vec<Service<W>>,
    tallies: Vec<Tally<W>>,
    /// The work of all demands; none in a scenario without any.
    load: Option<Load<W>>,
    node_up: SetId,
    /// Not empty while what happens is planned; none without maintenance.
    planned: Option<SetId>,
    /// The rounds of each maintenance.
    rounds: Vec<(String, RoundCounters)>,
    /// The largest mean time that anything takes to be put right, for bounds where
    /// no outage was seen.
    slowest_repair: Nanos,
}

impl<const W: usize> Model<W> {
    /// The transition function. Returns what it has disturbed: among others the
    /// measures that must be read again, services first, then tallies.
    // Inlined by force: where the cause is known, most of this goes away.
    #[inline(always)]
    pub fn step(
        &self,
        state: &mut State<W>,
        cause: Cause<'_, W>,
        reader: &mut dyn Reader,
    ) -> Disturbance {
        let mut step = Step::new(state, &self.interest, reader);
        match cause {
            Cause::Fire(timer) => {
                let owner = self.owners[timer.0 as usize] as usize;
                let (automaton, stream) = &self.automata[owner];
                step.choice_stream = *stream;
                automaton.fire(timer, &mut step);
            }
            Cause::Begin => {
                self.each(&mut step, |automaton, step| automaton.begin(step));
                self.settle(&mut step, |automaton, step| automaton.begin_again(step));
                self.each(&mut step, |automaton, step| automaton.begun(step));
            }
            Cause::Obey(command) => {
                self.each(&mut step, |automaton, step| automaton.obey(command, step));
            }
        }
        if step.pending != 0 || step.orders.is_some() {
            self.settle(&mut step, |automaton, step| automaton.react(step));
        }
        step.disturbance
    }

    fn each(&self, step: &mut Step<'_, W>, act: impl Fn(&dyn Automaton<W>, &mut Step<'_, W>)) {
        for (automaton, stream) in &self.automata {
            step.choice_stream = *stream;
            act(automaton.as_ref(), step);
        }
    }

    /// Lets the automata react until none has anything more to say, always the
    /// first in the model's order.
    fn settle(&self, step: &mut Step<'_, W>, react: impl Fn(&dyn Automaton<W>, &mut Step<'_, W>)) {
        let mut reactions = 0;
        loop {
            if let Some(orders) = step.orders.take() {
                for command in orders {
                    self.each(step, |automaton, step| automaton.obey(&command, step));
                }
            } else if step.pending != 0 {
                let index = step.pending.trailing_zeros() as usize;
                step.pending &= step.pending - 1;
                let (automaton, stream) = &self.automata[index];
                step.choice_stream = *stream;
                react(automaton.as_ref(), step);
                if reactions >= MAX_REACTIONS {
                    step.disturbance.run_away(index as u8);
                    return;
                }
            } else {
                return;
            }
            reactions += 1;
        }
    }

    /// What is to be said of a step that did not come to rest.
    pub fn runaway(&self, automaton: u8) -> Runaway {
        Runaway {
            automaton: self.automata[usize::from(automaton)].0.name().to_owned(),
        }
    }

    /// Names and natures of variables, timers and streams.
    pub fn blueprint(&self) -> &Blueprint<W> {
        &self.blueprint
    }

    /// The services of the scenario, in its order.
    pub fn services(&self) -> &[Service<W>] {
        &self.services
    }

    /// The services among the measures (see [`Model::step`]), one bit each.
    #[inline]
    pub fn service_bits(&self) -> u64 {
        let others = u64::BITS - self.services.len() as u32;
        u64::MAX.checked_shr(others).unwrap_or(0)
    }

    /// The tallies of the scenario, in its order.
    pub fn tallies(&self) -> &[Tally<W>] {
        &self.tallies
    }

    /// The work of all demands, if there are any. As a measure it comes after the tallies.
    pub fn load(&self) -> Option<&Load<W>> {
        self.load.as_ref()
    }

    /// The automata in the order in which they react.
    pub fn automata(&self) -> impl Iterator<Item = &dyn Automaton<W>> {
        self.automata
            .iter()
            .map(|(automaton, _)| automaton.as_ref())
    }

    /// The automata that react to changes of a set, by the number of the set, one bit each.
    pub fn readers(&self, set: usize) -> u128 {
        self.interest[set].automata
    }

    /// The signal of the nodes that are up.
    pub fn node_up(&self) -> SetId {
        self.node_up
    }

    /// Is what happens now planned? See [`crate::world::planned`].
    #[inline]
    pub fn is_planned(&self, state: &State<W>) -> bool {
        self.planned.is_some_and(|id| !state.set(id).is_empty())
    }

    /// The counters of each maintenance's rounds, in the scenario's order.
    pub fn rounds(&self) -> &[(String, RoundCounters)] {
        &self.rounds
    }

    /// The largest mean time that anything takes to be put right (a repair, a
    /// partition, an operator), for bounds where no outage was seen.
    pub fn slowest_repair(&self) -> Nanos {
        self.slowest_repair
    }
}
