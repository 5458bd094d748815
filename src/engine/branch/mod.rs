//! Every way in which a model can go on: what `solve` and `explore` read.
//!
//! A simulation takes one alternative after the other; these readers take all of
//! them. A [`Situation`] is a state together with the timers that run in it: all
//! that decides what can happen next. A [`Brancher`] runs the transition function
//! once for every combination of alternatives and returns the situations that
//! follow, each with its probability.
//!
//! Real time enters in two ways ([`waiting`]). Timers that wait long, such as
//! failures and repairs, are *stages*: memoryless, or chains of memoryless stages
//! where the distribution is another one. Timers that wait shortly, such as
//! time-outs, are *clocks*: they keep the time that they still have to run, so that
//! of two clocks the right one runs out first. A uniform phase becomes a few
//! points, each as likely.

pub mod cuts;
pub mod distance;
pub mod hash;
mod reader;
mod situation;
pub mod waiting;

pub use cuts::{CutLimits, Cuts, cuts};
pub use distance::{Distance, Event};
pub use reader::{Brancher, Overflow, Phases, Successor};
pub use situation::{Pending, Situation, Wait};
pub use waiting::{Fit, Treatment, Waiting};
