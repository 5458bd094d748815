//! How fast something goes on that depends on the situation.

use crate::automaton::evaluate::{Count, Set, Test};
use crate::automaton::{Node, SetId, State};

/// A number that may follow the state.
#[derive(Clone, Debug)]
pub enum Times<const W: usize> {
    /// Always the same.
    Number(f64),
    /// A count, or a count over another; 0 where that is 0.
    Counts(Count<W>, Option<Count<W>>),
}

/// Whom a rule applies to, and when.
#[derive(Clone, Debug)]
pub enum Applies<const W: usize> {
    /// Always, to everybody.
    Always,
    /// To the nodes in a set.
    In(Set<W>),
    /// To everybody while a condition holds.
    If(Test<W>),
}

/// Rules with their names looked up; all that apply are multiplied.
#[derive(Clone, Debug, Default)]
pub struct Pace<const W: usize> {
    rules: Vec<(Applies<W>, Times<W>)>,
}

impl<const W: usize> Times<W> {
    /// The number in this state: finite, not negative.
    pub fn value(&self, state: &State<W>) -> f64 {
        match self {
            Times::Number(number) => *number,
            Times::Counts(count, None) => count.value(state) as f64,
            Times::Counts(count, Some(of)) => match of.value(state) {
                0 => 0.0,
                of => count.value(state) as f64 / of as f64,
            },
        }
    }

    /// Adds the signals that it depends on.
    pub fn signals(&self, found: &mut Vec<SetId>) {
        if let Times::Counts(count, of) = self {
            count.signals(found);
            if let Some(of) = of {
                of.signals(found);
            }
        }
    }
}

impl<const W: usize> Pace<W> {
    /// A pace of these rules.
    pub fn new(rules: Vec<(Applies<W>, Times<W>)>) -> Self {
        Pace { rules }
    }

    /// Is it the normal pace, whatever happens?
    pub fn is_normal(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many times as fast as normal something goes on for this node.
    pub fn of(&self, node: Node, state: &State<W>) -> f64 {
        self.rules
            .iter()
            .filter(|(applies, _)| match applies {
                Applies::Always => true,
                Applies::In(set) => set.value(state).contains(node),
                Applies::If(test) => test.holds(state),
            })
            .map(|(_, times)| times.value(state))
            .product()
    }

    /// Adds the signals that it depends on.
    pub fn signals(&self, found: &mut Vec<SetId>) {
        for (applies, times) in &self.rules {
            match applies {
                Applies::Always => {}
                Applies::In(set) => set.signals(found),
                Applies::If(test) => test.signals(found),
            }
            times.signals(found);
        }
    }
}
