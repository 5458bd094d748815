//! What the transition function has answered before.
//!
//! A step depends on nothing but the state, the timer that fired, and what the reader
//! answers when it is asked whether a timer runs, or for a choice. A cluster goes through
//! the same few thousand states again and again, so a step that was made once is written
//! down: what it did to time, where it asked, which state it led to. The next time it is only
//! played back. No result can change by that: the same delays are drawn from the same
//! streams in the same order, and a path that is new is made by the transition function.
//!
//! Each state is kept once, under a number. Where states hardly ever come back (a thousand
//! nodes, counters that only grow) the memory is given up, and costs nothing from then on.

mod learner;

use super::branch::hash::BuildWordHasher;
use crate::automaton::{Delay, DistributionId, Disturbance, Reader, State, StreamId, Timer};
pub use learner::Learner;
use std::collections::HashMap;
use std::sync::Arc;

/// A memory holds no more than this, by a rough count; then it begins anew. More than the
/// caches of a processor hold is slower than to make the step again (docs/performance.md).
const MAX_BYTES: usize = 16 << 20;
/// After so many new steps it is asked whether the memory is worth its price.
const TRIAL: u64 = 1024;
/// Or after fewer, where their states are large: to learn a step costs as much as to copy
/// a state three times.
const TRIAL_BYTES: u64 = 4 << 20;
const SHORTEST_TRIAL: u64 = 32;
/// It is if so many times as many were known.
const WORTH: u64 = 16;
/// So many more trials may fail than succeed, because at first everything is new.
const PATIENCE: u32 = 4;

/// Something that a step does to time.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// A timer starts with a delay drawn from a distribution.
    ArmDrawn(Timer, DistributionId, StreamId),
    /// A timer starts.
    Arm(Timer, Delay, StreamId),
    /// A timer stops.
    Cancel(Timer),
    /// A timer changes its pace.
    Pace(Timer, f64),
}

/// How a run of deeds ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Nobody has been here.
    Unknown,
    /// The step is over, with the outcome at this place.
    Done(u32),
    /// The step asks whether a timer runs; it goes on with this segment if it does not,
    /// and with the next one if it does.
    Asks(Timer, u32),
    /// The step leaves a choice to chance, of so many weights from a place on; it goes on
    /// with the segment of that index, counted from the last number.
    Chooses(StreamId, u32, u32, u32),
}

/// What a step has led to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// The number of the new state.
    pub state: u32,
    /// What was disturbed.
    pub disturbance: Disturbance,
}

/// A run of deeds without a question.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// The first deed, where it is [`Deed::ArmDrawn`]: that of nearly every step is, and here
    /// it is at hand at once.
    arms: Option<(Timer, DistributionId, StreamId)>,
    /// The other deeds.
    from: u32,
    to: u32,
    end: End,
}

impl Segment {
    const BLANK: Segment = Segment {
        arms: None,
        from: 0,
        to: 0,
        end: End::Unknown,
    };

    #[inline]
    fn others(&self) -> std::ops::Range<usize> {
        self.from as usize..self.to as usize
    }

    /// How many deeds.
    fn len(&self) -> u32 {
        u32::from(self.arms.is_some()) + self.to - self.from
    }
}

/// Steps that are known, and the states between them.
pub struct Memory<const W: usize> {
    states: Vec<Arc<State<W>>>,
    /// The numbers of the states.
    numbers: HashMap<Arc<State<W>>, u32, BuildWordHasher>,
    /// The first segment of the step of each timer in each state, a row for each state;
    /// zero where nobody has made it.
    steps: Vec<u32>,
    timers: usize,
    /// The first one belongs to no step.
    segments: Vec<Segment>,
    deeds: Vec<Deed>,
    outcomes: Vec<Outcome>,
    weights: Vec<f64>,
    /// The answers of the step at hand, and how many deeds it has done so far.
    answers: Vec<u32>,
    done: u32,
    /// New steps since the last trial, and how many of them end it.
    new: u64,
    trial: u64,
    failed: u32,
}

impl<const W: usize> Memory<W> {
    /// An empty memory for a model with so many timers.
    pub fn new(timers: usize) -> Memory<W> {
        Memory {
            states: Vec::new(),
            numbers: HashMap::default(),
            steps: Vec::new(),
            timers,
            segments: vec![Segment::BLANK],
            deeds: Vec::new(),
            outcomes: Vec::new(),
            weights: Vec::new(),
            answers: Vec::new(),
            done: 0,
            new: 0,
            trial: TRIAL,
            failed: 0,
        }
    }

    /// Begins anew, in the middle of a trial.
    pub fn clear(&mut self) {
        let (new, failed) = (self.new, self.failed);
        *self = Memory {
            new,
            failed,
            ..Memory::new(self.timers)
        };
    }

    /// The state of this number.
    #[inline]
    pub fn state(&self, number: u32) -> &State<W> {
        &self.states[number as usize]
    }

    /// The number of a state, which is kept from now on.
    pub fn number(&mut self, state: &State<W>) -> u32 {
        if let Some(number) = self.numbers.get(state) {
            return *number;
        }
        let number = self.states.len() as u32;
        let fit = TRIAL_BYTES / state.bytes().max(1) as u64;
        self.trial = fit.clamp(SHORTEST_TRIAL, TRIAL);
        let state = Arc::new(state.clone());
        self.states.push(state.clone());
        self.steps.resize(self.states.len() * self.timers, 0);
        self.numbers.insert(state, number);
        number
    }

    /// Plays a step back that is known and asks nothing, as most do.
    // The outcome is looked at where it lies, once the deeds are done: copied before, it
    // would wait in memory, and be waited for.
    #[inline(always)]
    pub fn play(&mut self, state: u32, timer: Timer, reader: &mut impl Reader) -> Option<&Outcome> {
        let first = self.steps[self.place(state, timer)];
        let segment = &self.segments[first as usize];
        let End::Done(outcome) = segment.end else {
            return None;
        };
        self.enact(segment, reader);
        Some(&self.outcomes[outcome as usize])
    }

    /// Does to time what a run of deeds did.
    #[inline(always)]
    fn enact(&self, segment: &Segment, reader: &mut impl Reader) {
        if let Some((timer, delay, stream)) = segment.arms {
            reader.arm_drawn(timer, delay, stream);
        }
        for place in segment.others() {
            match self.deeds[place] {
                Deed::ArmDrawn(timer, delay, stream) => reader.arm_drawn(timer, delay, stream),
                Deed::Arm(timer, delay, stream) => reader.arm(timer, delay, stream),
                Deed::Cancel(timer) => reader.cancel(timer),
                Deed::Pace(timer, factor) => reader.pace(timer, factor),
            }
        }
    }

    #[inline]
    fn place(&self, state: u32, timer: Timer) -> usize {
        state as usize * self.timers + timer.0 as usize
    }

    /// Plays a step back as far as it is known: what it has led to, or the segment that
    /// nobody has been to.
    pub fn play_on(
        &mut self,
        state: u32,
        timer: Timer,
        reader: &mut impl Reader,
    ) -> Result<Outcome, u32> {
        let place = self.place(state, timer);
        self.answers.clear();
        self.done = 0;
        if self.steps[place] == 0 {
            self.steps[place] = self.blank(1);
        }
        let mut at = self.steps[place];
        loop {
            let segment = self.segments[at as usize];
            self.done += segment.len();
            self.enact(&segment, reader);
            let (answer, next) = match segment.end {
                End::Done(outcome) => return Ok(self.outcomes[outcome as usize]),
                End::Asks(timer, next) => (u32::from(reader.is_armed(timer)), next),
                End::Chooses(stream, weights, count, next) => {
                    let weights = &self.weights[weights as usize..][..count as usize];
                    (reader.choose(stream, weights) as u32, next)
                }
                End::Unknown => return Err(at),
            };
            self.answers.push(answer);
            at = next + answer;
        }
    }

    fn blank(&mut self, count: usize) -> u32 {
        let first = self.segments.len();
        self.segments.resize(first + count, Segment::BLANK);
        first as u32
    }

    /// A step has ended in a segment that was new.
    pub fn learnt(&mut self, segment: u32, outcome: Outcome) {
        self.segments[segment as usize].end = End::Done(self.outcomes.len() as u32);
        self.outcomes.push(outcome);
        self.new += 1;
    }

    /// Is it time to ask [`Memory::is_worth_it`]?
    pub fn is_on_trial(&self) -> bool {
        self.new >= self.trial
    }

    /// Is the memory worth its price, after so many steps since it was asked last?
    pub fn is_worth_it(&mut self, steps: u64) -> bool {
        let known = steps.saturating_sub(self.new);
        // But where not even as many were known nothing will come of it.
        let hopeless = known < self.new;
        let worth = known >= WORTH * self.new;
        self.new = 0;
        self.failed = match worth {
            true => self.failed.saturating_sub(1),
            false => self.failed + 1,
        };
        self.failed < PATIENCE && !hopeless
    }

    /// Does it hold more than it may?
    pub fn is_full(&self) -> bool {
        let state = self.states.first().map_or(0, |state| state.bytes());
        let states =
            state * self.states.len() + self.numbers.capacity() * size_of::<(Arc<State<W>>, u32)>();
        let steps = self.segments.len() * size_of::<Segment>()
            + self.deeds.len() * size_of::<Deed>()
            + self.outcomes.len() * size_of::<Outcome>()
            + self.weights.len() * size_of::<f64>()
            + self.steps.len() * size_of::<u32>();
        states + steps > MAX_BYTES
    }
}
