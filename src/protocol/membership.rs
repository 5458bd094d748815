//! What a membership service (Corosync) tells a cluster manager (Pacemaker) on its node.

use crate::automaton::{SetId, Sets};

/// The signals of a membership service, which other protocols may read.
#[derive(Clone, Copy, Debug)]
pub struct Membership {
    /// For each node the members of its ring, itself included; empty where the service
    /// does not run.
    pub views: Sets,
    /// Nodes whose ring has quorum.
    pub quorate: SetId,
    /// Nodes whose service has said good-bye when it ended, until it starts again.
    pub left: SetId,
}
