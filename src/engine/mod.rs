//! The readers of a model, one replication at a time.
//!
//! [`play`] gives meaning to time and chance: it keeps the agenda, draws the
//! delays and answers the choices. [`simulate`] plays by chance and records
//! what the services did; [`replay`] lets a fault script decide; [`story`] writes down what
//! led to an outage.

pub mod agenda;
pub mod branch;
pub mod changes;
pub mod components;
pub mod critical_path;
pub mod explore;
pub mod importance;
pub mod load;
pub mod loss;
pub mod memory;
pub mod play;
pub mod rare;
pub mod record;
pub mod replay;
pub mod simulate;
pub mod solve;
pub mod story;
pub mod streams;
pub mod tallies;

pub use play::{PlayError, Player};
