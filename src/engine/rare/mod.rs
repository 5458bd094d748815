//! The reader `rare`: outages that plain simulation would wait for in vain.
//!
//! **Splitting** ([`Splitter`]) plays the model as `simulate` does, under any
//! distribution, and copies what comes near to an outage. It is RESTART (M. and J.
//! Villen-Altamirano 1991) with one change. A copy of RESTART goes on from where it
//! was made, and nearly always goes back: with repairs a hundred times as fast as
//! failures, a hundred copies are made for one that gets further. Here the copies
//! are those that get further:
//!
//! 1. The distance of a state is the fewest chance events that are missing for an
//!    outage ([`Distance`](super::branch::Distance)). The events that would bring it
//!    nearer are awaited in a *window*, up to the next other chance event.
//! 2. How likely one of them comes in the window is known from the ages of its timers,
//!    under any distribution that has a hazard. Copies are made in which one does
//!    come, their lives drawn under that condition; a copy weighs that probability
//!    over the number of copies. All else that waits is drawn anew from its age, so
//!    that copies are not alike.
//! 3. The original goes on untouched. Where it turns out to be one of those in which
//!    such an event comes, it does not count until it is back, because the copies
//!    stand for that case. Copies end when they are as far from an outage again as
//!    where they were made, and the service is up.
//! 4. Copies are copied in the same way at their own distance. A level that few pass
//!    makes more copies; a pilot run finds how many.
//!
//! So the weighted sum of downtime over all trajectories of a replication has the same
//! mean as in plain simulation, whatever the levels are, and replications are
//! independent. A window says something about timers; a timer that is suspended in it
//! keeps what is known.
//!
//! **Failure biasing** ([`biasing`]) needs memoryless times and a state to which
//! everything returns; it is quicker where it applies.

pub mod biasing;
mod chance;
mod forced;
mod levels;
mod pilot;
mod timers;
mod tree;
mod watch;

pub use levels::Levels;
pub use tree::{Splitter, TreeError};
pub use watch::{ServiceTotals, Totals};
