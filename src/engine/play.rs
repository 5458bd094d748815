//! Plays a model: pops the next timer, lets the model make its step, and does
//! what the step asks of time and chance.

use super::agenda::{Agenda, MAX_ARMINGS};
use super::streams::Streams;
use crate::automaton::{Command, Effect, Mark, Nanos, State, Timer, TimerClass};
use crate::model::{Cause, Model, Runaway};

/// Why a replication cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlayError {
    /// Automata react to each other without end.
    #[error("at {at} of simulated time: {runaway}")]
    Runaway {
        /// When it happened.
        at: Nanos,
        /// What happened.
        runaway: Runaway,
    },
    /// One replication has more events than allowed.
    #[error(
        "more than {limit} events in one replication, at {at} of simulated time; the last was `{timer}`. \
         A timer may be arming itself; or raise run.max_events"
    )]
    TooManyEvents {
        /// The limit that was in force.
        limit: u64,
        /// When it was reached.
        at: Nanos,
        /// The timer that fired last.
        timer: String,
    },
}

/// Plays one model, replication after replication, in the same memory.
pub struct Player<'m, const W: usize> {
    model: &'m Model<W>,
    state: State<W>,
    agenda: Agenda,
    streams: Streams,
    effects: Vec<Effect>,
    /// Do spontaneous timers run? Under a fault script they do not.
    by_chance: bool,
    is_chance: Vec<bool>,
    max_events: u64,
    events: u64,
    last_fault: Nanos,
    restorations: u64,
}

impl<'m, const W: usize> Player<'m, W> {
    /// A player of a model. With `by_chance` false only commands make trouble.
    pub fn new(model: &'m Model<W>, by_chance: bool, max_events: u64) -> Self {
        let blueprint = model.blueprint();
        let timers = blueprint.timer_count();
        Player {
            model,
            state: blueprint.blank_state(),
            agenda: Agenda::new(timers),
            streams: Streams::new(blueprint),
            effects: Vec::with_capacity(64),
            by_chance,
            is_chance: (0..timers)
                .map(|i| blueprint.timer_info(Timer(i as u32)).class == TimerClass::Chance)
                .collect(),
            max_events: max_events.min(MAX_ARMINGS),
            events: 0,
            last_fault: Nanos::ZERO,
            restorations: 0,
        }
    }

    /// Starts a replication: everything runs, the clock shows zero. Returns the
    /// measures to be read, as [`Model::step`] does.
    pub fn begin(&mut self, seed: u64, replication: u64) -> Result<u64, PlayError> {
        self.state.clear();
        self.agenda.clear();
        self.streams.seed(seed, replication);
        self.events = 0;
        self.last_fault = Nanos::ZERO;
        self.restorations = 0;
        self.step(Cause::Begin)
    }

    /// When the next timer runs out.
    #[inline]
    pub fn next_time(&self) -> Option<Nanos> {
        self.agenda.peek().map(|(time, _)| time)
    }

    /// Plays the next event if it comes before `end`; `None` if not.
    #[inline]
    pub fn advance(&mut self, end: Nanos) -> Result<Option<u64>, PlayError> {
        let Some((time, timer)) = self.agenda.peek().filter(|(time, _)| *time < end) else {
            return Ok(None);
        };
        self.events += 1;
        if self.events > self.max_events {
            return Err(self.too_many_events(timer));
        }
        let armings = self.agenda.armings();
        self.agenda.begin_event(time);
        let touched = self.step(Cause::Fire(timer))?;
        self.agenda.retire(timer, armings);
        Ok(Some(touched))
    }

    /// Gives an order at this time, which must not lie before the last event.
    pub fn obey(&mut self, at: Nanos, command: &Command<W>) -> Result<u64, PlayError> {
        self.agenda.advance_to(at);
        self.step(Cause::Obey(command))
    }

    #[inline]
    fn step(&mut self, cause: Cause<'_, W>) -> Result<u64, PlayError> {
        let touched = self
            .model
            .step(&mut self.state, cause, &mut self.effects, &mut self.streams)
            .map_err(|runaway| PlayError::Runaway {
                at: self.agenda.now(),
                runaway,
            })?;
        for index in 0..self.effects.len() {
            self.apply(self.effects[index]);
        }
        self.effects.clear();
        Ok(touched)
    }

    #[inline]
    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Arm {
                timer,
                delay,
                stream,
            } => {
                if self.by_chance || !self.is_chance[timer.0 as usize] {
                    let delay = self.streams.delay(delay, stream);
                    self.agenda.arm(timer, delay);
                }
            }
            Effect::Cancel(timer) => self.agenda.cancel(timer),
            Effect::Mark(Mark::Fault) => self.last_fault = self.agenda.now(),
            Effect::Mark(Mark::Restore) => self.restorations += 1,
            Effect::Suspend(timer) => self.agenda.suspend(timer),
            Effect::Resume(timer) => self.agenda.resume(timer),
        }
    }

    #[cold]
    fn too_many_events(&self, timer: Timer) -> PlayError {
        PlayError::TooManyEvents {
            limit: self.max_events,
            at: self.agenda.now(),
            timer: self.model.blueprint().timer_info(timer).name.clone(),
        }
    }

    /// The model that is played.
    pub fn model(&self) -> &'m Model<W> {
        self.model
    }

    /// The state as it is now.
    #[inline]
    pub fn state(&self) -> &State<W> {
        &self.state
    }

    /// The time of the last event.
    #[inline]
    pub fn now(&self) -> Nanos {
        self.agenda.now()
    }

    /// Events of this replication so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// When the last fault happened.
    pub fn last_fault(&self) -> Nanos {
        self.last_fault
    }

    /// How often something has come back (a repair, a restart, an operator).
    pub fn restorations(&self) -> u64 {
        self.restorations
    }

    /// The random streams, for draws of the reader itself.
    pub fn streams(&mut self) -> &mut Streams {
        &mut self.streams
    }
}
