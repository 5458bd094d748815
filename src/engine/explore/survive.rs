//! What is left of the services after the loss of nodes.

use super::rest::{Act, ExploreError, Explorer, Rests, Seen};
use crate::automaton::{Command, Nanos, Node, NodeCommand, NodeSet};

/// How nodes are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// All at the same instant.
    AtOnce,
    /// One after the other, each after the cluster has come to rest.
    InSequence,
    /// Shut down in good order, one after the other.
    Stopped,
    /// Cut off from the others and from the users.
    CutOff,
    /// Cut off from the others, together with the users.
    WithUsers,
}

impl How {
    /// All, in the order of tables.
    pub const ALL: [How; 5] = [
        How::AtOnce,
        How::InSequence,
        How::Stopped,
        How::CutOff,
        How::WithUsers,
    ];

    /// The words of tables and JSON.
    pub fn words(self) -> &'static str {
        match self {
            How::AtOnce => "at once",
            How::InSequence => "in sequence",
            How::Stopped => "stopped",
            How::CutOff => "cut off",
            How::WithUsers => "cut off with the users",
        }
    }

    /// Does the order matter in which nodes are lost?
    pub fn in_order(self) -> bool {
        matches!(self, How::InSequence | How::Stopped)
    }

    fn command<const W: usize>(self, lost: NodeSet<W>, all: NodeSet<W>) -> Command<W> {
        let split = |clients| Command::Partition {
            groups: vec![lost, all - lost],
            clients,
        };
        match self {
            How::AtOnce | How::InSequence => Command::Nodes(NodeCommand::PowerOff, lost),
            How::Stopped => Command::Nodes(NodeCommand::Stop, lost),
            How::CutOff => split(all - lost),
            How::WithUsers => split(lost),
        }
    }

    fn undo<const W: usize>(self, lost: NodeSet<W>) -> Command<W> {
        match self {
            How::AtOnce | How::InSequence | How::Stopped => {
                Command::Nodes(NodeCommand::Start, lost)
            }
            How::CutOff | How::WithUsers => Command::Heal(NodeSet::EMPTY),
        }
    }
}

/// What the services were seen to be, each combination with its probability.
pub type Outcomes = Vec<(Vec<Seen>, f64)>;

/// One loss and what came of it.
#[derive(Clone, Debug)]
pub struct Loss {
    /// The nodes, in the order in which they were lost.
    pub order: Vec<Node>,
    /// The services at rest, in the order of the explorer's services.
    pub left: Outcomes,
    /// The services at rest after all of it was repaired, and nobody did more.
    pub repaired: Outcomes,
    /// Were all combinations of phases tried?
    pub every: bool,
    /// The longest time to rest, after the last loss.
    pub after: Nanos,
}

/// What is left after this set of nodes is lost at one instant.
pub fn together<const W: usize>(
    explorer: &mut Explorer<'_, W>,
    start: &Rests<W>,
    how: How,
    lost: NodeSet<W>,
) -> Result<Loss, ExploreError> {
    let all = explorer.model().blueprint().all_nodes();
    let rests = explorer.after(start, &[Act::Order(how.command(lost, all))])?;
    loss(explorer, &rests, how, lost.iter().collect())
}

/// What is left after each order of up to `most` nodes that begins with `first`: it
/// itself, then depth first.
pub fn in_order<const W: usize>(
    explorer: &mut Explorer<'_, W>,
    start: &Rests<W>,
    how: How,
    first: Node,
    most: usize,
) -> Result<Vec<Loss>, ExploreError> {
    let mut losses = Vec::new();
    descend(explorer, start, how, &mut vec![first], most, &mut losses)?;
    Ok(losses)
}

fn descend<const W: usize>(
    explorer: &mut Explorer<'_, W>,
    from: &Rests<W>,
    how: How,
    order: &mut Vec<Node>,
    most: usize,
    losses: &mut Vec<Loss>,
) -> Result<(), ExploreError> {
    let all = explorer.model().blueprint().all_nodes();
    let last = NodeSet::single(order[order.len() - 1]);
    let rests = explorer.after(from, &[Act::Order(how.command(last, all))])?;
    losses.push(loss(explorer, &rests, how, order.clone())?);
    if order.len() == most {
        return Ok(());
    }
    for node in all {
        if !order.contains(&node) {
            order.push(node);
            descend(explorer, &rests, how, order, most, losses)?;
            order.pop();
        }
    }
    Ok(())
}

fn loss<const W: usize>(
    explorer: &mut Explorer<'_, W>,
    rests: &Rests<W>,
    how: How,
    order: Vec<Node>,
) -> Result<Loss, ExploreError> {
    let lost: NodeSet<W> = order.iter().copied().collect();
    let repaired = explorer.after(rests, &[Act::Order(how.undo(lost))])?;
    Ok(Loss {
        order,
        left: rests.outcomes.clone(),
        repaired: repaired.outcomes,
        every: rests.every,
        after: rests.after,
    })
}
