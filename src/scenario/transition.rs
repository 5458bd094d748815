//! Counters and transitions (`[counter.NAME]`, `[transition.NAME]`), checked: a
//! stochastic Petri net, of which counters are the places.

use super::error::Origin;
use super::maintenance::LocatedCondition;
use super::pace::Times;
use crate::automaton::Distribution;

/// A whole number that transitions change.
#[derive(Clone, Debug)]
pub struct CounterSpec {
    /// Its name, for `level(NAME)`.
    pub name: String,
    /// Its value at the beginning.
    pub start: u64,
    /// The largest value that it can have.
    pub limit: u64,
}

/// One way in which a transition can end.
#[derive(Clone, Debug)]
pub struct OutcomeSpec {
    /// Its probability is this over the sum of all.
    pub weight: f64,
    /// What is added to counters, by their index.
    pub changes: Vec<(usize, i64)>,
}

/// Something that happens to counters after a time.
#[derive(Clone, Debug)]
pub struct TransitionSpec {
    /// Its name.
    pub name: String,
    /// From the moment at which it can happen until it does.
    pub after: Distribution,
    /// What must hold besides for it to go on.
    pub when: Option<LocatedCondition>,
    /// How many times as fast as normal it goes on.
    pub pace: Option<Times>,
    /// Does it keep its age while it cannot go on?
    pub keeps_age: bool,
    /// How it can end; at least one.
    pub outcomes: Vec<OutcomeSpec>,
    /// Where the table was written.
    pub origin: Origin,
}
