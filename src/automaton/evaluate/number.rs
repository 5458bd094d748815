//! Counts and shares with their names looked up.

use super::{Groups, LookupError, Set, Test, quorum};
use crate::automaton::{Blueprint, Level, SetId, State};
use crate::scenario::expression::{CountExpression, Name, ShareExpression};

/// A compiled count.
#[derive(Clone, Debug)]
pub enum Count<const W: usize> {
    /// The size of a set.
    Of(Set<W>),
    /// A number that an automaton keeps, with the largest value it can have.
    Level(Level, u64),
    /// 1 or 0.
    If(Box<Test<W>>),
    /// The sum of all of these.
    Sum(Vec<Count<W>>),
    /// A product.
    Product(Box<Count<W>>, Box<Count<W>>),
    /// The first less the second, never below 0.
    Difference(Box<Count<W>>, Box<Count<W>>),
    /// The larger one.
    Greatest(Box<Count<W>>, Box<Count<W>>),
    /// The smaller one.
    Least(Box<Count<W>>, Box<Count<W>>),
    /// A constant.
    Number(u64),
}

/// A compiled share.
#[derive(Clone, Debug)]
pub enum Share<const W: usize> {
    /// Part of a whole; 0 of an empty one.
    Of(Set<W>, Set<W>),
    /// The first count as a part of the second, at most 1; 0 of nothing.
    Ratio(Count<W>, Count<W>),
    /// A constant.
    Constant(f64),
    /// The sum of all of these, at most 1.
    Sum(Vec<Share<W>>),
    /// A product.
    Product(Box<Share<W>>, Box<Share<W>>),
    /// The smaller one.
    Least(Box<Share<W>>, Box<Share<W>>),
    /// 1 or 0.
    If(Box<Test<W>>),
}

impl<const W: usize> Count<W> {
    /// Looks the names up.
    pub fn compile(
        expression: &CountExpression,
        blueprint: &Blueprint<W>,
        groups: &Groups<W>,
    ) -> Result<Self, LookupError> {
        let count = |part: &CountExpression| Self::compile(part, blueprint, groups);
        Ok(match expression {
            CountExpression::Count(set) => Count::Of(Set::compile(set, blueprint, groups)?),
            CountExpression::Votes(set) => {
                quorum::votes(Set::compile(set, blueprint, groups)?, blueprint, groups)
            }
            CountExpression::Level(name) => {
                let level = look_up(name, blueprint)?;
                Count::Level(level, blueprint.level_limit(level))
            }
            CountExpression::If(test) => {
                Count::If(Box::new(Test::compile(test, blueprint, groups)?))
            }
            CountExpression::Sum(parts) => {
                Count::Sum(parts.iter().map(count).collect::<Result<_, _>>()?)
            }
            CountExpression::Product(a, b) => {
                Count::Product(Box::new(count(a)?), Box::new(count(b)?))
            }
            CountExpression::Difference(a, b) => {
                Count::Difference(Box::new(count(a)?), Box::new(count(b)?))
            }
            CountExpression::Greatest(a, b) => {
                Count::Greatest(Box::new(count(a)?), Box::new(count(b)?))
            }
            CountExpression::Least(a, b) => Count::Least(Box::new(count(a)?), Box::new(count(b)?)),
            CountExpression::Number(value, _) => Count::Number(*value),
        })
    }

    /// The value in this state.
    #[inline]
    pub fn value(&self, state: &State<W>) -> u64 {
        match self {
            Count::Of(Set::Signal(id)) => state.set(*id).len() as u64,
            Count::Of(set) => set.value(state).len() as u64,
            Count::Number(value) => *value,
            compound => compound.compound_value(state),
        }
    }

    // Never inlined, so that the case of a single signal is inlined everywhere.
    #[inline(never)]
    fn compound_value(&self, state: &State<W>) -> u64 {
        match self {
            Count::Level(level, _) => state.counter(level.counter),
            Count::If(test) => u64::from(test.holds(state)),
            Count::Sum(parts) => parts
                .iter()
                .fold(0, |sum: u64, part| sum.saturating_add(part.value(state))),
            Count::Product(a, b) => a.value(state).saturating_mul(b.value(state)),
            Count::Difference(a, b) => a.value(state).saturating_sub(b.value(state)),
            Count::Greatest(a, b) => a.value(state).max(b.value(state)),
            Count::Least(a, b) => a.value(state).min(b.value(state)),
            Count::Of(_) | Count::Number(_) => self.value(state),
        }
    }

    /// Adds the signals that the value depends on.
    pub fn signals(&self, found: &mut Vec<SetId>) {
        match self {
            Count::Of(set) => set.signals(found),
            Count::Level(level, _) => found.push(level.changed),
            Count::If(test) => test.signals(found),
            Count::Sum(parts) => parts.iter().for_each(|part| part.signals(found)),
            Count::Product(a, b)
            | Count::Difference(a, b)
            | Count::Greatest(a, b)
            | Count::Least(a, b) => {
                a.signals(found);
                b.signals(found);
            }
            Count::Number(_) => {}
        }
    }

    /// The largest value it can have.
    pub fn limit(&self, blueprint: &Blueprint<W>) -> u64 {
        match self {
            Count::Of(set) => set.domain(blueprint).len() as u64,
            Count::Level(_, limit) => *limit,
            Count::If(_) => 1,
            Count::Sum(parts) => parts.iter().fold(0, |sum: u64, part| {
                sum.saturating_add(part.limit(blueprint))
            }),
            Count::Product(a, b) => a.limit(blueprint).saturating_mul(b.limit(blueprint)),
            Count::Difference(a, _) => a.limit(blueprint),
            Count::Greatest(a, b) => a.limit(blueprint).max(b.limit(blueprint)),
            Count::Least(a, b) => a.limit(blueprint).min(b.limit(blueprint)),
            Count::Number(value) => *value,
        }
    }
}

impl<const W: usize> Share<W> {
    /// Looks the names up.
    pub fn compile(
        expression: &ShareExpression,
        blueprint: &Blueprint<W>,
        groups: &Groups<W>,
    ) -> Result<Self, LookupError> {
        let share = |part: &ShareExpression| Self::compile(part, blueprint, groups);
        let count = |part: &CountExpression| Count::compile(part, blueprint, groups);
        Ok(match expression {
            ShareExpression::Share(a, b) => Share::Of(
                Set::compile(a, blueprint, groups)?,
                Set::compile(b, blueprint, groups)?,
            ),
            ShareExpression::Ratio(a, b) => Share::Ratio(count(a)?, count(b)?),
            ShareExpression::Constant(value) => Share::Constant(*value),
            ShareExpression::Sum(parts) => {
                Share::Sum(parts.iter().map(share).collect::<Result<_, _>>()?)
            }
            ShareExpression::Product(a, b) => {
                Share::Product(Box::new(share(a)?), Box::new(share(b)?))
            }
            ShareExpression::Least(a, b) => Share::Least(Box::new(share(a)?), Box::new(share(b)?)),
            ShareExpression::If(test) => {
                Share::If(Box::new(Test::compile(test, blueprint, groups)?))
            }
        })
    }

    /// The value in this state, 0 to 1.
    pub fn value(&self, state: &State<W>) -> f64 {
        match self {
            Share::Of(part, whole) => {
                let whole = whole.value(state);
                let part = part.value(state) & whole;
                ratio(part.len() as u64, whole.len() as u64)
            }
            Share::Ratio(part, whole) => ratio(part.value(state), whole.value(state)),
            Share::Constant(value) => *value,
            Share::Sum(parts) => parts
                .iter()
                .map(|part| part.value(state))
                .sum::<f64>()
                .min(1.0),
            Share::Product(a, b) => a.value(state) * b.value(state),
            Share::Least(a, b) => a.value(state).min(b.value(state)),
            Share::If(test) => f64::from(u8::from(test.holds(state))),
        }
    }

    /// Adds the signals that the value depends on.
    pub fn signals(&self, found: &mut Vec<SetId>) {
        match self {
            Share::Of(a, b) => {
                a.signals(found);
                b.signals(found);
            }
            Share::Ratio(a, b) => {
                a.signals(found);
                b.signals(found);
            }
            Share::Constant(_) => {}
            Share::Sum(parts) => parts.iter().for_each(|part| part.signals(found)),
            Share::Product(a, b) | Share::Least(a, b) => {
                a.signals(found);
                b.signals(found);
            }
            Share::If(test) => test.signals(found),
        }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    (part as f64 / whole as f64).min(1.0)
}

fn look_up<const W: usize>(name: &Name, blueprint: &Blueprint<W>) -> Result<Level, LookupError> {
    if let Some(level) = blueprint.level_named(&name.text) {
        return Ok(level);
    }
    let (message, help) = if blueprint.signal_named(&name.text).is_some() {
        (
            format!("`{}` is a set of nodes, not a level", name.text),
            Some(format!(
                "to ask how many there are write count({})",
                name.text
            )),
        )
    } else {
        let known = blueprint.levels().map(str::to_owned);
        (
            format!("there is no level named `{}`", name.text),
            crate::scenario::nearest::suggestion(&name.text, known),
        )
    };
    Err(LookupError {
        message,
        span: name.span.clone(),
        help,
    })
}
