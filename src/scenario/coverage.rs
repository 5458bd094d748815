//! Take-overs that may not work: `[coverage.NAME]`, checked.

use super::error::Origin;
use super::parameters::LocatedSet;
use crate::automaton::Distribution;

/// What brings a cluster back after a take-over that did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Somebody intervenes, or the lost node serves again, whichever comes first.
    Return,
    /// Only somebody who intervenes (a reboot of the whole group).
    Intervention,
}

/// A set whose members take over from each other, not always with success.
#[derive(Clone, Debug)]
pub struct CoverageSpec {
    /// Its name; the signal of this name has those who really serve.
    pub name: String,
    /// Those who serve where every take-over works, e.g. `vip`.
    pub of: LocatedSet,
    /// Nodes that are well: a member that leaves `of` and still is well was moved
    /// on purpose. All running nodes where it is not given.
    pub healthy: Option<LocatedSet>,
    /// The probability that a take-over works.
    pub works: f64,
    /// How long a take-over that works takes, besides what `of` takes for it.
    pub switching: Distribution,
    /// From a take-over that did not work until somebody has mended it.
    pub intervenes: Distribution,
    /// What ends the trouble.
    pub ends: Ends,
    /// Where the table was written.
    pub origin: Origin,
}
