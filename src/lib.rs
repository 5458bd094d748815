//! Quorate: how many nines does this cluster really have, and why not more?
//!
//! The rooms of the house, each of which uses only those below it:
//!
//! | room | what it knows |
//! | --- | --- |
//! | [`report`] | results, and how to show them; not how they came about |
//! | [`runner`] | replications in parallel, progress, interruption, ordered merging |
//! | [`engine`] | the readers of a model, the agenda, the random streams; no protocol by name |
//! | [`estimate`] | intervals, quantiles, tests; pure mathematics |
//! | [`model`] | composes automata, signals and services into one transition function |
//! | [`protocol`] | one file for each real system |
//! | [`world`] | nodes, networks, processes, faults, people: the truth |
//! | [`automaton`] | node sets, timers, delays: the words that all speak |
//! | [`scenario`] | from files to checked names and numbers |

pub mod automaton;
pub mod cli;
pub mod engine;
pub mod estimate;
pub mod model;
pub mod protocol;
pub mod report;
pub mod runner;
pub mod scenario;
pub mod world;
