//! Orders from outside: a fault script, an operator, maintenance.

use super::{Node, NodeSet};

/// What is done to whole nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeCommand {
    /// Power gone: no process, no packet, until started.
    PowerOff,
    /// The kernel stops: as silent as a power-off.
    Crash,
    /// Orderly shutdown: every process is stopped first.
    Stop,
    /// Repaired and switched on; boots.
    Start,
    /// Orderly shutdown of a machine that is well: every process is stopped first,
    /// and it stays off, ageing, until it is released.
    Hold,
    /// Power is taken from a machine that is well: no process, no packet, until it is
    /// released.
    SwitchOff,
    /// A machine that was held or switched off may boot.
    Release,
    /// The machine stands still (a paused virtual machine).
    Freeze,
    /// The machine goes on.
    Thaw,
}

/// Which of a daemon's processes a kill hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KillTarget {
    /// All of them at once.
    All,
    /// The supervising parent alone.
    Parent,
    /// The working child alone.
    Child,
}

/// What is done to one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProcessCommand {
    /// SIGKILL.
    Kill(KillTarget),
    /// `systemctl stop`.
    Stop,
    /// `systemctl start`.
    Start,
    /// `systemctl restart`.
    Restart,
    /// It ends by itself, in good order but with an exit status other than 0.
    Exit,
    /// SIGSTOP.
    Freeze,
    /// SIGCONT.
    Thaw,
    /// A version is installed that does nothing useful although it runs.
    Spoil,
    /// A version is installed that ends as soon as it has started.
    SpoilStart,
    /// A version is installed that works.
    Mend,
}

/// An order. Every automaton hears it and takes what is its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command<const W: usize> {
    /// To whole nodes.
    Nodes(NodeCommand, NodeSet<W>),
    /// To the process with this name on these nodes.
    Process(ProcessCommand, String, NodeSet<W>),
    /// Cut the cables of these nodes. With `carrier` the node's own network
    /// card still sees a link (a filter, a dead port behind a live one).
    CutNodes { nodes: NodeSet<W>, carrier: bool },
    /// Cut the path between two places (`None` is where the clients are).
    CutLink(Option<Node>, Option<Node>),
    /// Split the network into these groups; the clients reach the nodes in `clients`.
    Partition {
        groups: Vec<NodeSet<W>>,
        clients: NodeSet<W>,
    },
    /// Undo cuts: of these nodes only, or everything where empty.
    Heal(NodeSet<W>),
    /// Undo the cut of one path.
    HealLink(Option<Node>, Option<Node>),
    /// A person does something to a protocol: (instance or empty, action, nodes).
    Operator {
        protocol: String,
        action: String,
        nodes: NodeSet<W>,
    },
}

impl<const W: usize> Command<W> {
    /// What a person does, and at which nodes, where this order is one for the
    /// automaton with this name or for whom it may concern.
    pub fn action_for(&self, name: &str) -> Option<(&str, NodeSet<W>)> {
        match self {
            Command::Operator {
                protocol,
                action,
                nodes,
            } if protocol.is_empty() || protocol == name => Some((action, *nodes)),
            _ => None,
        }
    }
}
