//! Draws the lives of several timers under the condition that one ends in a window.

use super::chance::Chance;
use super::timers::{Age, Timers};
use crate::automaton::{Nanos, Timer};

/// A timer whose event would bring an outage nearer.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    timer: Timer,
    of: Age,
    /// Its cumulative hazard at the age that it is known to reach.
    from: f64,
    /// How much of it comes up to the end of the window.
    gain: f64,
}

/// The timers of a window and how likely one of them runs out in it.
#[derive(Default)]
pub(super) struct Window {
    pub candidates: Vec<Candidate>,
    hazard: f64,
}

impl Window {
    pub fn clear(&mut self) {
        self.candidates.clear();
        self.hazard = 0.0;
    }

    /// Adds a timer to a window of so many seconds.
    pub fn add(&mut self, chance: &Chance, timer: Timer, of: Age, length_s: f64) {
        let law = chance.law(of.delay);
        let from = law.hazard(of.floor_s);
        let to = law.hazard(of.age_s + of.pace * length_s);
        let gain = (to - from).max(0.0);
        if gain > 0.0 {
            self.hazard += gain;
            self.candidates.push(Candidate {
                timer,
                of,
                from,
                gain,
            });
        }
    }

    /// The probability that a timer runs out in the window.
    pub fn probability(&self) -> f64 {
        -(-self.hazard).exp_m1()
    }

    /// When the first of them runs out as things stand, if it does so before the end.
    pub fn first(&self, timers: &Timers, end: Nanos) -> Option<Nanos> {
        (self.candidates.iter())
            .filter_map(|candidate| timers.agenda.time_of(candidate.timer))
            .min()
            .filter(|time| *time < end)
    }

    /// Draws all of them under the condition that one runs out in the window; returns
    /// when the first one does.
    ///
    /// One of them is the first in the list to do so; those before it live beyond the
    /// window, those after it as they like. That is the joint law under the condition.
    pub fn force(&self, chance: &mut Chance, timers: &mut Timers) -> Nanos {
        let ends = self.draw_first(chance);
        let now = timers.now();
        let mut first = Nanos::NEVER;
        for (place, candidate) in self.candidates.iter().enumerate() {
            let beyond = chance.exponential();
            let hazard = match place.cmp(&ends) {
                std::cmp::Ordering::Less => candidate.from + candidate.gain + beyond,
                std::cmp::Ordering::Equal => {
                    let within = -(-candidate.gain).exp_m1();
                    candidate.from - (-chance.uniform() * within).ln_1p()
                }
                std::cmp::Ordering::Greater => candidate.from + beyond,
            };
            let law = chance.law(candidate.of.delay);
            let age_s = law.age_at(hazard).max(candidate.of.floor_s);
            timers.run_out_at(candidate.timer, &candidate.of, age_s);
            first = first.min(timers.agenda.time_of(candidate.timer).unwrap_or(first));
        }
        first.max(now)
    }

    fn draw_first(&self, chance: &mut Chance) -> usize {
        let mut left = chance.uniform() * self.probability();
        let mut before = 0.0f64;
        for (place, candidate) in self.candidates.iter().enumerate() {
            let here = (-before).exp() * -(-candidate.gain).exp_m1();
            if left < here {
                return place;
            }
            left -= here;
            before += candidate.gain;
        }
        self.candidates.len() - 1
    }
}

/// Draws anew what is left of a timer that reaches the time `until`.
pub(super) fn draw_anew(chance: &mut Chance, timers: &mut Timers, timer: Timer, until: Nanos) {
    let Some(of) = timers.age(timer) else {
        return;
    };
    let length_s = until.since(timers.now()).seconds();
    let reached_s = (of.age_s + of.pace * length_s).max(of.floor_s);
    let more = chance.exponential();
    let law = chance.law(of.delay);
    let age_s = law.age_at(law.hazard(reached_s) + more).max(reached_s);
    timers.run_out_at(timer, &of, age_s);
}
