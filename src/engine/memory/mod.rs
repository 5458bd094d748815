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
    /// The step is over, in the state with this number.
    Done(u32, Disturbance),
    /// The step asks whether a timer runs; it goes on with this segment if it does not,
    /// and with the next one if it does.
    Asks(Timer, u32),
    /// The step leaves a choice to chance, of so many weights from a place on; it goes on
    /// with the segment of that index, counted from the last number.
    Chooses(StreamId, u32, u32, u32),
}

/// A run of deeds without a question.
#[derive(Clone, Copy, Debug)]
struct Segment {
    from: u32,
    to: u32,
    end: End,
}

const BLANK: Segment = Segment {
    from: 0,
    to: 0,
    end: End::Unknown,
};

/// Steps that are known, and the states between them.
pub struct Memory<const W: usize> {
    states: Vec<Arc<State<W>>>,
    /// The numbers of the states.
    numbers: HashMap<Arc<State<W>>, u32, BuildWordHasher>,
    /// The first segments of the steps, by state and timer in one word.
    steps: HashMap<u64, u32, BuildWordHasher>,
    segments: Vec<Segment>,
    deeds: Vec<Deed>,
    weights: Vec<f64>,
    /// The answers of the step at hand, and how many deeds it has done so far.
    answers: Vec<u32>,
    done: u32,
    /// Steps since the last trial.
    known: u64,
    new: u64,
    failed: u32,
}

impl<const W: usize> Default for Memory<W> {
    fn default() -> Memory<W> {
        Memory {
            states: Vec::new(),
            numbers: HashMap::default(),
            steps: HashMap::default(),
            segments: Vec::new(),
            deeds: Vec::new(),
            weights: Vec::new(),
            answers: Vec::new(),
            done: 0,
            known: 0,
            new: 0,
            failed: 0,
        }
    }
}

impl<const W: usize> Memory<W> {
    /// Begins anew, in the middle of a trial.
    pub fn clear(&mut self) {
        let (known, new, failed) = (self.known, self.new, self.failed);
        *self = Memory {
            known,
            new,
            failed,
            ..Memory::default()
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
        let state = Arc::new(state.clone());
        self.states.push(state.clone());
        self.numbers.insert(state, number);
        number
    }

    /// Plays a step back as far as it is known: the new state and what it has disturbed, or
    /// the segment that nobody has been to.
    #[inline]
    pub fn play(
        &mut self,
        state: u32,
        timer: Timer,
        reader: &mut impl Reader,
    ) -> Result<(u32, Disturbance), u32> {
        let key = u64::from(state) << 24 | u64::from(timer.0);
        let Some(&(mut at)) = self.steps.get(&key) else {
            return Err(self.first(key));
        };
        self.answers.clear();
        self.done = 0;
        loop {
            let segment = self.segments[at as usize];
            self.done += segment.to - segment.from;
            for deed in &self.deeds[segment.from as usize..segment.to as usize] {
                match *deed {
                    Deed::ArmDrawn(timer, delay, stream) => reader.arm_drawn(timer, delay, stream),
                    Deed::Arm(timer, delay, stream) => reader.arm(timer, delay, stream),
                    Deed::Cancel(timer) => reader.cancel(timer),
                    Deed::Pace(timer, factor) => reader.pace(timer, factor),
                }
            }
            let (answer, next) = match segment.end {
                End::Done(state, disturbance) => {
                    self.known += 1;
                    return Ok((state, disturbance));
                }
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

    /// The first segment of a step that nobody has made.
    #[cold]
    #[inline(never)]
    fn first(&mut self, key: u64) -> u32 {
        self.answers.clear();
        self.done = 0;
        let segment = self.blank(1);
        self.steps.insert(key, segment);
        segment
    }

    fn blank(&mut self, count: usize) -> u32 {
        let first = self.segments.len();
        self.segments.resize(first + count, BLANK);
        first as u32
    }

    /// A step has ended in a segment that was new.
    pub fn learnt(&mut self, segment: u32, state: u32, disturbance: Disturbance) {
        self.segments[segment as usize].end = End::Done(state, disturbance);
        self.new += 1;
    }

    /// Is the memory worth its price?
    pub fn is_worth_it(&mut self) -> bool {
        if self.new < TRIAL {
            return true;
        }
        // But where not even as many were known nothing will come of it.
        let hopeless = self.known < self.new;
        let worth = self.known >= WORTH * self.new;
        (self.known, self.new) = (0, 0);
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
            + self.weights.len() * size_of::<f64>()
            + self.steps.capacity() * size_of::<(u64, u32)>();
        states + steps > MAX_BYTES
    }
}
