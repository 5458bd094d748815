//! How far apart two losses may come and still count as one.
//!
//! Where two nodes lost at once stop a service and one after the other do not, there is
//! a time between. It is found by halving, in plays with drawn phases: the service must stop for
//! a second loss that comes at once, and survive one after the rest.

use crate::automaton::{Command, Nanos, Node, NodeCommand, NodeSet};
use crate::engine::play::{PlayError, Player};
use crate::model::Model;
use crate::model::measure::Condition;

/// When the first node is lost: late enough for the first instant to have settled.
const BEGIN: Nanos = Nanos(3_600_000_000_000);
/// What follows of itself has happened after so long, or is taken as it is then.
const REST: Nanos = Nanos(86_400_000_000_000);
/// Events after which a reaction counts as endless.
const MAX_EVENTS: u64 = 10_000_000;
/// The time is found to this precision.
const PRECISION: Nanos = Nanos(10_000_000);

/// The longest time after the loss of `first` at which the loss of `second` still stops a
/// service, with the phases of one replication; `None` where a second loss after `rest`
/// stops it as well, or one at once does not.
pub fn longest<const W: usize>(
    model: &Model<W>,
    service: usize,
    (first, second): (Node, Node),
    rest: Nanos,
    (seed, replication): (u64, u64),
) -> Result<Option<Nanos>, PlayError> {
    let stops = |apart: Nanos| -> Result<bool, PlayError> {
        let mut player = Player::new(model, false, MAX_EVENTS);
        player.begin(seed, replication)?;
        play_until(&mut player, BEGIN)?;
        player.obey(BEGIN, &power_off(first))?;
        let at = BEGIN + apart;
        play_until(&mut player, at)?;
        player.obey(at, &power_off(second))?;
        play_until(&mut player, at + REST)?;
        let reading = model.services()[service].read(player.state());
        Ok(reading.condition > Condition::Degraded)
    };
    let (mut yes, mut no) = (Nanos::ZERO, rest);
    if !stops(yes)? || stops(no)? {
        return Ok(None);
    }
    while no.since(yes) > PRECISION {
        let middle = Nanos(yes.0 + (no.0 - yes.0) / 2);
        if stops(middle)? {
            yes = middle;
        } else {
            no = middle;
        }
    }
    Ok(Some(yes))
}

fn power_off<const W: usize>(node: Node) -> Command<W> {
    Command::Nodes(NodeCommand::PowerOff, NodeSet::single(node))
}

fn play_until<const W: usize>(player: &mut Player<'_, W>, end: Nanos) -> Result<(), PlayError> {
    while player.advance(end).is_some() {}
    player.failure()
}
