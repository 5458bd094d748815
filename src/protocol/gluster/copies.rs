//! Which copy accuses which of having missed writes, and how that is mended.

use super::Gluster;
use crate::automaton::{Delay, Node, NodeSet, Step};

/// What an operator can do. `resolve_split_brain`: the copy of the node named, else
/// of the first brick that works, wins; the writes of the other side are lost.
pub(super) const ACTIONS: [&str; 1] = ["resolve_split_brain"];

impl<const W: usize> Gluster<W> {
    /// The bricks that one of `witnesses` accuses.
    fn accused_by(&self, witnesses: NodeSet<W>, step: &Step<'_, W>) -> NodeSet<W> {
        witnesses
            .iter()
            .map(|brick| step.get(self.known.accuses.at(brick)))
            .fold(NodeSet::EMPTY, |all, accused| all | accused)
    }

    /// What clients write now, the bricks that they do not see miss. A client that
    /// sees no good copy of a file cannot write it.
    pub(super) fn note_writes(&self, step: &mut Step<'_, W>) {
        if !self.settings.writes {
            return;
        }
        let writable = step.get(self.signals.writable);
        for c in self.clients.iter().filter(|c| writable.contains(c.node)) {
            let linked = step.get(c.linked);
            let missing = self.all_bricks - linked;
            if missing.is_empty() || linked.is_subset(self.accused_by(linked, step)) {
                continue;
            }
            for brick in linked {
                let id = self.known.accuses.at(brick);
                step.put(id, step.get(id) | missing);
            }
        }
    }

    /// Starts and stops the healing of copies, and tells who is whole.
    pub(super) fn tend_copies(&self, step: &mut Step<'_, W>) {
        let s = &self.signals;
        let working = self.working(step);
        let accused = self.accused_by(self.all_bricks, step);
        let sources = self.all_bricks - accused;
        let split = if sources.is_empty() {
            self.in_mutual_accusation(step)
        } else {
            NodeSet::EMPTY
        };
        // Who is still written around cannot be whole.
        let seen = step.get(s.seen);
        let before = step.get(self.known.mending);
        let mut mending = NodeSet::EMPTY;
        for brick in accused & working & seen {
            let reach = step.get(self.world.reach.at(brick));
            if (sources & working).intersects(reach) {
                mending.insert(brick);
            }
        }
        for brick in before - mending {
            step.cancel(self.timers.heal.at(brick));
        }
        for brick in mending - before {
            self.start_healing(brick, step);
        }
        step.put(self.known.mending, mending);
        step.put(self.known.accused, accused);
        step.put(s.bricks, working);
        step.put(s.healing, accused & working);
        step.put(s.healthy, working - accused);
        step.put(s.split_brain, split);
    }

    fn in_mutual_accusation(&self, step: &Step<'_, W>) -> NodeSet<W> {
        let accuses = |a: Node, b: Node| step.has(self.known.accuses.at(a), b);
        self.all_bricks
            .iter()
            .filter(|a| {
                let others = step.get(self.known.accuses.at(*a));
                others.iter().any(|b| accuses(b, *a))
            })
            .collect()
    }

    fn start_healing(&self, brick: Node, step: &mut Step<'_, W>) {
        let (k, s) = (&self.known, &self.settings);
        let delay = if !step.has(k.same_process, brick) {
            if step.has(k.dark, brick) {
                s.heal_boot
            } else {
                s.heal_restart
            }
        } else if step.chance(s.heal_missed) {
            Delay::FixedThenDrawn(s.heal_timeout, s.heal_link)
        } else {
            Delay::Drawn(s.heal_link)
        };
        step.arm(self.timers.heal.at(brick), delay);
    }

    /// Nothing is left to heal on this brick.
    pub(super) fn healed(&self, brick: Node, step: &mut Step<'_, W>) {
        step.remove(self.known.mending, brick);
        for witness in self.all_bricks {
            step.remove(self.known.accuses.at(witness), brick);
        }
    }

    pub(super) fn operate(&self, action: &str, nodes: NodeSet<W>, step: &mut Step<'_, W>) {
        if action != ACTIONS[0] || step.get(self.signals.split_brain).is_empty() {
            return;
        }
        let working = self.working(step);
        let chosen = |brick: &&Node| {
            working.contains(**brick) && (nodes.is_empty() || nodes.contains(**brick))
        };
        let Some(&winner) = self.bricks.iter().find(chosen) else {
            return;
        };
        let losers = step.get(self.known.accuses.at(winner));
        for brick in self.all_bricks {
            let id = self.known.accuses.at(brick);
            let left = if losers.contains(brick) {
                NodeSet::EMPTY
            } else {
                step.get(id) & losers
            };
            step.put(id, left);
        }
        // The command mends at once, as the crawl after the start of a brick does.
        for id in [self.known.same_process, self.known.dark] {
            step.put(id, step.get(id) - losers);
        }
        self.follow_up(step);
    }
}
