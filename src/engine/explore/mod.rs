//! The reader `explore`: every way in which a cluster can lose nodes, and what it
//! comes to rest in.
//!
//! Nothing comes by chance here and nobody acts: the software alone reacts to what it
//! is told to lose, until nothing is left to happen ([`rest`]). Time-outs keep their
//! lengths, so that the right one runs out first; of a phase that may have any value
//! a few points are tried in all combinations, and where that is too much, many
//! combinations are drawn. What chance decides at once (a take-over that fails, the
//! victim of a shock) is always tried in full.
//!
//! On that rest three questions: what is left of each service after the loss of a set of nodes
//! ([`survive`]), whether it comes back with the nodes or needs a person
//! ([`survive::Loss::repaired`]), and which faults in which order stop it ([`cuts`]).

pub mod cuts;
mod graph;
pub mod rest;
pub mod survive;
pub mod window;

pub use rest::{Act, ExploreError, Explorer, Limits, Rest, Rests, Seen};
