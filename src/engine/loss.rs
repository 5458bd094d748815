//! A quiet reader: nothing happens by chance, some nodes are lost, and the cluster
//! reacts until it has come to rest.

use super::play::{PlayError, Player};
use crate::automaton::{Command, Nanos, NodeCommand, NodeSet, State};
use crate::model::Model;

/// How several nodes are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All at the same instant.
    AtOnce,
    /// One after the other, in their order, each after the cluster has come to rest.
    InSequence,
}

/// When the first node is lost: late enough for the first instant to have settled.
const BEGIN: Nanos = Nanos(3_600_000_000_000);
/// A cluster that has not come to rest after a day (because something repeats) is taken as
/// it is then.
const REST: Nanos = Nanos(86_400_000_000_000);
/// Events after which a reaction counts as endless.
const MAX_EVENTS: u64 = 10_000_000;

/// The state of the cluster after the loss of these nodes: their power fails, and everything
/// that follows of itself has happened; nobody has repaired anything.
pub fn after<const W: usize>(
    model: &Model<W>,
    lost: NodeSet<W>,
    how: Loss,
    seed: u64,
) -> Result<State<W>, PlayError> {
    let mut player = Player::new(model, false, MAX_EVENTS);
    player.begin(seed, 0)?;
    let mut at = settle(&mut player, Nanos::ZERO)?.max(BEGIN);
    let rounds: Vec<NodeSet<W>> = match how {
        _ if lost.is_empty() => Vec::new(),
        Loss::AtOnce => vec![lost],
        Loss::InSequence => lost.iter().map(NodeSet::single).collect(),
    };
    for nodes in rounds {
        player.obey(at, &Command::Nodes(NodeCommand::PowerOff, nodes))?;
        at = settle(&mut player, at)?;
    }
    Ok(player.state().clone())
}

/// Plays until nothing is left to happen, or a day has passed, and returns that time.
fn settle<const W: usize>(player: &mut Player<'_, W>, from: Nanos) -> Result<Nanos, PlayError> {
    let end = from + REST;
    while player.advance(end).is_some() {}
    player.failure()?;
    Ok(end)
}
