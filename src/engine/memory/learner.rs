//! The reader behind a step that is new: it writes down what the step does and asks.

use super::{Deed, End, Memory};
use crate::automaton::{Delay, DistributionId, Reader, StreamId, Timer};
use std::cell::RefCell;

/// Passes everything on to another reader and writes it down. What the step did before it
/// came to a segment that nobody has been to was done already, and is passed over.
pub struct Learner<'a, const W: usize, R>(
    // A question changes nothing for who asks, but it is written down.
    RefCell<Pen<'a, W, R>>,
);

struct Pen<'a, const W: usize, R> {
    memory: &'a mut Memory<W>,
    reader: &'a mut R,
    /// The segment that is being written.
    at: u32,
    /// Deeds and answers that are still passed over.
    deeds: u32,
    answered: usize,
}

impl<'a, const W: usize, R: Reader> Learner<'a, W, R> {
    /// Goes on from a segment that [`Memory::play_on`] has come to.
    pub fn new(memory: &'a mut Memory<W>, reader: &'a mut R, segment: u32) -> Self {
        let deeds = memory.done;
        let mut pen = Pen {
            memory,
            reader,
            at: segment,
            deeds,
            answered: 0,
        };
        pen.begin(segment);
        Learner(RefCell::new(pen))
    }

    /// The segment in which the step has ended.
    pub fn segment(self) -> u32 {
        self.0.into_inner().at
    }
}

impl<const W: usize, R: Reader> Pen<'_, W, R> {
    fn begin(&mut self, segment: u32) {
        self.at = segment;
        let place = self.memory.deeds.len() as u32;
        let segment = &mut self.memory.segments[segment as usize];
        (segment.from, segment.to) = (place, place);
    }

    /// Is this deed new? Then it is written down.
    fn is_new(&mut self, deed: Deed) -> bool {
        if self.deeds > 0 {
            self.deeds -= 1;
            return false;
        }
        let segment = &mut self.memory.segments[self.at as usize];
        if let (0, Deed::ArmDrawn(timer, delay, stream)) = (segment.len(), deed) {
            segment.arms = Some((timer, delay, stream));
            return true;
        }
        segment.to += 1;
        self.memory.deeds.push(deed);
        true
    }

    /// The answer to a question that was asked before.
    fn answer(&mut self) -> Option<u32> {
        let answer = self.memory.answers.get(self.answered).copied();
        self.answered += usize::from(answer.is_some());
        answer
    }

    /// A question ends the segment, and each answer has one of its own.
    fn ask(&mut self, answers: usize, answer: u32, end: impl FnOnce(u32) -> End) {
        let next = self.memory.blank(answers);
        self.memory.segments[self.at as usize].end = end(next);
        self.begin(next + answer);
    }
}

impl<const W: usize, R: Reader> Reader for Learner<'_, W, R> {
    fn arm(&mut self, timer: Timer, delay: Delay, stream: StreamId) {
        let pen = self.0.get_mut();
        if pen.is_new(Deed::Arm(timer, delay, stream)) {
            pen.reader.arm(timer, delay, stream);
        }
    }

    fn arm_drawn(&mut self, timer: Timer, delay: DistributionId, stream: StreamId) {
        let pen = self.0.get_mut();
        if pen.is_new(Deed::ArmDrawn(timer, delay, stream)) {
            pen.reader.arm_drawn(timer, delay, stream);
        }
    }

    fn cancel(&mut self, timer: Timer) {
        let pen = self.0.get_mut();
        if pen.is_new(Deed::Cancel(timer)) {
            pen.reader.cancel(timer);
        }
    }

    fn pace(&mut self, timer: Timer, factor: f64) {
        let pen = self.0.get_mut();
        if pen.is_new(Deed::Pace(timer, factor)) {
            pen.reader.pace(timer, factor);
        }
    }

    fn is_armed(&self, timer: Timer) -> bool {
        let pen = &mut *self.0.borrow_mut();
        if let Some(answer) = pen.answer() {
            return answer == 1;
        }
        let runs = pen.reader.is_armed(timer);
        pen.ask(2, u32::from(runs), |next| End::Asks(timer, next));
        runs
    }

    fn choose(&mut self, stream: StreamId, weights: &[f64]) -> usize {
        let pen = self.0.get_mut();
        if let Some(answer) = pen.answer() {
            return answer as usize;
        }
        let answer = pen.reader.choose(stream, weights);
        let first = pen.memory.weights.len() as u32;
        pen.memory.weights.extend_from_slice(weights);
        let count = weights.len();
        pen.ask(count, answer as u32, |next| {
            End::Chooses(stream, first, count as u32, next)
        });
        answer
    }
}
