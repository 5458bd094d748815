//! A finite semi-Markov chain with what is measured in each of its states.

use crate::model::measure::Condition;

/// What one service looks like in one state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// How it is doing.
    pub condition: Condition,
    /// The share of requests that succeed.
    pub success: f64,
    /// The number of the cause, where it is down.
    pub cause: u16,
}

impl Look {
    /// Is it not up?
    pub fn is_down(&self) -> bool {
        matches!(self.condition, Condition::Down | Condition::ReadOnly)
    }
}

/// States, the probabilities of the next one, and the mean time in each.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// Where the row of each state begins in `steps`; one entry more than states.
    pub rows: Vec<usize>,
    /// The next states: number and probability. No state is its own next one.
    pub steps: Vec<(u32, f64)>,
    /// Mean seconds in each state; infinite where nothing ever happens again.
    pub sojourn_s: Vec<f64>,
    /// Is the time in each state that of a clock, and so hardly spread? Others are
    /// exponential.
    pub clocks: Vec<bool>,
    /// Where it begins, with probabilities that sum to 1.
    pub start: Vec<(u32, f64)>,
    /// The services in each state, one row for each state.
    pub looks: Vec<Look>,
    /// Services in a row of `looks`.
    pub services: usize,
    /// The tallies in each state, one row for each state.
    pub levels: Vec<u32>,
    /// Tallies in a row of `levels`.
    pub tallies: usize,
    /// The state that stands for all that was not listed, if there was too much.
    pub beyond: Option<u32>,
    /// Why the chain is not the model itself, in sentences; empty where it is.
    pub approximations: Vec<String>,
}

impl Chain {
    /// The number of states.
    pub fn len(&self) -> usize {
        self.sojourn_s.len()
    }

    /// Has it no state? (A generated chain has one at least.)
    pub fn is_empty(&self) -> bool {
        self.sojourn_s.is_empty()
    }

    /// The next states of a state.
    pub fn next(&self, state: usize) -> &[(u32, f64)] {
        &self.steps[self.rows[state]..self.rows[state + 1]]
    }

    /// A service in a state.
    pub fn look(&self, state: usize, service: usize) -> Look {
        self.looks[state * self.services + service]
    }

    /// A tally in a state.
    pub fn level(&self, state: usize, tally: usize) -> u32 {
        self.levels[state * self.tallies + tally]
    }

    /// Adds the next state's row; it is left by chance.
    pub fn push_row(&mut self, sojourn_s: f64, next: impl IntoIterator<Item = (u32, f64)>) {
        if self.rows.is_empty() {
            self.rows.push(0);
        }
        self.steps.extend(next);
        self.rows.push(self.steps.len());
        self.sojourn_s.push(sojourn_s);
        self.clocks.push(false);
    }
}
