//! Runs the transition function once for every combination of alternatives.

use super::situation::{Pending, Situation, Wait};
use super::waiting::{Treatment, Waiting};
use crate::automaton::{Command, Delay, Disturbance, Nanos, Reader, StreamId, Timer, TimerClass};
use crate::engine::streams::split_mix;
use crate::model::{Cause, Model, Runaway};

/// A step with more combinations of alternatives than this is refused.
const MAX_ALTERNATIVES: usize = 100_000;

/// A situation that may follow.
#[derive(Clone, Debug)]
pub struct Successor<const W: usize> {
    /// How likely it is; all that follow one cause sum to 1.
    pub probability: f64,
    /// The situation.
    pub situation: Situation<W>,
    /// What the step has disturbed.
    pub disturbance: Disturbance,
}

/// Why the alternatives of a step cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overflow {
    /// Automata react to each other without end.
    #[error("{0}")]
    Runaway(Runaway),
    /// Too many alternatives at one instant.
    #[error(
        "one event has more than {1} alternatives that chance decides at once; \
         the last was drawn by `{0}`"
    )]
    Alternatives(String, usize),
}

/// Lists everything that can follow a situation.
///
/// Of an interrupted clock only the mean of what it still has to run is kept, and
/// after [`Brancher::max_interruptions`] interruptions within one episode not even
/// that: it stays as it is. Two interruptions of one episode of seconds by events
/// that come once in weeks are rarer than anything that a clock can decide.
#[derive(Clone)]
pub struct Brancher<'m, const W: usize> {
    model: &'m Model<W>,
    waiting: Waiting,
    max_interruptions: u8,
    max_alternatives: usize,
    phases: Phases,
    tape: Tape,
    shortest_chance_s: f64,
}

/// What becomes of a clock that may run for one of several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phases {
    /// Each of a few times is an alternative.
    Every,
    /// One time is drawn from the whole distribution: the state of a generator.
    /// What is chosen at once still has all its alternatives.
    Drawn(u64),
}

impl Phases {
    /// A uniform number, 0 <= u < 1, if phases are drawn.
    fn draw(&mut self) -> Option<f64> {
        let Phases::Drawn(state) = self else {
            return None;
        };
        *state = state.wrapping_add(1);
        Some((split_mix(*state) >> 11) as f64 / (1u64 << 53) as f64)
    }
}

/// The answers of one run: which alternative each question gets.
#[derive(Clone, Default)]
struct Tape {
    /// The chosen alternative and the probabilities of all, question by question.
    answers: Vec<(usize, Vec<f64>)>,
    at: usize,
}

impl Tape {
    /// The answer to the next question, 0 where it is asked for the first time.
    fn next(&mut self, weights: &[f64]) -> usize {
        if self.at == self.answers.len() {
            let first = weights.iter().position(|w| *w > 0.0).unwrap_or(0);
            let total: f64 = weights.iter().sum();
            let shares = weights.iter().map(|w| w / total).collect();
            self.answers.push((first, shares));
        }
        self.at += 1;
        self.answers[self.at - 1].0
    }

    fn probability(&self) -> f64 {
        self.answers
            .iter()
            .map(|(taken, shares)| shares[*taken])
            .product()
    }

    /// Turns to the next combination of answers; false where there is none.
    fn turn(&mut self) -> bool {
        self.at = 0;
        while let Some((taken, shares)) = self.answers.last_mut() {
            let next = (*taken + 1..shares.len()).find(|i| shares[*i] > 0.0);
            if let Some(next) = next {
                *taken = next;
                return true;
            }
            self.answers.pop();
        }
        false
    }

    fn rewind(&mut self) {
        self.answers.clear();
        self.at = 0;
    }
}

/// What the model sees while it makes its step.
struct Asked<'a, 'm, const W: usize> {
    model: &'m Model<W>,
    waiting: &'a mut Waiting,
    tape: &'a mut Tape,
    phases: &'a mut Phases,
    pending: Vec<Pending>,
    interrupted: bool,
    shortest_chance_s: &'a mut f64,
}

impl<const W: usize> Asked<'_, '_, W> {
    fn find(&mut self, timer: Timer) -> Option<&mut Pending> {
        self.pending
            .iter_mut()
            .find(|pending| pending.timer == timer)
    }

    /// One of several points, or a time of the distribution that they stand for.
    fn phase(&mut self, delay: Delay, points: &[Nanos]) -> Nanos {
        match self.phases.draw() {
            Some(u) => self.waiting.quantile(delay, u),
            None => points[self.tape.next(&vec![1.0; points.len()])],
        }
    }

    fn stage(&mut self, fit: u32) -> u16 {
        let initial = &self.waiting.fit(fit).phases.initial;
        if let [(_, only)] = initial[..] {
            return only;
        }
        let weights: Vec<f64> = initial.iter().map(|(p, _)| *p).collect();
        let stages: Vec<u16> = initial.iter().map(|(_, stage)| *stage).collect();
        stages[self.tape.next(&weights)]
    }
}

impl<const W: usize> Reader for Asked<'_, '_, W> {
    fn arm(&mut self, timer: Timer, delay: Delay, _stream: StreamId) {
        self.cancel(timer);
        let class = self.model.blueprint().timer_info(timer).class;
        if class == TimerClass::Chance {
            let mean_s = self.waiting.mean_s(delay);
            if mean_s > 0.0 {
                *self.shortest_chance_s = self.shortest_chance_s.min(mean_s);
            }
        }
        let wait = match self.waiting.treat(delay, class) {
            Treatment::Never => return,
            // After an interruption the middle stands for all, because what follows is
            // rare enough.
            Treatment::Clock(points, middle) => Wait::Clock(match points[..] {
                [only] => only,
                _ if self.interrupted => middle,
                _ => self.phase(delay, &points),
            }),
            Treatment::Stages(Nanos::ZERO, fit) => Wait::Stage(fit, self.stage(fit)),
            Treatment::Stages(time, fit) => Wait::ClockThenStage(time, fit),
        };
        self.pending.push(Pending::new(timer, wait));
    }

    fn cancel(&mut self, timer: Timer) {
        self.pending.retain(|pending| pending.timer != timer);
    }

    fn pace(&mut self, timer: Timer, factor: f64) {
        if let Some(pending) = self.find(timer) {
            pending.pace = factor.to_bits();
        }
    }

    fn is_armed(&self, timer: Timer) -> bool {
        self.pending.iter().any(|pending| pending.timer == timer)
    }

    fn choose(&mut self, _stream: StreamId, weights: &[f64]) -> usize {
        self.tape.next(weights)
    }
}

impl<'m, const W: usize> Brancher<'m, W> {
    /// A brancher for a model.
    pub fn new(model: &'m Model<W>, waiting: Waiting, max_interruptions: u8) -> Self {
        Brancher {
            model,
            waiting,
            max_interruptions,
            max_alternatives: MAX_ALTERNATIVES,
            phases: Phases::Every,
            tape: Tape::default(),
            shortest_chance_s: f64::INFINITY,
        }
    }

    /// What becomes of phases from now on, and how many alternatives a step may have.
    pub fn set_phases(&mut self, phases: Phases, max_alternatives: usize) {
        self.phases = phases;
        self.max_alternatives = max_alternatives.min(MAX_ALTERNATIVES);
    }

    /// The model.
    pub fn model(&self) -> &'m Model<W> {
        self.model
    }

    /// How delays are treated, and the fits that have been needed so far.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// The shortest mean of anything that was armed and comes by chance, in seconds.
    pub fn shortest_chance_s(&self) -> f64 {
        self.shortest_chance_s
    }

    /// The situations in which the model can begin.
    pub fn begin(&mut self) -> Result<Vec<Successor<W>>, Overflow> {
        let blank = Situation {
            state: self.model.blueprint().blank_state(),
            pending: Vec::new(),
            interruptions: 0,
        };
        self.branch(&blank, Cause::Begin)
    }

    /// What follows an order that is given now.
    pub fn obey(
        &mut self,
        from: &Situation<W>,
        command: &Command<W>,
    ) -> Result<Vec<Successor<W>>, Overflow> {
        self.branch(from, Cause::Obey(command))
    }

    /// What follows when a timer runs out now, whatever it waits for.
    pub fn fire(
        &mut self,
        from: &Situation<W>,
        timer: Timer,
    ) -> Result<Vec<Successor<W>>, Overflow> {
        let mut next = from.clone();
        next.pending.retain(|pending| pending.timer != timer);
        self.branch(&next, Cause::Fire(timer))
    }

    /// What follows when the first clock runs out. A clock before a stage makes way
    /// for the stage, and no event happens.
    ///
    /// # Panics
    /// Where no clock runs: ask [`Situation::next_clock`] first.
    pub fn run_clock(&mut self, from: &Situation<W>) -> Result<Vec<Successor<W>>, Overflow> {
        let (left, first) = from.next_clock().expect("a clock runs");
        let first = *first;
        let mut next = from.clone();
        next.pass(left);
        match first.wait {
            Wait::ClockThenStage(_, fit) => Ok(self.begin_stage(next, first.timer, fit)),
            _ => self.fire(&next, first.timer),
        }
    }

    /// What follows when the stage of a timer ends after `passed` of an episode: the
    /// next stage, or the event.
    pub fn end_stage(
        &mut self,
        from: &Situation<W>,
        timer: Timer,
        passed: Nanos,
    ) -> Result<Vec<Successor<W>>, Overflow> {
        let mut next = from.clone();
        if next.next_clock().is_some() {
            if next.interruptions < self.max_interruptions {
                next.interruptions += 1;
                next.pass(passed);
            }
        } else {
            next.interruptions = 0;
        }
        let pending = next.pending.iter_mut().find(|p| p.timer == timer);
        if let Some(pending) = pending
            && let Wait::Stage(fit, stage) = pending.wait
            && let Some(after) = self.waiting.fit(fit).phases.stages[usize::from(stage)].next
        {
            pending.wait = Wait::Stage(fit, after);
            next.normalise();
            return Ok(vec![Successor {
                probability: 1.0,
                situation: next,
                disturbance: Disturbance::default(),
            }]);
        }
        self.fire(&next, timer)
    }

    fn begin_stage(&self, from: Situation<W>, timer: Timer, fit: u32) -> Vec<Successor<W>> {
        let initial = &self.waiting.fit(fit).phases.initial;
        initial
            .iter()
            .map(|(probability, stage)| {
                let mut situation = from.clone();
                for pending in situation.pending.iter_mut().filter(|p| p.timer == timer) {
                    pending.wait = Wait::Stage(fit, *stage);
                }
                situation.normalise();
                Successor {
                    probability: *probability,
                    situation,
                    disturbance: Disturbance::default(),
                }
            })
            .collect()
    }

    fn branch(
        &mut self,
        from: &Situation<W>,
        cause: Cause<'_, W>,
    ) -> Result<Vec<Successor<W>>, Overflow> {
        let mut successors: Vec<Successor<W>> = Vec::new();
        self.tape.rewind();
        let phases = self.phases;
        for _ in 0..self.max_alternatives {
            // All alternatives of one step meet the same phases.
            self.phases = phases;
            let mut state = from.state.clone();
            let mut asked = Asked {
                model: self.model,
                waiting: &mut self.waiting,
                tape: &mut self.tape,
                phases: &mut self.phases,
                pending: from.pending.clone(),
                interrupted: from.interruptions > 0,
                shortest_chance_s: &mut self.shortest_chance_s,
            };
            let disturbance = self.model.step(&mut state, cause, &mut asked);
            if let Some(automaton) = disturbance.runaway() {
                return Err(Overflow::Runaway(self.model.runaway(automaton)));
            }
            let mut situation = Situation {
                state,
                pending: asked.pending,
                interruptions: from.interruptions,
            };
            situation.normalise();
            let probability = self.tape.probability();
            match successors
                .iter_mut()
                .find(|known| known.situation == situation)
            {
                Some(known) => known.probability += probability,
                None => successors.push(Successor {
                    probability,
                    situation,
                    disturbance,
                }),
            }
            if !self.tape.turn() {
                return Ok(successors);
            }
        }
        Err(Overflow::Alternatives(
            self.cause_name(cause),
            self.max_alternatives,
        ))
    }

    fn cause_name(&self, cause: Cause<'_, W>) -> String {
        match cause {
            Cause::Begin => "the beginning".to_owned(),
            Cause::Obey(_) => "an order".to_owned(),
            Cause::Fire(timer) => self.model.blueprint().timer_info(timer).name.clone(),
        }
    }
}
