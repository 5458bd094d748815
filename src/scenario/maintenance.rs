//! Planned work: `[maintenance.NAME]`, checked.

use super::error::Origin;
use super::expression::Condition;
use crate::automaton::Distribution;

/// What is done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Its processes are stopped and started again; the node stays up.
    Restart,
    /// The whole node goes down and comes back.
    Reboot,
}

/// How a new version that does not work shows itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// The processes run, systemd calls them active, and they do nothing useful.
    Useless,
    /// The processes end as soon as they have started.
    Crash,
}

/// A new version that may not work.
#[derive(Clone, Debug)]
pub struct BadVersion {
    /// The probability that the version of a round does not work.
    pub probability: f64,
    /// How that shows.
    pub shows: Shows,
    /// From its first installation until the old version is back everywhere.
    pub rollback: Distribution,
    /// The processes that do not work.
    pub processes: Vec<String>,
}

/// A condition with its place in the file.
#[derive(Clone, Debug)]
pub struct LocatedCondition {
    /// The parsed condition.
    pub expression: Condition,
    /// Where its text was written.
    pub origin: Origin,
}

/// Work that is done on several nodes now and then.
#[derive(Clone, Debug)]
pub struct MaintenanceSpec {
    /// Its name.
    pub name: String,
    /// Time from one round to the next.
    pub every: Distribution,
    /// Time until the first round.
    pub first: Distribution,
    /// The nodes in the order in which it is their turn, as indices.
    pub nodes: Vec<usize>,
    /// How many are worked on at once.
    pub batch: usize,
    /// What is done.
    pub work: Work,
    /// The processes that are stopped and started.
    pub processes: Vec<String>,
    /// How long they, or the node, are left stopped.
    pub takes: Distribution,
    /// From the end of the work on one node until the next is looked at.
    pub pause: Distribution,
    /// What must hold before the next node is touched.
    pub check: Option<LocatedCondition>,
    /// How long the round waits for that before it is abandoned.
    pub gives_up: Distribution,
    /// What must hold for a round to begin.
    pub begins_if: Option<LocatedCondition>,
    /// How long it is put off where that does not hold.
    pub postponed_for: Distribution,
    /// A new version that may not work.
    pub bad: Option<BadVersion>,
    /// The probability that the work also hits a node whose turn it is not.
    pub wrong_node: f64,
}
