//! The reader `solve`: exact answers from the chain of all situations.
//!
//! 1. [`generate`] lists the situations that can be reached, with the probability of
//!    each step and the mean time spent: a semi-Markov chain.
//! 2. [`merge`] makes one state of those that nothing can tell apart.
//! 3. [`stationary`] finds how often each is visited in the long run, without a
//!    subtraction, so that the smallest probability keeps its digits.
//! 4. [`transient`] follows the chain from the start for a limited time; [`forget`] does
//!    so where the start is forgotten long before the end, and [`year`] tells how the
//!    time down in it is spread.
//! 5. [`measures`] reads services and tallies off both.

pub mod chain;
pub mod eliminate;
pub mod forget;
pub mod generate;
pub mod measures;
pub mod merge;
pub mod stationary;
pub mod transient;
pub mod year;

pub use chain::Chain;
pub use generate::{GenerateError, Limits, generate};
pub use measures::{ServiceAnswer, TallyAnswer};
