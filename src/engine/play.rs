//! Plays a model: pops the next timer, lets the model make its step, and does
//! what the step asks of time and chance.

use super::agenda::{Agenda, MAX_ARMINGS};
use super::memory::{Learner, Memory, Outcome};
use super::streams::Streams;
use crate::automaton::{
    Command, Delay, DistributionId, Disturbance, Nanos, Reader, State, StreamId, Timer, TimerClass,
};
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

/// Time and chance of one replication: samples delays, draws choices.
struct Clock {
    agenda: Agenda,
    streams: Streams,
    /// Timers that never run: the spontaneous ones, under a fault script. Empty where
    /// all run, so that by chance there is little to ask.
    silent: Vec<bool>,
}

impl Reader for Clock {
    #[inline]
    fn arm(&mut self, timer: Timer, delay: Delay, stream: StreamId) {
        if self.silent.get(timer.0 as usize) != Some(&true) {
            let delay = self.streams.delay(delay, stream);
            self.agenda.arm(timer, delay);
        }
    }

    #[inline(always)]
    fn arm_drawn(&mut self, timer: Timer, delay: DistributionId, stream: StreamId) {
        if self.silent.get(timer.0 as usize) != Some(&true) {
            let delay = self.streams.drawn(delay, stream);
            self.agenda.arm(timer, delay);
        }
    }

    fn cancel(&mut self, timer: Timer) {
        self.agenda.cancel(timer);
    }

    fn pace(&mut self, timer: Timer, factor: f64) {
        self.agenda.pace(timer, factor);
    }

    fn is_armed(&self, timer: Timer) -> bool {
        self.agenda.is_armed(timer)
    }

    fn choose(&mut self, stream: StreamId, weights: &[f64]) -> usize {
        self.streams.choose(stream, weights)
    }
}

/// The measures that an event has touched (see [`Model::step`]), one bit each.
#[derive(Clone, Copy, Debug)]
pub struct Touched {
    /// To be read again.
    pub measures: u64,
    /// Services to be read again if they are down.
    pub blames: u64,
}

/// Plays one model, replication after replication, in the same memory.
pub struct Player<'m, const W: usize> {
    model: &'m Model<W>,
    /// The state, where there is no memory, and while a step is made that it does not know.
    state: State<W>,
    /// Steps that were made before. None under a script, where few come again, and where it
    /// was not worth its price.
    memory: Option<Box<Memory<W>>>,
    /// The state, as the memory numbers it, and how often it has begun to number anew.
    number: u32,
    epoch: u32,
    clock: Clock,
    max_events: u64,
    events: u64,
    /// Events of all replications before this one, and how many there were altogether when
    /// the memory was last on trial.
    earlier_events: u64,
    tried_at: u64,
    last_fault: Nanos,
    restorations: u64,
    restorations_at_fault: u64,
    failure: Option<PlayError>,
}

impl<'m, const W: usize> Player<'m, W> {
    /// A player of a model. With `by_chance` false only commands make trouble.
    pub fn new(model: &'m Model<W>, by_chance: bool, max_events: u64) -> Self {
        let blueprint = model.blueprint();
        let timers = blueprint.timer_count();
        let silent = |i| blueprint.timer_info(Timer(i as u32)).class == TimerClass::Chance;
        Player {
            model,
            state: blueprint.blank_state(),
            memory: by_chance.then(|| Box::new(Memory::new(timers))),
            number: 0,
            epoch: 0,
            clock: Clock {
                agenda: Agenda::new(timers),
                streams: Streams::new(blueprint),
                silent: match by_chance {
                    true => Vec::new(),
                    false => (0..timers).map(silent).collect(),
                },
            },
            max_events: max_events.min(MAX_ARMINGS),
            events: 0,
            earlier_events: 0,
            tried_at: 0,
            last_fault: Nanos::ZERO,
            restorations: 0,
            restorations_at_fault: 0,
            failure: None,
        }
    }

    /// The same without a memory: every step is made by the transition function.
    pub fn without_memory(mut self) -> Self {
        self.memory = None;
        self
    }

    /// Starts a replication: everything runs, the clock shows zero.
    pub fn begin(&mut self, seed: u64, replication: u64) -> Result<(), PlayError> {
        self.state.clear();
        self.clock.agenda.clear();
        self.clock.streams.seed(seed, replication);
        self.earlier_events += self.events;
        self.events = 0;
        self.last_fault = Nanos::ZERO;
        self.restorations = 0;
        self.restorations_at_fault = 0;
        self.failure = None;
        self.make(Cause::Begin);
        self.failure()
    }

    /// The reason for which the replication cannot go on, if there is one.
    pub fn failure(&mut self) -> Result<(), PlayError> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// When the next timer runs out.
    #[inline]
    pub fn next_time(&self) -> Option<Nanos> {
        self.clock.agenda.peek().map(|(time, _)| time)
    }

    /// The timer that runs out next, and the number of its arming.
    pub fn next_arming(&self) -> Option<(Timer, u64)> {
        let (_, timer) = self.clock.agenda.peek()?;
        Some((timer, self.clock.agenda.next_arming()))
    }

    /// Armings of this replication so far.
    pub fn armings(&self) -> u64 {
        self.clock.agenda.armings()
    }

    /// Plays the next event if it comes before `end`, and returns the measures
    /// that it has touched. `None` where there is no such
    /// event, or the replication cannot go on: ask [`Player::failure`].
    // Inlined by force: every event would pay for a call, and for the option that it returns.
    #[inline(always)]
    pub fn advance(&mut self, end: Nanos) -> Option<Touched> {
        let (time, timer) = self.clock.agenda.peek_before(end)?;
        self.events += 1;
        if self.events > self.max_events {
            let error = self.too_many_events(timer);
            self.fail(error);
            return None;
        }
        self.clock.agenda.begin_event(time, timer);
        let Some(memory) = &mut self.memory else {
            return Some(self.find_out(timer));
        };
        let Some(outcome) = memory.play(self.number, timer, &mut self.clock) else {
            return Some(self.find_out(timer));
        };
        self.number = outcome.state;
        let disturbance = outcome.disturbance;
        self.clock.agenda.end_event();
        Some(self.note(disturbance))
    }

    /// Gives an order at this time, which must not lie before the last event.
    pub fn obey(&mut self, at: Nanos, command: &Command<W>) -> Result<(), PlayError> {
        self.clock.agenda.advance_to(at);
        self.step(Cause::Obey(command));
        self.failure()
    }

    /// Lets a timer run out at this time that otherwise waits for chance, whether or not
    /// it runs. The time must not lie before the last event.
    pub fn happen(&mut self, at: Nanos, timer: Timer) -> Result<(), PlayError> {
        self.clock.agenda.advance_to(at);
        self.clock.agenda.cancel(timer);
        self.step(Cause::Fire(timer));
        self.failure()
    }

    /// Makes the step of a timer that asks questions, or that nobody has made, or to which
    /// no memory belongs.
    // Never inlined: what it needs would crowd out what a known step needs.
    #[inline(never)]
    fn find_out(&mut self, timer: Timer) -> Touched {
        let disturbance = match &mut self.memory {
            None => {
                let cause = Cause::Fire(timer);
                self.model.step(&mut self.state, cause, &mut self.clock)
            }
            Some(memory) => match memory.play_on(self.number, timer, &mut self.clock) {
                Ok(outcome) => {
                    self.number = outcome.state;
                    outcome.disturbance
                }
                Err(segment) => self.learn(timer, segment),
            },
        };
        self.clock.agenda.end_event();
        self.note(disturbance)
    }

    /// Makes the step of a timer, of which the memory knows nothing from a segment on.
    #[cold]
    #[inline(never)]
    fn learn(&mut self, timer: Timer, segment: u32) -> Disturbance {
        let Some(mut memory) = self.memory.take() else {
            unreachable!("nobody learns without a memory")
        };
        self.state.copy_from(memory.state(self.number));
        let mut learner = Learner::new(&mut memory, &mut self.clock, segment);
        let cause = Cause::Fire(timer);
        let disturbance = self.model.step(&mut self.state, cause, &mut learner);
        let segment = learner.segment();
        self.number = memory.number(&self.state);
        let state = self.number;
        memory.learnt(segment, Outcome { state, disturbance });
        if memory.is_full() {
            memory.clear();
            self.number = memory.number(&self.state);
            self.epoch += 1;
        }
        if memory.is_on_trial() {
            let steps = self.earlier_events + self.events;
            if !memory.is_worth_it(steps - self.tried_at) {
                self.epoch += 1;
                return disturbance;
            }
            self.tried_at = steps;
        }
        self.memory = Some(memory);
        disturbance
    }

    /// Makes a step that is not worth remembering.
    fn step(&mut self, cause: Cause<'_, W>) {
        if let Some(memory) = &self.memory {
            self.state.copy_from(memory.state(self.number));
        }
        self.make(cause);
    }

    /// Makes a step from the state that is laid out, and lets the memory know the next one.
    fn make(&mut self, cause: Cause<'_, W>) {
        let disturbance = self.model.step(&mut self.state, cause, &mut self.clock);
        if let Some(memory) = &mut self.memory {
            self.number = memory.number(&self.state);
        }
        self.note(disturbance);
    }

    /// Takes note of what a step has disturbed.
    #[inline(always)]
    fn note(&mut self, disturbance: Disturbance) -> Touched {
        self.restorations += u64::from(disturbance.restorations());
        if disturbance.is_marked() {
            if disturbance.planned() {
                // What follows is a matter of the plan, not of an older fault.
                self.last_fault = Nanos::ZERO;
            }
            if disturbance.fault() {
                self.last_fault = self.clock.agenda.now();
                self.restorations_at_fault = self.restorations;
            }
            if let Some(automaton) = disturbance.runaway() {
                self.run_away(automaton);
            }
        }
        Touched {
            measures: disturbance.measures,
            blames: disturbance.blames,
        }
    }

    #[cold]
    fn run_away(&mut self, automaton: u8) {
        let at = self.clock.agenda.now();
        let runaway = self.model.runaway(automaton);
        self.fail(PlayError::Runaway { at, runaway });
    }

    /// Ends the replication. An empty agenda stops the loop that plays it, which
    /// therefore need not ask after each event whether all is well.
    #[cold]
    fn fail(&mut self, error: PlayError) {
        self.clock.agenda.clear();
        self.failure = Some(error);
    }

    #[cold]
    fn too_many_events(&self, timer: Timer) -> PlayError {
        PlayError::TooManyEvents {
            limit: self.max_events,
            at: self.clock.agenda.now(),
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
        match &self.memory {
            Some(memory) => memory.state(self.number),
            None => &self.state,
        }
    }

    /// Do the states have numbers in this [`Player::epoch`]?
    pub fn counts_states(&self) -> bool {
        self.memory.is_some()
    }

    /// The number of the state, if the states have numbers: the same one for the same state
    /// until the next [`Player::epoch`].
    #[inline]
    pub fn number(&self) -> usize {
        self.number as usize
    }

    /// How often the numbers of states have lost their meaning.
    #[inline]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The state of a number that has been given since the last epoch began.
    pub fn numbered(&self, number: usize) -> &State<W> {
        match &self.memory {
            Some(memory) => memory.state(number as u32),
            None => &self.state,
        }
    }

    /// The time of the last event.
    #[inline]
    pub fn now(&self) -> Nanos {
        self.clock.agenda.now()
    }

    /// Events of this replication so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// When the fault happened that the cluster is still dealing with: the last
    /// one, unless something has come back since.
    pub fn fault_behind(&self) -> Option<Nanos> {
        (self.restorations == self.restorations_at_fault && self.last_fault > Nanos::ZERO)
            .then_some(self.last_fault)
    }

    /// How often something has come back (a repair, a restart, an operator).
    pub fn restorations(&self) -> u64 {
        self.restorations
    }

    /// The random streams, for draws of the reader itself.
    pub fn streams(&mut self) -> &mut Streams {
        &mut self.clock.streams
    }
}
