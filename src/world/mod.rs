//! The truth: nodes, what they share, the network between them, the processes
//! on them, and the people who look after them. Protocols only see signals.

pub mod calendar;
pub mod component;
pub mod coverage;
pub mod human_error;
pub mod load;
pub mod maintenance;
pub mod network;
pub mod node;
pub mod operator;
pub mod overload;
pub mod pace;
pub mod planned;
pub mod process;
pub mod shock;
pub mod transition;

use crate::automaton::SetId;

/// The signals of the world that protocols read.
#[derive(Clone, Copy, Debug)]
pub struct WorldSignals {
    /// `node.up`: nodes whose kernel runs (a frozen one counts as up).
    pub up: SetId,
    /// `node.frozen`: nodes that stand still.
    pub frozen: SetId,
    /// `node.running`: up and not frozen.
    pub running: SetId,
    /// `net.carrier`: nodes whose network card sees a link.
    pub carrier: SetId,
    /// `net.clients`: nodes to which clients have a path, running or not.
    pub clients: SetId,
    /// `reach[i]`: the nodes to which node `i` has a path, itself included. Whether
    /// they run is another question: `running`.
    pub reach: crate::automaton::Sets,
    /// Nodes that get power from what they share with others.
    pub powered: SetId,
    /// Nodes whose own power was taken away, until they are started or repaired.
    pub unplugged: SetId,
}
