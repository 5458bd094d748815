//! How fast something goes on that depends on the situation: ageing, repairs,
//! transitions. Checked, with names not yet looked up.

use super::error::Origin;
use super::expression::CountExpression;
use super::maintenance::LocatedCondition;
use super::parameters::LocatedSet;

/// A number that may follow the state: a constant, a count, or one count over another.
#[derive(Clone, Debug)]
pub enum Times {
    /// Always the same; finite, not negative.
    Number(f64),
    /// `count` or `count / count`; 0 where the second is 0.
    Counts(CountExpression, Option<CountExpression>, Origin),
}

/// Whom a rule applies to, and when.
#[derive(Clone, Debug)]
pub enum Applies {
    /// Always, to everybody.
    Always,
    /// To the nodes in a set.
    In(LocatedSet),
    /// To everybody while a condition holds.
    If(LocatedCondition),
}

/// One reason to be faster or slower. All that apply are multiplied.
#[derive(Clone, Debug)]
pub struct PaceRule {
    /// Where it applies.
    pub applies: Applies,
    /// How many times as fast as normal; 0 stands still.
    pub times: Times,
}
