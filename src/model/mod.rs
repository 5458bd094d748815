//! The one transition function: automata, signals and services, composed.
//!
//! [`Model::step`] takes a state and a cause, changes the state, and leaves in
//! `effects` what is asked of time and chance. Everything else (simulation,
//! replay, and later solving and exploring) only reads this function.

pub mod build;
pub mod derived;
pub mod measure;

use crate::automaton::{
    Automaton, Blueprint, Chooser, Command, Effect, Interest, Nanos, SetId, State, Step, StreamId,
    Timer,
};
use measure::{Service, Tally};

/// At most this many automata in one model: the width of [`Interest::automata`].
pub const MAX_AUTOMATA: usize = 128;
/// At most this many services and tallies: the width of [`Interest::measures`].
pub const MAX_MEASURES: usize = 64;
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
    automata: Vec<Box<dyn Automaton<W>>>,
    choice_streams: Vec<StreamId>,
    interest: Vec<Interest>,
    services: Vec<Service<W>>,
    tallies: Vec<Tally<W>>,
    node_up: SetId,
    /// The largest mean of a repair, for bounds where no outage was seen.
    slowest_repair: Nanos,
}

impl<const W: usize> Model<W> {
    /// The transition function. Returns the measures that must be read again,
    /// one bit each: services first, then tallies.
    pub fn step(
        &self,
        state: &mut State<W>,
        cause: Cause<'_, W>,
        effects: &mut Vec<Effect>,
        chooser: &mut dyn Chooser,
    ) -> Result<u64, Runaway> {
        let mut step = Step::new(state, &self.interest, effects, chooser);
        match cause {
            Cause::Fire(timer) => {
                let owner = self.blueprint.timer_info(timer).owner.0 as usize;
                step.choice_stream = self.choice_streams[owner];
                step.fired(timer);
                self.automata[owner].fire(timer, &mut step);
            }
            Cause::Begin => self.each(&mut step, |automaton, step| automaton.begin(step)),
            Cause::Obey(command) => {
                self.each(&mut step, |automaton, step| automaton.obey(command, step));
            }
        }
        self.settle(&mut step)?;
        Ok(step.pending.measures)
    }

    fn each(&self, step: &mut Step<'_, W>, act: impl Fn(&dyn Automaton<W>, &mut Step<'_, W>)) {
        for (automaton, stream) in self.automata.iter().zip(&self.choice_streams) {
            step.choice_stream = *stream;
            act(automaton.as_ref(), step);
        }
    }

    /// Lets the automata react until none has anything more to say, always the
    /// first in the model's order.
    #[inline]
    fn settle(&self, step: &mut Step<'_, W>) -> Result<(), Runaway> {
        let mut reactions = 0;
        while step.pending.automata != 0 || !step.orders.is_empty() {
            if !step.orders.is_empty() {
                let command = step.orders.remove(0);
                self.each(step, |automaton, step| automaton.obey(&command, step));
                continue;
            }
            let index = step.pending.automata.trailing_zeros() as usize;
            step.pending.automata &= step.pending.automata - 1;
            step.choice_stream = self.choice_streams[index];
            self.automata[index].react(step);
            reactions += 1;
            if reactions > MAX_REACTIONS {
                return Err(Runaway {
                    automaton: self.automata[index].name().to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Names and natures of variables, timers and streams.
    pub fn blueprint(&self) -> &Blueprint<W> {
        &self.blueprint
    }

    /// The services of the scenario, in its order.
    pub fn services(&self) -> &[Service<W>] {
        &self.services
    }

    /// The tallies of the scenario, in its order.
    pub fn tallies(&self) -> &[Tally<W>] {
        &self.tallies
    }

    /// The automata in the order in which they react.
    pub fn automata(&self) -> impl Iterator<Item = &dyn Automaton<W>> {
        self.automata.iter().map(AsRef::as_ref)
    }

    /// The signal of the nodes that are up.
    pub fn node_up(&self) -> SetId {
        self.node_up
    }

    /// The largest mean repair time, for bounds where no outage was seen.
    pub fn slowest_repair(&self) -> Nanos {
        self.slowest_repair
    }
}
